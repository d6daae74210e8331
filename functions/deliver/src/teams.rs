//! Cards in Teams: one when a request asks for approval, one when it is decided, and one when it ended.
//!
//! A card cannot be changed, so the states in between (a vote of several, RUNNING) are told by none.

use std::time::Instant;

use async_trait::async_trait;
use countersign_app::App;
use countersign_notify::notice::Notice;
use countersign_notify::sender::About;
use countersign_notify::teams::card::{card, test};
use countersign_notify::teams::client::{TeamsFailure, post};
use countersign_notify::{Attempt, EndpointId, Outcome, Posted, Sender, Work};
use countersign_rules::{Phase, Status};
use countersign_storage::StorageError;

use crate::chats::{ChatSecrets, Said};

/// Posts to the workflow.
pub struct TeamsSender {
    app: App,
    secrets: ChatSecrets,
}

impl TeamsSender {
    /// On these use cases.
    #[must_use]
    pub fn new(app: App, secrets: ChatSecrets) -> Self {
        Self { app, secrets }
    }

    async fn bring(&self, work: &Work) -> Result<Said, StorageError> {
        let settings = self.app.store.integrations().await?.teams;
        let Some((settings, _)) = settings.filter(|(settings, _)| settings.enabled) else {
            return Ok(Said::new(Outcome::Refused, "Teams is not set up"));
        };
        let prepared = (self.secrets.secret(&settings.webhook_url).await, self.secrets.http());
        let (url, http) = match prepared {
            (Ok(url), Ok(http)) => (url, http),
            (Err(why), _) | (_, Err(why)) => return Ok(Said::failed(why)),
        };
        let Some(about) = &work.about else {
            return Ok(said(post(&http, url.expose(), &test(&self.app.config.public_url)).await, 0));
        };
        let status = about.request.status_at(self.app.now());
        let mut posted = self.posted(about).await?;
        if !has_card(about, status) || posted.shows == stage(status) {
            return Ok(Said::new(Outcome::Delivered, format!("nothing new to say: {status}")));
        }
        let notice = Notice::new(&about.request, &about.created, self.app.now(), &self.app.config.public_url);
        let told = card(&notice);
        let done = post(&http, url.expose(), &told).await;
        if done.is_ok() {
            posted.shows = stage(status);
            posted.row += 1;
            match self.app.store.put_posted(&posted).await {
                // A duplicate of this invocation was as quick: two cards, as any at-least-once may be.
                Ok(()) | Err(StorageError::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(said(done, told.to_string().len()))
    }

    async fn posted(&self, about: &About) -> Result<Posted, StorageError> {
        let known = self.app.store.posted(about.request.id).await?;
        let known = known.into_iter().find(|posted| posted.endpoint == EndpointId::Teams);
        Ok(known.unwrap_or_else(|| Posted {
            request: about.request.id,
            endpoint: EndpointId::Teams,
            place: None,
            claimed_until: self.app.now(),
            shows: 0,
            reminders: 0,
            row: 0,
        }))
    }
}

/// Which card a state is told by; for Teams that is what a posted message "shows".
fn stage(status: Status) -> u64 {
    match status {
        Status::Pending => 1,
        Status::Approved | Status::Running => 2,
        Status::Rejected | Status::Expired | Status::Cancelled | Status::Blocked => 3,
        Status::Succeeded | Status::Failed => 4,
        Status::Unknown => 5,
    }
}

/// What needed nobody, and what a guardrail blocked, is no news for a channel of reviewers.
fn has_card(about: &About, status: Status) -> bool {
    let blocked = matches!(about.request.phase, Phase::Blocked { .. });
    !blocked && about.request.auto_approval.is_none() && status != Status::Running
}

fn said(done: Result<u16, TeamsFailure>, bytes: usize) -> Said {
    match done {
        Ok(status) => Said {
            outcome: Outcome::Delivered,
            status: Some(status),
            words: "the workflow has accepted it, which does not prove that it is shown".to_owned(),
            bytes,
        },
        Err(failure) => {
            let outcome = match &failure {
                TeamsFailure::RateLimited(pause) => {
                    Outcome::Failed { retry_after: Some(u32::try_from(pause.as_secs()).unwrap_or(u32::MAX)) }
                }
                TeamsFailure::FlowGone(410) => Outcome::Gone,
                TeamsFailure::FlowGone(_) | TeamsFailure::Trouble(_) | TeamsFailure::Unreachable(_) => {
                    Outcome::Failed { retry_after: None }
                }
                TeamsFailure::Refused(..) => Outcome::Refused,
            };
            Said { outcome, status: failure.status(), words: failure.to_string(), bytes }
        }
    }
}

#[async_trait]
impl Sender for TeamsSender {
    async fn send(&self, work: &Work) -> Attempt {
        let began = Instant::now();
        let said = self.bring(work).await.unwrap_or_else(|error| {
            tracing::error!(%error, "teams");
            Said::failed("the table did not answer")
        });
        said.attempt(began)
    }
}
