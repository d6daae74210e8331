//! When to ask again while a request waits: after a quarter of an hour, then after twice as long as
//! the last time, a few times.

use countersign_rules::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How often reviewers are asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reminders {
    /// After how many seconds the first one comes.
    #[schema(minimum = 1)]
    pub first_seconds: u32,
    /// How many there are; none is possible.
    #[schema(maximum = 20)]
    pub most: u32,
}

impl Default for Reminders {
    fn default() -> Self {
        Self { first_seconds: 900, most: 4 }
    }
}

impl Reminders {
    /// When the reminder of that number is due, the first being 0; nothing if there is none, or if votes
    /// would be over by then.
    #[must_use]
    pub fn due(self, number: u32, created_at: Timestamp, expires_at: Timestamp) -> Option<Timestamp> {
        if number >= self.most {
            return None;
        }
        // 1, 3, 7, 15 times the first pause.
        let pauses = 2_u32.checked_pow(number + 1)?.checked_sub(1)?;
        let due = created_at.plus_seconds(self.first_seconds.checked_mul(pauses)?);
        (due < expires_at).then_some(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_and_end() {
        let at = |minutes: u32| Timestamp::from_unix_millis(0).plus_seconds(minutes * 60);
        let due = |number, expires| Reminders::default().due(number, at(0), at(expires));
        let all: Vec<_> = (0..6).map(|number| due(number, 600)).collect();
        assert_eq!(all, [Some(at(15)), Some(at(45)), Some(at(105)), Some(at(225)), None, None]);
        assert_eq!(due(2, 105), None, "nobody can vote then");
        assert_eq!(Reminders { first_seconds: 60, most: 0 }.due(0, at(0), at(60)), None);
        assert_eq!(Reminders { first_seconds: u32::MAX, most: 40 }.due(39, at(0), at(60)), None);
    }
}
