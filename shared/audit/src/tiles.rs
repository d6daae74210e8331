//! The tree in tiles of 256 hashes: tiles of level 0 hold what leaves are made of, those of level n the
//! roots of the complete subtrees of 256 ⁿ leaves. A proof in a tree of a million leaves reads at most
//! six of them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::Hash;
use crate::path::{Node, hash_of, nodes};
use crate::tree;

/// How many hashes a tile holds.
pub const WIDTH: u64 = 256;
/// How many levels of nodes stand between two levels of tiles.
const STEP: u32 = 8;

/// The name of a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    /// 0 holds leaves.
    pub level: u32,
    /// Its place among those of its level.
    pub index: u64,
}

impl TileId {
    /// The tile of level 0 in which a leaf stands.
    #[must_use]
    pub fn of_leaf(leaf: u64) -> Self {
        Self { level: 0, index: leaf / WIDTH }
    }
}

/// Where the hashes of a complete subtree's own leaves stand: a tile, and which of its hashes.
fn place(node: Node) -> (TileId, Range<usize>) {
    let level = node.level / STEP;
    let within = node.level % STEP;
    let start = node.index << within;
    let first = usize::try_from(start % WIDTH).unwrap_or(0);
    (TileId { level, index: start / WIDTH }, first..first + (1 << within))
}

/// The tiles that the ranges of a path need.
#[must_use]
pub fn needed(path: &[Range<u64>]) -> BTreeSet<TileId> {
    path.iter().flat_map(nodes).map(|node| place(node).0).collect()
}

/// The hashes of a path, out of tiles whose level 0 holds leaf hashes; `None` if something is missing.
#[must_use]
pub fn hashes(path: &[Range<u64>], tiles: &BTreeMap<TileId, Vec<Hash>>) -> Option<Vec<Hash>> {
    let known = |node: Node| {
        let (tile, range) = place(node);
        Some(tree::root(tiles.get(&tile)?.get(range)?))
    };
    path.iter().map(|range| hash_of(range, known)).collect()
}

/// The tiles that change when a tree grows, those of nodes: which must be known before, and what they
/// hold after. `leaf_tiles` are the complete tiles of leaf hashes that the growth completes, by index.
#[must_use]
pub fn parents(
    leaf_tiles: &BTreeMap<u64, Vec<Hash>>,
    mut known: impl FnMut(TileId) -> Vec<Hash>,
) -> BTreeMap<TileId, Vec<Hash>> {
    let mut changed = BTreeMap::new();
    let mut complete = leaf_tiles.clone();
    let mut level = 0;
    while !complete.is_empty() {
        level += 1;
        let mut touched: BTreeMap<u64, Vec<Hash>> = BTreeMap::new();
        for (index, hashes) in &complete {
            let parent =
                touched.entry(index / WIDTH).or_insert_with(|| known(TileId { level, index: index / WIDTH }));
            // Somebody may hand in what stands there already.
            parent.truncate(usize::try_from(index % WIDTH).unwrap_or(0));
            parent.push(tree::root(hashes));
        }
        for (index, hashes) in &touched {
            changed.insert(TileId { level, index: *index }, hashes.clone());
        }
        touched.retain(|_, hashes| u64::try_from(hashes.len()) == Ok(WIDTH));
        complete = touched;
    }
    changed
}
