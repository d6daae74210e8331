//! MySQL and SQLite, by `sqlparser`. Its grammar takes more than the servers do and forgets some of what it takes, so
//! each statement is read twice, by the parser and by its tokens ([`agree`], [`words`]), and both must agree.

mod agree;
mod condition;
mod count;
mod expr;
mod functions;
mod heads;
mod lex;
mod rewrite;
mod show;
mod statement;
mod walk;
mod words;

use crate::analysis::{Analysis, Kind, NotUnderstood, Statement};
use crate::condition::Effort;
use crate::text::{self, Piece};
use crate::{Dialect, bounds};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Location, Token, TokenWithSpan};

pub(crate) use count::query as count_query;
pub(crate) use lex::code;
pub(crate) use statement::verbs;

/// All tokens, if they can be told apart.
pub(crate) fn tokens_of(command: &str, dialect: Dialect) -> Option<Vec<Token>> {
    let tokens = lex::tokens(command, dialect).ok()?;
    Some(tokens.into_iter().map(|token| token.token).collect())
}

/// Analyses a command.
pub(crate) fn analyse(dialect: Dialect, command: &str) -> Analysis {
    if let Err(why) = bounds::length(command) {
        return Analysis::not_understood(dialect, why);
    }
    let statements = match bounds::contained(|| statements(dialect, command)) {
        Some(Ok(statements)) => statements,
        Some(Err(why)) => return Analysis::not_understood(dialect, why),
        None => return Analysis::not_understood(dialect, "the parser failed on it"),
    };
    Analysis::understood(dialect, both_ways(dialect, command, statements))
}

/// With `NO_BACKSLASH_ESCAPES`, MySQL ends a string where it otherwise goes on. If the command means
/// something else then (most have a syntax error: the server refuses those), it is not what it seems.
fn both_ways(dialect: Dialect, command: &str, mut statements: Vec<Statement>) -> Vec<Statement> {
    if dialect != Dialect::Mysql || !command.contains('\\') {
        return statements;
    }
    let literal = command.replace('\\', "\\\\");
    let other = bounds::contained(|| self::statements(dialect, &literal));
    let same = match other {
        Some(Ok(other)) => other == statements,
        Some(Err(_)) => true,
        None => false,
    };
    if !same {
        for statement in &mut statements {
            statement.hides("a backslash in it is read in two ways, depending on the server's sql_mode");
        }
    }
    statements
}

fn statements(dialect: Dialect, command: &str) -> Result<Vec<Statement>, NotUnderstood> {
    if let Some(why) = lex::ambiguous(command, dialect) {
        return Err(why.into());
    }
    let pieces = text::split(command, dialect)
        .map_err(|error| NotUnderstood::at(command, error.offset, format!("it {}", error.what)))?;
    if pieces.is_empty() {
        return Err("it has no statement".into());
    }
    bounds::size(&pieces)?;
    let effort = Effort::default();
    pieces.iter().map(|piece| statement(piece, dialect, command, &effort)).collect()
}

fn statement(
    piece: &Piece<'_>,
    dialect: Dialect,
    command: &str,
    effort: &Effort,
) -> Result<Statement, NotUnderstood> {
    let at_start = |why: &str| NotUnderstood::at(command, piece.start, why);
    let tokens = lex::tokens(piece.text, dialect).map_err(at_start)?;
    if let Some(why) = lex::doubtful(piece.text, &tokens, dialect) {
        return Err(at_start(why));
    }
    read_twice(piece, tokens, dialect, command, effort)
}

