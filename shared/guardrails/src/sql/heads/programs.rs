//! Stored programs and prepared texts of MySQL: what they do is hidden.

use super::cursor::{Cursor, are_options};
use crate::analysis::{Kind, Statement};
use crate::text::{TokenKind, is_one_program};

/// CREATE PROCEDURE, FUNCTION, TRIGGER and EVENT, with nothing behind the body.
pub(super) fn program(mut at: Cursor<'_, '_>) -> Option<Statement> {
    let verb = at.any(&["CREATE", "ALTER"])?;
    if at.take("OR") {
        at.word("REPLACE")?;
    }
    if at.take("DEFINER") {
        at.sign('=')?;
        at.account()?;
    }
    at.take("AGGREGATE");
    let object = at.any(&["PROCEDURE", "FUNCTION", "TRIGGER", "EVENT"])?;
    // Without a semicolon there is nothing behind it.
    let one = !at.all().iter().any(|token| token.is_sign(';'));
    if object == "EVENT" {
        at.if_exists()?;
        at.table()?;
        at.any(&["ON", "RENAME", "ENABLE", "DISABLE", "COMMENT", "DO"])?;
        // The body of an event is that of a procedure: `DO statement`.
        if !one && !is_one_program(&as_procedure(&at)?) {
            return None;
        }
    } else if verb == "ALTER" || !is_one_program(at.all()) {
        return None;
    }
    let mut found = Statement::new(Kind::Definition, format!("{verb} {object}"));
    found.hides("it defines code that the guardrail does not look into");
    Some(found)
}

/// MariaDB's `BEGIN NOT ATOMIC … END`: a program that runs at once.
pub(super) fn block(at: Cursor<'_, '_>) -> Option<Statement> {
    let words = ["BEGIN", "NOT", "ATOMIC"];
    let begins =
        words.iter().zip(at.all()).all(|(word, token)| token.is(word)) && at.all().len() > words.len();
    let header = crate::text::tokens("CREATE PROCEDURE p ( )", crate::Dialect::Mysql).ok()?;
    let program: Vec<crate::text::Token<'_>> = header.into_iter().chain(at.all().iter().copied()).collect();
    if !begins || !is_one_program(&program) {
        return None;
    }
    let mut found = Statement::new(Kind::Procedural, "BEGIN NOT ATOMIC");
    found.hides("it runs a block of code");
    Some(found)
}

/// The body of an event as that of a procedure.
fn as_procedure<'t>(at: &Cursor<'_, 't>) -> Option<Vec<crate::text::Token<'t>>> {
    let body = at.rest().iter().position(|token| token.is("DO"))? + 1;
    let header = crate::text::tokens("CREATE PROCEDURE p ( )", crate::Dialect::Mysql).ok()?;
    Some(header.into_iter().chain(at.rest().get(body..)?.iter().copied()).collect())
}

/// `PREPARE s FROM 'text'`.
pub(super) fn prepare(mut at: Cursor<'_, '_>) -> Option<Statement> {
    at.word("PREPARE")?;
    at.identifier()?;
    at.word("FROM")?;
    let text = at.next()?;
    if text.is_sign('@') {
        at.next()?;
    } else if text.kind != TokenKind::Text {
        return None;
    }
    at.end()?;
    let mut found = Statement::new(Kind::Session, "PREPARE");
    found.hides("it prepares a text that the guardrail does not look into");
    Some(found)
}

/// SIGNAL, RESIGNAL and GET DIAGNOSTICS.
pub(super) fn diagnostics(mut at: Cursor<'_, '_>) -> Option<Statement> {
    let verb = at.any(&["SIGNAL", "RESIGNAL", "GET"])?;
    let verb = if verb == "GET" {
        at.take_any(&["CURRENT", "STACKED"]);
        at.word("DIAGNOSTICS")?;
        "GET DIAGNOSTICS"
    } else {
        verb
    };
    are_options(at.rest()).then(|| Statement::new(Kind::Session, verb))
}
