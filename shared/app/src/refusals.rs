//! Who was refused: an event, so that somebody can ask why they tried.
//!
//! It goes with no change, and a refusal stays one if it cannot be written. Only so many a minute are:
//! nobody fills the table by being refused.

use std::sync::{Arc, Mutex, PoisonError};

use countersign_rules::Timestamp;
use serde_json::Value;

use crate::{App, Caller};

/// At most that many events a minute from each process.
const MOST_A_MINUTE: u32 = 30;

/// The minute, and how many events it had.
#[derive(Debug, Clone, Default)]
pub struct Refusals(Arc<Mutex<(i64, u32)>>);

impl Refusals {
    fn has_room(&self, now: Timestamp) -> bool {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if window.0 != now.unix_minutes() {
            *window = (now.unix_minutes(), 0);
        }
        window.1 = window.1.saturating_add(1);
        window.1 <= MOST_A_MINUTE
    }
}

impl App {
    /// Notes that a caller was refused something.
    pub async fn note_refusal(&self, caller: &Caller, kind: &str, subject: String, data: Value) {
        if !self.refusals.has_room(self.now()) {
            return;
        }
        if let Err(error) = self.store_of(caller).record(kind, subject.as_str(), data).await {
            tracing::warn!(%error, kind, subject, "a refusal is not in the audit trail");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_has_room_for_so_many_and_the_next_one_again() {
        let refusals = Refusals::default();
        let minute = Timestamp::from_unix_millis(60_000);
        let written = (0..100).filter(|_| refusals.has_room(minute)).count();
        assert_eq!(u32::try_from(written), Ok(MOST_A_MINUTE));
        assert!(refusals.has_room(minute.plus_seconds(60)));
    }
}
