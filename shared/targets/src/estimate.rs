//! How many rows a statement would touch, by the server's own guess: a plain `EXPLAIN`, never `ANALYZE`.

use crate::run::needed;
use crate::{RunError, Secret, TargetSpec};
use crate::{mysql, postgres};
use std::time::Duration;

/// An estimate is for a person who waits: it is made at once or not at all.
pub(crate) const LIMIT: Duration = Duration::from_secs(10);

/// The rows of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableRows {
    /// `schema.table` in PostgreSQL; in MySQL as the statement names it.
    pub table: String,
    /// About how many.
    pub rows: u64,
}

/// Asks the server how many rows of which tables a command would read or change.
///
/// `wanted` are the places of the statements, from 0, that are planned; the rows of a table are summed over them. A
/// statement that cannot be planned now, because an earlier one makes its table, is left out.
///
/// `counting` is a query that counts the rows of the command, a provable read. MySQL and MariaDB estimate for a change how
/// many rows they examine, and for that query how many they meet, so they plan that one.
///
/// The statements are planned and not executed: PostgreSQL plans it in a read-only transaction that is
/// rolled back, MySQL and MariaDB in the session as it is, because their `EXPLAIN` starts nothing.
/// Only numbers and names of tables are kept. The servers plan a write only for a user who may make
/// it.
///
/// # Errors
/// [`RunError::NotStarted`] for a kind without an estimate, and if no statement
/// that is wanted reads or writes rows; otherwise what the server says.
pub async fn estimate(
    spec: &TargetSpec,
    secret: Option<&Secret>,
    command: &str,
    wanted: &[usize],
    counting: Option<&str>,
) -> Result<Vec<TableRows>, RunError> {
    crate::run::check_text(command)?;
    let work = async {
        match spec {
            TargetSpec::Postgres(spec) => postgres::estimate(spec, needed(secret)?, command, wanted).await,
            TargetSpec::Mysql(spec) => {
                mysql::estimate(spec, needed(secret)?, command, wanted, counting).await
            }
            TargetSpec::Sqlite(_) | TargetSpec::Http(_) | TargetSpec::Runner(_) => {
                Err(RunError::not_started(format!("a `{}` connection has no estimates", spec.kind())))
            }
        }
    };
    tokio::time::timeout(LIMIT, work).await.unwrap_or_else(|_| {
        Err(RunError::not_started(format!("there was no estimate within {} s", LIMIT.as_secs())))
    })
}

/// Adds up the rows of each table, in the order in which they came.
pub(crate) fn summed(found: impl IntoIterator<Item = (String, u64)>) -> Vec<TableRows> {
    let mut sums: Vec<TableRows> = Vec::new();
    for (table, rows) in found {
        match sums.iter_mut().find(|sum| sum.table == table) {
            Some(sum) => sum.rows = sum.rows.saturating_add(rows),
            None => sums.push(TableRows { table, rows }),
        }
    }
    sums
}

/// At most so many statements of a command are planned.
pub(crate) const MAX_STATEMENTS: usize = 50;

/// A command that cannot be estimated.
pub(crate) fn nothing_to_estimate() -> RunError {
    RunError::not_started("only statements that read or change rows can be estimated")
}
