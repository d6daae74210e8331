//! `deliver` brings what happened to endpoints. It is invoked for one endpoint at a time, so that a slow
//! one costs nobody else anything:
//!
//! - [`commit`] the events of one commit, as soon as they are there
//! - [`due`] what waits for its next attempt
//! - [`attempt`] one attempt and what follows from it: for the delivery, for the endpoint, for the timer
//! - [`webhook`] the POST to a custom webhook; [`slack`] and [`teams`] the messages there, with the secrets
//!   of [`chats`]
//!
//! Every attempt is written down before anything else happens; an invocation may die at any moment,
//! and may come twice. What is lost then is found by the sweep of `expire`.

mod attempt;
pub mod chats;
mod commit;
mod crowd;
mod due;
mod load;
pub mod slack;
pub mod teams;
pub mod webhook;

use std::sync::Arc;

use countersign_app::App;
use countersign_app::notify::DeliverEvent;
use countersign_notify::{Channel, Sender};
use countersign_storage::StorageError;
use countersign_timer::Timer;
use futures::future::BoxFuture;
use serde_json::{Value, json};

use crate::slack::SlackSender;
use crate::teams::TeamsSender;
use crate::webhook::WebhookSender;

pub use crate::chats::ChatSecrets;

/// What sends through each channel.
#[derive(Clone)]
pub struct Senders {
    /// Custom webhooks.
    pub webhook: Arc<dyn Sender>,
    /// Slack, where there is one.
    pub slack: Option<Arc<dyn Sender>>,
    /// Teams, where there is one.
    pub teams: Option<Arc<dyn Sender>>,
}

impl Senders {
    /// Those of a deployment.
    #[must_use]
    pub fn of(app: &App) -> Self {
        Self { webhook: Arc::new(WebhookSender::new(&app.config)), slack: None, teams: None }
    }

    /// With Slack and Teams, whose secrets are looked up there.
    #[must_use]
    pub fn with_chats(self, app: &App, secrets: &ChatSecrets) -> Self {
        Self {
            slack: Some(Arc::new(SlackSender::new(app.clone(), secrets.clone()))),
            teams: Some(Arc::new(TeamsSender::new(app.clone(), secrets.clone()))),
            ..self
        }
    }

    fn through(&self, channel: Channel) -> Option<&Arc<dyn Sender>> {
        match channel {
            Channel::Webhook => Some(&self.webhook),
            Channel::Slack => self.slack.as_ref(),
            Channel::Teams => self.teams.as_ref(),
        }
    }
}

/// The function and what it holds.
#[derive(Clone)]
pub struct Deliver {
    app: App,
    timer: Timer,
    senders: Senders,
    crowd: crowd::Crowd,
}

/// Why an event was not handled; Lambda tries it again, and the sweep after that.
#[derive(Debug, thiserror::Error)]
pub enum DeliverError {
    /// It is none of ours.
    #[error("expected `{{\"commit\": …}}`, `{{\"due\": …}}` or `{{\"delivery\": …}}`: {0}")]
    Event(serde_json::Error),
    /// The table did not answer.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl Deliver {
    /// The function on these use cases.
    #[must_use]
    pub fn new(app: App, timer: Timer, senders: Senders) -> Self {
        Self { app, timer, senders, crowd: crowd::Crowd::default() }
    }

    /// Handles an invocation.
    ///
    /// # Errors
    /// [`DeliverError`]; the same event again does nothing twice but what an endpoint sees as the same
    /// delivery, by its id.
    pub fn handle<'a>(&'a self, payload: Value) -> BoxFuture<'a, Result<Value, DeliverError>> {
        Box::pin(async move {
            let attempted = match serde_json::from_value(payload).map_err(DeliverError::Event)? {
                DeliverEvent::Commit { endpoint, request_id, version } => {
                    self.commit(&endpoint, request_id, version).await?
                }
                DeliverEvent::Due { endpoint } => self.due(&endpoint).await?,
                DeliverEvent::Delivery { endpoint, id } => self.asked_for(&endpoint, id).await?,
            };
            Ok(json!({ "attempted": attempted }))
        })
    }
}