/// One statement, read by the parser and by its tokens; where the parser cannot, by its first words.
fn read_twice(
    piece: &Piece<'_>,
    tokens: Vec<TokenWithSpan>,
    dialect: Dialect,
    command: &str,
    effort: &Effort,
) -> Result<Statement, NotUnderstood> {
    // Before anything is told by the tokens of one of the two alone.
    same_names(&tokens, piece, command)?;
    let depth = lex::depth(&tokens);
    bounds::depth(&depth)?;
    if depth.nesting > bounds::MAX_SQL_NESTING {
        return Err(format!("it nests brackets deeper than {} levels", bounds::MAX_SQL_NESTING).into());
    }
    let suspicious = words::suspicious(&tokens);
    let pipes = dialect == Dialect::Mysql && tokens.iter().any(|token| token.token == Token::StringConcat);
    let settings = settings(piece, dialect);
    let inner = settings.map(|count| without(piece, count));
    let tokens = if settings.is_some() { behind_for(tokens) } else { tokens };
    if let Some(inner) = &inner {
        // Cut at the same FOR.
        same_names(&tokens, inner, command)?;
    }
    // The parser's tree has the object of a privilege, and its walk does not.
    let grants = piece.tokens.first().is_some_and(|first| first.is_any(&["GRANT", "REVOKE"]));
    if grants && let Some(statement) = heads::read(&piece.tokens, dialect) {
        return Ok(statement);
    }
    let mut statement = match by_parser(inner.as_ref().unwrap_or(piece), tokens, dialect, command, effort) {
        Ok(mut statement) => {
            if grants {
                statement.hides("it is about objects that the guardrail does not see");
            }
            if settings.is_some() {
                statement.hides("it runs under other settings, which may change what it means");
            }
            statement
        }
        Err(why) if settings.is_some() => return Err(why),
        Err(why) => {
            show::read(&piece.tokens, dialect).or_else(|| heads::read(&piece.tokens, dialect)).ok_or(why)?
        }
    };
    if statement.kind != Kind::Read && piece.tokens.iter().any(|token| token.is("DEFINER")) {
        statement.act(Kind::Privilege, "DEFINER");
    }
    // An OR that binds as loosely as one, or a concatenation that binds tightly: by the sql_mode.
    if pipes && statement.kind != Kind::Read {
        statement.hides("it has `||`, which is OR or a concatenation, depending on the server's sql_mode");
    }
    // Where something is known to write, the word is explained, and the command is no read anyway. SHOW CREATE and its
    // like name what they ask for.
    if let Some(word) = suspicious
        && statement.kind == Kind::Read
        && !statement.verb.starts_with("SHOW")
    {
        statement.not_read(format!("it has the word {word}, which a read does not need"));
    }
    Ok(statement)
}

/// The parser's tokens and ours have the same names.
fn same_names(tokens: &[TokenWithSpan], piece: &Piece<'_>, command: &str) -> Result<(), NotUnderstood> {
    if lex::same_names(tokens, &piece.tokens) {
        return Ok(());
    }
    Err(NotUnderstood::at(command, piece.start, "its quotes and comments can be read in two ways"))
}

/// How many tokens the settings of MariaDB's `SET STATEMENT a = 1, b = 2 FOR …` have, with the FOR.
fn settings(piece: &Piece<'_>, dialect: Dialect) -> Option<usize> {
    let [set, statement, rest @ ..] = piece.tokens.as_slice() else { return None };
    if dialect != Dialect::Mysql || !set.is("SET") || !statement.is("STATEMENT") {
        return None;
    }
    let end = rest.iter().position(|token| token.is("FOR"))?;
    let plain = |token: &text::Token<'_>| !token.is_sign('(') && !token.is("SELECT");
    rest.get(..end)?.iter().all(plain).then_some(end + 3)
}

/// A statement without its first tokens.
fn without<'a>(piece: &Piece<'a>, count: usize) -> Piece<'a> {
    Piece { tokens: piece.tokens.get(count..).unwrap_or_default().to_vec(), ..piece.clone() }
}

/// The parser's tokens behind the first FOR.
fn behind_for(mut tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let is_for = |token: &TokenWithSpan| matches!(&token.token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case("FOR"));
    let start = tokens.iter().position(is_for).map_or(0, |at| at + 1);
    tokens.split_off(start)
}

/// What the parser reads, if all of the tokens agree.
fn by_parser(
    piece: &Piece<'_>,
    tokens: Vec<TokenWithSpan>,
    dialect: Dialect,
    command: &str,
    effort: &Effort,
) -> Result<Statement, NotUnderstood> {
    let at = |offset: usize, why: String| NotUnderstood::at(command, offset, why);
    if let Some(statement) = show::read(&piece.tokens, dialect) {
        return Ok(statement);
    }
    let mut parser = Parser::new(lex::grammar(dialect))
        .with_recursion_limit(bounds::SQL_RECURSION)
        .with_tokens_with_locations(rewrite::as_parsed(tokens, dialect));
    let place = |location: Location| lex::offset(piece, location);
    let parsed = match parser.parse_statement() {
        Ok(parsed) => parsed,
        Err(error) => {
            let (why, location) = lex::explain(&error, dialect);
            return Err(at(place(location), why));
        }
    };
    let left = parser.peek_token();
    if left.token != Token::EOF {
        return Err(at(place(left.span.start), "the statement should end here".to_owned()));
    }
    let walked = walk::statement(&parsed, dialect, effort);
    if let Some(location) = walked.reserved {
        return Err(at(place(location), "it has a reserved word here where a name is expected".to_owned()));
    }
    agree::check(&piece.tokens, dialect, &walked.known, &walked.found.functions)
        .map_err(|disagreement| at(disagreement.offset, disagreement.what))?;
    Ok(walked.found)
}
