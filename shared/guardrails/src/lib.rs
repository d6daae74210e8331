//! What a command is, and what is blocked before anybody is asked.
//!
//! [`analyse`] reads a command in its dialect and says what it does ([`Analysis`]); [`RuleSet`] is a
//! connection's rules, which block ([`RuleSet::check`]); [`Analysis::is_provable_read`],
//! [`Analysis::may_bound_rows`], [`Analysis::explainable`] and [`Analysis::risk`] answer what the
//! rest of the product asks.
//!
//! **Invariant**: pure. No I/O, no clock, no randomness; the same command gives the same answer.
//!
//! **Invariant**: fails closed. What is not understood is no read, has no bound, and is hit by every
//! rule that depends on understanding; it is never an error and never a panic.
//!
//! **Invariant**: bounded. An analysis ends in a time and on a stack that the command's length bounds.

use countersign_catalogue::Catalogue;

mod analysis;
mod bounds;
mod change;
mod condition;
mod count;
mod dialect;
mod effects;
pub mod http;
mod impact;
mod judge;
mod lexed;
mod names;
mod postgres;
mod rules;
mod shape;
mod shell;
mod sql;
pub mod text;
mod wildcards;

pub use analysis::{Action, Analysis, Kind, OutputColumn, Statement, TableName, Use};
pub use change::{Change, ChangeKind, Definition, Lock, Work};
pub use count::{CountQuery, count_query};
pub use dialect::{Dialect, UnknownKind};
pub use impact::impact;
pub use judge::{RiskLevel, RiskSummary};
pub use rules::{Hit, PRESETS, RuleError, RuleSet, preset};
pub use shape::shape;

/// Reads a command. Total: what cannot be understood is an answer.
#[must_use]
pub fn analyse(dialect: Dialect, command: &str) -> Analysis {
    analyse_with(dialect, command, None)
}

/// The same with the catalogue of the database: functions, operators, types and views that are not the server's own are
/// then judged by it. A name that it does not contain is not proved to be harmless.
#[must_use]
pub fn analyse_with(dialect: Dialect, command: &str, catalogue: Option<&Catalogue>) -> Analysis {
    match dialect {
        Dialect::Postgres => postgres::analyse(command, catalogue),
        Dialect::Mysql | Dialect::Sqlite => sql::analyse(dialect, command),
        Dialect::Shell => shell::analyse(command),
        Dialect::Http => http::analyse(command),
    }
}
