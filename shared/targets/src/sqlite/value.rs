//! SQLite's values as text.

use rusqlite::types::ValueRef;
use std::fmt::Write;

/// NULL is `None`; a blob is `\x` and hexadecimal digits, as PostgreSQL writes it; text that is not
/// UTF-8 gets replacement characters. `None` for a value that is not there.
pub(super) fn text(value: Option<ValueRef<'_>>) -> Option<String> {
    match value? {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string()),
        // `{:?}` keeps the point of `1.0` and writes the shortest text that reads back the same.
        ValueRef::Real(number) => Some(format!("{number:?}")),
        ValueRef::Text(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        ValueRef::Blob(bytes) => {
            let mut text = String::with_capacity(2 + 2 * bytes.len());
            text.push_str("\\x");
            for byte in bytes {
                // Writing to a String cannot fail.
                let _ = write!(text, "{byte:02x}");
            }
            Some(text)
        }
    }
}
