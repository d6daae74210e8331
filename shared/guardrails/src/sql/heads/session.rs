//! SET, XA and HELP of MySQL.

use super::cursor::{Cursor, are_options, parts};
use crate::Dialect;
use crate::analysis::{Kind, Statement};
use crate::text::{Token, TokenKind};

/// Assignments without expressions that call or read something.
pub(super) fn variables(mut at: Cursor<'_, '_>) -> Option<Statement> {
    at.word("SET")?;
    if at.take("PASSWORD") {
        let mut found = Statement::new(Kind::Privilege, "SET PASSWORD");
        found.dangerous = true;
        return (!at.rest().iter().any(|token| token.is("SELECT"))).then_some(found);
    }
    if at.take("DEFAULT") {
        at.word("ROLE")?;
        return are_options(at.rest()).then(|| Statement::new(Kind::Privilege, "SET ROLE"));
    }
    let mut found = Statement::new(Kind::Session, "SET");
    for item in parts(at.rest())? {
        one(item, &mut found)?;
    }
    Some(found)
}

fn one(item: &[Token<'_>], found: &mut Statement) -> Option<()> {
    let mut at = Cursor::new(item, Dialect::Mysql);
    let setting = "it changes a setting, which may change what other statements mean";
    if at.take_sign('@') && !at.peek()?.is_sign('@') {
        // `@x := 1`
        at.next()
            .filter(|token| matches!(token.kind, TokenKind::Word | TokenKind::Name | TokenKind::Text))?;
        while at.take_sign('.') {
            at.next()?;
        }
    } else if at.take_any(&["NAMES", "CHARSET"]) || (at.take("CHARACTER") && at.take("SET")) {
        found.hides(setting);
        return are_options(at.rest()).then_some(());
    } else {
        let scope = if at.take_sign('@') {
            let scope = at.any(&["GLOBAL", "SESSION", "LOCAL", "PERSIST", "PERSIST_ONLY"]);
            if scope.is_some() {
                at.sign('.')?;
            }
            scope
        } else {
            at.any(&["GLOBAL", "SESSION", "LOCAL", "PERSIST", "PERSIST_ONLY"])
        };
        at.next().filter(|token| matches!(token.kind, TokenKind::Word | TokenKind::Name))?;
        while at.take_sign('.') {
            at.next()?;
        }
        found.hides(setting);
        if scope.is_some_and(|scope| !matches!(scope, "SESSION" | "LOCAL")) {
            found.dangerous = true;
            found.act(Kind::Privilege, "SET GLOBAL");
        }
    }
    at.take_sign(':');
    at.sign('=')?;
    at.peek()?;
    are_options(at.rest()).then_some(())
}

/// `XA START 'x'`, `HELP 'x'`.
pub(super) fn words(mut at: Cursor<'_, '_>) -> Option<Statement> {
    let verb = at.any(&["XA", "HELP"])?;
    if verb == "HELP" {
        at.next()
            .filter(|token| matches!(token.kind, TokenKind::Word | TokenKind::Text | TokenKind::Name))?;
        at.end()?;
        let mut found = Statement::new(Kind::Read, verb);
        found.not_read("HELP is not known to only read");
        return Some(found);
    }
    at.any(&["START", "BEGIN", "END", "PREPARE", "COMMIT", "ROLLBACK", "RECOVER"])?;
    are_options(at.rest()).then(|| Statement::new(Kind::Transaction, verb))
}
