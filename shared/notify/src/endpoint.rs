//! Where deliveries go.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use countersign_rules::{ConnectionName, Timestamp, UserId, WebhookId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::sign::SigningSecret;

/// At most that many webhooks in a deployment: all of them are read for each batch of events.
pub const MOST_WEBHOOKS: usize = 100;
/// Consecutive failures from which on an endpoint is only probed: its deliveries wait, and cost nobody
/// else anything.
pub const FAILURES_THAT_OPEN: u32 = 10;
/// How long a probe of such an endpoint keeps others from probing it.
pub const PROBE_EVERY_SECONDS: u32 = 30;

/// Through what a delivery goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = DeliveryChannel)]
pub enum Channel {
    /// A signed POST for each event.
    Webhook,
    /// A message for each request, which shows its newest state.
    Slack,
    /// A card.
    Teams,
}

/// The name of an endpoint: `whe_…`, `slack:C0123ABCD` (a channel or a person), `teams`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum EndpointId {
    /// A custom webhook.
    Webhook(WebhookId),
    /// A channel of Slack, or a person there, by Slack's id.
    Slack(String),
    /// The channel of Teams behind the workflow.
    Teams,
}

/// A text that names no endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected `whe_…`, `slack:` with a channel's id such as `slack:C0123ABCD`, or `teams`, got `{0}`")]
pub struct NoEndpoint(String);

impl EndpointId {
    /// Through what it is reached.
    #[must_use]
    pub fn channel(&self) -> Channel {
        match self {
            Self::Webhook(_) => Channel::Webhook,
            Self::Slack(_) => Channel::Slack,
            Self::Teams => Channel::Teams,
        }
    }

    /// Whether it is told states, one delivery a request, and not events, one delivery each.
    #[must_use]
    pub fn shows_states(&self) -> bool {
        match self {
            Self::Webhook(_) => false,
            Self::Slack(_) | Self::Teams => true,
        }
    }
}

impl fmt::Display for EndpointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Webhook(id) => write!(f, "{id}"),
            Self::Slack(target) => write!(f, "slack:{target}"),
            Self::Teams => f.write_str("teams"),
        }
    }
}

impl fmt::Debug for EndpointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for EndpointId {
    type Err = NoEndpoint;

    fn from_str(text: &str) -> Result<Self, NoEndpoint> {
        let wrong = || NoEndpoint(text.chars().take(64).collect());
        if text == "teams" {
            return Ok(Self::Teams);
        }
        if let Some(target) = text.strip_prefix("slack:") {
            return if is_slack_target(target) { Ok(Self::Slack(target.to_owned())) } else { Err(wrong()) };
        }
        text.parse().map(Self::Webhook).map_err(|_| wrong())
    }
}

/// Slack's ids are upper-case letters and digits; a channel may also be named, as `ops` or `#ops`.
fn is_slack_target(target: &str) -> bool {
    (1..=80).contains(&target.len())
        && target
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'#'))
}

impl TryFrom<String> for EndpointId {
    type Error = NoEndpoint;
    fn try_from(text: String) -> Result<Self, NoEndpoint> {
        text.parse()
    }
}

impl From<EndpointId> for String {
    fn from(id: EndpointId) -> Self {
        id.to_string()
    }
}

/// A custom webhook, as an admin configured it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// What its maker calls it.
    pub name: String,
    /// Where events are posted.
    pub url: String,
    /// Only these types, such as `request.created`; all if none is named.
    #[serde(default)]
    pub events: BTreeSet<String>,
    /// Only of these connections; all if none is named.
    #[serde(default)]
    pub connections: BTreeSet<ConnectionName>,
    /// Headers that are sent along.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Whether an admin wants it to be told.
    pub enabled: bool,
    /// What deliveries are signed with.
    pub secret: SigningSecret,
    /// What they are signed with as well for a while.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retiring: Option<Retiring>,
    /// When it was made; nothing earlier is told.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: UserId,
    /// One more with each change; the ETag.
    pub version: u64,
}

/// A secret that was rotated out and still counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retiring {
    /// The secret.
    pub secret: SigningSecret,
    /// Until when deliveries are signed with it too.
    pub until: Timestamp,
}

impl Webhook {
    /// Whether it wants to hear of that type of event on that connection.
    #[must_use]
    pub fn wants(&self, event: &str, connection: &ConnectionName) -> bool {
        (self.events.is_empty() || self.events.contains(event)) && self.wants_connection(connection)
    }

    /// Whether it may want to hear of anything on that connection.
    #[must_use]
    pub fn wants_connection(&self, connection: &ConnectionName) -> bool {
        self.connections.is_empty() || self.connections.contains(connection)
    }

    /// The secrets that count at `now`, the newest first.
    #[must_use]
    pub fn secrets(&self, now: Timestamp) -> Vec<&SigningSecret> {
        let retiring = self.retiring.iter().filter(|retiring| now < retiring.until);
        std::iter::once(&self.secret).chain(retiring.map(|retiring| &retiring.secret)).collect()
    }
}

/// How an endpoint is doing. Written when that changes, so a healthy endpoint costs nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// Since when nothing has succeeded, if the last attempt failed.
    pub failing_since: Option<Timestamp>,
    /// How many attempts have failed since then.
    pub failures: u32,
    /// Not before that instant is an endpoint probed that keeps failing.
    pub probe_at: Option<Timestamp>,
    /// Set if we gave up on it: since when, and why. An admin enables it again.
    pub disabled: Option<Disabled>,
}

/// That an endpoint was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disabled {
    /// When.
    pub at: Timestamp,
    /// Why, in words.
    pub why: String,
}

/// Whether an endpoint is attempted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gate {
    /// Yes.
    Open,
    /// It keeps failing: whoever wins the probe attempts it.
    Probe,
    /// It keeps failing, and somebody has just probed it: wait until then.
    Wait(Timestamp),
}

impl Health {
    /// Whether it is attempted at `now`.
    #[must_use]
    pub fn gate(&self, now: Timestamp) -> Gate {
        if self.failures < FAILURES_THAT_OPEN {
            return Gate::Open;
        }
        match self.probe_at {
            Some(at) if now < at => Gate::Wait(at),
            _ => Gate::Probe,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_has_one_spelling() {
        for text in ["whe_01K5J3V8Q4W7X9YABCDEFGHJKM", "slack:C0123ABCD", "slack:#ops", "teams"] {
            assert_eq!(text.parse::<EndpointId>().map(|id| id.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "slack:", "slack:<!channel>", "Teams", "whe_1", "usr_01K5J3V8Q4W7X9YABCDEFGHJKM"] {
            assert!(text.parse::<EndpointId>().is_err(), "{text}");
        }
    }

    #[test]
    fn who_keeps_failing_is_only_probed() {
        let at = Timestamp::from_unix_millis;
        let mut health = Health { failures: FAILURES_THAT_OPEN - 1, ..Health::default() };
        assert_eq!(health.gate(at(5)), Gate::Open);
        health.failures += 1;
        assert_eq!(health.gate(at(5)), Gate::Probe);
        health.probe_at = Some(at(6));
        assert_eq!(health.gate(at(5)), Gate::Wait(at(6)));
        assert_eq!(health.gate(at(6)), Gate::Probe);
    }
}
