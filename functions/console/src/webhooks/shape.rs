//! A webhook as it is written and as it is shown.

use std::collections::{BTreeMap, BTreeSet};

use countersign_notify::{Health, Webhook};
use countersign_rules::{ConnectionName, Timestamp, UserId, WebhookId};
use countersign_storage::webhooks::StoredWebhook;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// A webhook as it is asked for. What is read-only in an answer may be sent back, and counts for nothing.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewWebhook)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    /// What you call it.
    #[serde(default)]
    #[schema(max_length = 100)]
    pub(super) name: String,
    /// Where events are posted: `https`, without user name and password.
    #[serde(default)]
    #[schema(required = true, max_length = 2048, example = "https://hooks.example.com/countersign")]
    pub(super) url: String,
    /// Only these types, such as `request.created`; empty is all.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    pub(super) events: BTreeSet<String>,
    /// Only of these connections; empty is all.
    #[serde(default)]
    #[schema(value_type = Vec<ConnectionName>)]
    pub(super) connections: BTreeSet<ConnectionName>,
    /// Headers that are sent along; none of those that deliveries have anyway.
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    /// Whether it is told of anything.
    #[serde(default = "yes")]
    #[schema(default = true)]
    pub(super) enabled: bool,
    #[serde(default, rename = "id")]
    #[schema(ignore)]
    _id: Option<Value>,
    #[serde(default, rename = "disabled")]
    #[schema(ignore)]
    _disabled: Option<Value>,
    #[serde(default, rename = "failing_since")]
    #[schema(ignore)]
    _failing_since: Option<Value>,
    #[serde(default, rename = "failures")]
    #[schema(ignore)]
    _failures: Option<Value>,
    #[serde(default, rename = "secret")]
    #[schema(ignore)]
    _secret: Option<Value>,
    #[serde(default, rename = "previous_secret_until")]
    #[schema(ignore)]
    _previous_secret_until: Option<Value>,
    #[serde(default, rename = "created_at")]
    #[schema(ignore)]
    _created_at: Option<Value>,
    #[serde(default, rename = "created_by")]
    #[schema(ignore)]
    _created_by: Option<Value>,
    #[serde(default, rename = "version")]
    #[schema(ignore)]
    _version: Option<Value>,
    #[serde(default, rename = "warnings")]
    #[schema(ignore)]
    _warnings: Option<Value>,
}

fn yes() -> bool {
    true
}

/// Since when and why an endpoint is disabled that was given up.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Disabled)]
pub(crate) struct DisabledView {
    /// Since when.
    at: Timestamp,
    /// Why.
    why: String,
}

/// A webhook as it is shown.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Webhook)]
pub(crate) struct View {
    /// Its id.
    id: WebhookId,
    /// What its maker calls it.
    name: String,
    /// Where events are posted.
    url: String,
    /// Only these types; empty is all.
    events: BTreeSet<String>,
    /// Only of these connections; empty is all.
    connections: BTreeSet<ConnectionName>,
    /// Headers that are sent along.
    headers: BTreeMap<String, String>,
    /// Whether it is told of anything now.
    enabled: bool,
    /// Set if it was given up; enabling it starts it again, with what waits.
    #[schema(required = true)]
    disabled: Option<DisabledView>,
    /// Since when nothing has succeeded.
    #[schema(required = true)]
    failing_since: Option<Timestamp>,
    /// How many attempts have failed since then.
    failures: u32,
    /// What deliveries are signed with; shown once, when it is made, and null ever after.
    #[schema(required = true, pattern = "^whsec_[A-Za-z0-9+/]+=*$")]
    secret: Option<String>,
    /// Until when deliveries are also signed with the secret before.
    #[schema(required = true)]
    previous_secret_until: Option<Timestamp>,
    /// When it was made; nothing earlier is told.
    created_at: Timestamp,
    /// Who made it.
    created_by: UserId,
    /// One more with each change.
    version: u64,
    /// What is wrong with it although it could be saved.
    warnings: Vec<String>,
}

impl View {
    pub(super) fn new(
        stored: &StoredWebhook,
        show_secret: bool,
        now: Timestamp,
        warnings: Vec<String>,
    ) -> Self {
        let StoredWebhook { webhook, health } = stored;
        let Webhook { id, name, url, events, connections, headers, .. } = webhook.clone();
        let Health { failing_since, failures, disabled, .. } = health.clone();
        Self {
            id,
            name,
            url,
            events,
            connections,
            headers,
            enabled: stored.is_enabled(),
            disabled: disabled.map(|disabled| DisabledView { at: disabled.at, why: disabled.why }),
            failing_since,
            failures,
            secret: show_secret.then(|| webhook.secret.reveal()),
            previous_secret_until: webhook
                .retiring
                .as_ref()
                .map(|retiring| retiring.until)
                .filter(|until| now < *until),
            created_at: webhook.created_at,
            created_by: webhook.created_by,
            version: webhook.version,
            warnings,
        }
    }
}
