//! What AWS may do and one quiet machine never does: the same record again, and records of
//! different items in another order. Seeded, so that a failure can be repeated.

use super::event::Record;
use std::collections::{BTreeMap, VecDeque};

/// Seeded disturbance of the stream, for tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chaos {
    /// Where the randomness starts.
    pub seed: u64,
    /// How many of 1,000 records come again.
    pub duplicate_permille: u16,
    /// Records so near to each other may change places, unless they are of the same item.
    pub shuffle_window: usize,
}

/// The running disturbance.
#[derive(Debug)]
pub(super) struct ChaosState {
    chaos: Chaos,
    random: SplitMix64,
}

impl ChaosState {
    pub(super) fn new(chaos: Chaos) -> Self {
        Self { random: SplitMix64(chaos.seed), chaos }
    }

    /// The records in disturbed order, and after them, in invocations of their own, some of
    /// them again: a copy comes after its original, as when a batch is delivered anew.
    pub(super) fn disturb(&mut self, records: Vec<Record>) -> Vec<Vec<Record>> {
        let mut first = Vec::with_capacity(records.len());
        let mut again = Vec::new();
        let mut records = records.into_iter().peekable();
        let window = self.chaos.shuffle_window.max(1);
        while records.peek().is_some() {
            let near: Vec<Record> = records.by_ref().take(window).collect();
            for record in self.shuffle(near) {
                if self.random.below(1000) < u64::from(self.chaos.duplicate_permille) {
                    // Half of the copies in the same invocation, half in a later one.
                    match self.random.below(2) {
                        0 => first.push(record.clone()),
                        _ => again.push(record.clone()),
                    }
                }
                first.push(record);
            }
        }
        match again.is_empty() {
            true => vec![first],
            false => vec![first, again],
        }
    }

    /// A random order in which each item's records keep theirs.
    fn shuffle(&mut self, records: Vec<Record>) -> Vec<Record> {
        let mut places: Vec<String> = records.iter().map(|record| record.item.clone()).collect();
        // Fisher and Yates, over the items: who stands where.
        for last in (1..places.len()).rev() {
            let bound = u64::try_from(last + 1).unwrap_or(1);
            let other = usize::try_from(self.random.below(bound)).unwrap_or(0);
            places.swap(last, other);
        }
        let mut queues: BTreeMap<String, VecDeque<Record>> = BTreeMap::new();
        for record in records {
            queues.entry(record.item.clone()).or_default().push_back(record);
        }
        places.iter().filter_map(|item| queues.get_mut(item).and_then(VecDeque::pop_front)).collect()
    }
}

/// Steele, Lea and Flood's SplitMix64: enough for a test's dice, and the same everywhere.
#[derive(Debug)]
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `bound`; the bias of the remainder does not matter here.
    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records() -> Vec<Record> {
        (0..200_u32).map(|number| Record::for_test(&format!("item-{}", number % 7), number)).collect()
    }

    fn disturbed(seed: u64) -> Vec<Record> {
        let mut state = ChaosState::new(Chaos { seed, duplicate_permille: 200, shuffle_window: 16 });
        state.disturb(records()).concat()
    }

    fn numbers(records: &[Record]) -> Vec<u32> {
        records.iter().map(|r| r.number.parse().unwrap()).collect()
    }

    #[test]
    fn nothing_is_lost_and_the_first_deliveries_of_an_item_keep_their_order() {
        for seed in 0..200 {
            let disturbed = disturbed(seed);
            for item in 0..7 {
                let name = format!("item-{item}");
                let mut seen = Vec::new();
                for record in disturbed.iter().filter(|record| record.item == name) {
                    let number: u32 = record.number.parse().unwrap();
                    if !seen.contains(&number) {
                        seen.push(number);
                    }
                }
                let wanted: Vec<u32> = (0..200).filter(|n| n % 7 == item).collect();
                assert_eq!(seen, wanted, "seed {seed}, {name}");
            }
        }
    }

    #[test]
    fn it_does_reorder_and_duplicate_and_does_the_same_for_the_same_seed() {
        let one = numbers(&disturbed(1));
        assert_eq!(one, numbers(&disturbed(1)));
        assert_ne!(one, numbers(&disturbed(2)));
        assert!(one.len() > 210, "{} deliveries of 200", one.len());
        assert!(!one.is_sorted());
    }
}
