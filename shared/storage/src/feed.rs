//! The feed: everything that happened, by time. It is an index, so what was written a moment ago may not
//! be in it yet.

use std::collections::BTreeMap;

use countersign_rules::{Event, RequestId, Timestamp};

use crate::audit::{AuditEvent, audit_event_of};
use crate::codec::{self, Item, get_text, text};
use crate::{StorageError, StorageFuture, Store, keys, schema};

/// A commit of a request or another change, by its keys.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// Where it stands.
    pub pk: String,
    /// The same.
    pub sk: String,
}

/// What an entry of the feed stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recorded {
    /// The events of a commit.
    Commit(RequestId, Vec<Event>),
    /// Another change.
    Change(Box<AuditEvent>),
}

/// One call reads at most that many items, which may be large.
const AT_ONCE: usize = 50;

impl Store {
    /// Everything that the feed knows from `from` to before `to`, in the order of time.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn feed<'a>(&'a self, from: Timestamp, to: Timestamp) -> StorageFuture<'a, Vec<Entry>> {
        Box::pin(async move {
            let mut entries = Vec::new();
            let last = to.plus_millis(-1);
            let mut at = from;
            while at <= last {
                for shard in 0..keys::FEED_SHARDS {
                    let mut start = None;
                    loop {
                        let page = self.feed_page(at, shard, (from, last), None, start).await?;
                        entries.extend(page.0);
                        start = page.1;
                        if start.is_none() {
                            break;
                        }
                    }
                }
                at = next_day(at);
            }
            entries.sort();
            Ok(entries)
        })
    }

    /// When the first thing happened that the feed knows from `from` to before `to`.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn feed_next<'a>(&'a self, from: Timestamp, to: Timestamp) -> StorageFuture<'a, Option<Timestamp>> {
        Box::pin(async move {
            let last = to.plus_millis(-1);
            let mut at = from;
            while at <= last {
                let mut first: Option<Timestamp> = None;
                for shard in 0..keys::FEED_SHARDS {
                    let (entries, _) = self.feed_page(at, shard, (from, last), Some(1), None).await?;
                    first = first.into_iter().chain(entries.first().map(|entry| entry.at)).min();
                }
                if first.is_some() {
                    return Ok(first);
                }
                at = next_day(at);
            }
            Ok(None)
        })
    }

    async fn feed_page(
        &self,
        day_of: Timestamp,
        shard: u32,
        (from, last): (Timestamp, Timestamp),
        limit: Option<i32>,
        start: Option<Item>,
    ) -> Result<(Vec<Entry>, Option<Item>), StorageError> {
        let query = self
            .client
            .query()
            .index_name(schema::FEED.name)
            .key_condition_expression("#pk = :pk AND #sk BETWEEN :low AND :high")
            .expression_attribute_names("#pk", schema::FEED.partition_key)
            .expression_attribute_names("#sk", schema::FEED.sort_key)
            .expression_attribute_values(":pk", text(keys::feed(&keys::day(day_of), shard)))
            .expression_attribute_values(":low", text(from.rfc3339()))
            .expression_attribute_values(":high", text(format!("{}~", last.rfc3339())))
            .set_limit(limit)
            .set_exclusive_start_key(start);
        let (items, next) = self.query("feed", query).await?;
        let entries = items.iter().map(entry_of).collect::<Result<_, _>>()?;
        Ok((entries, next))
    }

    /// What the entries stand for, in their order.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`; [`StorageError::Corrupt`] if one is not there.
    pub fn recorded_at<'a>(&'a self, entries: &'a [Entry]) -> StorageFuture<'a, Vec<Recorded>> {
        Box::pin(async move {
            let mut found = Vec::with_capacity(entries.len());
            for some in entries.chunks(AT_ONCE) {
                let wanted = some.iter().map(|entry| codec::key(&entry.pk, &entry.sk)).collect();
                let items = self.batch_get("recorded", wanted).await?;
                let mut by_key = BTreeMap::new();
                for item in items {
                    let key =
                        (get_text(&item, schema::PK)?.to_owned(), get_text(&item, schema::SK)?.to_owned());
                    by_key.insert(key, recorded_of(&item)?);
                }
                for entry in some {
                    let one = by_key.remove(&(entry.pk.clone(), entry.sk.clone()));
                    found.push(one.ok_or_else(|| {
                        StorageError::Corrupt(format!(
                            "`{}` `{}` is in the feed and not in the table",
                            entry.pk, entry.sk
                        ))
                    })?);
                }
            }
            Ok(found)
        })
    }
}

fn recorded_of(item: &Item) -> Result<Recorded, StorageError> {
    let pk = get_text(item, schema::PK)?;
    match pk.strip_prefix("R#") {
        Some(ulid) => {
            codec::check_schema(item)?;
            let id = keys::request_id(ulid);
            let id = id.ok_or_else(|| StorageError::Corrupt(format!("`{pk}` names no request")))?;
            Ok(Recorded::Commit(id, crate::read::events_of(item)?))
        }
        None => Ok(Recorded::Change(Box::new(audit_event_of(item)?))),
    }
}

fn entry_of(item: &Item) -> Result<Entry, StorageError> {
    let at = get_text(item, schema::FEED.sort_key)?;
    let at = at.split('#').next().and_then(Timestamp::parse_rfc3339);
    Ok(Entry {
        at: at.ok_or_else(|| StorageError::Corrupt("an entry of the feed has no time".to_owned()))?,
        pk: get_text(item, schema::PK)?.to_owned(),
        sk: get_text(item, schema::SK)?.to_owned(),
    })
}

/// The first instant of the next day.
fn next_day(at: Timestamp) -> Timestamp {
    const DAY: i64 = 86_400_000;
    Timestamp::from_unix_millis((at.unix_millis().div_euclid(DAY) + 1) * DAY)
}
