//! Statements that the parser does not read, told by the words that they begin with and the names in known places.
//!
//! Each reader knows the whole form of its statement as far as it decides what the statement does: its kind, its tables,
//! and what it destroys. Text that the form does not explain, a query, or a reserved word as a name makes the statement
//! "not understood", as before. A misspelt word does too. What may hold code (a stored program, a prepared text) hides
//! what it does, so that every rule that depends on understanding blocks it.

mod accounts;
mod alter;
mod create;
mod cursor;
mod maintenance;
mod programs;
mod session;
mod sqlite;

use super::agree;
use crate::Dialect;
use crate::analysis::{Kind, Statement, Use};
use crate::text::Token;
use cursor::Cursor;
use std::collections::BTreeSet;

/// A statement in one of the known forms.
pub(super) fn read(tokens: &[Token<'_>], dialect: Dialect) -> Option<Statement> {
    let readers: &[fn(Cursor<'_, '_>) -> Option<Statement>] = match dialect {
        Dialect::Mysql => &[
            accounts::grant,
            accounts::account,
            create::table,
            create::other,
            alter::table,
            alter::other,
            programs::program,
            programs::block,
            programs::prepare,
            programs::diagnostics,
            maintenance::of_tables,
            maintenance::locks,
            maintenance::drops,
            maintenance::load,
            maintenance::handler,
            maintenance::server,
            session::variables,
            session::words,
        ],
        Dialect::Sqlite => &[sqlite::pragma, sqlite::virtual_table, sqlite::other],
        Dialect::Postgres | Dialect::Shell | Dialect::Http => return None,
    };
    let mut found = readers.iter().find_map(|reader| reader(Cursor::new(tokens, dialect)))?;
    if found.kind != Kind::Read {
        found.not_read(format!("{} is not a read", found.verb));
    }
    found.settle();
    // The second reading counts here, too. What is hidden is read by nobody.
    let known: BTreeSet<String> = found.tables.iter().map(ToString::to_string).collect();
    (found.opaque.is_some() || agree::check(tokens, dialect, &known, &found.functions).is_ok())
        .then_some(found)
}

/// A statement that changes tables.
fn written(
    kind: Kind,
    verb: &str,
    tables: impl IntoIterator<Item = crate::analysis::TableName>,
) -> Statement {
    let mut found = Statement::new(kind, verb);
    found
        .tables
        .extend(tables.into_iter().map(|table| crate::analysis::TableName { usage: Use::Written, ..table }));
    found
}

#[cfg(test)]
mod tests;
