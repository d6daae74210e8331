//! Counting the rows of a command before the vote.

use crate::{Dialect, analyse_with, bounds, postgres, sql};
use countersign_catalogue::Catalogue;

/// A query that counts the rows that a command would change.
#[derive(Clone, PartialEq, Eq)]
pub struct CountQuery {
    /// The table, as the command names it.
    pub table: String,
    /// The query: a provable read.
    pub sql: String,
}

/// Commands never reach a `Debug`, and a part of one neither.
impl std::fmt::Debug for CountQuery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CountQuery").field("table", &self.table).finish_non_exhaustive()
    }
}

/// The query that counts the rows of a single DELETE or UPDATE. `None` if the command is another one, or if its condition is
/// not provably a read: then nothing may be run to find out.
#[must_use]
pub fn count_query(dialect: Dialect, command: &str, catalogue: Option<&Catalogue>) -> Option<CountQuery> {
    let analysis = analyse_with(dialect, command, catalogue);
    if !analysis.understood || analysis.statements.len() != 1 {
        return None;
    }
    let query = match dialect {
        Dialect::Postgres => bounds::contained(|| postgres::count_query(command)).flatten(),
        Dialect::Mysql | Dialect::Sqlite => sql::count_query(dialect, command),
        Dialect::Shell | Dialect::Http => None,
    }?;
    let counted = analyse_with(dialect, &query.sql, catalogue);
    let one = counted.statements.len() == 1 && counted.is_provable_read().is_ok();
    one.then_some(query)
}
