//! What the stored text of a view or a trigger says, by its tokens.

use countersign_catalogue::{Trigger, TriggerEvent};
use countersign_guardrails::Dialect;
use countersign_guardrails::text::{Token, TokenKind, tokens};
use std::collections::BTreeSet;

/// The trigger that a `CREATE TRIGGER` makes. One that cannot be read waits for everything.
pub(super) fn trigger(name: String, sql: &str) -> Trigger {
    let found = tokens(sql, Dialect::Sqlite).ok().and_then(|tokens| waits_for(&tokens));
    let (events, columns) = match found {
        Some((event, columns)) => (BTreeSet::from([event]), columns),
        None => {
            (BTreeSet::from([TriggerEvent::Insert, TriggerEvent::Update, TriggerEvent::Delete]), Vec::new())
        }
    };
    Trigger { name, events, columns, function: None }
}

/// The event, and the columns of `UPDATE OF`. None of the three words is a name without quotes.
fn waits_for(tokens: &[Token<'_>]) -> Option<(TriggerEvent, Vec<String>)> {
    let event = |token: &Token<'_>| match token {
        token if token.is("INSERT") => Some(TriggerEvent::Insert),
        token if token.is("UPDATE") => Some(TriggerEvent::Update),
        token if token.is("DELETE") => Some(TriggerEvent::Delete),
        _ => None,
    };
    let (place, event) = tokens.iter().enumerate().find_map(|(place, token)| Some((place, event(token)?)))?;
    let mut rest = tokens.iter().skip(place + 1);
    let mut columns = Vec::new();
    if rest.next()?.is("OF") {
        let listed = rest.take_while(|token| !token.is("ON")).filter(|token| token.text != ",");
        columns.extend(listed.map(name));
    }
    Some((event, columns))
}

/// A name without its quotes.
fn name(token: &Token<'_>) -> String {
    let quote = match token.text.chars().next() {
        Some('[') => ']',
        Some(quote @ ('"' | '`' | '\'')) => quote,
        Some(_) | None => return token.text.to_owned(),
    };
    let inner = token.text.get(1..token.text.len().saturating_sub(1)).unwrap_or_default();
    inner.replace(&format!("{quote}{quote}"), &quote.to_string())
}

/// The query of a `CREATE VIEW`.
pub(super) fn query(sql: &str) -> Option<String> {
    let tokens = tokens(sql, Dialect::Sqlite).ok()?;
    // `AS` is no name without quotes, and stands nowhere in front of the query.
    let begins = tokens.iter().find(|token| token.kind == TokenKind::Word && token.is("AS"))?.end();
    sql.get(begins..).map(|query| query.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_event_of_a_trigger_is_the_one_in_front_of_its_table() {
        for (sql, event, columns) in [
            ("CREATE TRIGGER a AFTER DELETE ON t BEGIN UPDATE u SET x = 1; END", TriggerEvent::Delete, ""),
            (
                "CREATE TRIGGER \"insert\" BEFORE UPDATE OF a, \"b \"\"c\", [d] ON t BEGIN SELECT 1; END",
                TriggerEvent::Update,
                "a|b \"c|d",
            ),
            (
                "CREATE TRIGGER IF NOT EXISTS before INSTEAD OF INSERT ON v BEGIN DELETE FROM t; END",
                TriggerEvent::Insert,
                "",
            ),
            (
                "CREATE TRIGGER x /* DELETE */ -- DELETE\n UPDATE ON t WHEN new.a = 'DELETE' BEGIN SELECT 1; END",
                TriggerEvent::Update,
                "",
            ),
        ] {
            let found = trigger("x".to_owned(), sql);
            assert_eq!(
                (found.events, found.columns.join("|").as_str()),
                (BTreeSet::from([event]), columns),
                "{sql}"
            );
        }
        assert_eq!(trigger("x".to_owned(), "CREATE TRIGGER 'unclosed").events.len(), 3);
    }

    #[test]
    fn a_view_is_its_query() {
        for (sql, expected) in [
            ("CREATE VIEW v AS SELECT 1 AS x", "SELECT 1 AS x"),
            ("CREATE VIEW \"as\" (a, b) AS\n SELECT 1, 2", "SELECT 1, 2"),
            (
                "create temp view v as with q as (select 1) select * from q",
                "with q as (select 1) select * from q",
            ),
        ] {
            assert_eq!(query(sql).as_deref(), Some(expected), "{sql}");
        }
    }
}
