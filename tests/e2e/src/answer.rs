//! What a call was answered with.

use serde_json::Value;

/// An answer: status, headers and JSON.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: reqwest::header::HeaderMap,
    /// The body, null if it was none.
    pub json: Value,
}

impl Answer {
    /// A text member at a JSON pointer; empty if it is not there.
    #[must_use]
    pub fn text(&self, pointer: &str) -> &str {
        text_at(&self.json, pointer)
    }

    /// The `status` member.
    #[must_use]
    pub fn state(&self) -> &str {
        self.text("/status")
    }

    /// The last part of a problem's `type`.
    #[must_use]
    pub fn slug(&self) -> &str {
        self.text("/type").rsplit('/').next().unwrap_or_default()
    }

    /// A header's value; empty if it is not there.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The members `items` of a list.
    #[must_use]
    pub fn items(&self) -> &[Value] {
        self.json.get("items").and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }
}

pub(crate) fn text_at<'a>(json: &'a Value, pointer: &str) -> &'a str {
    json.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}
