//! Inclusion and consistency proofs: which subtrees they need, and their verification.
//!
//! The needed subtrees come as ranges of leaves, so that whoever keeps the tree can fetch them in one
//! go. The verification is that of RFC 9162, sections 2.1.3.2 and 2.1.4.2.

use std::ops::Range;

use crate::Hash;
use crate::tree::node;

/// A complete subtree: the leaves from `index << level` to before `(index + 1) << level`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Node {
    /// How many levels of nodes it has; a leaf has none.
    pub level: u32,
    /// Its place among those of its level.
    pub index: u64,
}

/// The greatest power of two below `n`, which is at least 2.
fn split(n: u64) -> u64 {
    1 << (63 - (n - 1).leading_zeros())
}

/// The subtrees that prove that a leaf is in the tree of that size, from the leaf up; `None` if it is not.
#[must_use]
pub fn inclusion(leaf: u64, size: u64) -> Option<Vec<Range<u64>>> {
    if leaf >= size {
        return None;
    }
    let mut path = Vec::new();
    let mut range = 0..size;
    while range.end - range.start > 1 {
        let middle = range.start + split(range.end - range.start);
        if leaf < middle {
            path.push(middle..range.end);
            range.end = middle;
        } else {
            path.push(range.start..middle);
            range.start = middle;
        }
    }
    path.reverse();
    Some(path)
}

/// The subtrees that prove that the tree of size `new` begins with the one of size `old`; `None` if
/// it cannot.
#[must_use]
pub fn consistency(old: u64, new: u64) -> Option<Vec<Range<u64>>> {
    if old > new {
        return None;
    }
    let mut path = Vec::new();
    if old == 0 || old == new {
        return Some(path);
    }
    let mut range = 0..new;
    while range.end != old {
        let middle = range.start + split(range.end - range.start);
        if old <= middle {
            path.push(middle..range.end);
            range.end = middle;
        } else {
            path.push(range.start..middle);
            range.start = middle;
        }
    }
    if range.start != 0 {
        path.push(range);
    }
    path.reverse();
    Some(path)
}

/// The complete subtrees that a range of the paths above consists of, from left to right.
#[must_use]
pub fn nodes(range: &Range<u64>) -> Vec<Node> {
    let mut nodes = Vec::new();
    let mut start = range.start;
    let mut left = range.end.saturating_sub(range.start);
    while left > 0 {
        let level = 63 - left.leading_zeros();
        nodes.push(Node { level, index: start >> level });
        start += 1 << level;
        left -= 1 << level;
    }
    nodes
}

/// The hash of a range of the paths above; `None` if a subtree is not known.
pub fn hash_of(range: &Range<u64>, known: impl Fn(Node) -> Option<Hash>) -> Option<Hash> {
    let mut hashes = nodes(range).into_iter().rev().map(known);
    let last = hashes.next()??;
    hashes.try_fold(last, |right, left| Some(node(&left?, &right)))
}

/// Whether the path proves that a leaf of that hash stands at that place in the tree of that size and
/// root.
#[must_use]
pub fn verify_inclusion(leaf: Hash, place: u64, size: u64, path: &[Hash], root: &Hash) -> bool {
    if place >= size {
        return false;
    }
    let (mut at, mut last) = (place, size - 1);
    let mut hash = leaf;
    for sibling in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            hash = node(sibling, &hash);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            hash = node(&hash, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// Whether the path proves that the tree of size and root `new` begins with that of size and root `old`.
#[must_use]
pub fn verify_consistency(old: (u64, &Hash), new: (u64, &Hash), path: &[Hash]) -> bool {
    let ((old_size, old_root), (new_size, new_root)) = (old, new);
    if old_size == 0 || old_size == new_size {
        let same = old_size == 0 || old_root == new_root;
        return path.is_empty() && same && old_size <= new_size;
    }
    if old_size > new_size {
        return false;
    }
    let mut path = path.iter();
    let first = if old_size.is_power_of_two() { Some(old_root) } else { path.next() };
    let Some(first) = first else { return false };
    let (mut at, mut last) = (old_size - 1, new_size - 1);
    while at & 1 == 1 {
        at >>= 1;
        last >>= 1;
    }
    let (mut old_hash, mut new_hash) = (*first, *first);
    for sibling in path {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            old_hash = node(sibling, &old_hash);
            new_hash = node(sibling, &new_hash);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = node(&new_hash, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    last == 0 && old_hash == *old_root && new_hash == *new_root
}
