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

use axum::extract::DefaultBodyLimit;
use axum::{Router, middleware};
use countersign_app::App;
use countersign_http::{edge, rate};

mod compress;
pub mod cookies;
pub mod form;
pub mod guard;
pub mod layout;
pub mod page;
pub mod statics;

pub use guard::guard;
pub use layout::{Layout, Place};

/// What stands before the routes of every function that answers HTTP, from the outside to the inside: how
/// answers leave, how often one caller may call (who they are is told apart by what they sent), and who
/// they are.
pub fn behind_the_edge<S: Clone + Send + Sync + 'static>(routes: Router<S>, app: &App) -> Router<S> {
    routes
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn_with_state(app.clone(), guard::guard))
        .layer(middleware::from_fn_with_state(app.callers.clone(), rate::limit))
        .layer(middleware::from_fn(edge::finish))
}
