//! What the webhook of a workflow takes. The tests and the stand-in check every card by this, and
//! besides by the official schema.

use serde_json::Value;

/// Bytes of everything that is posted.
pub const BYTES: usize = 28 * 1024;

/// What Teams would not take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Violation(String);

/// Checks what is posted, and gives the card in it.
///
/// # Errors
/// [`Violation`].
pub fn check(body: &[u8]) -> Result<Value, Violation> {
    let wrong = |what: &str| Violation(what.to_owned());
    if body.len() > BYTES {
        return Err(Violation(format!("{} bytes, the most is {BYTES}", body.len())));
    }
    let posted: Value = serde_json::from_slice(body).map_err(|_| wrong("no JSON"))?;
    let is =
        |pointer: &str, expected: &str| posted.pointer(pointer).and_then(Value::as_str) == Some(expected);
    if !is("/type", "message") {
        return Err(wrong("the root must be a message with the card attached, not the card"));
    }
    let attachments = posted.pointer("/attachments").and_then(Value::as_array);
    if attachments.map(Vec::len) != Some(1) {
        return Err(wrong("expected one attachment"));
    }
    if !is("/attachments/0/contentType", "application/vnd.microsoft.card.adaptive") {
        return Err(wrong("the attachment is no Adaptive Card"));
    }
    let card = posted.pointer("/attachments/0/content").ok_or_else(|| wrong("no card"))?;
    if !is("/attachments/0/content/type", "AdaptiveCard") || !is("/attachments/0/content/version", "1.4") {
        return Err(wrong("expected an AdaptiveCard of version 1.4"));
    }
    let actions = card.get("actions").and_then(Value::as_array).into_iter().flatten();
    for action in actions {
        if action.get("type").and_then(Value::as_str) != Some("Action.OpenUrl") {
            return Err(wrong("without a bot only Action.OpenUrl works"));
        }
    }
    Ok(card.clone())
}
