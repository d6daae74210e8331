//! MySQL's SHOW and SQLite's PRAGMA, read by their tokens: the parser knows few of their forms.

use crate::Dialect;
use crate::analysis::{Kind, Statement, TableName, Use};
use crate::text::{Token, TokenKind};

/// What SHOW shows, behind its modifiers. Not among them: CREATE USER, which tells a password's hash, and BINLOG and
/// RELAYLOG, which tell what others wrote.
const SHOWN: [&[&str]; 42] = [
    &["BINARY", "LOGS"],
    &["BINARY", "LOG", "STATUS"],
    &["MASTER", "LOGS"],
    &["MASTER", "STATUS"],
    &["CHARACTER", "SET"],
    &["CHARSET"],
    &["COLLATION"],
    &["COLUMNS"],
    &["FIELDS"],
    &["CREATE", "DATABASE"],
    &["CREATE", "SCHEMA"],
    &["CREATE", "EVENT"],
    &["CREATE", "FUNCTION"],
    &["CREATE", "PROCEDURE"],
    &["CREATE", "TABLE"],
    &["CREATE", "TRIGGER"],
    &["CREATE", "VIEW"],
    &["DATABASES"],
    &["SCHEMAS"],
    &["ENGINE"],
    &["ENGINES"],
    &["ERRORS"],
    &["EVENTS"],
    &["FUNCTION", "STATUS"],
    &["GRANTS"],
    &["INDEX"],
    &["INDEXES"],
    &["KEYS"],
    &["OPEN", "TABLES"],
    &["PLUGINS"],
    &["PRIVILEGES"],
    &["PROCEDURE", "STATUS"],
    &["PROCESSLIST"],
    &["PROFILES"],
    &["REPLICA", "STATUS"],
    &["REPLICAS"],
    &["SLAVE", "STATUS"],
    &["STATUS"],
    &["TABLE", "STATUS"],
    &["TABLES"],
    &["TRIGGERS"],
    &["VARIABLES"],
];
const SHOWN_TOO: [&str; 1] = ["WARNINGS"];
const MODIFIERS: [&str; 6] = ["GLOBAL", "SESSION", "LOCAL", "FULL", "EXTENDED", "STORAGE"];
/// Of these, FROM and IN are followed by a table.
const OF_TABLES: [&str; 5] = ["COLUMNS", "FIELDS", "INDEX", "INDEXES", "KEYS"];

/// The words behind SHOW.
pub(super) fn shown() -> impl Iterator<Item = String> {
    SHOWN.iter().map(|words| words.join(" ")).chain(SHOWN_TOO.map(str::to_owned))
}

/// A SHOW in one of the known forms.
pub(super) fn show(tokens: &[Token<'_>]) -> Option<Statement> {
    let [first, rest @ ..] = tokens else { return None };
    // A condition may call functions and read tables.
    if !first.is("SHOW") || rest.iter().any(|token| token.is_sign('(') || token.is("INTO")) {
        return None;
    }
    let modifiers = rest.iter().take_while(|token| token.is_any(&MODIFIERS)).count();
    let rest = rest.get(modifiers..)?;
    let is = |words: &&[&str]| {
        words.iter().enumerate().all(|(at, word)| rest.get(at).is_some_and(|one| one.is(word)))
    };
    let shown = match SHOWN.iter().find(|words| is(words)) {
        Some(words) => words.join(" "),
        None => rest.first().filter(|one| one.is_any(&SHOWN_TOO))?.text.to_ascii_uppercase(),
    };
    let mut statement = Statement::new(Kind::Read, format!("SHOW {shown}"));
    let table = match shown.as_str() {
        "CREATE TABLE" | "CREATE VIEW" => rest.get(2..)?,
        shown if OF_TABLES.contains(&shown) => {
            let from = rest.iter().position(|token| token.is_any(&["FROM", "IN"]))?;
            rest.get(from + 1..)?
        }
        _ => return Some(statement),
    };
    let (table, after) = name(table)?;
    // `FROM t FROM db`
    let schema =
        after.first().filter(|next| next.is_any(&["FROM", "IN"])).and_then(|_| name(after.get(1..)?));
    let schema = schema.map_or(table.schema.clone(), |(schema, _)| Some(schema.name));
    statement.tables.push(TableName { schema, ..table });
    Some(statement)
}

/// A name with its schema, and what follows.
fn name<'a, 'b>(tokens: &'a [Token<'b>]) -> Option<(TableName, &'a [Token<'b>])> {
    let word = |at: usize| {
        let token = tokens.get(at).filter(|token| matches!(token.kind, TokenKind::Word | TokenKind::Name))?;
        token.name().map(|name| name.to_lowercase())
    };
    let first = word(0)?;
    if tokens.get(1).is_some_and(|token| token.is_sign('.')) {
        let table = TableName { schema: Some(first), name: word(2)?, usage: Use::Read };
        return Some((table, tokens.get(3..)?));
    }
    Some((TableName { schema: None, name: first, usage: Use::Read }, tokens.get(1..)?))
}

/// Pragmas that tell of a table or an index, which their argument names.
const OF_OBJECTS: [&str; 7] = [
    "table_info",
    "table_xinfo",
    "index_list",
    "index_info",
    "index_xinfo",
    "foreign_key_list",
    "foreign_key_check",
];
/// Pragmas that look at the whole database; their argument is a number or a table.
const CHECKS: [&str; 2] = ["integrity_check", "quick_check"];

/// A PRAGMA that asks, in the form with brackets or without an argument.
pub(super) fn pragma(tokens: &[Token<'_>]) -> Option<Statement> {
    let [first, rest @ ..] = tokens else { return None };
    if !first.is("PRAGMA") {
        return None;
    }
    let rest = match rest {
        [schema, dot, rest @ ..] if schema.kind == TokenKind::Word && dot.is_sign('.') => rest,
        rest => rest,
    };
    let pragma = rest.first().filter(|token| token.kind == TokenKind::Word)?.text.to_ascii_lowercase();
    let mut statement = Statement::new(Kind::Read, "PRAGMA");
    match rest.get(1..)? {
        [] if pragma == "foreign_key_check" || CHECKS.contains(&pragma.as_str()) => Some(statement),
        [open, argument, close]
            if open.is_sign('(') && close.is_sign(')') && argument.kind != TokenKind::Sign =>
        {
            let number = argument.kind == TokenKind::Number && CHECKS.contains(&pragma.as_str());
            let object = argument
                .name()
                .filter(|_| OF_OBJECTS.contains(&pragma.as_str()) || CHECKS.contains(&pragma.as_str()));
            if let Some(object) = object {
                statement.tables.push(TableName {
                    schema: None,
                    name: object.to_lowercase(),
                    usage: Use::Read,
                });
                return Some(statement);
            }
            number.then_some(statement)
        }
        _ => None,
    }
}

/// Whether one of these two reads a statement.
pub(super) fn read(tokens: &[Token<'_>], dialect: Dialect) -> Option<Statement> {
    let mut statement = match dialect {
        Dialect::Mysql => show(tokens),
        Dialect::Sqlite => pragma(tokens),
        Dialect::Postgres | Dialect::Shell | Dialect::Http => None,
    }?;
    statement.settle();
    Some(statement)
}
