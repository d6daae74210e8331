//! Where the product may connect to over HTTP on somebody's behalf.
//!
//! A URL that a person configures must not reach what only this machine reaches: the Lambda
//! runtime's own API on loopback, the metadata service, the private network. **Names are checked
//! when they are resolved for the connection**, so that a name cannot be good when it is looked at and
//! bad when it is used; addresses written into a URL are resolved by nobody, so they are checked apart.
//!
//! | module | what it holds |
//! |---|---|
//! | [`address`] | what kind of address an address is |
//! | [`network`] | private networks that an allow-list admits |
//! | [`policy`] | what a connection may reach |
//! | [`client`] | an HTTP client that reaches nothing else, follows nothing, and asks no proxy |

pub mod address;
pub mod client;
pub mod network;
pub mod policy;

pub use address::{Range, range_of};
pub use client::{FilteredResolver, blocked_in, client_builder};
pub use network::{Network, NetworkError};
pub use policy::{Blocked, Policy};
