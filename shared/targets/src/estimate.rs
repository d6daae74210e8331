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

/// Asks the server how many rows of which tables a single statement would read or change.
///
/// The statement is planned and not executed: PostgreSQL plans it in a read-only transaction that is
/// rolled back, MySQL and MariaDB in the session as it is, because their `EXPLAIN` starts nothing.
/// Only numbers and names of tables are kept. The servers plan a write only for a user who may make
/// it.
///
/// # Errors
/// [`RunError::NotStarted`] for several statements, for a kind without an estimate and for one that
/// is neither read nor write of rows; otherwise what the server says.
pub async fn estimate(
    spec: &TargetSpec,
    secret: Option<&Secret>,
    statement: &str,
) -> Result<Vec<TableRows>, RunError> {
    crate::run::check_text(statement)?;
    let work = async {
        match spec {
            TargetSpec::Postgres(spec) => postgres::estimate(spec, needed(secret)?, statement).await,
            TargetSpec::Mysql(spec) => mysql::estimate(spec, needed(secret)?, statement).await,
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

/// A statement that nobody can estimate.
pub(crate) fn nothing_to_estimate() -> RunError {
    RunError::not_started("only one statement that reads or changes rows can be estimated")
}
