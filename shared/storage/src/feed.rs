//! Every commit by time, for whoever makes sure that nothing was missed.

use countersign_rules::{Event, RequestId, Timestamp};
use futures::future::try_join_all;

use crate::codec::{self, Item, get_text, text};
use crate::{StorageError, Store, keys, schema};

/// A commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommitRef {
    /// Of which request.
    pub request: RequestId,
    /// The version of the request right after it.
    pub version: u64,
}

const LOOKED_UNTIL: &str = "at";
const MILLIS_OF_DAY: i64 = 86_400_000;

impl Store {
    /// The commits whose last event came from `from` on and before `to`, by what the feed index knows
    /// by now. The window should be short: all of them are in memory at once.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub async fn commits_between(
        &self,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<CommitRef>, StorageError> {
        let mut found = Vec::new();
        let mut day = from;
        while keys::day(day) <= keys::day(to) {
            let shards = (0..keys::FEED_SHARDS).map(|shard| self.commits_of_shard(day, shard, from, to));
            found.extend(try_join_all(shards).await?.into_iter().flatten());
            day = day.plus_millis(MILLIS_OF_DAY);
        }
        Ok(found)
    }

    async fn commits_of_shard(
        &self,
        day: Timestamp,
        shard: u32,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<CommitRef>, StorageError> {
        let mut found = Vec::new();
        let mut start: Option<Item> = None;
        loop {
            let query = self
                .client
                .query()
                .index_name(schema::FEED.name)
                .key_condition_expression("#pk = :pk AND #sk BETWEEN :low AND :high")
                .expression_attribute_names("#pk", schema::FEED.partition_key)
                .expression_attribute_names("#sk", schema::FEED.sort_key)
                .expression_attribute_values(":pk", text(keys::feed(&keys::day(day), shard)))
                .expression_attribute_values(":low", text(from.rfc3339()))
                .expression_attribute_values(":high", text(to.rfc3339()))
                .set_exclusive_start_key(start);
            let (items, next) = self.query("feed", query).await?;
            for item in &items {
                found.push(commit_ref(item)?);
            }
            start = next;
            if start.is_none() {
                return Ok(found);
            }
        }
    }

    /// The events of these commits, in no order; one that is not there is left out.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub async fn events_of_commits(
        &self,
        commits: &[CommitRef],
    ) -> Result<Vec<(CommitRef, Vec<Event>)>, StorageError> {
        let keys = commits
            .iter()
            .map(|commit| codec::key(&keys::request(commit.request), &keys::events(commit.version)))
            .collect();
        let items = self.batch_get("commits", keys).await?;
        items.iter().map(|item| Ok((commit_ref(item)?, crate::read::events_of(item)?))).collect()
    }

    /// Up to when the sweep has made sure that every event is on its way.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub async fn notified_until(&self) -> Result<Option<Timestamp>, StorageError> {
        let items = self.batch_get("notified", vec![codec::key(keys::NOTIFIED, keys::NOTIFIED)]).await?;
        let instant = |item: &Item| {
            let text = get_text(item, LOOKED_UNTIL)?;
            Timestamp::parse_rfc3339(text)
                .ok_or_else(|| StorageError::Corrupt(format!("`{text}` is no instant")))
        };
        items.first().map(instant).transpose()
    }

    /// Says so.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub async fn set_notified_until(&self, until: Timestamp) -> Result<(), StorageError> {
        let mut item = codec::item(keys::NOTIFIED, keys::NOTIFIED);
        item.insert(LOOKED_UNTIL.to_owned(), text(until.rfc3339()));
        self.put_item("notified", self.client.put_item().set_item(Some(item))).await.map(|_| ())
    }
}

fn commit_ref(item: &Item) -> Result<CommitRef, StorageError> {
    let (pk, sk) = (get_text(item, schema::PK)?, get_text(item, schema::SK)?);
    let request = pk.strip_prefix("R#").and_then(keys::request_id);
    let version = sk.strip_prefix("E#").and_then(|digits| digits.parse().ok());
    match (request, version) {
        (Some(request), Some(version)) => Ok(CommitRef { request, version }),
        _ => Err(StorageError::Corrupt(format!("`{pk}`, `{sk}` names no commit"))),
    }
}
