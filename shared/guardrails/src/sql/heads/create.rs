//! CREATE TABLE of MySQL with partitions and options that the parser does not know.

use super::cursor::{Cursor, are_options, called, referenced};
use super::written;
use crate::Dialect;
use crate::analysis::{Kind, Statement};
use crate::text::Token;

/// `CREATE TABLE t (…) …` without a query.
pub(super) fn table(mut at: Cursor<'_, '_>) -> Option<Statement> {
    at.word("CREATE")?;
    let replaces = at.take("OR");
    if replaces {
        at.word("REPLACE")?;
    }
    let temporary = at.take("TEMPORARY");
    at.word("TABLE")?;
    at.if_exists()?;
    let table = at.table()?;
    let definition = at.brackets()?;
    let options = at.rest();
    if hides_tables(definition) || hides_tables(options) {
        return None;
    }
    let verb = if temporary { "CREATE TEMPORARY TABLE" } else { "CREATE TABLE" };
    let others = referenced(definition, Dialect::Mysql)?;
    let united = united(options)?;
    let mut found = written(Kind::Definition, verb, [table].into_iter().chain(others).chain(united));
    found.functions.extend(called(at.all()));
    if replaces {
        found.act(Kind::Definition, "DROP TABLE");
        found.note("replaces a table and its rows");
    }
    Some(found)
}

/// `CREATE SEQUENCE s …`, `CREATE FULLTEXT INDEX i ON t (a)`.
pub(super) fn other(mut at: Cursor<'_, '_>) -> Option<Statement> {
    at.word("CREATE")?;
    let replaces = at.take("OR");
    if replaces {
        at.word("REPLACE")?;
    }
    at.take_any(&["TEMPORARY", "UNIQUE", "FULLTEXT", "SPATIAL"]);
    let object = at.any(&["SEQUENCE", "INDEX"])?;
    at.if_exists()?;
    let mut found = if object == "SEQUENCE" {
        written(Kind::Definition, "CREATE SEQUENCE", [at.table()?])
    } else {
        at.identifier()?;
        if at.take("USING") {
            at.any(&["BTREE", "HASH", "RTREE"])?;
        }
        at.word("ON")?;
        let found = written(Kind::Definition, "CREATE INDEX", [at.table()?]);
        let columns = at.brackets()?;
        (!hides_tables(columns)).then_some(())?;
        found
    };
    if replaces {
        found.act(Kind::Definition, format!("DROP {object}"));
    }
    found.functions.extend(called(at.all()));
    are_options(at.rest()).then_some(found)
}

/// Whether another table may stand among these tokens than behind REFERENCES and UNION.
pub(super) fn hides_tables(tokens: &[Token<'_>]) -> bool {
    const WORDS: [&str; 12] = [
        "SELECT", "FROM", "JOIN", "INTO", "EXISTS", "TABLE", "LIKE", "IGNORE", "REPLACE", "HANDLER", "DROP",
        "INSERT",
    ];
    tokens.iter().enumerate().any(|(at, token)| {
        let next = tokens.get(at + 1);
        let followed = |words: &[&str]| next.is_some_and(|next| next.is_any(words));
        let may_exist = token.is("EXISTS")
            && at > 0
            && tokens.get(at - 1).is_some_and(|last| last.is_any(&["IF", "NOT"]));
        (token.is_any(&WORDS) && !may_exist)
            || (token.is("WITH") && !followed(&["SYSTEM", "PARSER"]))
            || (token.is("VALUES") && !followed(&["LESS", "IN"]))
            || (token.is("AS") && !next.is_some_and(|next| next.is_sign('(')))
    })
}

/// The tables of `UNION = (a, b)`, which a table of the engine MERGE consists of.
pub(super) fn united(tokens: &[Token<'_>]) -> Option<Vec<crate::analysis::TableName>> {
    let Some(place) = tokens.iter().position(|token| token.is("UNION")) else { return Some(Vec::new()) };
    let mut at = Cursor::new(tokens.get(place + 1..)?, Dialect::Mysql);
    at.take_sign('=');
    let inside = at.brackets()?;
    if at.rest().iter().any(|token| token.is("UNION")) {
        return None;
    }
    if inside.is_empty() {
        return Some(Vec::new());
    }
    let mut inside = Cursor::new(inside, Dialect::Mysql);
    let tables = inside.tables()?;
    inside.end().map(|()| tables)
}
