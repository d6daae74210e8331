//! The one way that a request changes: load, decide, one transaction.

use countersign_rules::{Command, Refusal, Request, RequestId, Timestamp, commit, decide};
use countersign_storage::requests::Aside;
use countersign_storage::{Found, Key, StorageError};

use crate::App;

/// How often a commit that lost a race is decided again. Each round somebody else has won one.
const ROUNDS: u32 = 25;

/// Why a request did not change.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// There is no such request.
    #[error("there is no such request")]
    Gone,
    /// The rules say no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The table says no.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// An event could not be written as JSON; a fault of ours.
    #[error("an event cannot be written: {0}")]
    Encoding(#[from] serde_json::Error),
}

/// What is asked, made anew from what was read for each round.
pub struct Asked {
    /// The command.
    pub command: Command,
    /// What is written beside it.
    pub aside: Aside,
}

impl From<Command> for Asked {
    fn from(command: Command) -> Self {
        Self { command, aside: Aside::default() }
    }
}

impl App {
    /// Changes a request. `first` is what was read already, if anything; `also` is read again with
    /// the state in each further round; `ask` makes the command from it.
    ///
    /// Answers with the state after the change; unchanged if the command was satisfied already.
    ///
    /// # Errors
    /// [`ChangeError`]; then nothing was written by this call, save where the storage says
    /// `Unavailable`.
    pub async fn change(
        &self,
        id: RequestId,
        first: Option<Found>,
        also: &[Key],
        mut ask: impl FnMut(&Found, &Request, Timestamp) -> Result<Asked, StorageError>,
    ) -> Result<Request, ChangeError> {
        let mut keys = vec![Key::State(id)];
        keys.extend_from_slice(also);
        let mut first = first;
        for _ in 0..ROUNDS {
            let found = match first.take() {
                Some(found) => found,
                None => self.store.read("reload", &keys).await?,
            };
            match self.change_once(id, &found, &mut ask).await {
                Err(ChangeError::Storage(StorageError::Conflict)) => {}
                done => return done,
            }
        }
        Err(StorageError::Contended.into())
    }

    /// One round of [`App::change`]: decides by what was found, and writes.
    ///
    /// # Errors
    /// [`ChangeError`]; `Storage(Conflict)` means that it must be read and decided again.
    pub async fn change_once(
        &self,
        id: RequestId,
        found: &Found,
        ask: &mut impl FnMut(&Found, &Request, Timestamp) -> Result<Asked, StorageError>,
    ) -> Result<Request, ChangeError> {
        let before = found.request(id)?.ok_or(ChangeError::Gone)?;
        let now = self.now();
        let asked = ask(found, &before, now)?;
        let facts = decide(&before, &asked.command, now)?;
        if facts.is_empty() {
            return Ok(before);
        }
        let (actor, via) = asked.command.actor();
        let (after, events) = commit(&before, &actor, via, now, facts)?;
        self.store.append(&before, &after, &events, &asked.aside).await?;
        Ok(after)
    }

    /// Lets time do its work on a request: expiry and lapsed leases.
    ///
    /// # Errors
    /// As [`App::change`].
    pub async fn tick(&self, id: RequestId) -> Result<Request, ChangeError> {
        self.change(id, None, &[], |_, _, _| Ok(Command::Tick.into())).await
    }
}
