//! Buttons that were pressed and dialogs that were sent off.

use serde::Deserialize;
use serde_json::Value;

use super::Origin;
use crate::slack::modal;

/// What somebody did in Slack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Interaction {
    /// They pressed a button of a message.
    Pressed {
        /// Who.
        origin: Origin,
        /// Which button.
        action_id: String,
        /// What it carries.
        value: String,
        /// What opens a dialog, once, within three seconds.
        trigger_id: String,
        /// Where an answer for their eyes goes.
        response_url: Option<String>,
    },
    /// They sent a dialog off.
    Submitted {
        /// Who.
        origin: Origin,
        /// Which dialog.
        callback_id: String,
        /// What it was opened with.
        private_metadata: String,
        /// The reason that they wrote.
        reason: Option<String>,
    },
    /// Something that we have no part in, such as a dialog that was closed.
    Other,
}

/// A payload that Slack does not send.
#[derive(Debug, thiserror::Error)]
pub enum NotAnInteraction {
    /// There is no form with a `payload` in it.
    #[error("expected a form with the field `payload`")]
    NoPayload,
    /// The payload is no JSON of the kind.
    #[error("the field `payload` is no interaction")]
    Json(#[from] serde_json::Error),
    /// A member is missing that Slack always sends.
    #[error("the interaction lacks `{0}`")]
    Lacks(&'static str),
}

#[derive(Debug, Deserialize)]
struct Payload {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    api_app_id: String,
    team: Option<Id>,
    user: Option<User>,
    #[serde(default)]
    trigger_id: String,
    response_url: Option<String>,
    #[serde(default)]
    actions: Vec<Action>,
    view: Option<View>,
}

#[derive(Debug, Deserialize)]
struct Id {
    id: String,
}

#[derive(Debug, Deserialize)]
struct User {
    id: String,
    team_id: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Action {
    #[serde(default)]
    action_id: String,
    #[serde(default)]
    value: String,
}

#[derive(Debug, Deserialize)]
struct View {
    #[serde(default)]
    callback_id: String,
    #[serde(default)]
    private_metadata: String,
    #[serde(default)]
    state: Value,
}

impl Interaction {
    /// Reads the body of a call to `/slack/interactions`.
    ///
    /// # Errors
    /// [`NotAnInteraction`].
    pub fn parse(body: &[u8]) -> Result<Self, NotAnInteraction> {
        let payload = form_urlencoded::parse(body).find(|(name, _)| name == "payload");
        let (_, payload) = payload.ok_or(NotAnInteraction::NoPayload)?;
        let payload: Payload = serde_json::from_str(&payload)?;
        match payload.kind.as_str() {
            "block_actions" => Self::pressed(payload),
            "view_submission" => Self::submitted(payload),
            _ => Ok(Self::Other),
        }
    }

    fn pressed(payload: Payload) -> Result<Self, NotAnInteraction> {
        let origin = origin(&payload)?;
        let action = payload.actions.into_iter().next().ok_or(NotAnInteraction::Lacks("actions"))?;
        Ok(Self::Pressed {
            origin,
            action_id: action.action_id,
            value: action.value,
            trigger_id: payload.trigger_id,
            response_url: payload.response_url,
        })
    }

    fn submitted(payload: Payload) -> Result<Self, NotAnInteraction> {
        let origin = origin(&payload)?;
        let view = payload.view.ok_or(NotAnInteraction::Lacks("view"))?;
        let pointer = format!("/values/{}/{}/value", modal::REASON, modal::REASON);
        let reason = view.state.pointer(&pointer).and_then(Value::as_str).map(str::to_owned);
        Ok(Self::Submitted {
            origin,
            callback_id: view.callback_id,
            private_metadata: view.private_metadata,
            reason,
        })
    }

    /// Who did it, if it is anything that we have a part in.
    #[must_use]
    pub fn origin(&self) -> Option<&Origin> {
        match self {
            Self::Pressed { origin, .. } | Self::Submitted { origin, .. } => Some(origin),
            Self::Other => None,
        }
    }

    /// What it is about, as a button or a dialog of ours carries it.
    #[must_use]
    pub fn subject(&self) -> Option<crate::slack::button::Subject> {
        match self {
            Self::Pressed { value, .. } => value.parse().ok(),
            Self::Submitted { private_metadata, .. } => private_metadata.parse().ok(),
            Self::Other => None,
        }
    }
}

fn origin(payload: &Payload) -> Result<Origin, NotAnInteraction> {
    let user = payload.user.as_ref().ok_or(NotAnInteraction::Lacks("user"))?;
    // Slack sends no `team` where an app was installed for a whole organisation.
    let team = payload.team.as_ref().map(|team| team.id.clone()).or_else(|| user.team_id.clone());
    Ok(Origin {
        app: Some(payload.api_app_id.clone()),
        team: team.ok_or(NotAnInteraction::Lacks("team"))?,
        user: user.id.clone(),
        user_team: user.team_id.clone(),
    })
}
