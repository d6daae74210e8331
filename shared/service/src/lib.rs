//! The whole product in one process: the real functions on the local platform.
//!
//! - [`service`] wires functions, table, stream, timers and HTTP together
//! - [`bootstrap`](mod@bootstrap) makes the first admin
//! - [`restore`] ends what was open in a table that was restored from a backup
//! - [`demo`] makes people, connections and data to try things out
//!
//! What runs here are the very handlers that Lambda runs, fed with the very events.

mod audit_key;
pub mod bootstrap;
pub mod demo;
mod functions;
pub mod restore;
pub mod service;

pub use countersign_app::telemetry::quiet_panics;
pub use countersign_seal::Seal;
pub use service::{Service, ServiceConfig, ServiceError};
