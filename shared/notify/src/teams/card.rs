//! A request as an Adaptive Card.

use countersign_rules::Status;
use countersign_rules::display::display;
use serde_json::{Value, json};

use super::limits;
use crate::notice::{GroupNotice, Notice};

/// What is left of the limit for what a workflow adds.
const MOST_BYTES: usize = limits::BYTES - 2 * 1024;
/// How much of a command is shown where it does not fit.
const HEAD_CHARACTERS: usize = 2000;
const HEAD_LINES: usize = 40;

/// What is posted to the workflow for a request as it stands.
///
/// The card says of a command that is not shown whole, or that can deceive the eye, that its page does.
#[must_use]
pub fn card(notice: &Notice) -> Value {
    let mut posted = Value::Null;
    for (people, whole) in [(3, true), (1, true), (0, true), (3, false), (0, false)] {
        posted = envelope(draw(notice, people, whole));
        if posted.to_string().len() <= MOST_BYTES {
            break;
        }
    }
    posted
}

/// A test of the workflow, which is about no request.
#[must_use]
pub fn test(public_url: &str) -> Value {
    let said = "A test of Countersign. Nothing happened to any request.";
    envelope(content(vec![heading(said)], &format!("{public_url}/"), "Open Countersign"))
}

fn envelope(content: Value) -> Value {
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": content,
        }],
    })
}

fn content(body: Vec<Value>, url: &str, label: &str) -> Value {
    json!({
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": body,
        "actions": [{ "type": "Action.OpenUrl", "title": label, "url": url }],
        "msteams": { "width": "Full" },
    })
}

fn draw(notice: &Notice, people: usize, whole: bool) -> Value {
    let mut body = vec![heading(&format!("{} · {} · {}", notice.title(), notice.connection, notice.code()))];
    body.push(facts(notice));
    body.extend(command(notice, whole));
    let line = |group: &GroupNotice| run(&format!("{}\n", group.line(people)), "Default");
    if !notice.groups.is_empty() {
        body.push(rich(notice.groups.iter().map(line).collect()));
    }
    let ending: Vec<String> = notice.outcome.iter().cloned().chain(notice.time_left()).collect();
    if !ending.is_empty() {
        body.push(rich(vec![run(&ending.join("\n"), "Default")]));
    }
    let label = if notice.status == Status::Pending { "Review" } else { "Open" };
    // A vote that follows from here is known as one from Teams.
    content(body, &format!("{}?via=teams", notice.page), label)
}

fn command(notice: &Notice, whole: bool) -> Vec<Value> {
    let shown = display(&notice.command);
    let lines: Vec<&str> = shown.lines().collect();
    let short = lines.get(..HEAD_LINES.min(lines.len())).unwrap_or_default().join("\n");
    let head: String = short.chars().take(HEAD_CHARACTERS).collect();
    let all = whole || head.len() >= shown.trim_end_matches('\n').len();
    let mut blocks = vec![rich(vec![run(if all { &shown } else { &head }, "Monospace")])];
    if !all {
        let note =
            "⚠️ The command is longer than this card: only its beginning is shown. Its page shows it whole.";
        blocks.push(rich(vec![run(note, "Default")]));
    } else if let Some(obstacle) = notice.obstacle {
        let note = format!("⚠️ Read the command on its page, because {obstacle}.");
        blocks.push(rich(vec![run(&note, "Default")]));
    }
    blocks
}

fn facts(notice: &Notice) -> Value {
    let fact = |title: &str, value: &str| run(&format!("{title}: {value}\n"), "Default");
    let mut facts = vec![
        fact("Requester", &notice.requester),
        fact("Connection", &format!("{} ({})", notice.connection, notice.kind)),
    ];
    facts.extend(notice.reason.as_ref().map(|reason| fact("Reason", reason)));
    facts.extend(notice.risk.as_ref().map(|risk| fact("Risk", risk)));
    facts.extend(notice.run_mode.map(|mode| fact("Runs", mode)));
    facts.extend(notice.limit.as_ref().map(|limit| fact("Row limit", limit)));
    rich(facts)
}

/// A `TextBlock` reads mark-up, so it gets our own words and names only, which have none.
fn heading(text: &str) -> Value {
    json!({ "type": "TextBlock", "size": "Large", "weight": "Bolder", "wrap": true, "text": text })
}

/// Teams reads no mark-up in the runs of a `RichTextBlock`.
fn rich(inlines: Vec<Value>) -> Value {
    json!({ "type": "RichTextBlock", "inlines": inlines })
}

fn run(text: &str, font: &str) -> Value {
    // An empty run is refused by some clients.
    let text = if text.is_empty() { " " } else { text };
    json!({ "type": "TextRun", "text": text, "fontType": font })
}
