//! The query that counts the rows of a single DELETE or UPDATE of MySQL or SQLite, cut out of its tokens.

use crate::Dialect;
use crate::count::CountQuery;
use crate::text::{self, Token};

/// Words behind which a statement changes other rows than those that its table and condition name.
const OTHERS: [&str; 9] =
    ["USING", "JOIN", "STRAIGHT_JOIN", "ORDER", "LIMIT", "RETURNING", "PARTITION", "INDEXED", "PORTION"];

/// `SELECT COUNT(*)` over the table and the condition of the command, in its own words.
pub(crate) fn query(dialect: Dialect, command: &str) -> Option<CountQuery> {
    let pieces = text::split(command, dialect).ok()?;
    let [piece] = pieces.as_slice() else { return None };
    let mut depth = 0_i32;
    let mut top: Vec<&Token<'_>> = Vec::new();
    for token in &piece.tokens {
        depth -= i32::from(token.is_sign(')'));
        if depth == 0 && !token.is_sign(')') && !token.is_sign('(') {
            top.push(token);
        }
        depth += i32::from(token.is_sign('('));
    }
    if top.iter().any(|token| token.is_any(&OTHERS)) {
        return None;
    }
    let place = |word: &str| top.iter().position(|token| token.is(word));
    let verb = top.first()?;
    let modifiers = ["LOW_PRIORITY", "QUICK", "IGNORE"];
    let first = 1 + top.iter().skip(1).take_while(|token| token.is_any(&modifiers)).count();
    let condition = place("WHERE");
    let end = |place: Option<usize>| {
        place.and_then(|place| top.get(place)).map_or(piece.text.len() + piece.start, |token| token.start)
    };
    let (from, until) = if verb.is("DELETE") {
        top.get(first).filter(|token| token.is("FROM"))?;
        (first + 1, end(condition))
    } else if verb.is("UPDATE") {
        let set = place("SET")?;
        if place("FROM").is_some() {
            return None;
        }
        (first, end(Some(set)))
    } else {
        return None;
    };
    let begin = top.get(from)?.start;
    let relation = command.get(begin..until)?;
    if top.iter().any(|token| token.is_sign(',') && (begin..until).contains(&token.start)) {
        return None;
    }
    let condition = match condition {
        Some(_) => command.get(end(condition)..piece.start + piece.text.len())?,
        None => "",
    };
    let named: Vec<String> = match (top.get(from), top.get(from + 1), top.get(from + 2)) {
        (Some(schema), Some(dot), Some(name)) if dot.is_sign('.') => vec![schema.name()?, name.name()?],
        (Some(name), ..) => vec![name.name()?],
        (None, ..) => return None,
    };
    Some(CountQuery { table: named.join("."), sql: format!("SELECT COUNT(*) FROM {relation}\n{condition}") })
}
