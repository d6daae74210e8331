//! A request as a message.

use countersign_rules::Status;
use countersign_rules::display::display;
use serde_json::{Value, json};

use crate::notice::{Notice, Until};
use crate::slack::button::{APPROVE, OPEN, REJECT, Subject};
use crate::slack::limits;
use crate::slack::rich::{
    Look, actions, bold, button, date, escaped, header, link, plain, preformatted, rich_text, section, words,
};
use crate::words::{duration, seconds_between};

/// How much of a command is shown where it cannot be shown whole.
const HEAD_CHARACTERS: usize = 700;
const HEAD_LINES: usize = 15;
/// What a message weighs at the most: less than Slack takes, because its figure is not documented.
pub const MOST_WEIGHT: usize = 12_500;

/// A message as `chat.postMessage` and `chat.update` take it.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// What notifications show, and those who see no blocks.
    pub text: String,
    /// What is shown.
    pub blocks: Vec<Value>,
}

/// For whom a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// Whoever may decide: a channel, or somebody who has subscribed.
    Reviewer,
    /// Whoever asked.
    Requester,
}

/// How much of it is said, from everything on down.
#[derive(Debug, Clone, Copy)]
struct Detail {
    people: usize,
    whole_command: bool,
}

/// The request as a message for that reader.
///
/// **P8**: there is an Approve button only if the command is there whole, and legible.
#[must_use]
pub fn message(notice: &Notice, reader: Reader) -> Message {
    let text = escaped(&format!(
        "{}: {} on {} by {}",
        notice.title(),
        notice.code(),
        notice.connection,
        notice.requester
    ));
    let whole_command = notice.obstacle.is_none();
    let mut blocks = Vec::new();
    let details = [3, 1, 0].map(|people| Detail { people, whole_command });
    for detail in details.into_iter().chain([Detail { people: 0, whole_command: false }]) {
        blocks = draw(notice, reader, detail);
        if limits::weight(&blocks) <= MOST_WEIGHT {
            break;
        }
    }
    Message { text, blocks }
}

fn draw(notice: &Notice, reader: Reader, detail: Detail) -> Vec<Value> {
    let mut blocks = vec![header(&format!("{} · {} · {}", notice.title(), notice.connection, notice.code()))];
    blocks.push(rich_text(vec![section(facts(notice))]));
    blocks.push(rich_text(command(notice, detail.whole_command)));
    if let Some(groups) = groups(notice, detail.people) {
        blocks.push(rich_text(vec![section(groups)]));
    }
    if let Some(end) = ending(notice) {
        blocks.push(rich_text(vec![section(end)]));
    }
    blocks.push(actions("decide", buttons(notice, reader, detail.whole_command)));
    blocks
}

fn facts(notice: &Notice) -> Vec<Value> {
    let mut facts = vec![
        bold("Requester "),
        words(&notice.requester),
        bold("\nConnection "),
        words(&format!("{} ({})", notice.connection, notice.kind)),
    ];
    if let Some(reason) = &notice.reason {
        facts.extend([bold("\nReason "), words(reason)]);
    }
    if let Some(risk) = &notice.risk {
        facts.extend([bold("\nRisk "), words(risk)]);
    }
    if let Some(mode) = notice.run_mode {
        facts.extend([bold("\nRuns "), words(mode)]);
    }
    if let Some(limit) = &notice.limit {
        facts.extend([bold("\nRow limit "), words(limit)]);
    }
    facts
}

fn command(notice: &Notice, whole: bool) -> Vec<Value> {
    let shown = display(&notice.command);
    // Slack takes no empty text.
    let shown = if shown.is_empty() { " ".to_owned() } else { shown };
    if whole {
        return vec![preformatted(&shown)];
    }
    let head = head(&shown);
    let all = head.len() == shown.len();
    let why = match notice.obstacle {
        Some(obstacle) => format!("{obstacle}"),
        None => "it is longer than fits into a message".to_owned(),
    };
    let amount = if all { "" } else { "Only the beginning of the command is shown here. " };
    let note = if notice.status == Status::Pending {
        format!(
            "⚠️ {amount}It cannot be approved from a message, because {why}. Its page shows every byte of it."
        )
    } else {
        format!("{amount}Its page shows every byte of it.")
    };
    let head = if all { shown } else { format!("{head}\n…") };
    vec![preformatted(&head), section(vec![words(&note)])]
}

