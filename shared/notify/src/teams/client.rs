//! The one call to Teams: a POST to the webhook of a workflow.

use std::time::Duration;

use reqwest::header::RETRY_AFTER;
use serde_json::Value;

use crate::slack::client::kind_of;

/// At most that many characters of an answer are kept.
const MOST_ANSWER: usize = 300;

/// Why a card is not there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TeamsFailure {
    /// Too many calls.
    #[error("Teams wants a pause of {} seconds", .0.as_secs())]
    RateLimited(Duration),
    /// The workflow was deleted or switched off, or its URL is not right.
    #[error(
        "the workflow is gone or its URL is not right (status {0}); make a new one in Teams and save its URL"
    )]
    FlowGone(u16),
    /// It does not take this card: a fault of ours.
    #[error("Teams does not take this card (status {0}): {1}")]
    Refused(u16, String),
    /// It has trouble of its own.
    #[error("Teams has trouble (status {0})")]
    Trouble(u16),
    /// There was no answer.
    #[error("Teams could not be reached ({0})")]
    Unreachable(String),
}

impl TeamsFailure {
    /// The status of the answer, if there was one.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::RateLimited(_) => Some(429),
            Self::FlowGone(status) | Self::Refused(status, _) | Self::Trouble(status) => Some(*status),
            Self::Unreachable(_) => None,
        }
    }
}

/// Posts a card. Its URL holds a secret: it is in no message and no error. Answers with the status.
///
/// # Errors
/// [`TeamsFailure`]. That it was accepted does not mean that it is shown.
pub async fn post(http: &reqwest::Client, url: &str, card: &Value) -> Result<u16, TeamsFailure> {
    let sent = http.post(url).header("content-type", "application/json").body(card.to_string()).send().await;
    let mut response = sent.map_err(|error| TeamsFailure::Unreachable(kind_of(&error).to_owned()))?;
    let status = response.status().as_u16();
    match status {
        200..=299 => Ok(status),
        429 => {
            let said = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
            let seconds = said.and_then(|said| said.parse().ok()).unwrap_or(60);
            Err(TeamsFailure::RateLimited(Duration::from_secs(seconds)))
        }
        // Also what a webhook of the old connectors answers now that they are switched off.
        401 | 403 | 404 | 405 | 410 => Err(TeamsFailure::FlowGone(status)),
        500..=599 => Err(TeamsFailure::Trouble(status)),
        _ => {
            let said = response.chunk().await.ok().flatten().unwrap_or_default();
            let said = String::from_utf8_lossy(&said);
            let said = said.chars().filter(|c| !c.is_control()).take(MOST_ANSWER).collect();
            Err(TeamsFailure::Refused(status, said))
        }
    }
}
