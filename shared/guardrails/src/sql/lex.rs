//! The tokens of MySQL and SQLite, and texts that two lexers could read in two ways.

use crate::Dialect;
use crate::lexed::{Class, Lexed};
use sqlparser::dialect::{Dialect as Grammar, MySqlDialect, SQLiteDialect};
use sqlparser::tokenizer::{Token, Tokenizer, Whitespace};

/// The parser's name for a dialect.
pub(super) fn grammar(dialect: Dialect) -> &'static dyn Grammar {
    if dialect == Dialect::Sqlite { &SQLiteDialect {} } else { &MySqlDialect {} }
}

/// What servers and parsers do not read alike.
pub(super) fn ambiguous(command: &str, dialect: Dialect) -> Option<&'static str> {
    if command.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r')) {
        return Some("it has a control character");
    }
    if command.replace("\r\n", "\n").contains('\r') {
        return Some("it has a carriage return that ends no line, where a comment may or may not end");
    }
    if dialect == Dialect::Mysql {
        if ["/*!", "/*M!", "/*m!", "/*+"].iter().any(|mark| command.contains(mark)) {
            return Some("it has a comment that the server executes or obeys (`/*!`, `/*M!`, `/*+`)");
        }
        if command.contains("/*") && command.matches("/*").count() != command.matches("*/").count() {
            return Some("its comments are nested or not closed");
        }
    }
    None
}

/// All tokens; an error if even they are not the dialect's.
pub(super) fn tokens(command: &str, dialect: Dialect) -> Result<Vec<Token>, &'static str> {
    let tokens = Tokenizer::new(grammar(dialect), command).tokenize();
    tokens.map_err(
        |_| "it has a string, a name or a comment that does not end, or a character that belongs nowhere",
    )
}

/// Signs that mean two things.
pub(super) fn doubtful(command: &str, tokens: &[Token], dialect: Dialect) -> Option<&'static str> {
    let twice = |first: &Token, second: &Token| *first == Token::Minus && *second == Token::Minus;
    if dialect == Dialect::Mysql && tokens.windows(2).any(|pair| matches!(pair, [a, b] if twice(a, b))) {
        return Some("it has `--` without a space after it, which is a comment to some");
    }
    let glued = |token: &Token| {
        matches!(token, Token::Whitespace(Whitespace::SingleLineComment { comment, prefix })
            if prefix == "--" && !comment.is_empty() && !comment.starts_with([' ', '\t', '\n', '\r']))
    };
    if dialect == Dialect::Mysql && tokens.iter().any(glued) {
        return Some("it has `--` without a space after it, which is a comment to some");
    }
    // The servers know ASCII's spaces alone; to them, another one is a letter.
    let inside: usize =
        tokens.iter().map(|token| if is_quoted(token) { spaces(&token.to_string()) } else { 0 }).sum();
    if spaces(command) > inside {
        return Some("it has a space that is none of ASCII's");
    }
    None
}

/// Spaces that are none of ASCII's.
fn spaces(text: &str) -> usize {
    text.chars().filter(|c| c.is_whitespace() && !c.is_ascii()).count()
}

/// A string, a quoted name, a comment: any character may stand in it.
fn is_quoted(token: &Token) -> bool {
    matches!(token, Token::Word(word) if word.quote_style.is_some())
        || matches!(
            token,
            Token::Whitespace(Whitespace::SingleLineComment { .. } | Whitespace::MultiLineComment(_))
        )
        || class(token) == Class::Text
}

/// As the guardrails see it.
pub(crate) fn lex(command: &str, dialect: Dialect) -> Lexed {
    match tokens(command, dialect) {
        Ok(tokens) => seen(&tokens),
        // Nothing is known: all of it is code.
        Err(_) => Lexed::new([(Class::Code, command)]),
    }
}

pub(super) fn seen(tokens: &[Token]) -> Lexed {
    let texts: Vec<(Class, String)> = tokens.iter().map(|token| (class(token), token.to_string())).collect();
    Lexed::new(texts.iter().map(|(class, text)| (*class, text.as_str())))
}

fn class(token: &Token) -> Class {
    match token {
        Token::Whitespace(
            Whitespace::Space
            | Whitespace::Newline
            | Whitespace::Tab
            | Whitespace::SingleLineComment { .. }
            | Whitespace::MultiLineComment(_),
        ) => Class::Nothing,
        Token::SingleQuotedString(_)
        | Token::DoubleQuotedString(_)
        | Token::NationalStringLiteral(_)
        | Token::EscapedStringLiteral(_)
        | Token::HexStringLiteral(_)
        | Token::SingleQuotedByteStringLiteral(_)
        | Token::DoubleQuotedByteStringLiteral(_) => Class::Text,
        Token::Comma | Token::SemiColon => Class::Break,
        Token::LParen | Token::LBracket | Token::LBrace => Class::Open,
        Token::RParen | Token::RBracket | Token::RBrace => Class::Close,
        _ => Class::Code,
    }
}
