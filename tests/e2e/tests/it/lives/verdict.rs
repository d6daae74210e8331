//! What must be true in the end.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use countersign_e2e::Answer;
use serde_json::Value;

use crate::lives::caller::Caller;
use crate::lives::life::{Life, command};

/// How often each life's command took effect.
pub(crate) fn effects(target: &Path) -> BTreeMap<u32, u32> {
    let database = rusqlite::Connection::open(target).unwrap();
    let mut query = database.prepare("SELECT life, count(*) FROM ran GROUP BY life").unwrap();
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

/// One correct end, in agreement with its audit trail, with every answer, and with the target.
pub(crate) fn judge(life: &Life, events: &[Value], ran: u32) {
    let state = life.last.state();
    let story = format!("life {} ({:?}): {state}, ran {ran} times, {events:#?}", life.number, life.plan);
    assert!(life.plan.ends().contains(&state), "{story}");
    match state {
        "SUCCEEDED" => assert_eq!(ran, 1, "{story}"),
        "UNKNOWN" => assert!(ran <= 1, "{story}"),
        _ => assert_eq!(ran, 0, "{story}"),
    }
    trail(events, state, &story);
    let (time, created_at) = (time_of_day_in(&life.id), life.last.text("/created_at"));
    assert!(created_at.ends_with(&time), "lists go by both, {time}: {story}");
    for (who, verb) in &life.votes {
        let stands = events.iter().filter(|event| {
            event["type"] == "request.vote"
                && event["actor"]["email"] == format!("{who}@example.com")
                && event["data"]["decision"] == *verb
        });
        assert_eq!(stands.count(), 1, "the vote of {who} was answered 200: {story}");
    }
    for answer in life.answers.iter().filter(|answer| answer.status < 300) {
        agrees(answer, &life.last, events, &story);
    }
}

/// The time of day in a ULID, which begins with 48 bits of milliseconds in Crockford's base 32.
fn time_of_day_in(id: &str) -> String {
    let ulid = id.strip_prefix("req_").unwrap();
    let digit = |digit: char| "0123456789ABCDEFGHJKMNPQRSTVWXYZ".find(digit).unwrap() as u64;
    let millis = ulid.chars().take(10).fold(0, |millis, next| millis * 32 + digit(next));
    let (seconds, rest) = (millis / 1000 % 86_400, millis % 1000);
    format!("T{:02}:{:02}:{:02}.{rest:03}Z", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// An unbroken chain from the creation to one end.
fn trail(events: &[Value], state: &str, story: &str) {
    let mut prev = "0".repeat(64);
    for (number, event) in (1..).zip(events) {
        assert_eq!(event["seq"], number, "{story}");
        assert_eq!(event["prev_hash"], prev.as_str(), "{story}");
        prev = event["hash"].as_str().unwrap().to_owned();
    }
    let types: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    let count = |name: &str| types.iter().filter(|it| **it == format!("request.{name}")).count();
    assert_eq!(count("created"), 1, "{story}");
    assert!(count("running") <= 1, "claimed once at most: {story}");
    let ends = ["succeeded", "failed", "rejected", "expired", "cancelled", "unknown"];
    assert_eq!(ends.map(count).iter().sum::<usize>(), 1, "one end: {story}");
    assert_eq!(types.last().copied(), Some(format!("request.{}", state.to_lowercase()).as_str()), "{story}");
    let ran = matches!(state, "SUCCEEDED" | "UNKNOWN");
    assert_eq!(count("running") == 1, ran, "{story}");
}

/// An answer with success was true then, and what it said has stood since.
fn agrees(answer: &Answer, last: &Answer, events: &[Value], story: &str) {
    let version = answer.json["version"].as_u64().unwrap();
    assert!(version <= last.json["version"].as_u64().unwrap(), "{answer:?}: {story}");
    for member in ["id", "digest", "command", "created_at", "expires_at"] {
        assert_eq!(answer.json[member], last.json[member], "{member}: {story}");
    }
    let said = answer.state();
    let happened = match said {
        // It shows from its instant on, before anybody has written it down.
        "EXPIRED" => last.state() == "EXPIRED",
        "PENDING" => true,
        other => events.iter().any(|event| event["type"] == format!("request.{}", other.to_lowercase())),
    };
    assert!(happened, "it was answered {said}: {story}");
}

/// As many requests as lives, whatever was asked again.
pub(crate) async fn nothing_was_submitted_twice(caller: &Caller, lives: &[Life]) {
    let mut commands = Vec::new();
    let mut cursor = String::new();
    loop {
        let path = format!("/v1/requests?limit=200{cursor}");
        let page = caller.call("audra", "GET", &path, None).await;
        assert_eq!(page.status, 200, "{page:?}");
        commands.extend(page.items().iter().map(|item| item["command"].as_str().unwrap().to_owned()));
        match page.text("/next_cursor") {
            "" => break,
            next => cursor = format!("&cursor={next}"),
        }
    }
    let expected: BTreeSet<String> = lives.iter().map(|life| command(life.number)).collect();
    assert_eq!(commands.len(), lives.len());
    assert_eq!(commands.into_iter().collect::<BTreeSet<_>>(), expected);
}
