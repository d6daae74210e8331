//! The browser's side of the functions: whatever a page or a form needs and no program does.
//!
//! - [`guard`]: stands before every router: tokens of the issuer, cookies, CSRF; and turns problems into
//!   pages where a browser asks
//! - [`form`]: forms, read as strictly as bodies
//! - [`cookies`]: what is set in browsers
//! - [`layout`]: what all pages have in common; [`page`](mod@page) makes an answer of one
//! - [`statics`]: the one stylesheet and the one script
//!
//! **Invariants:** a cookie never authorises a call that changes something, unless the call carries the
//! CSRF token of its session; under `/v1/` a cookie reads and nothing else. Pages hold no script and no
//! style of their own, and the policy that they are sent with allows none.

mod compress;
pub mod cookies;
pub mod form;
pub mod guard;
pub mod layout;
pub mod page;
pub mod statics;

pub use guard::guard;
pub use layout::{Layout, Place};
