//! The use cases: what joins the rules, the table, the timers and the callers.
//!
//! - [`config`]: the environment, read once; [`app`] what every function holds
//! - [`caller`]: who is calling, in the same round trip as what they ask for
//! - [`sign_in`]: sessions, and whose account an identity of the issuer is
//! - [`submit`] and [`change`]: the two ways that something is written about a request
//! - [`claim`]: who wins the right to run, the service's own function or a runner
//! - [`administration`]: what admins administer, checked and stored; [`four_eyes`] where another admin has
//!   to agree first
//! - [`restored`]: what is open from before a restore from a backup
//! - [`view`]: a request as the contract shows it, and to whom; [`page`] lists of them
//! - [`query`]: query strings, as strict as bodies
//! - [`looks`]: waiting for a change, for a bounded time
//! - [`directory`]: the known people, to find things; [`warnings`]: why a rule cannot be met by them; [`losses`]
//!   what would be lost without one
//! - [`guard`]: what the guardrails say of a command on a connection
//! - [`probe`]: what the executor is asked about a connection; [`assess`] about rules, commands and texts
//! - [`dry_run`]: what would become of a command; [`corpus`] files of statements that guardrails are tested with
//! - [`slack`]: the account's end of the proof of who somebody is in Slack
//! - [`notify`]: who is told of what happens to a request
//! - [`errors`]: domain errors become problems here, and nowhere else
//! - [`refusals`]: who was refused, for the audit trail
//! - [`telemetry`]: structured logs, without commands and secrets
//!
//! **Invariant:** a request changes by `load → decide → one transaction` in [`change`], and nowhere else.

pub mod administration;
pub mod app;
pub mod assess;
pub mod caller;
pub mod catalogue;
pub mod change;
pub mod claim;
pub mod config;
pub mod corpus;
pub mod directory;
pub mod dry_run;
pub mod errors;
pub mod four_eyes;
pub mod guard;
pub mod looks;
pub mod losses;
pub mod notify;
pub mod page;
pub mod probe;
pub mod query;
pub mod refusals;
pub mod restored;
pub mod sign_in;
pub mod slack;
mod sources;
pub mod submit;
pub mod telemetry;
pub mod view;
mod warnings;

pub use app::{App, Invoker};
pub use caller::Caller;
pub use config::Config;
pub use countersign_aws as aws;
pub use countersign_storage::Scope;
