//! What of each minute is in the log: by which late arrivals and the places of events are found.

use std::collections::{BTreeMap, BTreeSet};

use countersign_audit::Hash;
use countersign_audit::tiles::WIDTH;
use countersign_rules::{RequestId, Timestamp};

use super::{Minute, minute_of};
use crate::codec::{self, Item, get_text};
use crate::{StorageError, StorageFuture, Store, keys, schema};

const DAY: i64 = 86_400_000;

impl Store {
    /// What of the minutes from `from` to before `to` is in the log.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn log_minutes<'a>(
        &'a self,
        from: Timestamp,
        to: Timestamp,
    ) -> StorageFuture<'a, BTreeMap<Timestamp, Minute>> {
        Box::pin(async move {
            let mut found = BTreeMap::new();
            let mut day = from;
            while day < to {
                let (pk, _) = keys::log_minute(day);
                for item in self.collection(&pk, None, usize::MAX).await? {
                    let (at, minute) = minute_in(&item)?;
                    if at >= minute_of(from) && at < to {
                        found.insert(at, minute);
                    }
                }
                day = Timestamp::from_unix_millis((day.unix_millis().div_euclid(DAY) + 1) * DAY);
            }
            Ok(found)
        })
    }

    /// What of these minutes is in the log.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn log_minutes_at<'a>(
        &'a self,
        minutes: &'a BTreeSet<Timestamp>,
    ) -> StorageFuture<'a, BTreeMap<Timestamp, Minute>> {
        Box::pin(async move {
            let wanted = minutes.iter().map(|at| keys::log_minute(*at));
            let items =
                self.batch_get("minutes", wanted.map(|(pk, sk)| codec::key(&pk, &sk)).collect()).await?;
            items.iter().map(minute_in).collect()
        })
    }

    /// The entries of the feed that the log has of a minute.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn log_has<'a>(&'a self, minute: &'a Minute) -> StorageFuture<'a, BTreeSet<(String, String)>> {
        Box::pin(async move {
            let mut keys = BTreeSet::new();
            for &(from, to) in &minute.ranges {
                let tiles = self.leaf_tiles((from / WIDTH..=to.saturating_sub(1) / WIDTH).collect()).await?;
                for (index, tile) in tiles {
                    let leaves = (index * WIDTH..).zip(tile.leaves);
                    let inside = leaves.filter(|(place, _)| (from..to).contains(place));
                    keys.extend(inside.map(|(_, leaf)| (leaf.pk, leaf.sk)));
                }
            }
            Ok(keys)
        })
    }

    /// Where the leaf of an event stands; none if it is not sealed yet.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn log_place<'a>(
        &'a self,
        at: Timestamp,
        request: RequestId,
        hash: Hash,
    ) -> StorageFuture<'a, Option<u64>> {
        Box::pin(async move {
            let minute = minute_of(at);
            let Some(found) = self.log_minutes_at(&[minute].into()).await?.remove(&minute) else {
                return Ok(None);
            };
            let pk = keys::request(request);
            for (from, to) in found.ranges {
                for index in from / WIDTH..=to.saturating_sub(1) / WIDTH {
                    let tile = self.leaf_tile(index).await?;
                    let mut leaves = (index * WIDTH..).zip(tile.leaves.iter().zip(&tile.hashes));
                    if let Some((place, _)) =
                        leaves.find(|(_, (leaf, other))| leaf.pk == pk && **other == hash)
                    {
                        return Ok(Some(place));
                    }
                }
            }
            Ok(None)
        })
    }
}

fn minute_in(item: &Item) -> Result<(Timestamp, Minute), StorageError> {
    codec::check_schema(item)?;
    let sk = get_text(item, schema::SK)?;
    let at = Timestamp::parse_rfc3339(sk);
    let at = at.ok_or_else(|| StorageError::Corrupt(format!("`{sk}` is no minute")))?;
    Ok((at, crate::read::document("a minute of the log", item)?))
}
