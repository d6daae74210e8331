//! The tree against the vectors of Certificate Transparency's reference implementation, and its laws.

use std::collections::BTreeMap;
use std::ops::Range;

use countersign_audit::path::{consistency, inclusion, verify_consistency, verify_inclusion};
use countersign_audit::tiles::{self, TileId, WIDTH};
use countersign_audit::tree::{Frontier, leaf, node, root};
use countersign_audit::{Hash, SigningKey};
use proptest::prelude::*;

const LEAVES: [&[u8]; 8] = [
    b"",
    b"\x00",
    b"\x10",
    b"\x20\x21",
    b"\x30\x31",
    b"\x40\x41\x42\x43",
    b"\x50\x51\x52\x53\x54\x55\x56\x57",
    b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
];
const ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

fn hash(text: &str) -> Hash {
    Hash::parse(text).unwrap()
}

/// By the definition in the RFC, recursively.
fn by_definition(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::of(&[]),
        [one] => *one,
        many => {
            let mut split = 1;
            while split * 2 < many.len() {
                split *= 2;
            }
            node(&by_definition(&many[..split]), &by_definition(&many[split..]))
        }
    }
}

fn numbered(count: u64) -> Vec<Hash> {
    (0..count).map(|number| leaf(&number.to_be_bytes())).collect()
}

fn hashes(leaves: &[Hash], ranges: Vec<Range<u64>>) -> Vec<Hash> {
    let at = |place: u64| usize::try_from(place).unwrap();
    ranges.into_iter().map(|range| by_definition(&leaves[at(range.start)..at(range.end)])).collect()
}

