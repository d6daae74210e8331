//! The pieces of a message. Text is put into `rich_text` and `plain_text` only: Slack reads no mark-up
//! there, so `<!channel>`, `<url|text>` and back-ticks are what they look like.

use countersign_rules::Timestamp;
use serde_json::{Value, json};

use crate::words;

/// A header: one line in large letters.
#[must_use]
pub fn header(text: &str) -> Value {
    json!({ "type": "header", "text": plain(text, true) })
}

/// Plain text; emoji only where the text is ours.
#[must_use]
pub fn plain(text: &str, emoji: bool) -> Value {
    json!({ "type": "plain_text", "text": text, "emoji": emoji })
}

/// A block of rich text.
#[must_use]
pub fn rich_text(elements: Vec<Value>) -> Value {
    json!({ "type": "rich_text", "elements": elements })
}

/// A paragraph of rich text.
#[must_use]
pub fn section(elements: Vec<Value>) -> Value {
    json!({ "type": "rich_text_section", "elements": elements })
}

/// Text exactly as it is, in a font of fixed width.
#[must_use]
pub fn preformatted(text: &str) -> Value {
    json!({ "type": "rich_text_preformatted", "elements": [words(text)] })
}

/// A run of text.
#[must_use]
pub fn words(text: &str) -> Value {
    json!({ "type": "text", "text": text })
}

/// A run of text in bold letters.
#[must_use]
pub fn bold(text: &str) -> Value {
    json!({ "type": "text", "text": text, "style": { "bold": true } })
}

/// An instant in the reader's own time zone.
#[must_use]
pub fn date(at: Timestamp) -> Value {
    json!({
        "type": "date",
        "timestamp": at.unix_millis().div_euclid(1000),
        "format": "{date_short_pretty} {time}",
        "fallback": words::moment(at),
    })
}

/// A row of buttons.
#[must_use]
pub fn actions(block_id: &str, elements: Vec<Value>) -> Value {
    json!({ "type": "actions", "block_id": block_id, "elements": elements })
}

/// How a button looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// As any.
    Plain,
    /// As the one to press.
    Primary,
    /// As one to think about.
    Danger,
}

/// A button that tells us that it was pressed.
#[must_use]
pub fn button(action_id: &str, label: &str, look: Look, value: &str) -> Value {
    let mut button =
        json!({ "type": "button", "action_id": action_id, "text": plain(label, true), "value": value });
    dress(&mut button, look);
    button
}

/// A button that opens a page.
#[must_use]
pub fn link(action_id: &str, label: &str, look: Look, url: &str) -> Value {
    let mut button =
        json!({ "type": "button", "action_id": action_id, "text": plain(label, true), "url": url });
    dress(&mut button, look);
    button
}

fn dress(button: &mut Value, look: Look) {
    let style = match look {
        Look::Plain => return,
        Look::Primary => "primary",
        Look::Danger => "danger",
    };
    if let Some(button) = button.as_object_mut() {
        button.insert("style".to_owned(), style.into());
    }
}

/// Our own words for a place where Slack reads mark-up: the `text` that notifications show.
#[must_use]
pub fn escaped(text: &str) -> String {
    // Slack's three control characters; without `<` there is no mention and no link.
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
