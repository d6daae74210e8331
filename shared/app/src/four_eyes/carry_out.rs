//! What was agreed to is stored, if it is still about what it was made against.

use countersign_http::Problem;
use countersign_rules::ids::InvalidId;
use countersign_rules::{Actor, ConnectionName, Request, UserId, Via};
use countersign_storage::audit::By;
use countersign_storage::{Key, StorageError};
use futures::future::BoxFuture;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Change, Proposal, agreement};
use crate::App;
use crate::administration::{NotKept, WrittenUser};

/// How often a change of an account that lost a race is tried again: tokens change its item as well.
const ROUNDS: u32 = 10;

/// Why a proposal that was approved was not carried out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotCarriedOut {
    /// Nothing was changed.
    #[error("{0}")]
    Failed(String),
    /// The table did not answer: nobody can tell.
    #[error("{0}")]
    Lost(String),
}

impl From<StorageError> for NotCarriedOut {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::Unavailable(_) => Self::Lost("the table did not answer".to_owned()),
            StorageError::Contended => {
                Self::Failed("the table was too busy, and nothing was changed: propose it again".to_owned())
            }
            StorageError::Conflict | StorageError::TooLarge(_) | StorageError::Corrupt(_) => {
                Self::Failed(error.to_string())
            }
        }
    }
}

impl From<InvalidId> for NotCarriedOut {
    fn from(error: InvalidId) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<serde_json::Error> for NotCarriedOut {
    fn from(error: serde_json::Error) -> Self {
        Self::Failed(format!("the proposal is not one of this version of the service: {error}"))
    }
}

impl App {
    /// Stores what the command of a claimed request proposes, in the name of whoever proposed it.
    ///
    /// # Errors
    /// [`NotCarriedOut`].
    pub fn carry_out<'a>(
        &'a self,
        request: &'a Request,
        command: &'a str,
    ) -> BoxFuture<'a, Result<(), NotCarriedOut>> {
        Box::pin(async move {
            if !self.config.admin_four_eyes {
                // Then this function may not even write what is proposed.
                let why =
                    "no second admin is needed here any more, so nothing was changed: make the change itself";
                return Err(NotCarriedOut::Failed(why.to_owned()));
            }
            let proposal = Proposal::parse(command)?;
            let requester = &request.requester;
            let by = By {
                actor: Actor::User { id: requester.user, email: requester.email.clone() },
                via: Via::System,
                proposal: Some(agreement(request)),
            };
            let app = Self { store: self.store.carrying_out(by), ..self.clone() };
            match proposal.change {
                Change::ConnectionCreate | Change::ConnectionUpdate => {
                    app.carry_out_connection(&proposal).await
                }
                Change::UserCreate | Change::UserUpdate => app.carry_out_user(&proposal).await,
                Change::SlackUpdate => app.carry_out_slack(&proposal).await,
            }
        })
    }

    async fn carry_out_connection(&self, proposal: &Proposal) -> Result<(), NotCarriedOut> {
        let what = format!("connection {}", proposal.subject);
        let name: ConnectionName = proposal.subject.parse()?;
        let before = self.store.connection(&name).await?;
        let version = before.as_ref().map(|before| before.version);
        is_current(&what, proposal.version, version)?;
        let mut document = proposal.document.clone();
        if let Some(members) = document.as_object_mut() {
            let created_at = before.as_ref().map_or_else(|| self.now(), |before| before.created_at);
            members.insert("created_at".to_owned(), serde_json::to_value(created_at)?);
            members.insert("version".to_owned(), self.next_version(version).into());
        }
        let connection = read(document)?;
        self.keep_connection(version, &connection).await.map_err(|error| not_kept(&what, error))
    }

    async fn carry_out_user(&self, proposal: &Proposal) -> Result<(), NotCarriedOut> {
        let id: UserId = proposal.subject.parse()?;
        let written: WrittenUser = read(proposal.document.clone())?;
        let what = format!("account {}", written.email);
        for _ in 0..ROUNDS {
            // Read before the people, so that what was decided by them still holds when it is written.
            let access = self.store.read("carry out", &[Key::Access]).await?.access_version()?;
            let before = self.store.user(id).await?;
            is_current(&what, proposal.version, before.as_ref().map(|before| before.user.version))?;
            let checked = self.check_user(id, before.as_ref(), written.clone()).await;
            let checked = checked.map_err(|problem| refused(&problem))?;
            match self.keep_user(before.as_ref(), &checked, access).await {
                Ok(()) => return Ok(()),
                // Of the account or of anybody: look at both again.
                Err(NotKept::Changed) => {}
                Err(error) => return Err(not_kept(&what, error)),
            }
        }
        Err(StorageError::Contended.into())
    }

    async fn carry_out_slack(&self, proposal: &Proposal) -> Result<(), NotCarriedOut> {
        let what = "the settings of Slack";
        let found = self.store.integrations().await?.slack.map(|(_, version)| version);
        is_current(what, proposal.version, found)?;
        let settings = read(proposal.document.clone())?;
        let kept = self.keep_slack(found, found.map_or(1, |version| version + 1), &settings).await;
        kept.map_err(|error| not_kept(what, error))
    }
}

fn read<T: DeserializeOwned>(document: Value) -> Result<T, NotCarriedOut> {
    Ok(serde_json::from_value(document)?)
}

/// Whether it is still about what it was made against.
fn is_current(what: &str, seen: Option<u64>, now: Option<u64>) -> Result<(), NotCarriedOut> {
    let became = match (seen, now) {
        (seen, now) if seen == now => return Ok(()),
        (_, None) => "deleted",
        (None, Some(_)) => "made",
        (Some(_), Some(_)) => "changed",
    };
    Err(NotCarriedOut::Failed(format!("{what} was {became} meanwhile: propose it again")))
}

fn not_kept(what: &str, error: NotKept) -> NotCarriedOut {
    match error {
        NotKept::Changed => NotCarriedOut::Failed(format!("{what} was changed meanwhile: propose it again")),
        NotKept::Refused(problem) => refused(&problem),
        NotKept::Storage(error) => error.into(),
    }
}

fn refused(problem: &Problem) -> NotCarriedOut {
    if problem.status().is_server_error() {
        return NotCarriedOut::Failed("the table could not be read: propose it again".to_owned());
    }
    NotCarriedOut::Failed(problem.detail().to_owned())
}
