//! What will be sent: the command split into statements, and what each of them is.
//!
//! The server's own word on "one statement" comes later (see [`super`]). What a statement may do to
//! a transaction is told by its first words, **by a list of what is harmless**: many statements of
//! MySQL commit in silence.

use crate::RunError;
use crate::deep;
use crate::options::{RunOptions, cannot_be_bounded};
use countersign_guardrails::Dialect;
use countersign_guardrails::text::{Piece, Position, Token, TokenKind, is_one_program, split};
use sqlparser::ast::visit_relations;
use sqlparser::dialect::MySqlDialect;
use sqlparser::parser::Parser;
use std::ops::ControlFlow;

/// The statements to send.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) statements: Vec<Statement>,
    /// True if they run in one transaction.
    pub(super) transaction: bool,
    /// The tables that are written, if a bound must hold: schema, if it is named, and table.
    pub(super) written: Vec<(Option<String>, String)>,
}

/// One statement.
pub(super) struct Statement {
    /// Its text, as it stands in the command.
    pub(super) text: String,
    /// The line of the command on which it begins, from 1.
    pub(super) line: u32,
    /// The words of its tag.
    pub(super) verb: String,
    pub(super) kind: Kind,
    /// True if it may leave effects behind although it failed.
    pub(super) may_leave_effects: bool,
    /// True if its text alone shows that the server reads it as one statement.
    pub(super) provably_one: bool,
}

impl Statement {
    /// The tables that it names, where it is known that it writes rows.
    pub(super) fn tables(&self) -> Vec<(Option<String>, String)> {
        if self.kind == Kind::Write { tables(&self.text).unwrap_or_default() } else { Vec::new() }
    }
}

/// What a statement does to a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Reads rows.
    Read,
    /// Says something about the database.
    Look,
    /// Changes rows, which the server counts.
    Write,
    /// Allowed in a transaction, and no more is known.
    Session,
    /// Commits, or may commit: it runs alone and as itself.
    Alone,
}

/// Commands never reach a `Debug`.
impl std::fmt::Debug for Statement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Statement")
            .field("kind", &self.kind)
            .field("bytes", &self.text.len())
            .finish_non_exhaustive()
    }
}

/// Splits and checks a command.
pub(super) async fn make(command: &str, options: RunOptions) -> Result<Plan, RunError> {
    deep::parse(command, move |command| plan(command, options)).await
}

fn plan(command: &str, options: RunOptions) -> Result<Plan, RunError> {
    let pieces = split(command, Dialect::Mysql)
        .map_err(|error| RunError::not_started(format!("the command {error}")))?;
    let mut statements = Vec::new();
    for (number, piece) in (1_u32..).zip(&pieces) {
        let words = words(piece);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        refuse(number, &words, &piece.tokens)?;
        let main = main_verb(&piece.tokens, &words);
        let (kind, verb) = (kind(main, &words), verb(main, &words));
        statements.push(Statement {
            text: piece.text.to_owned(),
            line: u32::try_from(Position::of(command, first_offset(piece)).line).unwrap_or(u32::MAX),
            may_leave_effects: kind == Kind::Alone && !is_undone_when_it_fails(&verb, &piece.tokens),
            provably_one: !piece.text.contains(';') || is_one_program(&piece.tokens),
            kind,
            verb,
        });
    }
    let transaction = match statements.len() {
        0 => return Err(RunError::not_started("the command has no statement")),
        1 => options.wraps(),
        _ => !options.by_statement(),
    };
    let mut written = Vec::new();
    for (number, statement) in (1_u32..).zip(&statements) {
        fits(number, statement, transaction, options)?;
        if options.max_affected_rows.is_some() && statement.kind == Kind::Write {
            written.extend(tables(&statement.text).ok_or_else(|| {
                RunError::not_started(format!(
                    "statement {number} could not be parsed, so it cannot be shown that its tables have transactions, which an approval for a number of rows needs"
                ))
            })?);
        }
    }
    Ok(Plan { statements, transaction, written })
}

fn first_offset(piece: &Piece<'_>) -> usize {
    piece.tokens.first().map_or(piece.start, |token| token.start)
}

