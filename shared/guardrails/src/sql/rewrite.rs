//! What the parser does not know, rewritten into what means the same to the server.

use crate::Dialect;
use sqlparser::tokenizer::{Token, TokenWithSpan};

/// The tokens without space and comments, with these rewritten:
///
/// - MySQL: UPDATE and DELETE without their modifiers, which the parser would take for a table; `UPDATE a, b` as a
///   join; `EXPLAIN EXTENDED` as EXPLAIN; MariaDB's `ANALYZE SELECT` as EXPLAIN ANALYZE; `a MOD b` as `a % b`;
///   `CHAR(65 USING x)` without the character set; `TABLE t` in brackets; MariaDB's dynamic columns without their types;
///   `DELETE a.* FROM …` without the star; `LIMIT 2 ROWS EXAMINED 3` without the rows examined; composed units of time (`DAY_HOUR`) as DAY
/// - SQLite: `a ISNULL` as `a IS NULL`, `a NOTNULL` as `a IS NOT NULL`; CROSS JOIN as JOIN, which may have a condition;
///   frames of windows without EXCLUDE; `AS MATERIALIZED (…)` and `UNIQUE … ON CONFLICT x` without these words
pub(super) fn as_parsed(tokens: Vec<TokenWithSpan>, dialect: Dialect) -> Vec<TokenWithSpan> {
    let tokens: Vec<TokenWithSpan> =
        tokens.into_iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).collect();
    if dialect == Dialect::Sqlite { sqlite(tokens) } else { operators(values(statement(tokens))) }
}

fn sqlite(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut found: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    let creates_table = tokens.first().is_some_and(|first| is(first, "CREATE"))
        && tokens.iter().take(3).any(|token| is(token, "TABLE"));
    let mut rest = tokens.into_iter().peekable();
    while let Some(token) = rest.next() {
        let words: &[&str] = if is(&token, "ISNULL") {
            &["IS", "NULL"]
        } else if is(&token, "NOTNULL") {
            &["IS", "NOT", "NULL"]
        } else if is(&token, "MATERIALIZED") && rest.peek().is_some_and(|next| next.token == Token::LParen) {
            // `AS NOT MATERIALIZED (`
            if found.last().is_some_and(|last| is(last, "NOT")) {
                found.pop();
            }
            continue;
        } else if creates_table && is(&token, "ON") && rest.peek().is_some_and(|next| is(next, "CONFLICT")) {
            // `UNIQUE (a) ON CONFLICT REPLACE`
            rest.nth(1);
            continue;
        } else if is(&token, "CROSS") && rest.peek().is_some_and(|next| is(next, "JOIN")) {
            continue;
        } else if is(&token, "EXCLUDE") && found.last().is_some_and(ends_frame) {
            // NO OTHERS, CURRENT ROW, GROUP, TIES
            let pair = rest.peek().is_some_and(|next| is(next, "NO") || is(next, "CURRENT"));
            for _ in 0..=usize::from(pair) {
                rest.next();
            }
            continue;
        } else {
            found.push(token);
            continue;
        };
        found.extend(words.iter().map(|word| keyword(word, &token)));
    }
    found
}

/// Whether a frame of a window can end with a token.
fn ends_frame(token: &TokenWithSpan) -> bool {
    ["FOLLOWING", "PRECEDING", "ROW"].iter().any(|word| is(token, word))
}

/// The statement's own words.
fn statement(mut tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let starts = |tokens: &[TokenWithSpan], at: usize, words: &[&str]| {
        tokens.get(at).is_some_and(|token| words.iter().any(|word| is(token, word)))
    };
    let queries = ["SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "WITH"];
    if starts(&tokens, 0, &["ANALYZE"]) && starts(&tokens, 1, &["FORMAT"]) {
        // `FORMAT = JSON`
        tokens.drain(1..tokens.len().min(4));
    }
    if starts(&tokens, 0, &["ANALYZE"]) && starts(&tokens, 1, &queries) {
        let explain = tokens.first().map(|first| keyword("EXPLAIN", first));
        tokens.splice(0..0, explain);
    } else if starts(&tokens, 0, &["EXPLAIN", "DESCRIBE", "DESC"])
        && starts(&tokens, 1, &["EXTENDED", "PARTITIONS"])
        && (starts(&tokens, 2, &queries) || tokens.get(2).is_some_and(|token| token.token == Token::LParen))
    {
        tokens.remove(1);
    }
    if starts(&tokens, 0, &["UPDATE", "DELETE"]) {
        let modifiers = tokens.iter().skip(1);
        let modifiers = modifiers
            .take_while(|token| ["LOW_PRIORITY", "QUICK", "IGNORE"].iter().any(|word| is(token, word)));
        let modifiers = modifiers.count();
        tokens.drain(1..=modifiers);
    }
    if starts(&tokens, 0, &["DELETE"]) {
        tokens = without_stars(tokens);
    }
    let explains = usize::from(starts(&tokens, 0, &["EXPLAIN"]));
    let explains = explains + usize::from(explains == 1 && starts(&tokens, 1, &["ANALYZE"]));
    if starts(&tokens, explains, &["UPDATE"]) {
        return joined(tokens);
    }
    if let ([first, ..], [.., last]) = (tokens.as_slice(), tokens.as_slice())
        && is(first, "TABLE")
    {
        let bracket = |token: Token, near: &TokenWithSpan| TokenWithSpan { token, span: near.span };
        let (open, close) = (bracket(Token::LParen, first), bracket(Token::RParen, last));
        tokens = std::iter::once(open).chain(tokens).chain([close]).collect();
    }
    tokens
}

/// `DELETE a.*, b.* FROM …` as `DELETE a, b FROM …`.
fn without_stars(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let from = tokens.iter().position(|token| is(token, "FROM")).unwrap_or(0);
    let mut found: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    for (at, token) in tokens.into_iter().enumerate() {
        if at < from
            && token.token == Token::Mul
            && found.last().is_some_and(|last| last.token == Token::Period)
        {
            found.pop();
        } else {
            found.push(token);
        }
    }
    found
}

/// `UPDATE a, b SET …` as `UPDATE a CROSS JOIN b SET …`.
fn joined(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let (mut depth, mut tables) = (0_usize, true);
    let mut found = Vec::with_capacity(tokens.len() + 1);
    for token in tokens {
        match token.token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            _ => {}
        }
        tables &= depth > 0 || !is(&token, "SET");
        if tables && depth == 0 && token.token == Token::Comma {
            found.extend([keyword("CROSS", &token), keyword("JOIN", &token)]);
        } else {
            found.push(token);
        }
    }
    found
}

