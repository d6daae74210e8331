//! The hash chain over the events of one request.

use serde_json::json;

use crate::digest::sha256_hex;
use crate::{Event, RequestId};

/// What stands in `prev_hash` of a request's first event: 64 zeros.
pub const FIRST_PREV_HASH: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The hash of an event: SHA-256, in lower-case hexadecimal digits, over the RFC 8785 JSON of
/// `{"event": EVENT, "request_id": ID}`, where EVENT is the event as the API shows it, without its
/// member `hash`.
///
/// # Errors
/// If the event cannot be written as JSON, which no event of ours does.
pub fn event_hash(request: RequestId, event: &Event) -> Result<String, serde_json::Error> {
    let mut body = serde_json::to_value(event)?;
    if let Some(members) = body.as_object_mut() {
        members.remove("hash");
    }
    let canonical = serde_json_canonicalizer::to_vec(&json!({ "event": body, "request_id": request }))?;
    Ok(sha256_hex(&canonical))
}

/// What is wrong with a chain, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokenChain {
    /// The sequence numbers have a hole, or do not begin with 1.
    #[error("expected event {expected}, found event {found}")]
    Sequence {
        /// The number that should come.
        expected: u64,
        /// The number that came.
        found: u64,
    },
    /// An event does not follow the one before it.
    #[error("event {0} does not carry the hash of the event before it")]
    Link(u64),
    /// An event is not what was hashed.
    #[error("event {0} was altered: its hash does not fit")]
    Hash(u64),
}

/// Checks that `events` are all the events of `request` from the first on, unaltered and in order.
///
/// # Errors
/// The first break.
pub fn verify(request: RequestId, events: &[Event]) -> Result<(), BrokenChain> {
    let mut prev_hash = FIRST_PREV_HASH;
    for (expected, event) in (1u64..).zip(events) {
        if event.seq != expected {
            return Err(BrokenChain::Sequence { expected, found: event.seq });
        }
        if event.prev_hash != prev_hash {
            return Err(BrokenChain::Link(event.seq));
        }
        if event_hash(request, event).ok().as_deref() != Some(event.hash.as_str()) {
            return Err(BrokenChain::Hash(event.seq));
        }
        prev_hash = &event.hash;
    }
    Ok(())
}
