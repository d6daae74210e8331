//! One attempt series: to bring one event (or, to a channel that shows states, one request) to one
//! endpoint.

use countersign_rules::{DeliveryId, RequestId, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

use crate::endpoint::{Channel, EndpointId};
use crate::schedule::Schedule;
use crate::sender::{Attempt, Outcome};

/// How many characters of an answer are kept of an attempt that succeeded: it must fit, with all else,
/// into one write unit.
const KEPT_OF_SUCCESS: usize = 120;
/// And of one that did not.
const KEPT_OF_FAILURE: usize = 2000;
/// How long a delivery is remembered, in seconds: 30 days.
pub const KEPT_SECONDS: u32 = 30 * 24 * 3600;

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = DeliveryState)]
pub enum State {
    /// An attempt is still to come.
    Waiting,
    /// The endpoint has it.
    Delivered,
    /// It was given up.
    Failed,
}

/// A delivery, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// Its id; the `webhook-id` of every attempt.
    pub id: DeliveryId,
    /// Where to.
    pub endpoint: EndpointId,
    /// About which request; none for a test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<RequestId>,
    /// The type of the event that is told.
    pub event: String,
    /// The commit that it is about: the request's version.
    pub version: u64,
    /// The sequence number of the event.
    pub seq: u64,
    /// How many deliveries this endpoint gets of the commit, this one included.
    pub of_commit: u32,
    /// When the event happened.
    pub at: Timestamp,
    /// Where it stands.
    pub state: State,
    /// How many attempts there were.
    pub attempts: u32,
    /// When the first one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_attempt_at: Option<Timestamp>,
    /// When the next one comes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<Timestamp>,
    /// How the last one went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<LastAttempt>,
    /// Whether the endpoint has it already, and only a reminder of it is waited for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_there: bool,
}

/// How the last attempt went, for the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LastAttempt {
    /// When it began.
    pub at: Timestamp,
    /// The status of the answer, if there was one.
    #[schema(required = true)]
    pub status: Option<u16>,
    /// The beginning of the answer, or why there was none.
    pub answer: String,
    /// How long it took.
    pub duration_ms: u32,
    /// How many bytes were sent.
    pub bytes: u32,
}

/// Which event of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventRef {
    /// The request.
    pub request: RequestId,
    /// The commit: the request's version right after it.
    pub version: u64,
    /// The sequence number.
    pub seq: u64,
    /// The type.
    pub kind: String,
    /// When it happened.
    pub at: Timestamp,
}

impl Delivery {
    /// Of an event to an endpoint that is told each one.
    #[must_use]
    pub fn of_event(endpoint: &EndpointId, event: &EventRef, of_commit: u32) -> Self {
        let id = derived(event.at, endpoint, &format!("{}#{}", event.request, event.seq));
        Self::new(id, endpoint, event, of_commit)
    }

    /// Of a request to an endpoint that shows states: one for all its events, of which `event` is the
    /// newest.
    #[must_use]
    pub fn of_request(endpoint: &EndpointId, event: &EventRef) -> Self {
        Self::new(id_of_request(endpoint, event.request), endpoint, event, 1)
    }

    /// A test of an endpoint.
    #[must_use]
    pub fn of_test(endpoint: &EndpointId, id: DeliveryId) -> Self {
        Self {
            id,
            endpoint: endpoint.clone(),
            request: None,
            event: crate::payload::TEST.to_owned(),
            version: 0,
            seq: 0,
            of_commit: 1,
            at: id.made_at(),
            state: State::Waiting,
            attempts: 0,
            first_attempt_at: None,
            next_attempt_at: None,
            last: None,
            is_there: false,
        }
    }

    fn new(id: DeliveryId, endpoint: &EndpointId, event: &EventRef, of_commit: u32) -> Self {
        Self {
            id,
            endpoint: endpoint.clone(),
            request: Some(event.request),
            event: event.kind.clone(),
            version: event.version,
            seq: event.seq,
            of_commit,
            at: event.at,
            state: State::Waiting,
            attempts: 0,
            first_attempt_at: None,
            next_attempt_at: None,
            last: None,
            is_there: false,
        }
    }

