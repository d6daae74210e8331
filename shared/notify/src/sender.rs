//! The seam between the delivery machine and the channels.

use async_trait::async_trait;
use countersign_rules::event::Created;
use countersign_rules::{Event, Request, Timestamp};

use crate::delivery::Delivery;
use crate::endpoint::Webhook;

/// What a channel is handed. Without `Debug`: it holds the command.
#[derive(Clone)]
pub struct Work {
    /// The delivery, as it is stored or will be; its id is the stable one.
    pub delivery: Delivery,
    /// What it is about; none for a test.
    pub about: Option<About>,
    /// The webhook that it goes to, if it goes to one.
    pub webhook: Option<Webhook>,
    /// When the attempt begins.
    pub now: Timestamp,
}

/// The request that a delivery is about. Without `Debug`: it holds the command.
#[derive(Clone)]
pub struct About {
    /// For a channel that shows states the newest state; else the state right after the event.
    pub request: Request,
    /// What was submitted, with the command.
    pub created: Created,
    /// The event that is told; for a channel that shows states the newest one.
    pub event: Event,
}

/// How one attempt went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// What follows from it.
    pub outcome: Outcome,
    /// The status of the answer, if there was one.
    pub status: Option<u16>,
    /// The beginning of the answer's body, or why there is none; never a secret.
    pub answer: String,
    /// How long it took.
    pub duration_millis: u32,
    /// How many bytes were sent as the body.
    pub bytes: u32,
}

/// What follows from an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is there.
    Delivered,
    /// It is there, and the same endpoint wants to be reminded of it after so many seconds: the next
    /// attempt is the reminder.
    Again {
        /// The pause.
        after_seconds: u32,
    },
    /// Try again by the schedule, but not before so many seconds.
    Failed {
        /// `Retry-After`.
        retry_after: Option<u32>,
    },
    /// It will never work (the channel is gone, the message is refused for what it is): this delivery
    /// is over, the endpoint stays.
    Refused,
    /// The endpoint wants nothing any more: it is disabled.
    Gone,
}

impl Attempt {
    /// One that came to nothing before anything was sent.
    #[must_use]
    pub fn not_sent(outcome: Outcome, why: impl Into<String>) -> Self {
        Self { outcome, status: None, answer: why.into(), duration_millis: 0, bytes: 0 }
    }
}

/// Sends through one channel.
#[async_trait]
pub trait Sender: Send + Sync {
    /// One attempt. Bounded in time by itself; whatever goes wrong is part of the answer.
    async fn send(&self, work: &Work) -> Attempt;
}
