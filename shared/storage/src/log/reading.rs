//! Reading the log: keys, checkpoints, tiles.

use std::collections::{BTreeMap, BTreeSet};

use countersign_audit::record::leaf_hash;
use countersign_audit::tiles::TileId;
use countersign_audit::{Checkpoint, Hash};

use super::{HASHES, KeyDoc, Leaf, LeafTile, LogKey, TileDoc};
use crate::codec::{self, Item, get_binary, get_number, get_text, number};
use crate::people::fresh_token;
use crate::requests::DOC;
use crate::store::{Rejected, VERSION};
use crate::{StorageError, StorageFuture, Store, keys, schema};

impl Store {
    /// The keys that signed checkpoints, in the order in which they came into use.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn log_keys<'a>(&'a self) -> StorageFuture<'a, Vec<LogKey>> {
        Box::pin(async move {
            let items = self.collection(keys::LOG_KEYS, None, usize::MAX).await?;
            let key = |item: &Item| {
                let KeyDoc { public_key, since } = crate::read::document("a key", item)?;
                Ok(LogKey { public_key, since })
            };
            items.iter().map(key).collect()
        })
    }

    /// A checkpoint by its number.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn log_checkpoint<'a>(&'a self, number: u64) -> StorageFuture<'a, Option<Checkpoint>> {
        Box::pin(async move { Ok(self.log_checkpoints(&[number]).await?.into_iter().next()) })
    }

    /// Checkpoints by their numbers, in the order of their numbers.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn log_checkpoints<'a>(&'a self, numbers: &'a [u64]) -> StorageFuture<'a, Vec<Checkpoint>> {
        Box::pin(async move {
            let wanted = numbers.iter().map(|number| keys::log_checkpoint(*number));
            let items =
                self.batch_get("checkpoints", wanted.map(|(pk, sk)| codec::key(&pk, &sk)).collect()).await?;
            let mut found: Vec<Checkpoint> = items
                .iter()
                .map(|item| crate::read::document("a checkpoint", item))
                .collect::<Result<_, _>>()?;
            found.sort_by_key(|checkpoint| checkpoint.number);
            Ok(found)
        })
    }

    /// A tile of leaves; one that is not there is empty.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn leaf_tile<'a>(&'a self, index: u64) -> StorageFuture<'a, LeafTile> {
        Box::pin(async move { Ok(self.leaf_tiles([index].into()).await?.remove(&index).unwrap_or_default()) })
    }

    /// Tiles of leaves by their index; those that are not there are left out.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn leaf_tiles<'a>(&'a self, indexes: BTreeSet<u64>) -> StorageFuture<'a, BTreeMap<u64, LeafTile>> {
        Box::pin(async move {
            let wanted = indexes.iter().map(|index| codec::key(&keys::log_leaves(*index), keys::LEAVES));
            let items = self.batch_get("leaves", wanted.collect()).await?;
            let tile = |item: &Item| {
                codec::check_schema(item)?;
                let doc: TileDoc = codec::unpack("a tile of leaves", get_binary(item, DOC)?)?;
                let leaves = doc.leaves.into_iter().map(|(pk, sk, nth)| Leaf { pk, sk, nth }).collect();
                Ok((index_in(item)?, LeafTile { leaves, hashes: hashes_in(item)?, ends: doc.ends }))
            };
            items.iter().map(tile).collect()
        })
    }

    /// Tiles of nodes; those that are not there are left out.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn node_tiles<'a>(
        &'a self,
        ids: &'a BTreeSet<TileId>,
    ) -> StorageFuture<'a, BTreeMap<TileId, Vec<Hash>>> {
        Box::pin(async move {
            let wanted = ids.iter().map(|id| codec::key(&keys::log_nodes(id.level, id.index), keys::NODES));
            let items = self.batch_get("nodes", wanted.collect()).await?;
            let tile = |item: &Item| {
                codec::check_schema(item)?;
                let pk = get_text(item, schema::PK)?;
                let level = pk.split('#').nth(2).and_then(|level| level.parse().ok());
                let level = level.ok_or_else(|| StorageError::Corrupt(format!("`{pk}` is no tile")))?;
                Ok((TileId { level, index: index_in(item)? }, hashes_in(item)?))
            };
            items.iter().map(tile).collect()
        })
    }

    /// The tiles that a proof needs: those of level 0 as leaf hashes.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn log_tiles<'a>(
        &'a self,
        ids: &'a BTreeSet<TileId>,
    ) -> StorageFuture<'a, BTreeMap<TileId, Vec<Hash>>> {
        Box::pin(async move {
            let (leaves, nodes): (BTreeSet<TileId>, BTreeSet<TileId>) =
                ids.iter().partition(|id| id.level == 0);
            let mut tiles = self.node_tiles(&nodes).await?;
            let leaves = self.leaf_tiles(leaves.into_iter().map(|id| id.index).collect()).await?;
            tiles.extend(leaves.into_iter().map(|(index, tile)| {
                (TileId { level: 0, index }, tile.hashes.iter().map(leaf_hash).collect())
            }));
            Ok(tiles)
        })
    }

    /// Up to which number checkpoints were copied to where nobody can change them.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn log_copied<'a>(&'a self) -> StorageFuture<'a, u64> {
        Box::pin(async move {
            let items = self.batch_get("copied", vec![codec::key(keys::LOG, keys::COPIED)]).await?;
            items.first().map_or(Ok(0), |item| get_number(item, VERSION))
        })
    }

    /// Notes up to which number they were.
    ///
    /// # Errors
    /// Any [`StorageError`].
    pub fn put_log_copied<'a>(&'a self, last: u64) -> StorageFuture<'a, ()> {
        Box::pin(async move {
            let mut item = codec::item(keys::LOG, keys::COPIED);
            item.insert(VERSION.to_owned(), number(last));
            let written = self.transact("copied", &fresh_token()?, vec![self.put(item, None)?]).await;
            written.map_err(Rejected::into_error)
        })
    }
}

fn index_in(item: &Item) -> Result<u64, StorageError> {
    let pk = get_text(item, schema::PK)?;
    let index = pk.rsplit('#').next().and_then(|index| index.parse().ok());
    index.ok_or_else(|| StorageError::Corrupt(format!("`{pk}` is no tile")))
}

fn hashes_in(item: &Item) -> Result<Vec<Hash>, StorageError> {
    Hash::many(get_binary(item, HASHES)?)
        .ok_or_else(|| StorageError::Corrupt("a tile does not hold whole hashes".to_owned()))
}
