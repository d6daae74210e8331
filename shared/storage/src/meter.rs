//! What the table cost: round trips and capacity units, by operation.

use std::collections::BTreeMap;
use std::sync::Mutex;

use aws_sdk_dynamodb::types::ConsumedCapacity;

/// What one kind of call cost so far.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Cost {
    /// Calls sent to the database.
    pub calls: u64,
    /// Read capacity units.
    pub read_units: f64,
    /// Write capacity units, index writes included.
    pub write_units: f64,
}

/// Sums what the database says that each call consumed. Cheap enough to be always on.
#[derive(Debug, Default)]
pub struct Meter {
    by_operation: Mutex<BTreeMap<&'static str, Cost>>,
}

/// Whether a call reads or writes, for databases that name only the total.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Read,
    Write,
}

impl Meter {
    pub(crate) fn add(&self, operation: &'static str, direction: Direction, consumed: &[ConsumedCapacity]) {
        let units: f64 = consumed.iter().filter_map(ConsumedCapacity::capacity_units).sum();
        let mut costs = self.by_operation.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let cost = costs.entry(operation).or_default();
        cost.calls += 1;
        match direction {
            Direction::Read => cost.read_units += units,
            Direction::Write => cost.write_units += units,
        }
    }

    /// What it has cost since the beginning or since the last [`Meter::take`], by operation.
    #[must_use]
    pub fn take(&self) -> BTreeMap<&'static str, Cost> {
        let mut costs = self.by_operation.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        std::mem::take(&mut *costs)
    }
}

/// The sum of several costs.
#[must_use]
pub fn total(costs: &BTreeMap<&'static str, Cost>) -> Cost {
    costs.values().fold(Cost::default(), |sum, cost| Cost {
        calls: sum.calls + cost.calls,
        read_units: sum.read_units + cost.read_units,
        write_units: sum.write_units + cost.write_units,
    })
}
