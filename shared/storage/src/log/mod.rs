//! The log over all events: its leaves in tiles of 256, its checkpoints, and where it stands.
//!
//! Everything of a checkpoint is written in one transaction that holds the head's version, so of two that
//! seal at once one wins, and one that dies half-way has written nothing.

mod minutes;
mod reading;

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::TransactWriteItem;
use countersign_audit::record::leaf_hash;
use countersign_audit::tiles::{TileId, WIDTH, parents};
use countersign_audit::tree::Frontier;
use countersign_audit::{Checkpoint, Hash, PublicKey};
use countersign_rules::Timestamp;
use serde::{Deserialize, Serialize};

use crate::codec::{self, Item, binary, get_number, number, text};
use crate::feed::Entry;
use crate::people::{fresh_token, to_json};
use crate::requests::DOC;
use crate::store::{Condition, Rejected, VERSION};
use crate::{StorageError, StorageFuture, Store, keys};

const HASHES: &str = "h";
/// At most that many commits a checkpoint, so that its transaction stays below what one may hold.
pub const MOST_COMMITS: usize = 1500;
/// At most that many minutes a checkpoint, for the same reason.
pub const MOST_MINUTES: usize = 50;

/// What the log grows by, with the checkpoint that waits for its signature.
#[derive(Debug)]
pub struct Growth<'a> {
    /// Without its signature.
    pub checkpoint: Checkpoint,
    before: &'a Head,
    tree: Frontier,
    leaf_tiles: BTreeMap<u64, LeafTile>,
    minutes: BTreeMap<Timestamp, Minute>,
    sealed_until: Timestamp,
}

/// Where the log stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The name of the log in its checkpoints: the table in which it began. It stays when the table is
    /// restored under another name.
    pub origin: String,
    /// The tree, as far as appending needs it.
    pub tree: Frontier,
    /// The number of the last checkpoint; 0 before the first.
    pub number: u64,
    /// Its hash.
    pub latest: Hash,
    /// Everything before that minute was looked for.
    pub sealed_until: Timestamp,
    /// The id of the key of the last checkpoint.
    pub key: String,
    #[serde(skip)]
    version: u64,
}

/// A leaf: which event it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Leaf {
    /// The partition of the item that holds the event.
    pub pk: String,
    /// Its sort key.
    pub sk: String,
    /// Which of the item's events.
    pub nth: u32,
}

impl Leaf {
    /// Whether it is a change of something else than a request.
    #[must_use]
    pub fn is_change(&self) -> bool {
        self.sk == keys::CHANGE
    }
}

/// What a commit of the feed adds to the log: the hashes of its events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addition {
    /// The entry of the feed.
    pub entry: Entry,
    /// The hashes of its events, in their order.
    pub hashes: Vec<Hash>,
}

/// What of a minute is in the log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Minute {
    /// How many entries of the feed.
    pub entries: u64,
    /// Where their leaves stand: from, to before.
    pub ranges: Vec<(u64, u64)>,
}

/// A tile of leaves as it is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeafTile {
    /// What each leaf is.
    pub leaves: Vec<Leaf>,
    /// The hash of each event; the leaf's hash is made of it.
    pub hashes: Vec<Hash>,
    /// The checkpoints that end in it: the size of the tree, and their number.
    pub ends: Vec<(u64, u64)>,
}

#[derive(Serialize, Deserialize)]
struct TileDoc {
    leaves: Vec<(String, String, u32)>,
    ends: Vec<(u64, u64)>,
}

#[derive(Serialize, Deserialize)]
struct KeyDoc {
    public_key: PublicKey,
    since: u64,
}

/// A key that signed checkpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogKey {
    /// The key.
    pub public_key: PublicKey,
    /// The first checkpoint that it signed.
    pub since: u64,
}

impl Head {
    /// Of a log that has nothing yet, and looks for what happened from that minute on.
    #[must_use]
    pub fn new(origin: &str, sealed_until: Timestamp) -> Self {
        let (tree, latest) = (Frontier::default(), Hash::ZERO);
        Self {
            origin: origin.to_owned(),
            tree,
            number: 0,
            latest,
            sealed_until,
            key: String::new(),
            version: 0,
        }
    }
}

impl Store {
    /// The name of a log that begins in this table.
    #[must_use]
    pub fn new_log_origin(&self) -> &str {
        &self.table
    }

