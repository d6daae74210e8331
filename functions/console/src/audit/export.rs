//! Everything that is needed to verify the log offline, as JSON lines in pages.

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use countersign_app::{App, Scope, errors};
use countersign_audit::record::{audit_line, checkpoint_line, event_line, first_line, last_line};
use countersign_audit::tiles::WIDTH;
use countersign_audit::{Checkpoint, Hash, PublicKey};
use countersign_http::Problem;
use countersign_http::openapi::{Malformed, Signed};
use countersign_rules::Timestamp;
use countersign_storage::feed::{Entry, Recorded};
use countersign_storage::log::{Head, Leaf, LeafTile};
use countersign_storage::{StorageError, Store};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::Value;

use countersign_app::query::Query;

/// A page ends behind the event that makes it longer than that; an answer may have 6 MB.
const PAGE_BYTES: usize = 2 * 1024 * 1024;
/// A part ends nowhere but where it was to end: it may be larger.
const PART_BYTES: usize = 4 * 1024 * 1024;
/// How many commits are read at once.
const AT_ONCE: usize = 50;

/// Where an export goes on, in a log that stays as long as it was when the export began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cursor {
    leaf: u64,
    size: u64,
    number: u64,
}

impl Cursor {
    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split('-').map(str::parse);
        let mut next = || numbers.next()?.ok();
        let cursor = Self { leaf: next()?, size: next()?, number: next()? };
        (cursor.leaf <= cursor.size && cursor.to_string() == text).then_some(cursor)
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}-{}", self.leaf, self.size, self.number)
    }
}

/// Exports all events with their signed checkpoints, as JSON lines in pages; for admins and auditors.
///
/// The pages behind each other are a file that `countersign audit verify` takes.
#[utoipa::path(
    get,
    path = "/v1/audit/export",
    operation_id = "export_audit",
    tag = "audit",
    params(("cursor" = Option<String>, Query, description = "The `Countersign-Next-Cursor` of the page before.")),
    responses(
        (status = 200, description = "A page: one object a line.", content((String = "application/jsonl")),
            headers(("Countersign-Next-Cursor" = String, description = "The `cursor` of the next page; not there at the end."))),
        Malformed, Signed
    )
)]
pub(crate) async fn export(
    State(app): State<App>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let (caller, _) = app.identify("audit export", Scope::Read, &headers, &[]).await?;
    caller.must_see_all()?;
    let query = Query::read(raw.as_deref(), &["cursor"], &[])?;
    let wrong = || Problem::bad_request("`cursor` must be the `Countersign-Next-Cursor` of the page before");
    let cursor = query.text("cursor").map(|text| Cursor::parse(text).ok_or_else(wrong)).transpose()?;
    let head = app.store.log_head().await.map_err(|error| errors::storage(&error))?;
    let head = head.unwrap_or_else(|| Head::new(app.store.new_log_origin(), app.now()));
    let newest = Cursor { leaf: 0, size: head.tree.size(), number: head.number };
    if cursor.is_some_and(|cursor| cursor.size > newest.size || cursor.number > newest.number) {
        return Err(wrong());
    }
    let page =
        page(&app.store, &head.origin, cursor, newest).await.map_err(|error| errors::storage(&error))?;
    let mut response = (StatusCode::OK, page.text).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/jsonl; charset=utf-8"));
    if let Some(Ok(next)) = page.next.map(|next| HeaderValue::from_str(&next.to_string())) {
        headers.insert(HeaderName::from_static("countersign-next-cursor"), next);
    }
    Ok(response)
}

struct Page {
    text: String,
    next: Option<Cursor>,
}

async fn page(
    store: &Store,
    origin: &str,
    cursor: Option<Cursor>,
    newest: Cursor,
) -> Result<Page, StorageError> {
    let mut text = String::new();
    let mut at = cursor.unwrap_or(newest);
    if cursor.is_none() {
        text += &beginning(store, origin, at.number).await?;
    }
    while at.leaf < at.size {
        if text.len() >= PAGE_BYTES {
            return Ok(Page { text, next: Some(at) });
        }
        let all = at.size;
        tile(store, &mut at, all, PAGE_BYTES, &mut text).await?;
    }
    text += &end(store, at).await?;
    Ok(Page { text, next: None })
}

async fn beginning(store: &Store, origin: &str, number: u64) -> Result<String, StorageError> {
    let keys = store.log_keys().await?;
    let keys: Vec<PublicKey> =
        keys.iter().filter(|key| key.since <= number).map(|key| key.public_key).collect();
    Ok(first_line(origin, &keys))
}

