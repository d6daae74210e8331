//! JSON inside a cell: masked by key names and by what is in the values, and still JSON afterwards.

use serde::de::IgnoredAny;

use crate::Counts;
use crate::bytes::{at, part, run_end};
use crate::masker::{Inner, MaskError};
use crate::scan::Context;

/// JSON in a string in JSON is looked into so deep.
const NESTED_MOST: u8 = 4;

/// Masks `cell` if it is a JSON object or array; otherwise it answers `None`.
pub(crate) fn mask(inner: &Inner, cell: &str, counts: &mut Counts) -> Result<Option<String>, MaskError> {
    nested(inner, cell, counts, NESTED_MOST)
}

fn nested(inner: &Inner, text: &str, counts: &mut Counts, depth: u8) -> Result<Option<String>, MaskError> {
    let is_json = matches!(at(text.trim_ascii_start().as_bytes(), 0), b'{' | b'[')
        && depth > 0
        && serde_json::from_str::<IgnoredAny>(text).is_ok();
    if !is_json {
        return Ok(None);
    }
    let mut walk = Walk { inner, text: text.as_bytes(), from: 0, out: Vec::with_capacity(text.len()), depth };
    walk.all(counts)?;
    String::from_utf8(walk.out).map(Some).map_err(|_| MaskError::NotUtf8)
}

/// Goes through a text that is known to be JSON, token by token: no recursion, whatever its depth.
struct Walk<'a> {
    inner: &'a Inner,
    text: &'a [u8],
    from: usize,
    out: Vec<u8>,
    depth: u8,
}

impl Walk<'_> {
    fn all(&mut self, counts: &mut Counts) -> Result<(), MaskError> {
        let mut key: Option<String> = None;
        while self.from < self.text.len() {
            match at(self.text, self.from) {
                b'"' => {
                    let end = string_end(self.text, self.from);
                    let colon = run_end(self.text, end, self.text.len(), |byte| byte.is_ascii_whitespace());
                    if at(self.text, colon) == b':' {
                        key = Some(self.key(end, colon, counts)?);
                    } else {
                        self.value(end, key.take().as_deref(), counts)?;
                    }
                }
                byte if byte.is_ascii_whitespace() => self.copy(self.from + 1),
                // Brackets and commas; values within an array have no key of their own.
                b'[' | b'{' | b']' | b'}' | b',' => {
                    key = None;
                    self.copy(self.from + 1);
                }
                _ => {
                    let end = scalar_end(self.text, self.from);
                    self.value(end, key.take().as_deref(), counts)?;
                }
            }
        }
        Ok(())
    }

    fn copy(&mut self, to: usize) {
        self.out.extend_from_slice(part(self.text, self.from, to));
        self.from = to.max(self.from + 1);
    }

    /// A key up to its colon; if its name tells what the value is, the value as well.
    fn key(&mut self, end: usize, colon: usize, counts: &mut Counts) -> Result<String, MaskError> {
        let key = unescape(part(self.text, self.from, end));
        self.value(end, None, counts)?;
        self.copy(colon + 1);
        let first = run_end(self.text, colon + 1, self.text.len(), |byte| byte.is_ascii_whitespace());
        if first > self.from {
            self.copy(first);
        }
        if let Some(entity) = self.inner.names.of_key(&key) {
            let end = value_end(self.text, first);
            let raw = part(self.text, first, end);
            let kept = matches!(raw, b"null" | b"true" | b"false" | b"\"\"" | b"[]" | b"{}");
            let value = unescape(raw);
            if kept {
                self.copy(end);
            } else {
                let masked = self.inner.whole(entity, &value, counts);
                self.put(raw, &value, masked, end);
            }
        }
        Ok(key)
    }

    /// A string or a scalar, by what is in it.
    fn value(&mut self, end: usize, key: Option<&str>, counts: &mut Counts) -> Result<(), MaskError> {
        let raw = part(self.text, self.from, end);
        let value = unescape(raw);
        let known = key.map_or(Context::NONE, |key| self.inner.recognisers.context_of_name(key));
        let masked = match nested(self.inner, &value, counts, self.depth - 1)? {
            Some(masked) => masked,
            None => self.inner.text(&value, known, counts)?,
        };
        self.put(raw, &value, masked, end);
        Ok(())
    }

    /// Writes `masked` as a string, or what was there where nothing was masked.
    fn put(&mut self, raw: &[u8], value: &str, masked: String, end: usize) {
        if masked == value {
            self.out.extend_from_slice(raw);
        } else {
            // A `Value` prints without an error to handle.
            self.out.extend_from_slice(serde_json::Value::String(masked).to_string().as_bytes());
        }
        self.from = end.max(self.from + 1);
    }
}

/// What a string says; of anything else, and of a string that says no text, its characters.
fn unescape(raw: &[u8]) -> String {
    serde_json::from_slice::<String>(raw).unwrap_or_else(|_| String::from_utf8_lossy(raw).into_owned())
}

/// The end of the string that begins at `from`.
fn string_end(text: &[u8], from: usize) -> usize {
    let mut end = from + 1;
    while end < text.len() && at(text, end) != b'"' {
        end += if at(text, end) == b'\\' { 2 } else { 1 };
    }
    (end + 1).min(text.len())
}

fn scalar_end(text: &[u8], from: usize) -> usize {
    let like = |byte: u8| !byte.is_ascii_whitespace() && !b",]}:".contains(&byte);
    run_end(text, from, text.len(), like).max(from + 1)
}

/// The end of the value that begins at `from`, with everything in it.
fn value_end(text: &[u8], from: usize) -> usize {
    let mut depth = 0_usize;
    let mut end = from;
    while end < text.len() {
        match at(text, end) {
            b'"' => end = string_end(text, end),
            b'[' | b'{' => {
                depth += 1;
                end += 1;
            }
            b']' | b'}' => {
                depth = depth.saturating_sub(1);
                end += 1;
            }
            b',' | b':' => end += 1,
            byte if byte.is_ascii_whitespace() => end += 1,
            _ => end = scalar_end(text, end),
        }
        if depth == 0 {
            break;
        }
    }
    end
}
