//! What a proposed change of the configuration changes, as a table. The whole of it is the command.

use countersign_app::four_eyes::{Change, Proposal};
use countersign_app::view::RequestView;
use countersign_app::{App, Caller};
use countersign_rules::GroupName;
use countersign_rules::display::display;
use countersign_rules::request::CONFIGURATION_KIND;
use maud::{Markup, html};
use serde_json::Value;

use super::words;

/// What whoever saves something should know, where it may have to wait.
pub(super) async fn hint(app: &App, caller: &Caller) -> Markup {
    if !app.config.admin_four_eyes {
        return html! {};
    }
    let known = app.known_for_display().await;
    let human = caller.person().human;
    let alone = known.is_some_and(|known| known.who_can_approve(&GroupName::admins(), human).is_empty());
    html! {
        p.notice { "Here two admins have to agree: what changes rights or targets is proposed when you save it, and done once another admin approves it." }
        @if alone { p.notice.bad { strong { "There is no other admin: nobody could approve what you propose." } " A second one comes from the issuer's group of admins, or is made while " code { "COUNTERSIGN_ADMIN_FOUR_EYES" } " is off." } }
    }
}

/// What the button says that saves what was looked at.
pub(super) fn save_this(app: &App) -> &'static str {
    if app.config.admin_four_eyes { "Propose this" } else { "Save this" }
}

/// What changes, what it is now, and what it would be.
pub(super) type Row = (String, String, String);

/// A table of what changes.
pub(super) fn table(rows: &[Row]) -> Markup {
    html! {
        div.wide tabindex="0" role="group" aria-label="What changes" {
            table {
                thead { tr { th scope="col" { "What" } th scope="col" { "Now" } th scope="col" { "Then" } } }
                tbody { @for (name, was, is) in rows { tr { th scope="row" { (name) } td data-label="Now" { code { (was) } } td data-label="Then" { code { (is) } } } } }
            }
        }
    }
}

/// The table of a proposal. One that cannot be read has none: then there is the command alone.
pub(super) fn difference(view: &RequestView) -> Markup {
    let Ok(proposal) = Proposal::parse(&view.command) else { return html! {} };
    let shown = |value: &Value| display(&words::value(value));
    let rows = proposal.difference.iter();
    let rows = rows.map(|(name, values)| (name.replace('_', " "), shown(&values.from), shown(&values.to)));
    html! {
        section.card aria-labelledby="difference" {
            h2 #difference { (display(&title(&proposal))) }
            (table(&rows.collect::<Vec<Row>>()))
            @if !view.status.is_terminal() {
                p.hint { "It is done by itself as soon as another admin approves it, if nobody has changed the same meanwhile." }
            }
        }
    }
}

/// The command of a request in a list, if it is a proposal that can be read whole.
pub(super) fn in_a_line(view: &RequestView) -> Option<String> {
    if view.kind != CONFIGURATION_KIND || view.command_truncated {
        return None;
    }
    let proposal = Proposal::parse(&view.command).ok()?;
    let members: Vec<String> = proposal.difference.keys().map(|name| name.replace('_', " ")).collect();
    let members = match proposal.change {
        Change::ConnectionCreate | Change::UserCreate => String::new(),
        Change::ConnectionUpdate | Change::UserUpdate | Change::SlackUpdate => {
            format!(": {}", members.join(", "))
        }
    };
    Some(display(&format!("{}{members}", title(&proposal))))
}

/// What it is about: an account by its address, because nobody knows its id.
fn title(proposal: &Proposal) -> String {
    let subject = &proposal.subject;
    let email = proposal.document.get("email").and_then(Value::as_str).unwrap_or(subject);
    match proposal.change {
        Change::ConnectionCreate => format!("New connection {subject}"),
        Change::ConnectionUpdate => format!("Change of connection {subject}"),
        Change::UserCreate => format!("New account {email}"),
        Change::UserUpdate => format!("Change of account {email}"),
        Change::SlackUpdate => "Change of Slack".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proposal_is_titled_by_what_people_know_and_nothing_written_is_mark_up() {
        let command = r#"{"change": "user.update", "subject": "usr_1", "affects": [],
            "difference": {"name": {"from": "<b>", "to": "a\u202eb"}, "groups": {"from": [], "to": ["dba"]}},
            "version": 1, "document": {"email": "dana@example.com"}}"#;
        let proposal = Proposal::parse(command).unwrap();
        assert_eq!(title(&proposal), "Change of account dana@example.com");
        let rows = proposal.difference.iter().map(|(name, values)| {
            (name.clone(), display(&words::value(&values.from)), display(&words::value(&values.to)))
        });
        let html = table(&rows.collect::<Vec<Row>>()).into_string();
        assert!(html.contains("&lt;b&gt;") && html.contains("a&lt;U+202E&gt;b"), "{html}");
        assert!(html.contains("<code>none</code>") && html.contains("<code>dba</code>"), "{html}");
    }
}
