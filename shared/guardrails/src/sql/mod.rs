//! MySQL and SQLite, by `sqlparser`. Its grammar takes more than the servers do and forgets some of
//! what it takes, so a read is proved twice: by the tree, and by the words of the text.

mod condition;
mod expr;
mod functions;
mod lex;
mod statement;
mod walk;
mod words;

use crate::analysis::{Analysis, Kind, Statement};
use crate::{Dialect, bounds};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

pub(crate) use lex::lex;

/// All tokens, if they can be told apart.
pub(crate) fn tokens_of(command: &str, dialect: Dialect) -> Option<Vec<Token>> {
    lex::tokens(command, dialect).ok()
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

fn statements(dialect: Dialect, command: &str) -> Result<Vec<Statement>, String> {
    if let Some(why) = lex::ambiguous(command, dialect) {
        return Err(why.to_owned());
    }
    let tokens = lex::tokens(command, dialect)?;
    if let Some(why) = lex::doubtful(command, &tokens, dialect) {
        return Err(why.to_owned());
    }
    let seen = lex::seen(&tokens);
    bounds::depth(&seen)?;
    if seen.nesting > bounds::MAX_SQL_NESTING {
        return Err(format!("it nests brackets deeper than {} levels", bounds::MAX_SQL_NESTING));
    }
    let suspicious = words::suspicious(&tokens);
    let pipes = dialect == Dialect::Mysql && tokens.contains(&Token::StringConcat);
    let parsed = Parser::new(lex::grammar(dialect))
        .with_recursion_limit(bounds::SQL_RECURSION)
        .with_tokens(tokens)
        .parse_statements();
    let Ok(parsed) = parsed else {
        return Err(format!(
            "it has a syntax error, or something of {}'s SQL that the guardrail does not know",
            dialect.label()
        ));
    };
    if parsed.is_empty() {
        return Err("it has no statement".to_owned());
    }
    let mut statements: Vec<Statement> =
        parsed.iter().map(|parsed| walk::statement(parsed, dialect)).collect();
    // An OR that binds as loosely as one, or a concatenation that binds tightly: by the sql_mode.
    if pipes {
        for statement in statements.iter_mut().filter(|statement| statement.kind != Kind::Read) {
            statement
                .hides("it has `||`, which is OR or a concatenation, depending on the server's sql_mode");
        }
    }
    // Where something is known to write, the word is explained, and the command is no read anyway.
    if let Some(word) = suspicious.filter(|_| statements.iter().all(|one| one.kind == Kind::Read)) {
        // SHOW CREATE and its like name what they ask for.
        for statement in statements.iter_mut().filter(|statement| !statement.verb.starts_with("SHOW")) {
            statement.not_read(format!("it has the word {word}, which a read does not need"));
        }
    }
    Ok(statements)
}
