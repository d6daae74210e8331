//! How often each entity was masked.

use std::collections::BTreeMap;

use crate::Entity;

/// How often each entity was masked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts(BTreeMap<Entity, u64>);

impl Counts {
    /// Nothing masked yet.
    #[must_use]
    pub fn new() -> Counts {
        Counts::default()
    }

    pub(crate) fn add(&mut self, entity: Entity) {
        *self.0.entry(entity).or_insert(0) += 1;
    }

    /// How often `entity` was masked.
    #[must_use]
    pub fn of(&self, entity: Entity) -> u64 {
        self.0.get(&entity).copied().unwrap_or(0)
    }

    /// Nothing was masked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds another's counts.
    pub fn merge(&mut self, other: &Counts) {
        for (entity, count) in &other.0 {
            *self.0.entry(*entity).or_insert(0) += count;
        }
    }

    /// As `execution.masked` shows them: by name.
    #[must_use]
    pub fn to_map(&self) -> BTreeMap<String, u64> {
        self.0.iter().map(|(entity, count)| (entity.name().to_owned(), *count)).collect()
    }
}