#[test]
fn the_roots_are_those_of_the_reference() {
    let leaves: Vec<Hash> = LEAVES.iter().map(|data| leaf(data)).collect();
    assert_eq!(root(&[]), hash("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
    for (size, expected) in (1..).zip(ROOTS) {
        assert_eq!(root(&leaves[..size]), hash(expected), "{size}");
    }
}

#[test]
fn the_proofs_are_those_of_the_reference() {
    let leaves: Vec<Hash> = LEAVES.iter().map(|data| leaf(data)).collect();
    let first = [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ];
    assert_eq!(hashes(&leaves, inclusion(0, 8).unwrap()), first.map(hash));
    assert_eq!(hashes(&leaves, consistency(1, 8).unwrap()), first.map(hash));
    let six_to_eight = [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ];
    assert_eq!(hashes(&leaves, consistency(6, 8).unwrap()), six_to_eight.map(hash));
    let two_to_five = [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ];
    assert_eq!(hashes(&leaves, consistency(2, 5).unwrap()), two_to_five.map(hash));
}

#[test]
fn every_leaf_of_every_small_tree_is_proven_and_nothing_else_is() {
    let leaves = numbered(40);
    for size in 1..=40_u64 {
        let at = usize::try_from(size).unwrap();
        let root = by_definition(&leaves[..at]);
        assert_eq!(countersign_audit::tree::root(&leaves[..at]), root);
        for place in 0..size {
            let path = hashes(&leaves, inclusion(place, size).unwrap());
            let here = leaves[usize::try_from(place).unwrap()];
            assert!(verify_inclusion(here, place, size, &path, &root), "{place} of {size}");
            assert!(!verify_inclusion(leaf(b"other"), place, size, &path, &root));
            assert!(!verify_inclusion(here, place, size, &path, &Hash::ZERO));
            for other in (0..size + 1).filter(|other| *other != place) {
                assert!(!verify_inclusion(here, other, size, &path, &root), "{other} for {place} of {size}");
            }
            if let Some((_, shorter)) = path.split_last() {
                assert!(!verify_inclusion(here, place, size, shorter, &root));
            }
            let longer = [path, vec![Hash::ZERO]].concat();
            assert!(!verify_inclusion(here, place, size, &longer, &root));
        }
        assert!(inclusion(size, size).is_none());
        for old in 1..=size {
            let before = by_definition(&leaves[..usize::try_from(old).unwrap()]);
            let path = hashes(&leaves, consistency(old, size).unwrap());
            assert!(verify_consistency((old, &before), (size, &root), &path), "{old} to {size}");
            assert!(!verify_consistency((old, &Hash::ZERO), (size, &root), &path) || old == 0);
            assert!(!verify_consistency((old, &before), (size, &Hash::ZERO), &path));
            for at in 0..path.len() {
                let mut other = path.clone();
                other[at] = Hash::ZERO;
                assert!(!verify_consistency((old, &before), (size, &root), &other), "{old} to {size}");
            }
        }
    }
}

/// Grows a tree in tiles in steps of these sizes, as the storage does.
fn grown(steps: &[u64]) -> (Vec<Hash>, BTreeMap<TileId, Vec<Hash>>) {
    let leaves = numbered(steps.iter().sum());
    let mut tiles: BTreeMap<TileId, Vec<Hash>> = BTreeMap::new();
    let mut size = 0;
    for step in steps {
        let end = size + step;
        let mut complete = BTreeMap::new();
        for place in size..end {
            let tile = tiles.entry(TileId::of_leaf(place)).or_default();
            tile.push(leaves[usize::try_from(place).unwrap()]);
            if u64::try_from(tile.len()) == Ok(WIDTH) {
                complete.insert(place / WIDTH, tile.clone());
            }
        }
        let changed = tiles::parents(&complete, |id| tiles.get(&id).cloned().unwrap_or_default());
        tiles.extend(changed);
        size = end;
    }
    (leaves, tiles)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn tiles_give_the_proofs_of_the_tree(steps in prop::collection::vec(1_u64..900, 1..8), pick in any::<u64>()) {
        let (leaves, tiles) = grown(&steps);
        let size: u64 = steps.iter().sum();
        let place = pick % size;
        let path = inclusion(place, size).unwrap();
        let needed = tiles::needed(&path);
        prop_assert!(needed.len() <= 4, "{needed:?}");
        let few: BTreeMap<TileId, Vec<Hash>> =
            needed.iter().map(|id| (*id, tiles.get(id).cloned().unwrap_or_default())).collect();
        let found = tiles::hashes(&path, &few);
        prop_assert_eq!(found.as_ref(), Some(&hashes(&leaves, path)));
        let root = root(&leaves);
        let here = leaves[usize::try_from(place).unwrap()];
        prop_assert!(verify_inclusion(here, place, size, &found.unwrap(), &root));
        let path = consistency(place, size).unwrap();
        prop_assert_eq!(tiles::hashes(&path, &tiles), Some(hashes(&leaves, path)));
    }

    #[test]
    fn a_frontier_goes_on_where_it_was_kept(first in 0_u64..600, more in 0_u64..600) {
        let leaves = numbered(first + more);
        let mut frontier = Frontier::default();
        leaves.iter().take(usize::try_from(first).unwrap()).for_each(|leaf| frontier.push(*leaf));
        let kept = serde_json::to_string(&frontier).unwrap();
        let mut frontier: Frontier = serde_json::from_str(&kept).unwrap();
        leaves.iter().skip(usize::try_from(first).unwrap()).for_each(|leaf| frontier.push(*leaf));
        prop_assert!(frontier.is_sound());
        prop_assert_eq!((frontier.size(), frontier.root()), (first + more, by_definition(&leaves)));
    }
}

/// The first test of RFC 8032, section 7.1.
#[test]
fn signatures_are_those_of_the_rfc() {
    let key = SigningKey::parse("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60").unwrap();
    assert_eq!(key.public().to_string(), "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
    let signature =
        "5VZDAMNgrHKQhuLMgG6CioSHfx645dl02HPgZSJJAVVfuIIVkKM7rMYeOXAc+bRr0lv18FlbviRlUUFDjnoQCw==";
    assert_eq!(key.sign(b""), signature);
    assert!(key.public().verifies(b"", signature) && !key.public().verifies(b"x", signature));
    assert!(SigningKey::parse("9d61").is_err() && format!("{key:?}").len() < 40);
}