/// The first lines of a command, as far as they go.
fn head(shown: &str) -> &str {
    let by_characters = shown.char_indices().nth(HEAD_CHARACTERS).map_or(shown.len(), |(at, _)| at);
    let by_lines = shown.match_indices('\n').nth(HEAD_LINES - 1).map_or(shown.len(), |(at, _)| at);
    shown.get(..by_characters.min(by_lines)).unwrap_or_default()
}

fn groups(notice: &Notice, people: usize) -> Option<Vec<Value>> {
    let lines: Vec<String> = notice.groups.iter().map(|group| group.line(people)).collect();
    (!lines.is_empty()).then(|| vec![bold("Reviewers\n"), words(&lines.join("\n"))])
}

fn ending(notice: &Notice) -> Option<Vec<Value>> {
    let mut said = Vec::new();
    if let Some(outcome) = &notice.outcome {
        said.push(words(outcome));
    }
    if let Some(until) = notice.until {
        let left = duration(seconds_between(notice.now, until.at()));
        let what = match until {
            Until::Votes(_) => "left to decide, until ",
            Until::Run(_) => "left to run it, until ",
        };
        let space = if said.is_empty() { "" } else { "\n" };
        said.extend([words(&format!("{space}🕑 {left} {what}")), date(until.at())]);
    }
    (!said.is_empty()).then_some(said)
}

fn buttons(notice: &Notice, reader: Reader, whole: bool) -> Vec<Value> {
    let value = Subject { request: notice.id, digest: notice.digest }.to_string();
    let decides = notice.status == Status::Pending && reader == Reader::Reviewer;
    let mut buttons = Vec::new();
    if decides && whole && notice.may_be_approved_here() {
        buttons.push(button(APPROVE, "Approve", Look::Primary, &value));
    }
    if decides {
        buttons.push(button(REJECT, "Reject…", Look::Danger, &value));
    }
    let (label, look) = match (decides, buttons.len()) {
        (true, 1) => ("Read it whole and decide", Look::Primary),
        _ => ("Open", Look::Plain),
    };
    buttons.push(link(OPEN, label, look, &notice.page));
    buttons
}

/// What is said again while a request waits: who is awaited, and how long there is.
#[must_use]
pub fn reminder(notice: &Notice) -> Message {
    let waiting = notice.groups.iter().filter(|group| group.approved_by.len() < group.required);
    let names: Vec<String> = waiting.map(|group| group.name.to_string()).collect();
    let names = crate::words::some_of(&names, 10);
    let left = notice.until.map_or_else(String::new, |until| {
        format!(" {} left.", duration(seconds_between(notice.now, until.at())))
    });
    let said = format!("⏰ {} on {} still waits for {names}.{left}", notice.code(), notice.connection);
    let blocks = vec![
        rich_text(vec![section(vec![words(&said)])]),
        actions("remind", vec![link(OPEN, "Open", Look::Plain, &notice.page)]),
    ];
    Message { text: escaped(&said), blocks }
}

/// A message that is nothing but words of ours, for one person's eyes.
#[must_use]
pub fn ephemeral(said: &str) -> Value {
    json!({
        "response_type": "ephemeral",
        "replace_original": false,
        "delete_original": false,
        "text": escaped(said),
        "blocks": [{ "type": "section", "text": plain(&crate::words::lines(said, 2900), false) }],
    })
}

/// What the requester is told below their message when it ended: an update alone makes no sound.
#[must_use]
pub fn notes(notice: &Notice) -> Message {
    let outcome = notice.outcome.as_deref().unwrap_or_default();
    let said = format!("{} on {}: {outcome}", notice.code(), notice.connection);
    Message { text: escaped(&said), blocks: vec![rich_text(vec![section(vec![words(&said)])])] }
}

/// The block of a test.
#[must_use]
pub fn words_of_ours() -> Value {
    rich_text(vec![section(vec![words("👋 A test of Countersign. Nothing happened to any request.")])])
}
