//! Changes of everything but requests, as an auditor reads them: who did what to what, and what it was before.

use std::collections::BTreeSet;

use countersign_app::directory::Known;
use countersign_app::refusals::STRANGER;
use countersign_rules::UserId;
use countersign_rules::Via;
use countersign_rules::display::display;
use countersign_rules::event::Actor;
use countersign_storage::audit::{AuditEvent, KINDS};
use maud::{Markup, html};
use serde_json::{Map, Value};

use super::words;

/// Of what was made or deleted, so many values stand open.
const MOST_OPEN: usize = 4;

/// What a viewer may follow.
pub(super) struct Links<'a> {
    /// Who is who.
    pub(super) known: Option<&'a Known>,
    /// Integrations are shown to admins alone.
    pub(super) is_admin: bool,
}

/// A row of what differs: what, before, after.
type Row = (String, String, String);

impl Links<'_> {
    /// An account by its address, with a link to it.
    fn account(&self, id: &str, email: Option<&str>) -> Markup {
        let user: Option<UserId> = id.parse().ok();
        let known =
            user.and_then(|user| self.known?.accounts.get(&user)).map(|account| account.email.as_str());
        html! {
            @match user {
                Some(_) => a href={ "/people/" (id) } title=(id) { (display(known.or(email).unwrap_or(id))) },
                None => (display(id)),
            }
        }
    }

    fn actor(&self, actor: &Actor) -> Markup {
        match actor {
            Actor::User { id, email } => self.account(&id.to_string(), Some(email)),
            Actor::System { system } if system == STRANGER => html! { "Somebody unknown" },
            Actor::System { .. } => html! { "The service" },
        }
    }

    /// What was changed, by the name that people know it by, with a link where it is still there to be seen.
    fn subject(&self, event: &AuditEvent) -> Markup {
        let said = |member: &str| {
            let side = |side: &str| event.data.get(side)?.get(member)?.as_str();
            side("after").or_else(|| side("before"))
        };
        let subject = event.subject.as_str();
        let name = |kind: &str| event.kind.starts_with(kind);
        if name("user.") || name("token.") || name("session.") || name("access.") || name("sign_in.") {
            return self.account(subject, said("email"));
        }
        let (shown, link) = match event.kind.as_str() {
            "connection.deleted" | "webhook.deleted" => (subject, None),
            "decision.refused" => (subject, Some(format!("/requests/{subject}"))),
            "request.refused" => (subject, Some(format!("/connections/{subject}"))),
            _ if name("connection.") => (subject, Some(format!("/connections/{subject}"))),
            _ if name("webhook.") => (
                said("name").unwrap_or(subject),
                self.is_admin.then(|| format!("/integrations/webhooks/{subject}")),
            ),
            _ if name("slack.") => ("Slack", self.is_admin.then(|| "/integrations".to_owned())),
            _ if name("teams.") => ("Teams", self.is_admin.then(|| "/integrations".to_owned())),
            _ => (subject, None),
        };
        html! {
            @match link {
                Some(link) => a href=(link) title=(subject) { (display(shown)) },
                None => span title=(subject) { (display(shown)) },
            }
        }
    }
}

/// A list of changes.
pub(super) fn list(changes: &[AuditEvent], links: &Links<'_>) -> Markup {
    html! {
        ol.votes {
            @for event in changes {
                li id=(event.id) {
                    p { (words::at(event.at)) " · " strong { (links.actor(&event.actor)) } " " (what(&event.kind)) " " (links.subject(event)) }
                    p.small.muted {
                        code { (event.kind) }
                        @if event.via != Via::System { " through " (words::via(event.via)) }
                        " · " span.mono { (event.id) }
                    }
                    (difference(event))
                }
            }
        }
    }
}

/// A kind in words; one that a newer version wrote is shown as it is.
pub(super) fn what(kind: &str) -> &str {
    KINDS.iter().find(|(known, _)| *known == kind).map_or(kind, |(_, said)| said)
}

