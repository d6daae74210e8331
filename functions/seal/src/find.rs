//! What is to be sealed.

use std::collections::BTreeMap;

use countersign_audit::Hash;
use countersign_rules::Timestamp;
use countersign_storage::feed::{Entry, Recorded};
use countersign_storage::log::{Addition, Head, Minute, minute_of};
use countersign_storage::{StorageError, Store};

/// How much of the feed is looked at in one go, in milliseconds.
const SPAN: i64 = 15 * 60_000;
/// How far it looks back for what came late, each time and once an hour.
const BACK: i64 = 10 * 60_000;
const FAR_BACK: i64 = 24 * 3_600_000;

/// What was found.
pub(crate) struct Found {
    /// Commits and changes that are not in the log, in the order of time.
    pub(crate) additions: Vec<Addition>,
    /// Everything before that instant is in the log with them.
    pub(crate) sealed_until: Timestamp,
}

/// Whether an hour has begun since the log was sealed.
pub(crate) fn is_another_hour(head: &Head, until: Timestamp) -> bool {
    let hour = |at: Timestamp| at.unix_minutes().div_euclid(60);
    hour(head.sealed_until) != hour(until)
}

/// Looks for what happened since the log was sealed, and back for what came late.
pub(crate) async fn find(store: &Store, head: &Head, until: Timestamp) -> Result<Found, StorageError> {
    let sealed = head.sealed_until;
    let back = if is_another_hour(head, until) { FAR_BACK } else { BACK };
    let back = minute_of(sealed.plus_millis(-back));
    let mut entries = store.feed(back, sealed).await?;
    let mut known = store.log_minutes(back, sealed).await?;
    let mut sealed_until = until;
    if let Some(next) = store.feed_next(sealed, until).await? {
        sealed_until = until.min(minute_of(next).plus_millis(SPAN));
        entries.extend(store.feed(next, sealed_until).await?);
        known.extend(store.log_minutes(minute_of(next), sealed_until).await?);
    }
    let mut by_minute: BTreeMap<Timestamp, Vec<Entry>> = BTreeMap::new();
    for entry in entries {
        by_minute.entry(minute_of(entry.at)).or_default().push(entry);
    }
    let mut fresh = Vec::new();
    for (minute, entries) in by_minute {
        match known.get(&minute) {
            None => fresh.extend(entries),
            Some(known) => fresh.extend(unknown(store, known, entries).await?),
        }
    }
    let recorded = store.recorded_at(&fresh).await?;
    let additions = fresh.into_iter().zip(&recorded).map(|(entry, recorded)| addition(entry, recorded));
    Ok(Found { additions: additions.collect::<Result<_, _>>()?, sealed_until })
}

/// The entries of a minute that the log does not have. Its leaves are read only if there are more entries
/// than it has.
async fn unknown(store: &Store, known: &Minute, entries: Vec<Entry>) -> Result<Vec<Entry>, StorageError> {
    if u64::try_from(entries.len()).unwrap_or(u64::MAX) <= known.entries {
        return Ok(Vec::new());
    }
    let has = store.log_has(known).await?;
    Ok(entries.into_iter().filter(|entry| !has.contains(&(entry.pk.clone(), entry.sk.clone()))).collect())
}

fn addition(entry: Entry, recorded: &Recorded) -> Result<Addition, StorageError> {
    let texts: Vec<&str> = match recorded {
        Recorded::Commit(_, events) => events.iter().map(|event| event.hash.as_str()).collect(),
        Recorded::Change(event) => vec![event.hash.as_str()],
    };
    let wrong = || StorageError::Corrupt(format!("an event in `{}` `{}` has no hash", entry.pk, entry.sk));
    let hashes =
        texts.into_iter().map(|text| Hash::parse(text).ok_or_else(wrong)).collect::<Result<_, _>>()?;
    Ok(Addition { entry, hashes })
}
