//! What a proposed change of the configuration changes, as a table. The whole of it is the command.

use countersign_app::App;
use countersign_app::four_eyes::{Change, Proposal};
use countersign_rules::display::display;
use maud::{Markup, html};
use serde_json::Value;

/// What whoever saves something should know, where it may have to wait.
pub(super) fn hint(app: &App) -> Markup {
    html! {
        @if app.config.admin_four_eyes {
            p.notice { "Here two admins have to agree: what changes rights or targets is proposed when you save it, and done once another admin approves it." }
        }
    }
}

/// What changes, what it is now, and what it would be.
pub(super) type Row = (String, String, String);

/// A table of what changes.
pub(super) fn table(rows: &[Row]) -> Markup {
    html! {
        div.wide tabindex="0" role="group" aria-label="What changes" {
            table {
                thead { tr { th scope="col" { "What" } th scope="col" { "Now" } th scope="col" { "Then" } } }
                tbody { @for (name, was, is) in rows { tr { th scope="row" { (name) } td { code { (was) } } td { code { (is) } } } } }
            }
        }
    }
}

/// The table of a proposal. One that cannot be read has none: then there is the command alone.
pub(super) fn difference(command: &str) -> Markup {
    let Ok(proposal) = Proposal::parse(command) else { return html! {} };
    let rows = proposal.difference.iter();
    let rows = rows.map(|(name, values)| (name.replace('_', " "), shown(&values.from), shown(&values.to)));
    html! {
        section.card aria-labelledby="difference" {
            h2 #difference { (title(&proposal)) }
            (table(&rows.collect::<Vec<Row>>()))
            p.hint { "It is done by itself as soon as another admin approves it, if nobody has changed the same meanwhile." }
        }
    }
}

fn title(proposal: &Proposal) -> Markup {
    let subject = display(&proposal.subject);
    html! {
        @match proposal.change {
            Change::ConnectionCreate => { "New connection " (subject) },
            Change::ConnectionUpdate => { "Connection " (subject) },
            Change::UserCreate => { "New account " span.mono.small { (subject) } },
            Change::UserUpdate => { "Account " span.mono.small { (subject) } },
            Change::SlackUpdate => "Settings of Slack",
        }
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "—".to_owned(),
        Value::String(text) => display(text),
        other => display(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_difference_has_its_row_and_nothing_written_is_mark_up() {
        let command = r#"{"change": "user.update", "subject": "usr_1", "affects": [],
            "difference": {"name": {"from": "<b>", "to": "a\u202eb"}, "groups": {"from": [], "to": ["dba"]}},
            "version": 1, "document": {}}"#;
        let html = difference(command).into_string();
        assert!(html.contains("&lt;b&gt;") && html.contains("a&lt;U+202E&gt;b"), "{html}");
        assert!(html.contains(r"[&quot;dba&quot;]"), "{html}");
        assert_eq!(difference("SELECT 1").into_string(), "");
    }
}
