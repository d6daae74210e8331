//! Every commit of a request by time, for whoever makes sure that nothing was missed.

use countersign_rules::{Event, RequestId, Timestamp};

use crate::codec::{self, Item, get_text, text};
use crate::{StorageError, StorageFuture, Store, keys, schema};

/// A commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommitRef {
    /// Of which request.
    pub request: RequestId,
    /// The version of the request right after it.
    pub version: u64,
}

const LOOKED_UNTIL: &str = "at";

impl Store {
    /// The commits whose last event came from `from` on and before `to`, by what the feed index knows
    /// by now. The window should be short: all of them are in memory at once.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn commits_between<'a>(
        &'a self,
        from: Timestamp,
        to: Timestamp,
    ) -> StorageFuture<'a, Vec<CommitRef>> {
        Box::pin(async move {
            let entries = self.feed(from, to).await?;
            // What else changes is in the feed as well.
            let commits = entries.iter().filter(|entry| entry.pk.starts_with("R#"));
            commits.map(|entry| commit_of(&entry.pk, &entry.sk)).collect()
        })
    }

    /// The events of these commits, in no order; one that is not there is left out.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn events_of_commits<'a>(
        &'a self,
        commits: &'a [CommitRef],
    ) -> StorageFuture<'a, Vec<(CommitRef, Vec<Event>)>> {
        Box::pin(async move {
            let keys = commits
                .iter()
                .map(|commit| codec::key(&keys::request(commit.request), &keys::events(commit.version)))
                .collect();
            let items = self.batch_get("commits", keys).await?;
            let read = |item: &Item| {
                let commit = commit_of(get_text(item, schema::PK)?, get_text(item, schema::SK)?)?;
                Ok((commit, crate::read::events_of(item)?))
            };
            items.iter().map(read).collect()
        })
    }

    /// Up to when the sweep has made sure that every event is on its way.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn notified_until<'a>(&'a self) -> StorageFuture<'a, Option<Timestamp>> {
        Box::pin(async move {
            let items = self.batch_get("notified", vec![codec::key(keys::NOTIFIED, keys::NOTIFIED)]).await?;
            let instant = |item: &Item| {
                let text = get_text(item, LOOKED_UNTIL)?;
                Timestamp::parse_rfc3339(text)
                    .ok_or_else(|| StorageError::Corrupt(format!("`{text}` is no instant")))
            };
            items.first().map(instant).transpose()
        })
    }

    /// Says so.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn set_notified_until<'a>(&'a self, until: Timestamp) -> StorageFuture<'a, ()> {
        Box::pin(async move {
            let mut item = codec::item(keys::NOTIFIED, keys::NOTIFIED);
            item.insert(LOOKED_UNTIL.to_owned(), text(until.rfc3339()));
            self.put_item("notified", self.client.put_item().set_item(Some(item))).await.map(|_| ())
        })
    }
}

fn commit_of(pk: &str, sk: &str) -> Result<CommitRef, StorageError> {
    let request = pk.strip_prefix("R#").and_then(keys::request_id);
    let version = sk.strip_prefix("E#").and_then(|digits| digits.parse().ok());
    match (request, version) {
        (Some(request), Some(version)) => Ok(CommitRef { request, version }),
        _ => Err(StorageError::Corrupt(format!("`{pk}`, `{sk}` names no commit"))),
    }
}