/// Whether a statement that commits on its own has no effect if it fails: a definition of one object. A procedure
/// commits in the middle, and of several objects the first ones are changed before the error.
fn is_undone_when_it_fails(verb: &str, tokens: &[Token<'_>]) -> bool {
    let several = || tokens.iter().any(|token| token.is_sign(','));
    match verb.split(' ').next() {
        Some("CREATE" | "ALTER") => !verb.ends_with("USER") && !verb.ends_with("ROLE") || !several(),
        Some("DROP" | "RENAME" | "SET") => !several(),
        Some("TRUNCATE") => true,
        _ => false,
    }
}

/// The words in capitals, with names in back-ticks: the server takes both for a variable's name.
fn words(piece: &Piece<'_>) -> Vec<String> {
    let words = piece.tokens.iter().filter(|token| matches!(token.kind, TokenKind::Word | TokenKind::Name));
    words.filter_map(Token::name).map(|word| word.to_uppercase()).collect()
}

/// Variables by which a session leaves a transaction or changes how it ends.
const OF_TRANSACTIONS: [&str; 5] =
    ["AUTOCOMMIT", "COMPLETION_TYPE", "TRANSACTION", "TRANSACTION_READ_ONLY", "TX_READ_ONLY"];

fn refuse(number: u32, words: &[&str], tokens: &[Token<'_>]) -> Result<(), RunError> {
    let control = match words {
        ["BEGIN" | "COMMIT" | "ROLLBACK" | "SAVEPOINT" | "RELEASE" | "XA" | "LOCK" | "UNLOCK", ..]
        | ["START", "TRANSACTION", ..] => true,
        ["SET", others @ ..] => others.iter().any(|word| OF_TRANSACTIONS.contains(word)),
        _ => false,
    };
    if control {
        return Err(RunError::not_started(format!(
            "statement {number} is transaction control (`{}`), which is refused: a single statement runs as itself, several run in one transaction already; leave it out",
            words.first().copied().unwrap_or_default()
        )));
    }
    if matches!(words, ["SET", "STATEMENT", ..]) {
        return Err(RunError::not_started(format!(
            "statement {number} wraps another one in `SET STATEMENT`, which is refused: write that statement alone"
        )));
    }
    if matches!(words, ["LOAD", ..]) && words.contains(&"LOCAL") {
        return Err(RunError::not_started(format!(
            "statement {number} loads a file of the client (`LOCAL`), which is refused: use INSERT"
        )));
    }
    if !tokens.first().is_some_and(|first| first.kind == TokenKind::Word || first.is_sign('(')) {
        return Err(RunError::not_started(format!(
            "statement {number} does not begin with a word; check its syntax"
        )));
    }
    Ok(())
}

/// The first word; behind WITH, the word of the statement that it leads.
fn main_verb<'a>(tokens: &[Token<'_>], words: &[&'a str]) -> &'a str {
    const VERBS: [&str; 7] = ["SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "VALUES", "TABLE"];
    if words.first() != Some(&"WITH") {
        return words.first().copied().unwrap_or_default();
    }
    let mut depth = 0_u32;
    for token in tokens {
        if token.is_sign('(') {
            depth += 1;
        } else if token.is_sign(')') {
            depth = depth.saturating_sub(1);
        } else if depth == 0
            && let Some(verb) = VERBS.into_iter().find(|verb| token.is(verb))
        {
            return verb;
        }
    }
    // `WITH x AS (…) (SELECT …)`; nothing that writes stands in brackets.
    "SELECT"
}

fn kind(main: &str, words: &[&str]) -> Kind {
    let has = |word: &str| words.contains(&word);
    match main {
        "SELECT" | "VALUES" | "TABLE" if has("OUTFILE") || has("DUMPFILE") => Kind::Session,
        "SELECT" | "VALUES" | "TABLE" => Kind::Read,
        "EXPLAIN" | "DESCRIBE" | "DESC" if has("ANALYZE") => Kind::Session,
        "SHOW" | "EXPLAIN" | "DESCRIBE" | "DESC" => Kind::Look,
        "INSERT" | "UPDATE" | "DELETE" | "REPLACE" => Kind::Write,
        "SET" if matches!(words.get(1), Some(&("PASSWORD" | "DEFAULT" | "GLOBAL" | "PERSIST"))) => {
            Kind::Alone
        }
        "SET" | "USE" | "DO" | "LOAD" => Kind::Session,
        "CREATE" | "DROP" if words.get(1) == Some(&"TEMPORARY") => Kind::Session,
        _ => Kind::Alone,
    }
}

fn fits(number: u32, statement: &Statement, transaction: bool, options: RunOptions) -> Result<(), RunError> {
    if options.read_only && !matches!(statement.kind, Kind::Read | Kind::Look) {
        return Err(RunError::not_started(format!(
            "statement {number} (`{}`) is none that only reads, and this run is read-only",
            statement.verb
        )));
    }
    if options.max_affected_rows.is_some() && !matches!(statement.kind, Kind::Read | Kind::Look | Kind::Write)
    {
        return Err(RunError::not_started(cannot_be_bounded(number)));
    }
    if transaction && statement.kind == Kind::Alone {
        return Err(RunError::not_started(format!(
            "statement {number} (`{}`) commits by itself or may do so, and several statements are all or nothing: submit it alone, or all of them statement by statement (`exec --statement-by-statement`)",
            statement.verb
        )));
    }
    Ok(())
}

/// The words of the tag: `CREATE TABLE`, `DROP INDEX`, `DELETE`.
fn verb(main: &str, words: &[&str]) -> String {
    const OBJECTS: [&str; 12] = [
        "TABLE",
        "INDEX",
        "VIEW",
        "TRIGGER",
        "PROCEDURE",
        "FUNCTION",
        "EVENT",
        "DATABASE",
        "SCHEMA",
        "USER",
        "ROLE",
        "SEQUENCE",
    ];
    match main {
        "CREATE" | "DROP" | "ALTER" | "TRUNCATE" | "RENAME" | "ANALYZE" | "OPTIMIZE" | "REPAIR" | "CHECK" => {
            let object = words.iter().skip(1).find(|word| OBJECTS.contains(word));
            object.map_or(main.to_owned(), |object| format!("{main} {object}"))
        }
        "VALUES" | "TABLE" => "SELECT".to_owned(),
        _ => main.chars().take(32).collect(),
    }
}

/// Every table that the statement names; `None` if it cannot be told.
fn tables(text: &str) -> Option<Vec<(Option<String>, String)>> {
    let statements = Parser::parse_sql(&MySqlDialect {}, text).ok()?;
    let [statement] = statements.as_slice() else { return None };
    let mut found = Vec::new();
    let visited = visit_relations(statement, |name| {
        let parts: Option<Vec<String>> =
            name.0.iter().map(|part| part.as_ident().map(|ident| ident.value.clone())).collect();
        match parts.as_deref() {
            Some([table]) => found.push((None, table.clone())),
            Some([schema, table]) => found.push((Some(schema.clone()), table.clone())),
            _ => return ControlFlow::Break(()),
        }
        ControlFlow::Continue(())
    });
    (visited.is_continue() && !found.is_empty()).then_some(found)
}

#[cfg(test)]
mod tests;
