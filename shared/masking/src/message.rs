//! Values in the error messages of databases, which name the column beside them.
//!
//! ```text
//! PostgreSQL  Key (email)=(jo@example.com) already exists.
//! PostgreSQL  Failing row contains (7, Jo, null).
//! MySQL       Duplicate entry 'jo@example.com' for key 'users.email'
//! ```

use crate::bytes::part;
use crate::masker::Inner;
use crate::row::ColumnInfo;
use crate::{Counts, Entity};

/// Masks what is masked by the names of columns; the recognisers come after.
pub(crate) fn mask(inner: &Inner, text: &str, counts: &mut Counts) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut from = 0;
    while let Some((start, end, entity)) = next(inner, bytes, from) {
        out.extend_from_slice(part(bytes, from, start));
        let value = String::from_utf8_lossy(part(bytes, start, end));
        out.extend_from_slice(inner.whole(entity, &value, counts).as_bytes());
        from = end;
    }
    out.extend_from_slice(part(bytes, from, bytes.len()));
    String::from_utf8_lossy(&out).into_owned()
}

/// The next value that a name beside it tells.
fn next(inner: &Inner, text: &[u8], from: usize) -> Option<(usize, usize, Entity)> {
    [key(inner, text, from), row(inner, text, from), duplicate(inner, text, from)]
        .into_iter()
        .flatten()
        .min_by_key(|(start, ..)| *start)
}

fn find(text: &[u8], from: usize, what: &[u8]) -> Option<usize> {
    memchr::memmem::find(part(text, from, text.len()), what).map(|index| from + index)
}

/// The end of the line, without the bracket and the words behind it.
fn last_bracket(text: &[u8], from: usize) -> usize {
    let line = memchr::memchr(b'\n', part(text, from, text.len())).map_or(text.len(), |end| from + end);
    memchr::memrchr(b')', part(text, from, line)).map_or(line, |end| from + end)
}

/// `Key (a, b)=(1, 2)`: values are not quoted, so with several columns all are masked or none.
fn key(inner: &Inner, text: &[u8], mut from: usize) -> Option<(usize, usize, Entity)> {
    loop {
        let names = find(text, from, b"Key (")? + 5;
        let sign = find(text, names, b")=(")?;
        let columns = String::from_utf8_lossy(part(text, names, sign));
        let entity = columns.split(',').find_map(|column| {
            // An index over an expression: `lower(email)`.
            let words = column.split(|character: char| !character.is_alphanumeric() && character != '_');
            words.filter(|word| !word.is_empty()).find_map(|name| column_entity(inner, name))
        });
        let start = sign + 3;
        if let Some(entity) = entity {
            return Some((start, last_bracket(text, start), entity));
        }
        from = start;
    }
}

/// `Failing row contains (…)`: which value is in which column is not told.
fn row(inner: &Inner, text: &[u8], from: usize) -> Option<(usize, usize, Entity)> {
    let start = find(text, from, b"Failing row contains (")? + 22;
    inner.entities.has(Entity::Row).then(|| (start, last_bracket(text, start), Entity::Row))
}

/// `Duplicate entry '…' for key 'users.email'`.
fn duplicate(inner: &Inner, text: &[u8], mut from: usize) -> Option<(usize, usize, Entity)> {
    loop {
        let start = find(text, from, b"Duplicate entry '")? + 17;
        let end = find(text, start, b"' for key '")?;
        let name_start = end + 11;
        let name_end = find(text, name_start, b"'").unwrap_or(text.len());
        let index = String::from_utf8_lossy(part(text, name_start, name_end)).into_owned();
        let name = index.rsplit('.').next().unwrap_or_default().to_owned();
        // An index is often called after its column: `users_email_key`, `idx_email`.
        let words: Vec<&str> =
            name.split('_').filter(|word| !matches!(*word, "key" | "idx" | "unique" | "uq")).collect();
        if let Some(entity) = column_entity(inner, &name).or_else(|| column_entity(inner, &words.join("_"))) {
            return Some((start, end, entity));
        }
        from = name_end;
    }
}

fn column_entity(inner: &Inner, name: &str) -> Option<Entity> {
    inner.names.of_column(&ColumnInfo { name: name.to_owned(), ..ColumnInfo::default() })
}
