//! What an admin configures of Slack and Teams. Secrets are references, never the secrets.

use std::collections::BTreeMap;

use countersign_rules::ConnectionName;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::slack::reminders::Reminders;

/// The settings of Slack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SlackSettings {
    /// Whether anybody is told through Slack.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// The reference to the bot's token, such as `env:SLACK_BOT_TOKEN`.
    pub bot_token: String,
    /// The reference to the secret that Slack signs its calls with.
    pub signing_secret: String,
    /// The app's id, such as `A0123ABCD`; calls of other apps are refused.
    pub app_id: String,
    /// The workspace's id, such as `T0123ABCD`.
    pub team_id: String,
    /// The channels that are told of connections that name none, by id.
    #[serde(default)]
    pub default_channels: Vec<String>,
    /// How reviewers are asked again while a request waits, on connections that are named here; after
    /// 15 minutes, then after twice as long as the last time, four times, on all others.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reminders: BTreeMap<ConnectionName, Reminders>,
}

impl SlackSettings {
    /// How reviewers of a connection are asked again.
    #[must_use]
    pub fn reminders_of(&self, connection: &ConnectionName) -> Reminders {
        self.reminders.get(connection).copied().unwrap_or_default()
    }
}

/// The settings of Teams.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TeamsSettings {
    /// Whether anybody is told through Teams.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// The reference to the workflow's address, which holds a secret: `env:TEAMS_WEBHOOK_URL`.
    pub webhook_url: String,
}

/// Both, as they stand; none if an admin has configured nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Integrations {
    /// Slack, with the version of its settings.
    pub slack: Option<(SlackSettings, u64)>,
    /// Teams, with the version of its settings.
    pub teams: Option<(TeamsSettings, u64)>,
}

fn yes() -> bool {
    true
}