    /// Through what it goes.
    #[must_use]
    pub fn channel(&self) -> Channel {
        self.endpoint.channel()
    }

    /// Whether an attempt is due at `now`.
    #[must_use]
    pub fn is_due(&self, now: Timestamp) -> bool {
        self.state == State::Waiting && self.next_attempt_at.is_none_or(|at| at <= now)
    }

    /// The delivery after an attempt that began at `began` and is over at `now`.
    #[must_use]
    pub fn after(
        mut self,
        attempt: &Attempt,
        began: Timestamp,
        now: Timestamp,
        schedule: &Schedule,
        jitter: f64,
    ) -> Self {
        let first = *self.first_attempt_at.get_or_insert(began);
        self.attempts = self.attempts.saturating_add(1);
        let is_there = matches!(attempt.outcome, Outcome::Delivered | Outcome::Again { .. });
        self.is_there = matches!(attempt.outcome, Outcome::Again { .. });
        let kept = if is_there { KEPT_OF_SUCCESS } else { KEPT_OF_FAILURE };
        self.last = Some(LastAttempt {
            at: began,
            status: attempt.status,
            answer: attempt.answer.chars().take(kept).collect(),
            duration_ms: attempt.duration_millis,
            bytes: attempt.bytes,
        });
        (self.state, self.next_attempt_at) = match attempt.outcome {
            Outcome::Delivered => (State::Delivered, None),
            // A new series, with all its time.
            Outcome::Again { after_seconds } => {
                self.first_attempt_at = None;
                (State::Waiting, Some(now.plus_seconds(after_seconds)))
            }
            Outcome::Refused | Outcome::Gone => (State::Failed, None),
            Outcome::Failed { .. } if schedule.is_over(first, now) => (State::Failed, None),
            Outcome::Failed { retry_after } => {
                (State::Waiting, Some(schedule.next(now, self.attempts, jitter, retry_after)))
            }
        };
        self
    }

    /// The delivery without an attempt, because its endpoint is only probed now.
    #[must_use]
    pub fn parked(mut self, until: Timestamp) -> Self {
        self.next_attempt_at = Some(until);
        self
    }

    /// The delivery once more, because somebody asked for it; due at `due` if it is not attempted before.
    #[must_use]
    pub fn again(mut self, due: Timestamp) -> Self {
        self.state = State::Waiting;
        self.is_there = false;
        self.first_attempt_at = None;
        self.next_attempt_at = Some(due);
        self
    }
}

/// The id of the one delivery of a request to an endpoint that shows states.
#[must_use]
pub fn id_of_request(endpoint: &EndpointId, request: RequestId) -> DeliveryId {
    derived(request.made_at(), endpoint, &request.to_string())
}

