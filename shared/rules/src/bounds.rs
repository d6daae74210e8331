//! Bounds that a reviewer sets on an approval.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Timestamp;

/// What an approval is limited to. The strictest of all standing approvals holds.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(deny_unknown_fields)]
pub struct Bounds {
    /// At most that many rows may be changed, or nothing is. Rows that triggers and cascades change
    /// do not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_rows: Option<u64>,
    /// The instant from which the approval no longer lets it run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Timestamp>,
}

impl Bounds {
    /// Whether it limits nothing.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Both together: the smaller of each.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            max_rows: stricter(self.max_rows, other.max_rows),
            not_after: stricter(self.not_after, other.not_after),
        }
    }
}

fn stricter<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