fn difference(event: &AuditEvent) -> Markup {
    let rows = rows(&event.data);
    let has =
        |side: &str| event.data.get(side).and_then(Value::as_object).is_some_and(|side| !side.is_empty());
    // Of what was made, was deleted, or is told without what was before, only how it is or was can be shown.
    let is_compared = has("before") && has("after");
    let one = if has("before") { "Before" } else { "Value" };
    html! {
        @if is_compared {
            (table(event, &["Before", "After"], rows.iter().map(|(name, was, is)| (name, vec![was, is]))))
        } @else if !rows.is_empty() {
            @let told = rows.iter().map(|(name, was, is)| (name, vec![if has("before") { was } else { is }]));
            @if rows.len() <= MOST_OPEN { (table(event, &[one], told)) } @else {
                details.plotted { summary { "All of it: " (rows.len()) " values" } (table(event, &[one], told)) }
            }
        }
    }
}

fn table<'a>(
    event: &AuditEvent,
    head: &[&str],
    rows: impl Iterator<Item = (&'a String, Vec<&'a String>)>,
) -> Markup {
    html! {
        div.wide tabindex="0" role="group" aria-label={ "What differs, " (event.id) } {
            table.small {
                thead { tr { th scope="col" { "What" } @for name in head { th scope="col" { (name) } } } }
                tbody {
                    @for (name, values) in rows {
                        tr { th scope="row" { (name) } @for (value, name) in values.iter().zip(head) { td data-label=(name) { code { (value) } } } }
                    }
                }
            }
        }
    }
}

/// What differs, member by member, without the version, which differs always; and what else is told.
fn rows(data: &Value) -> Vec<Row> {
    let mut rows = Vec::new();
    let Some(data) = data.as_object() else { return rows };
    let empty = Map::new();
    let side = |name: &str| data.get(name).and_then(Value::as_object).unwrap_or(&empty);
    members("", side("before"), side("after"), &mut rows);
    for (name, value) in data {
        if !matches!(name.as_str(), "before" | "after" | "version") {
            members("", &empty, &Map::from_iter([(name.clone(), value.clone())]), &mut rows);
        }
    }
    rows
}

fn members(prefix: &str, before: &Map<String, Value>, after: &Map<String, Value>, rows: &mut Vec<Row>) {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for name in names {
        if prefix.is_empty() && name == "version" {
            continue;
        }
        let (was, is) = (before.get(name).unwrap_or(&Value::Null), after.get(name).unwrap_or(&Value::Null));
        if was == is {
            continue;
        }
        let said = format!("{prefix}{}", name.replace('_', " "));
        let empty = Map::new();
        let object = |value: &Value| match value {
            Value::Object(members) => Some(members.clone()),
            Value::Null => Some(empty.clone()),
            _ => None,
        };
        match (object(was), object(is)) {
            (Some(was), Some(is)) => members(&format!("{said}: "), &was, &is, rows),
            _ => rows.push((display(&said), text(was), text(is))),
        }
    }
}

/// A value as people read it, and what is in it.
fn text(value: &Value) -> String {
    match value {
        Value::Array(list) if !list.iter().all(Value::is_string) => {
            list.iter().map(text).collect::<Vec<_>>().join("; ")
        }
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| format!("{}: {}", display(name), text(value));
            members.iter().map(member).collect::<Vec<_>>().join(", ")
        }
        plain => display(&words::value(plain)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_differs_is_told_by_member_without_noise() {
        let data = json!({
            "before": { "groups": [], "version": 1, "masking": { "enabled": true, "entities": ["IBAN"] }, "email": "a@x" },
            "after": { "groups": ["dba"], "version": 2, "masking": { "enabled": false, "entities": ["IBAN"] }, "email": "a@x" },
            "tokens_made": [{ "name": "ci" }], "version": 2
        });
        let said =
            |what: &str, before: &str, after: &str| (what.to_owned(), before.to_owned(), after.to_owned());
        let expected = [
            said("groups", "none", "dba"),
            said("masking: enabled", "yes", "no"),
            said("tokens made", "—", "name: ci"),
        ];
        assert_eq!(rows(&data), expected);
    }

    #[test]
    fn nothing_that_was_written_is_mark_up() {
        let mut event = AuditEvent::new(
            "user.changed",
            &Default::default(),
            "usr_1",
            json!({
                "before": { "name": "Ann" }, "after": { "name": "<b>\u{202e}" }
            }),
        )
        .unwrap();
        event.kind = "<i>".to_owned();
        let links = Links { known: None, is_admin: false };
        let html = list(&[event], &links).into_string();
        assert!(
            html.contains("&lt;b&gt;&lt;U+202E&gt;") && html.contains("&lt;i&gt;") && !html.contains("<i>"),
            "{html}"
        );
    }
}
