//! The platform on one machine: what AWS does around the functions, in one process.
//!
//! ```text
//!  browser, CLI ─▶ gateway ──▶ Runner ──▶ function (the real handler, fed with Lambda's own JSON)
//!                                ▲  ▲                   │ AWS SDK, calls within the process
//!      stream (feeder) ──────────┘  └── invoke ◀────────┤ Lambda's Invoke API
//!        ▲                          └── scheduler ◀─────┤ EventBridge Scheduler's API
//!        └── store's stream table ◀── store ◀───────────┘ DynamoDB's API
//! ```
//!
//! - [`store`]: DynamoDB, embedded and file-backed.
//! - [`endpoints`]: AWS's APIs as the SDK's clients reach them, without a port.
//! - [`stream`]: feeds the table's stream to a function, in order, at least once.
//! - [`scheduler`]: one-time schedules that fire for real, and periodic rules.
//! - [`invoke`]: asynchronous and synchronous invocations.
//! - [`gateway`]: HTTP requests as API Gateway v2 events, and back.
//! - [`function`]: the seam; the only thing this crate knows about a function.
//! - [`platform`]: starts all of it in two stages and stops it in order.
//!
//! **Architecture invariant:** this crate knows none of Countersign's words. It depends on
//! no function and on no other crate of the workspace; `serve` wires the functions in.

mod data_dir;
pub mod endpoints;
mod error;
pub mod function;
pub mod gateway;
mod http_server;
pub mod invoke;
pub mod platform;
mod runner;
pub mod scheduler;
mod sqlite_file;
pub mod store;
pub mod stream;
mod text;

pub use endpoints::Endpoints;
pub use error::LocalError;
pub use function::{Function, FunctionError, Functions};
pub use gateway::{GatewayConfig, Route};
pub use invoke::InvokeConfig;
pub use platform::{Platform, PlatformConfig, Prepared, Wiring};
pub use scheduler::{PeriodicRule, SchedulerFaults};
pub use store::EmbeddedStore;
pub use stream::{Chaos, StreamConfig, StreamRetry};

/// The region that appears in this platform's ARNs and events.
pub const REGION: &str = "local";

/// The account that appears in this platform's ARNs and events.
pub const ACCOUNT: &str = "000000000000";