    /// Where the log stands; none before the first seal.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn log_head<'a>(&'a self) -> StorageFuture<'a, Option<Head>> {
        Box::pin(async move {
            let items = self.batch_get("log head", vec![codec::key(keys::LOG, keys::HEAD)]).await?;
            let Some(item) = items.first() else { return Ok(None) };
            codec::check_schema(item)?;
            let mut head: Head = crate::read::document("the log's head", item)?;
            head.version = get_number(item, VERSION)?;
            if !head.tree.is_sound() {
                return Err(StorageError::Corrupt("the log's head holds no tree".to_owned()));
            }
            Ok(Some(head))
        })
    }

    /// Notes that nothing more is to be sealed before that minute, without a checkpoint.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] if somebody else has sealed since. Else any other.
    pub fn log_looked<'a>(&'a self, head: &'a Head, until: Timestamp) -> StorageFuture<'a, ()> {
        Box::pin(async move {
            let next = Head { sealed_until: until, ..head.clone() };
            let action = self.put_head(head, &next)?;
            let written = self.transact("log head", &fresh_token()?, vec![action]).await;
            written.map_err(Rejected::into_error)
        })
    }

    fn put_head(&self, before: &Head, after: &Head) -> Result<TransactWriteItem, StorageError> {
        let mut item = codec::item(keys::LOG, keys::HEAD);
        item.insert(VERSION.to_owned(), number(before.version + 1));
        item.insert(DOC.to_owned(), text(to_json("the log's head", after)?));
        self.put(item, Some(Condition::VersionOrAbsent(before.version)))
    }

    /// What the log becomes with these additions, and the checkpoint that is to be signed. Writes nothing. At
    /// most [`MOST_COMMITS`] additions of at most [`MOST_MINUTES`] minutes.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub async fn log_grown<'a>(
        &self,
        head: &'a Head,
        additions: &[Addition],
        sealed_until: Timestamp,
        at: Timestamp,
    ) -> Result<Growth<'a>, StorageError> {
        let size = head.tree.size();
        let mut tree = head.tree.clone();
        let mut leaf_tiles: BTreeMap<u64, LeafTile> = BTreeMap::new();
        if !size.is_multiple_of(WIDTH) {
            leaf_tiles.insert(size / WIDTH, self.leaf_tile(size / WIDTH).await?);
        }
        let minutes: BTreeSet<Timestamp> = additions.iter().map(|one| minute_of(one.entry.at)).collect();
        let mut minutes = self.log_minutes_at(&minutes).await?;
        for addition in additions {
            let first = tree.size();
            for (nth, hash) in (0..).zip(&addition.hashes) {
                let tile = leaf_tiles.entry(tree.size() / WIDTH).or_default();
                let (pk, sk) = (addition.entry.pk.clone(), addition.entry.sk.clone());
                tile.leaves.push(Leaf { pk, sk, nth });
                tile.hashes.push(*hash);
                tree.push(leaf_hash(hash));
            }
            let minute = minutes.entry(minute_of(addition.entry.at)).or_default();
            minute.entries += 1;
            match minute.ranges.last_mut() {
                Some((_, end)) if *end == first => *end = tree.size(),
                _ => minute.ranges.push((first, tree.size())),
            }
        }
        let checkpoint = Checkpoint {
            origin: head.origin.clone(),
            number: head.number + 1,
            at: at.rfc3339(),
            tree_size: tree.size(),
            root: tree.root(),
            previous: head.latest,
            key: String::new(),
            signature: String::new(),
        };
        Ok(Growth { checkpoint, before: head, tree, leaf_tiles, minutes, sealed_until })
    }

    /// Appends to the log what it grows by, under its checkpoint, which is signed now, all or nothing. `key` is the one that
    /// signed it.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] if somebody else has sealed since the head was read. Else any other.
    pub fn log_append<'a>(
        &'a self,
        growth: Growth<'a>,
        checkpoint: Checkpoint,
        key: PublicKey,
    ) -> StorageFuture<'a, Checkpoint> {
        Box::pin(async move {
            let Growth { before: head, tree, mut leaf_tiles, minutes, sealed_until, .. } = growth;
            let last_tile = leaf_tiles.entry(tree.size().saturating_sub(1) / WIDTH).or_default();
            last_tile.ends.push((tree.size(), checkpoint.number));
            let next = Head {
                origin: head.origin.clone(),
                number: checkpoint.number,
                latest: checkpoint.hash(),
                sealed_until,
                key: key.id(),
                tree,
                version: 0,
            };
            let mut actions = vec![self.put_head(head, &next)?, self.put_checkpoint(&checkpoint)?];
            if next.key != head.key {
                actions.push(self.put_key(KeyDoc { public_key: key, since: checkpoint.number })?);
            }
            for (id, hashes) in self.grown_nodes(&leaf_tiles).await? {
                actions.push(self.put(node_item(id, &hashes), None)?);
            }
            for (index, tile) in &leaf_tiles {
                actions.push(self.put(leaf_item(*index, tile)?, None)?);
            }
            for (at, minute) in &minutes {
                let (pk, sk) = keys::log_minute(*at);
                let mut item = codec::item(&pk, &sk);
                item.insert(DOC.to_owned(), text(to_json("a minute of the log", minute)?));
                actions.push(self.put(item, None)?);
            }
            match self.transact("seal", &fresh_token()?, actions).await {
                Ok(()) => Ok(checkpoint),
                Err(rejected) if rejected.perhaps_committed() => {
                    let stands = self.log_checkpoint(checkpoint.number).await?;
                    if stands.as_ref() == Some(&checkpoint) {
                        Ok(checkpoint)
                    } else {
                        Err(rejected.into_error())
                    }
                }
                Err(rejected) => Err(rejected.into_error()),
            }
        })
    }

    /// The tiles of nodes that change because tiles of leaves are complete now.
    async fn grown_nodes(
        &self,
        leaf_tiles: &BTreeMap<u64, LeafTile>,
    ) -> Result<BTreeMap<TileId, Vec<Hash>>, StorageError> {
        let complete: BTreeMap<u64, Vec<Hash>> = leaf_tiles
            .iter()
            .filter(|(_, tile)| u64::try_from(tile.hashes.len()) == Ok(WIDTH))
            .map(|(index, tile)| (*index, tile.hashes.iter().map(leaf_hash).collect()))
            .collect();
        if complete.is_empty() {
            return Ok(BTreeMap::new());
        }
        // Every tile above a complete one may change.
        let mut asked = BTreeSet::new();
        for index in complete.keys() {
            let mut index = *index;
            for level in 1..=8 {
                index /= WIDTH;
                asked.insert(TileId { level, index });
            }
        }
        let known = self.node_tiles(&asked).await?;
        Ok(parents(&complete, |id| known.get(&id).cloned().unwrap_or_default()))
    }

    fn put_checkpoint(&self, checkpoint: &Checkpoint) -> Result<TransactWriteItem, StorageError> {
        let (pk, sk) = keys::log_checkpoint(checkpoint.number);
        let mut item = codec::item(&pk, &sk);
        item.insert(DOC.to_owned(), text(to_json("a checkpoint", checkpoint)?));
        self.put(item, Some(Condition::Absent))
    }

    fn put_key(&self, key: KeyDoc) -> Result<TransactWriteItem, StorageError> {
        let mut item = codec::item(keys::LOG_KEYS, &format!("{:012}", key.since));
        item.insert(DOC.to_owned(), text(to_json("a key", &key)?));
        self.put(item, None)
    }
}

/// The first instant of a minute.
#[must_use]
pub fn minute_of(at: Timestamp) -> Timestamp {
    Timestamp::from_unix_millis(at.unix_minutes() * 60_000)
}

fn bytes_of(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| *hash.bytes()).collect()
}

fn leaf_item(index: u64, tile: &LeafTile) -> Result<Item, StorageError> {
    let mut item = codec::item(&keys::log_leaves(index), keys::LEAVES);
    let leaves = tile.leaves.iter().map(|leaf| (leaf.pk.clone(), leaf.sk.clone(), leaf.nth)).collect();
    let doc = TileDoc { leaves, ends: tile.ends.clone() };
    item.insert(DOC.to_owned(), binary(codec::pack("a tile of leaves", &doc)?));
    item.insert(HASHES.to_owned(), binary(bytes_of(&tile.hashes)));
    Ok(item)
}

fn node_item(id: TileId, hashes: &[Hash]) -> Item {
    let mut item = codec::item(&keys::log_nodes(id.level, id.index), keys::NODES);
    item.insert(HASHES.to_owned(), binary(bytes_of(hashes)));
    item
}
