//! What a command runs against: target kinds, their settings and secrets, the run itself, and the
//! views of its output.
//!
//! This crate knows nothing of requests, approvals or storage. Whoever holds the claim calls
//! [`run`] once, with the stored bytes of the command, and gives it a [`Sink`] for the output.
//!
//! | module | what it holds |
//! |---|---|
//! | [`kind`], [`caps`], [`spec`] | a connection's kind, limits and `target` object, parsed strictly |
//! | [`options`] | what a run may change: read-only, at most so many rows |
//! | [`secret`] | references to secrets and their resolution |
//! | [`record`] | the typed output and its stored form, JSON lines |
//! | [`output`] | the sink, the caps on rows and bytes, the summary |
//! | [`mod@run`] | one run of one command |
//! | [`runner`] | what a runner starts; it runs elsewhere |
//! | [`mod@test`], [`mod@estimate`] | whether a connection works; how many rows a statement would touch |
//! | [`mod@catalogue`] | the tables, functions and types of a database |
//! | [`view`] | stored output as text, JSON or CSV, page by page |
//!
//! **Invariant:** one call of [`run`] sends the command at most once. There is no retry anywhere
//! in this crate, and no error but [`RunError::NotStarted`] may be answered with a second call.

pub mod caps;
pub mod catalogue;
mod deep;
pub mod error;
pub mod estimate;
mod http;
pub mod kind;
mod ledger;
mod message;
mod mysql;
mod notices;
pub mod options;
pub mod output;
mod postgres;
mod progress;
pub mod record;
pub mod run;
pub mod runner;
mod schema;
pub mod secret;
pub mod spec;
mod sqlite;
pub mod test;
mod tls;
pub mod view;

pub use caps::Caps;
pub use catalogue::catalogue;
/// Part of [`Ran`] and of [`RunOptions`].
pub use countersign_rules::{StatementMode, Transaction};
pub use error::{RunError, TargetError};
pub use estimate::{TableRows, estimate};
pub use kind::TargetKind;
pub use options::RunOptions;
pub use output::{Pieces, Sink, SinkError, Summary};
pub use record::{Column, ColumnSource, Record};
pub use run::{Environment, MAX_COMMAND_BYTES, Ran, run};
pub use runner::RunnerSpec;
pub use secret::{FileSecrets, Secret, SecretRef, SecretStore, fetch_secret, resolve_secret};
pub use spec::{HttpSpec, MysqlSpec, PostgresSpec, SqliteSpec, TargetSpec};
pub use test::{Problem, TestError, Tested, test};
/// Re-exported so that a caller of [`run`] needs no version of its own.
pub use tokio_util::sync::CancellationToken;
