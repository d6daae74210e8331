//! AWS as the functions use it: two SDK clients, five small calls, one connection pool.
//!
//! - [`settings`]: the environment variables, read once
//! - [`connector`]: the HTTP client that every call goes through, and [`inside`]: what never leaves the process
//! - [`Aws`]: the SDK clients for DynamoDB and EventBridge Scheduler
//! - [`call`]: signing, retries and errors of the calls that need no SDK client
//! - [`json`]: Secrets Manager, Systems Manager and KMS; [`lambda`]: Invoke; [`objects`]: one object in S3
//!
//! A generated client crate is worth its size only where many of its operations are used. SSM's alone took a tenth of
//! the build for `GetParameter` (ADR 0018).

pub mod call;
mod clients;
pub mod connector;
pub mod inside;
pub mod json;
pub mod lambda;
pub mod objects;
pub mod settings;

pub use call::CallError;
pub use clients::Aws;
pub use inside::Inside;
pub use settings::{AwsSettings, ConfigError};
