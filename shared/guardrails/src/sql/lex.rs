//! The tokens of MySQL and SQLite, and texts that two lexers could read in two ways.

use crate::Dialect;
use crate::lexed::{Class, Lexed};
use crate::text::{Piece, TokenKind};
use sqlparser::dialect::{Dialect as Grammar, MySqlDialect, SQLiteDialect};
use sqlparser::parser::ParserError;
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer, Whitespace};

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

/// Rewrites what the parser does not know, one for one, into what means the same to the server:
///
/// - MySQL: UPDATE and DELETE without their modifiers, which the parser would take for a table; `a MOD b` as `a % b`;
///   `CHAR(65 USING x)` without the character set; `TABLE t` in brackets
/// - SQLite: `a ISNULL` as `a IS NULL`, `a NOTNULL` as `a IS NOT NULL`
pub(super) fn as_parsed(tokens: Vec<TokenWithSpan>, dialect: Dialect) -> Vec<TokenWithSpan> {
    let mut tokens: Vec<TokenWithSpan> =
        tokens.into_iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).collect();
    if dialect == Dialect::Sqlite {
        return tokens
            .into_iter()
            .flat_map(|token| {
                let words: &[&str] = match word(&token).as_str() {
                    "ISNULL" => &["IS", "NULL"],
                    "NOTNULL" => &["IS", "NOT", "NULL"],
                    _ => return vec![token],
                };
                words
                    .iter()
                    .map(|word| TokenWithSpan { token: Token::make_keyword(word), span: token.span })
                    .collect()
            })
            .collect();
    }
    match tokens.first().map(word).as_deref() {
        Some("UPDATE" | "DELETE") => {
            let modifiers = tokens
                .iter()
                .skip(1)
                .take_while(|token| matches!(word(token).as_str(), "LOW_PRIORITY" | "QUICK" | "IGNORE"))
                .count();
            tokens.drain(1..=modifiers);
        }
        Some("TABLE") => {
            let bracket = |token: Token, near: Option<&TokenWithSpan>| {
                near.map(|near| TokenWithSpan { token, span: near.span })
            };
            let open = bracket(Token::LParen, tokens.first());
            let close = bracket(Token::RParen, tokens.last());
            tokens = open.into_iter().chain(tokens).chain(close).collect();
        }
        _ => {}
    }
    let mut found: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    // For each open bracket, whether it is that of CHAR.
    let mut brackets: Vec<bool> = Vec::new();
    let mut rest = tokens.into_iter();
    while let Some(mut token) = rest.next() {
        match &token.token {
            Token::LParen => brackets.push(found.last().map(word).as_deref() == Some("CHAR")),
            Token::RParen => _ = brackets.pop(),
            Token::Word(_) if word(&token) == "MOD" && found.last().is_some_and(is_operand) => {
                token.token = Token::Mod;
            }
            Token::Word(_) if word(&token) == "USING" && brackets.last() == Some(&true) => {
                rest.next();
                continue;
            }
            _ => {}
        }
        found.push(token);
    }
    found
}

/// A word without quotes, in capitals.
fn word(token: &TokenWithSpan) -> String {
    match &token.token {
        Token::Word(word) if word.quote_style.is_none() => word.value.to_ascii_uppercase(),
        _ => String::new(),
    }
}

/// Whether a value ends with this token.
fn is_operand(token: &TokenWithSpan) -> bool {
    match &token.token {
        Token::Word(word) => {
            word.quote_style.is_some() || !super::agree::is_reserved(&word.value, Dialect::Mysql)
        }
        Token::Number(..) | Token::RParen => true,
        token => class(token) == Class::Text,
    }
}

/// Whether both lexers see the same words and names, in the same order.
pub(super) fn same_names(parsers: &[Token], ours: &[crate::text::Token<'_>]) -> bool {
    let is_word = |text: &str| text.starts_with(|c: char| c.is_alphabetic() || c == '_');
    let parsers = parsers.iter().filter_map(|token| match token {
        Token::Word(word) if word.quote_style.is_some() => Some(word.value.clone()),
        // A variable: `@a`.
        Token::Word(word) => Some(word.value.trim_start_matches('@').to_owned()).filter(|text| is_word(text)),
        _ => None,
    });
    let ours = ours.iter().filter_map(|token| match token.kind {
        TokenKind::Name => token.name(),
        TokenKind::Word => Some(token.text.to_owned()).filter(|text| is_word(text)),
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
        Ok(tokens) => seen(&tokens.into_iter().map(|token| token.token).collect::<Vec<_>>()),
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
