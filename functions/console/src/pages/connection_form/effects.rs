//! What saving a connection would mean, and what was tried.

use std::collections::BTreeSet;

use countersign_app::directory::Known;
use countersign_rules::UserId;
use countersign_rules::digest::sha256_hex;
use countersign_rules::display::display;
use countersign_storage::Connection;
use maud::{Markup, html};
use serde_json::{Map, Value};

use crate::pages::{proposal, words};

/// How many people are named.
const NAMED: usize = 8;

/// What it would be, without what changes with each saving: whoever saves it has seen just this.
pub(super) fn fingerprint(after: &Connection) -> String {
    let mut members = members(after);
    members.retain(|name, _| is_own(name));
    sha256_hex(Value::Object(members).to_string().as_bytes())
}

/// What saving it would mean.
pub(super) fn effects(
    before: Option<&Connection>,
    after: &Connection,
    known: &Known,
    warnings: &[String],
    save: &str,
) -> Markup {
    let changes = changes(before, after);
    html! {
        section.card role="status" aria-labelledby="effects" {
            h2 #effects { "If you save this" }
            @if changes.is_empty() { p.muted { "Nothing changes." } } @else {
                (proposal::table(&changes))
            }
            (asked(after, known))
            @if let Some(before) = before { (for_whom(before, after, known)) }
            @for warning in warnings { p.notice.wait { (words::ticked(warning)) } }
            @if !changes.is_empty() { p.hint { strong { "Nothing is saved yet." } " Press " (save) " below." } }
        }
    }
}

fn members(connection: &Connection) -> Map<String, Value> {
    match serde_json::to_value(connection) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    }
}

fn is_own(name: &str) -> bool {
    !matches!(name, "version" | "created_at" | "name")
}

/// Every member that differs.
fn changes(before: Option<&Connection>, after: &Connection) -> Vec<proposal::Row> {
    let was = before.map(members).unwrap_or_default();
    let is = members(after);
    let names: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
    let text = |value: Option<&Value>| value.map_or("—".to_owned(), |value| display(&words::value(value)));
    let differ = names.into_iter().filter(|name| is_own(name) && was.get(*name) != is.get(*name));
    differ.map(|name| (name.replace('_', " "), text(was.get(name)), text(is.get(name)))).collect()
}

/// Who is asked about requests.
fn reviewers(connection: &Connection, known: &Known) -> BTreeSet<UserId> {
    if connection.approvals { known.in_any(&connection.reviewers) } else { BTreeSet::new() }
}

/// Who may use it.
fn users(connection: &Connection, known: &Known) -> BTreeSet<UserId> {
    match connection.allowed_groups.is_empty() {
        true => known.humans.keys().copied().collect(),
        false => known.in_any(&connection.allowed_groups),
    }
}

/// Who asks nobody.
fn exempt(connection: &Connection, known: &Known) -> BTreeSet<UserId> {
    match connection.approvals {
        true => known.in_any(&connection.exempt_groups),
        false => users(connection, known),
    }
}

/// How many people it asks.
fn asked(connection: &Connection, known: &Known) -> Markup {
    if !connection.approvals {
        return html! { p { "It asks nobody: approvals are off." } };
    }
    html! {
        p { "Each request asks " strong { (words::people(reviewers(connection, known).len())) } ": "
            @for (number, group) in connection.reviewers.iter().enumerate() {
                @if number > 0 { ", " } (group) " (" (words::people(known.members(group))) ", " (connection.approvals_per_group) " needed)"
            } "."
        }
    }
}

/// Some of the people that a connection concerns.
type Who = fn(&Connection, &Known) -> BTreeSet<UserId>;

/// For whom something changes.
fn for_whom(before: &Connection, after: &Connection, known: &Known) -> Markup {
    let sides: [(&str, &str, Who); 3] = [
        ("Asked from now on: ", "No longer asked: ", reviewers),
        ("May use it from now on: ", "May no longer use it: ", users),
        ("Ask nobody from now on: ", "Need approval from now on: ", exempt),
    ];
    let moved = sides.iter().flat_map(|(joins, leaves, who)| {
        let (was, is) = (who(before, known), who(after, known));
        let new: Vec<UserId> = is.difference(&was).copied().collect();
        let gone: Vec<UserId> = was.difference(&is).copied().collect();
        [(*joins, new), (*leaves, gone)]
    });
    let elsewhere =
        before.kind != after.kind || before.target != after.target || before.secret != after.secret;
    let bound = before.max_rows != after.max_rows;
    html! {
        ul.notes {
            @for (what, people) in moved { @if !people.is_empty() { li { (what) (named(&people, known)) } } }
            @if elsewhere { li { "What waits or is approved there is cancelled when it would run: it was approved for another target." } }
            @else if bound { li { "Open requests are cancelled when they would run: they were approved under another row limit." } }
            @else { li { "What waits keeps the rules that held when it was submitted; people and guardrails are looked at again before it runs." } }
        }
    }
}

fn named(people: &[UserId], known: &Known) -> String {
    let email = |human: &UserId| {
        known.accounts.get(human).map_or_else(|| human.to_string(), |account| account.email.clone())
    };
    let names: Vec<String> = people.iter().take(NAMED).map(email).collect();
    match people.len().saturating_sub(NAMED) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

/// What masking leaves of a text.
pub(super) fn tried_text(masked: Option<&str>) -> Markup {
    html! {
        div role="status" {
            @match masked {
                Some(masked) => pre.text tabindex="0" role="group" aria-label="The text as it would be shown" { (display(masked)) },
                None => p.notice.bad { "It cannot be masked: nothing of such output would be shown." },
            }
        }
    }
}