/// An id that whoever derives it again finds again.
fn derived(at: Timestamp, endpoint: &EndpointId, what: &str) -> DeliveryId {
    let hash = Sha256::digest(format!("{endpoint}\n{what}").as_bytes());
    let random = hash.iter().take(10).fold(0_u128, |number, byte| number << 8 | u128::from(*byte));
    DeliveryId::from_parts(at, random)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_millis(seconds * 1000)
    }

    fn event(seq: u64) -> EventRef {
        let request = RequestId::from_parts(at(1), 1);
        EventRef { request, version: 1, seq, kind: "request.created".to_owned(), at: at(1) }
    }

    fn fresh() -> Delivery {
        Delivery::of_event(&EndpointId::Teams, &event(1), 1)
    }

    fn attempt(outcome: Outcome) -> Attempt {
        Attempt { outcome, status: Some(500), answer: "x".repeat(30_000), duration_millis: 7, bytes: 3 }
    }

    fn failed(retry_after: Option<u32>) -> Attempt {
        attempt(Outcome::Failed { retry_after })
    }

    #[test]
    fn the_id_is_the_same_for_whoever_derives_it_and_no_others() {
        let slack = EndpointId::Slack("C1".to_owned());
        assert_eq!(fresh().id, fresh().id);
        let ids = [
            fresh().id,
            Delivery::of_event(&slack, &event(1), 1).id,
            Delivery::of_event(&slack, &event(2), 1).id,
            Delivery::of_request(&slack, &event(1)).id,
            Delivery::of_request(&EndpointId::Teams, &event(1)).id,
        ];
        for (position, id) in ids.iter().enumerate() {
            assert!(!ids.iter().skip(position + 1).any(|other| other == id), "{id}");
        }
        assert_eq!(Delivery::of_request(&slack, &event(2)).id, Delivery::of_request(&slack, &event(1)).id);
    }

    #[test]
    fn a_success_is_the_end() {
        let done = fresh().after(&attempt(Outcome::Delivered), at(2), at(3), &Schedule::default(), 0.0);
        assert_eq!((done.state, done.attempts, done.next_attempt_at), (State::Delivered, 1, None));
        assert!(!done.is_due(at(1_000_000)));
        assert_eq!(done.last.map(|last| last.answer.len()), Some(KEPT_OF_SUCCESS));
    }

    #[test]
    fn failures_wait_by_the_schedule_until_five_days_are_over() {
        let (mut delivery, schedule) = (fresh(), Schedule::default());
        let (mut now, mut pauses) = (at(0), Vec::new());
        while delivery.state == State::Waiting {
            delivery = delivery.after(&failed(None), now, now, &schedule, 0.0);
            if let Some(next) = delivery.next_attempt_at {
                assert!(!delivery.is_due(next.plus_millis(-1)) && delivery.is_due(next));
                pauses.push(next.millis_since(now) / 1000);
                now = next;
            }
        }
        assert_eq!(pauses.get(..7), Some(&[5, 300, 1800, 7200, 18_000, 36_000, 36_000][..]));
        assert!(pauses.iter().skip(7).all(|pause| *pause == 36_000), "{pauses:?}");
        assert_eq!((delivery.state, delivery.next_attempt_at), (State::Failed, None));
        assert!(now >= at(5 * 86_400) && now < at(5 * 86_400 + 36_001), "{now}");
    }

    #[test]
    fn gone_and_refused_are_the_end_at_once() {
        for outcome in [Outcome::Gone, Outcome::Refused] {
            let done = fresh().after(&attempt(outcome), at(2), at(3), &Schedule::default(), 0.0);
            assert_eq!((done.state, done.next_attempt_at), (State::Failed, None));
        }
    }

    #[test]
    fn what_is_asked_for_again_has_all_its_time_again() {
        let schedule = Schedule::default();
        let old = fresh().after(&attempt(Outcome::Refused), at(0), at(0), &schedule, 0.0);
        let later = at(10 * 86_400);
        let again = old.clone().again(later);
        assert!(again.is_due(later));
        assert_eq!(again.id, old.id);
        let again = again.after(&failed(None), later, later, &schedule, 0.0);
        assert_eq!((again.state, again.attempts), (State::Waiting, 2));
    }

    proptest! {
        #[test]
        fn whatever_happens_the_id_stays_and_an_end_is_an_end(
            outcomes in proptest::collection::vec((0_u8..5, 0_u32..100_000), 1..40)
        ) {
            let schedule = Schedule::default();
            let (mut delivery, mut now) = (fresh(), at(0));
            let id = delivery.id;
            for (kind, seconds) in outcomes {
                if delivery.state != State::Waiting {
                    break;
                }
                let outcome = match kind {
                    0 => Outcome::Delivered,
                    1 => Outcome::Gone,
                    2 => Outcome::Failed { retry_after: Some(seconds) },
                    _ => Outcome::Failed { retry_after: None },
                };
                delivery = delivery.after(&attempt(outcome), now, now, &schedule, -1.0);
                prop_assert_eq!(delivery.id, id);
                prop_assert_eq!(delivery.state == State::Waiting, delivery.next_attempt_at.is_some());
                if let Some(next) = delivery.next_attempt_at {
                    prop_assert!(next > now);
                    now = next;
                }
            }
        }
    }
}