async fn end(store: &Store, Cursor { size, number, .. }: Cursor) -> Result<String, StorageError> {
    let latest = if number == 0 { None } else { store.log_checkpoint(number).await? };
    Ok(last_line(size, number, &latest.as_ref().map_or(Hash::ZERO, Checkpoint::hash)))
}

/// The part of an export with the leaves from `from` to before `to`, of the log as it was under a
/// checkpoint: parts behind each other are the export. None if it does not fit into an answer.
pub(crate) async fn part(
    store: &Store,
    origin: &str,
    latest: &Checkpoint,
    (from, to): (u64, u64),
) -> Result<Option<String>, StorageError> {
    let mut at = Cursor { leaf: from, size: latest.tree_size, number: latest.number };
    let mut text = if from == 0 { beginning(store, origin, at.number).await? } else { String::new() };
    while at.leaf < to {
        if text.len() >= PART_BYTES {
            return Ok(None);
        }
        tile(store, &mut at, to, PART_BYTES, &mut text).await?;
    }
    if to == at.size {
        text += &end(store, at).await?;
    }
    Ok(Some(text))
}

/// Writes what is left of a tile up to before the leaf `stop`, or as much of it as a text of `most` bytes takes.
async fn tile(
    store: &Store,
    at: &mut Cursor,
    stop: u64,
    most: usize,
    text: &mut String,
) -> Result<(), StorageError> {
    let index = at.leaf / WIDTH;
    let LeafTile { leaves, ends, .. } = store.leaf_tile(index).await?;
    let ends: Vec<u64> =
        ends.iter().filter(|(_, number)| *number <= at.number).map(|(_, number)| *number).collect();
    let checkpoints = store.log_checkpoints(&ends).await?;
    let end = stop.min((index + 1) * WIDTH);
    let skip = usize::try_from(at.leaf % WIDTH).unwrap_or(0);
    let count = usize::try_from(end - at.leaf).unwrap_or(0);
    let leaves = leaves.get(skip..skip + count);
    let leaves = leaves.ok_or_else(|| StorageError::Corrupt(format!("tile {index} of the log has holes")))?;
    for some in leaves.chunks(AT_ONCE) {
        for (leaf, recorded) in some.iter().zip(read(store, some).await?) {
            *text += &line(at.leaf, leaf, &recorded)?;
            at.leaf += 1;
            if let Some(checkpoint) = checkpoints.iter().find(|checkpoint| checkpoint.tree_size == at.leaf) {
                *text += &checkpoint_line(checkpoint);
            }
            if text.len() >= most {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// The items of these leaves; several leaves may be of one.
async fn read(store: &Store, leaves: &[Leaf]) -> Result<Vec<Recorded>, StorageError> {
    let entry =
        |leaf: &Leaf| Entry { at: Timestamp::from_unix_millis(0), pk: leaf.pk.clone(), sk: leaf.sk.clone() };
    let mut entries: Vec<Entry> = leaves.iter().map(entry).collect();
    entries.dedup();
    let recorded = store.recorded_at(&entries).await?;
    let mut found = entries.iter().zip(&recorded).peekable();
    let mut all = Vec::with_capacity(leaves.len());
    for leaf in leaves {
        // Leaves of one item stand behind each other.
        while found.next_if(|(entry, _)| entry.pk != leaf.pk || entry.sk != leaf.sk).is_some() {}
        let (_, recorded) =
            found.peek().ok_or_else(|| StorageError::Corrupt("a leaf leads nowhere".to_owned()))?;
        all.push((*recorded).clone());
    }
    Ok(all)
}

fn line(place: u64, leaf: &Leaf, recorded: &Recorded) -> Result<String, StorageError> {
    let json = |value: Result<Value, serde_json::Error>| {
        value.map_err(|error| StorageError::Corrupt(format!("an event cannot be written: {error}")))
    };
    match recorded {
        Recorded::Change(event) => Ok(audit_line(place, &json(serde_json::to_value(event))?)),
        Recorded::Commit(id, events) => {
            let nth = usize::try_from(leaf.nth).unwrap_or(usize::MAX);
            let event = events.get(nth);
            let event = event.ok_or_else(|| StorageError::Corrupt(format!("an event of `{id}` is gone")))?;
            Ok(event_line(place, &id.to_string(), &json(serde_json::to_value(event))?))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_has_one_spelling() {
        let cursor = Cursor { leaf: 7, size: 300, number: 4 };
        assert_eq!(Cursor::parse(&cursor.to_string()), Some(cursor));
        for wrong in ["", "7", "7-300", "7-300-4-1", "07-300-4", "301-300-4", "a-b-c", "-1-2-3"] {
            assert_eq!(Cursor::parse(wrong), None, "{wrong}");
        }
    }
}
