//! Who was refused a decision: an event, so that somebody can ask why they tried.
//!
//! It goes with no change and a refusal stays one if it cannot be written. Only what is refused for who
//! somebody is counts, and only so many a minute: nobody fills the table by being refused.

use std::sync::{Arc, Mutex, PoisonError};

use countersign_app::{App, Caller};
use countersign_rules::{Refusal, RequestId, Timestamp};
use serde_json::json;

/// At most that many events a minute from each process.
const MOST_A_MINUTE: u32 = 30;

/// The minute, and how many events it had.
#[derive(Debug, Clone, Default)]
pub(crate) struct Refused(Arc<Mutex<(i64, u32)>>);

impl Refused {
    /// Notes a refusal, if it is one for who the caller is.
    pub(crate) async fn note(&self, app: &App, caller: &Caller, id: RequestId, refusal: &Refusal) {
        let Some(why) = reason(refusal) else { return };
        if !self.has_room(app.now()) {
            return;
        }
        let data = json!({ "refusal": why });
        if let Err(error) = app.store_of(caller).record("decision.refused", id.to_string(), data).await {
            tracing::warn!(%error, request_id = %id, "refusal");
        }
    }

    fn has_room(&self, now: Timestamp) -> bool {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if window.0 != now.unix_minutes() {
            *window = (now.unix_minutes(), 0);
        }
        window.1 = window.1.saturating_add(1);
        window.1 <= MOST_A_MINUTE
    }
}

fn reason(refusal: &Refusal) -> Option<&'static str> {
    match refusal {
        Refusal::Disabled => Some("disabled"),
        Refusal::OwnRequest => Some("own-request"),
        Refusal::NotReviewer => Some("not-a-reviewer"),
        Refusal::MayNotCancel => Some("may-not-cancel"),
        Refusal::MayNotRun => Some("may-not-run"),
        Refusal::MayNotSettle => Some("may-not-settle"),
        Refusal::DigestMismatch
        | Refusal::VoteNotNeeded
        | Refusal::OtherBounds
        | Refusal::BoundPassed
        | Refusal::Wrong(_)
        | Refusal::AlreadyClaimed
        | Refusal::NotTheClaimant
        | Refusal::OtherEpoch
        | Refusal::LeaseOver => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_has_room_for_so_many_and_the_next_one_again() {
        let refused = Refused::default();
        let minute = Timestamp::from_unix_millis(60_000);
        let written = (0..100).filter(|_| refused.has_room(minute)).count();
        assert_eq!(u32::try_from(written), Ok(MOST_A_MINUTE));
        assert!(refused.has_room(minute.plus_seconds(60)));
    }
}
