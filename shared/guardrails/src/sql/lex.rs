//! The tokens of MySQL and SQLite, and texts that two lexers could read in two ways.

use crate::Dialect;
use crate::lexed::{self, Class, Depth};
use crate::text::{self, Piece, TokenKind};
use sqlparser::dialect::{Dialect as Grammar, MySqlDialect, SQLiteDialect};
use sqlparser::parser::ParserError;
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer, Whitespace};
use std::borrow::Cow;

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

/// All tokens with their places; an error if even they are not the dialect's.
pub(super) fn tokens(command: &str, dialect: Dialect) -> Result<Vec<TokenWithSpan>, &'static str> {
    let tokens = Tokenizer::new(grammar(dialect), command).tokenize_with_location();
    tokens.map_err(
        |_| "it has a string, a name or a comment that does not end, or a character that belongs nowhere",
    )
}

/// Whether a token is a string.
pub(super) fn is_text(token: &Token) -> bool {
    class(token) == Class::Text
}

/// Whether both lexers see the same words and names, in the same order.
pub(super) fn same_names(parsers: &[TokenWithSpan], ours: &[crate::text::Token<'_>]) -> bool {
    // `0x1F` is a literal to the parser, and a word here.
    let is_word = |text: &str| !["0x", "0X", "0b"].iter().any(|prefix| text.starts_with(prefix));
    let parsers = parsers.iter().flat_map(|token| match &token.token {
        Token::Word(word) if word.quote_style.is_some() => vec![Cow::Borrowed(word.value.as_str())],
        // A variable or an account, which is one word to the parser: `@a`, `user@host`.
        Token::Word(word) => {
            let parts = word.value.split('@').filter(|part| !part.is_empty() && is_word(part));
            parts.map(Cow::Borrowed).collect()
        }
        // A parameter of SQLite: `$a`.
        Token::Placeholder(name) if name.len() > 1 && name.starts_with('$') => {
            vec![Cow::Borrowed(name.as_str())]
        }
        _ => Vec::new(),
    });
    let ours = ours.iter().filter_map(|token| match token.kind {
        TokenKind::Name => token.name().map(Cow::Owned),
        TokenKind::Word => Some(token.text).filter(|text| is_word(text)).map(Cow::Borrowed),
        TokenKind::Text | TokenKind::Number | TokenKind::Sign => None,
    });
    parsers.eq(ours)
}

/// The offset in the command of a place in a statement.
pub(super) fn offset(piece: &Piece<'_>, location: Location) -> usize {
    let lines = usize::try_from(location.line).unwrap_or(usize::MAX).saturating_sub(1);
    let columns = usize::try_from(location.column).unwrap_or(usize::MAX).saturating_sub(1);
    if location.line == 0 {
        return piece.start + piece.text.len();
    }
    let line: usize = piece.text.split_inclusive('\n').take(lines).map(str::len).sum();
    let rest = piece.text.get(line..).unwrap_or_default();
    piece.start + line + rest.char_indices().nth(columns).map_or(rest.len(), |(at, _)| at)
}

/// What the parser says, without the text of the command, and where.
pub(super) fn explain(error: &ParserError, dialect: Dialect) -> (String, Location) {
    let unknown = || {
        format!(
            "it has a syntax error, or something of {}'s SQL that the guardrail does not know",
            dialect.label()
        )
    };
    let nowhere = Location { line: 1, column: 1 };
    let ParserError::ParserError(text) = error else { return (unknown(), nowhere) };
    let (text, location) = match text.rsplit_once(" at Line: ") {
        Some((text, place)) => {
            let mut numbers = place.split(", Column: ").map(|number| number.trim().parse().unwrap_or(1));
            (text, Location { line: numbers.next().unwrap_or(1), column: numbers.next().unwrap_or(1) })
        }
        // At the end of the text the parser has no place.
        None if text.ends_with("found: EOF") => (text.as_str(), Location { line: 0, column: 0 }),
        None => return (unknown(), nowhere),
    };
    let expected = text.strip_prefix("Expected: ").and_then(|text| text.split_once(", found: "));
    match expected {
        Some((expected, _)) => (format!("{}; expected {expected}", unknown()), location),
        None => (unknown(), location),
    }
}

/// Signs that mean two things.
pub(super) fn doubtful(command: &str, tokens: &[TokenWithSpan], dialect: Dialect) -> Option<&'static str> {
    let twice = |pair: &[TokenWithSpan]| pair.iter().all(|token| token.token == Token::Minus);
    if dialect == Dialect::Mysql && tokens.windows(2).any(twice) {
        return Some("it has `--` without a space after it, which is a comment to some");
    }
    let glued = |token: &TokenWithSpan| {
        matches!(&token.token, Token::Whitespace(Whitespace::SingleLineComment { comment, prefix })
            if prefix == "--" && !comment.is_empty() && !comment.starts_with([' ', '\t', '\n', '\r']))
    };
    if dialect == Dialect::Mysql && tokens.iter().any(glued) {
        return Some("it has `--` without a space after it, which is a comment to some");
    }
    // The servers know ASCII's spaces alone; to them, another one is a letter.
    let outside = spaces(command);
    let quoted = || tokens.iter().map(|token| &token.token).filter(|token| is_quoted(token));
    if outside > 0 && outside > quoted().map(|token| spaces(&token.to_string())).sum::<usize>() {
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

/// A command without comments and strings, as rules read it.
pub(crate) fn code(command: &str, dialect: Dialect) -> String {
    if let Ok(tokens) = text::tokens(command, dialect) {
        return lexed::code(classes(command, &tokens));
    }
    let Ok(tokens) = tokens(command, dialect) else {
        // Nothing is known: all of it is code.
        return command.to_owned();
    };
    let texts: Vec<(Class, String)> =
        tokens.iter().map(|token| (class(&token.token), token.token.to_string())).collect();
    lexed::code(texts.iter().map(|(class, text)| (*class, text.as_str())))
}

/// Tokens and what is between them.
fn classes<'a>(command: &'a str, tokens: &[text::Token<'a>]) -> impl Iterator<Item = (Class, &'a str)> {
    let mut end = 0;
    let mut pieces: Vec<(Class, &str)> = Vec::with_capacity(2 * tokens.len() + 1);
    for token in tokens {
        let class = if token.kind == TokenKind::Text { Class::Text } else { Class::Code };
        pieces.push((Class::Nothing, command.get(end..token.start).unwrap_or_default()));
        pieces.push((class, token.text));
        end = token.end();
    }
    pieces.push((Class::Nothing, command.get(end..).unwrap_or_default()));
    pieces.into_iter().filter(|(_, text)| !text.is_empty())
}

/// How much work a statement is.
pub(super) fn depth(tokens: &[TokenWithSpan]) -> Depth {
    Depth::of(tokens.iter().map(|token| class(&token.token)))
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
