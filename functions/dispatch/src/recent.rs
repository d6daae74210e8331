//! What was done not long ago.

use std::collections::{BTreeSet, VecDeque};

/// The last values that were kept, up to a bounded number of them.
#[derive(Debug)]
pub(crate) struct Recent<T> {
    at_most: usize,
    values: BTreeSet<T>,
    by_age: VecDeque<T>,
}

impl<T: Ord + Clone> Recent<T> {
    pub(crate) fn new(at_most: usize) -> Self {
        Self { at_most, values: BTreeSet::new(), by_age: VecDeque::new() }
    }

    pub(crate) fn holds(&self, value: &T) -> bool {
        self.values.contains(value)
    }

    /// Keeps a value, and forgets the oldest if there are too many.
    pub(crate) fn keep(&mut self, value: T) {
        if !self.values.insert(value.clone()) {
            return;
        }
        self.by_age.push_back(value);
        if self.by_age.len() > self.at_most
            && let Some(oldest) = self.by_age.pop_front()
        {
            self.values.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_first_and_nothing_twice() {
        let mut recent = Recent::new(2);
        for value in [1, 2, 1, 3] {
            recent.keep(value);
        }
        assert!(!recent.holds(&1) && recent.holds(&2) && recent.holds(&3));
        assert_eq!((recent.values.len(), recent.by_age.len()), (2, 2));
    }
}
