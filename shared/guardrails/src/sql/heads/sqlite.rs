//! PRAGMA, virtual tables, and files of SQLite.

use super::cursor::Cursor;
use super::written;
use crate::analysis::{Kind, Statement};
use crate::names::quoted;
use crate::text::TokenKind;

/// A PRAGMA with a value.
pub(super) fn pragma(mut at: Cursor<'_, '_>) -> Option<Statement> {
    at.word("PRAGMA")?;
    let name = at.table()?.name;
    let bracket = at.take_sign('(');
    if !bracket {
        at.sign('=')?;
    }
    if !at.take_sign('-') {
        at.take_sign('+');
    }
    at.next().filter(|token| token.kind != TokenKind::Sign)?;
    if bracket {
        at.sign(')')?;
    }
    at.end()?;
    let mut found = Statement::new(Kind::Session, "PRAGMA");
    found.hides(format!("it sets or runs the pragma {}", quoted(&name)));
    Some(found)
}

/// `CREATE VIRTUAL TABLE t USING module(…)`: what the arguments mean, the module says.
pub(super) fn virtual_table(mut at: Cursor<'_, '_>) -> Option<Statement> {
    at.word("CREATE")?;
    at.word("VIRTUAL")?;
    at.word("TABLE")?;
    at.if_exists()?;
    let table = at.table()?;
    at.word("USING")?;
    at.identifier()?;
    if at.end().is_none() {
        at.brackets()?;
    }
    at.end()?;
    let mut found = written(Kind::Definition, "CREATE VIRTUAL TABLE", [table]);
    found.hides("it makes a table of a module's own");
    Some(found)
}

/// DETACH, REINDEX and VACUUM INTO.
pub(super) fn other(mut at: Cursor<'_, '_>) -> Option<Statement> {
    let verb = at.any(&["DETACH", "REINDEX", "VACUUM"])?;
    let mut found = Statement::new(Kind::Maintenance, verb);
    match verb {
        "DETACH" => {
            at.take("DATABASE");
            at.identifier()?;
            found.hides("it closes a database file");
        }
        "REINDEX" => {
            if at.peek().is_some() {
                found = written(Kind::Maintenance, verb, [at.table()?]);
            }
            found.hides("it orders rows anew, which may run the code of a collation");
        }
        _ => {
            if !at.take("INTO") {
                at.identifier()?;
                at.word("INTO")?;
            }
            at.next().filter(|token| token.kind == TokenKind::Text)?;
            found.dangerous = true;
            found.hides("it writes a file");
        }
    }
    at.end()?;
    Some(found)
}