/// Types, units and bounds within expressions and behind them.
fn values(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    const UNITS: [&str; 11] = [
        "SECOND_MICROSECOND",
        "MINUTE_MICROSECOND",
        "MINUTE_SECOND",
        "HOUR_MICROSECOND",
        "HOUR_SECOND",
        "HOUR_MINUTE",
        "DAY_MICROSECOND",
        "DAY_SECOND",
        "DAY_MINUTE",
        "DAY_HOUR",
        "YEAR_MONTH",
    ];
    const COLUMNS: [&str; 3] = ["COLUMN_CREATE", "COLUMN_ADD", "COLUMN_GET"];
    let is_any = |token: &TokenWithSpan, words: &[&str]| words.iter().any(|word| is(token, word));
    let mut found: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    // For each open bracket, whether it is that of a function of dynamic columns.
    let mut brackets: Vec<bool> = Vec::new();
    let mut rest = tokens.into_iter().peekable();
    while let Some(token) = rest.next() {
        match &token.token {
            Token::LParen => brackets.push(found.last().is_some_and(|before| is_any(before, &COLUMNS))),
            Token::RParen => _ = brackets.pop(),
            // `AS decimal(10, 2)`
            Token::Word(_) if brackets.last() == Some(&true) && is(&token, "AS") => {
                let mut depth = 0_usize;
                while let Some(next) =
                    rest.next_if(|next| depth > 0 || !matches!(next.token, Token::Comma | Token::RParen))
                {
                    match next.token {
                        Token::LParen => depth += 1,
                        Token::RParen => depth = depth.saturating_sub(1),
                        _ => {}
                    }
                    // A type has no query in it.
                    if is(&next, "SELECT") {
                        found.push(next);
                    }
                }
                continue;
            }
            Token::Word(_)
                if is_any(&token, &UNITS) && found.last().is_some_and(|last| last.token != Token::Period) =>
            {
                found.push(keyword("DAY", &token));
                continue;
            }
            Token::Word(_) if is(&token, "ROWS") && rest.peek().is_some_and(|next| is(next, "EXAMINED")) => {
                rest.nth(1);
                if found.last().is_some_and(|last| is(last, "LIMIT")) {
                    found.pop();
                }
                continue;
            }
            _ => {}
        }
        found.push(token);
    }
    found
}

fn operators(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut found: Vec<TokenWithSpan> = Vec::with_capacity(tokens.len());
    // For each open bracket, whether it is that of CHAR.
    let mut brackets: Vec<bool> = Vec::new();
    let mut rest = tokens.into_iter();
    while let Some(mut token) = rest.next() {
        match &token.token {
            Token::LParen => brackets.push(found.last().is_some_and(|before| is(before, "CHAR"))),
            Token::RParen => _ = brackets.pop(),
            Token::Word(_) if is(&token, "MOD") && found.last().is_some_and(is_operand) => {
                token.token = Token::Mod;
            }
            Token::Word(_) if brackets.last() == Some(&true) && is(&token, "USING") => {
                rest.next();
                continue;
            }
            _ => {}
        }
        found.push(token);
    }
    found
}

/// A keyword in the place of a token.
fn keyword(word: &str, place: &TokenWithSpan) -> TokenWithSpan {
    TokenWithSpan { token: Token::make_keyword(word), span: place.span }
}

/// Whether a token is this word, without quotes.
fn is(token: &TokenWithSpan, word: &str) -> bool {
    matches!(&token.token, Token::Word(found) if found.quote_style.is_none() && found.value.eq_ignore_ascii_case(word))
}

/// Whether a value ends with this token.
fn is_operand(token: &TokenWithSpan) -> bool {
    match &token.token {
        Token::Word(word) => {
            word.quote_style.is_some() || !super::agree::is_reserved(&word.value, Dialect::Mysql)
        }
        Token::Number(..) | Token::RParen => true,
        token => super::lex::is_text(token),
    }
}
