//! A message that was posted for a request, so that it can be found and updated after a restart.

use countersign_rules::{RequestId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::endpoint::EndpointId;

/// A message of a request at an endpoint. One is claimed before it is posted, so that two invocations
/// at once do not post two.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posted {
    /// About which request.
    pub request: RequestId,
    /// At which endpoint.
    pub endpoint: EndpointId,
    /// Where it is; none while somebody is posting it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// Until when whoever claimed it may be at it.
    pub claimed_until: Timestamp,
    /// The version of the request that it shows; 0 is nothing yet.
    pub shows: u64,
    /// How many reminders were sent.
    #[serde(default)]
    pub reminders: u32,
    /// One more with each change: the lock.
    pub row: u64,
}

/// Where a message is, in the channel's own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The channel.
    pub channel: String,
    /// Slack's `ts`.
    pub ts: String,
}
