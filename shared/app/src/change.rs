//! The one way that a request changes: load, decide, one transaction.
//!
//! A request that was made before the deployment was restored from a backup is settled first,
//! whatever is asked of it: the table may have forgotten a vote, a claim or an outcome.

use countersign_rules::{Command, Refusal, Request, RequestId, Timestamp, commit, decide};
use countersign_storage::requests::Aside;
use countersign_storage::{Found, Key, StorageError};
use futures::future::BoxFuture;

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

/// Makes the command from what was read, in each round of [`App::change`].
pub type Ask<'a> = dyn FnMut(&Found, &Request, Timestamp) -> Result<Asked, StorageError> + Send + 'a;

impl App {
    /// Changes a request. `first` is what was read already, if anything; `also` is read again with
    /// the state in each further round; `ask` makes the command from it.
    ///
    /// Answers with the state after the change; unchanged if the command was satisfied already.
    ///
    /// # Errors
    /// [`ChangeError`]; then nothing of what was asked was written by this call, save where the
    /// storage says `Unavailable`.
    pub fn change<'a>(
        &'a self,
        id: RequestId,
        first: Option<Found>,
        also: &'a [Key],
        mut ask: impl FnMut(&Found, &Request, Timestamp) -> Result<Asked, StorageError> + Send + 'a,
    ) -> BoxFuture<'a, Result<Request, ChangeError>> {
        // All but the closure is compiled once, in `change_by`.
        Box::pin(async move { self.change_by(id, first, also, &mut ask).await })
    }

    fn change_by<'a>(
        &'a self,
        id: RequestId,
        mut first: Option<Found>,
        also: &'a [Key],
        ask: &'a mut Ask<'_>,
    ) -> BoxFuture<'a, Result<Request, ChangeError>> {
        Box::pin(async move {
            let mut keys = vec![Key::State(id)];
            keys.extend_from_slice(also);
            for _ in 0..ROUNDS {
                let found = match first.take() {
                    Some(found) => found,
                    None => self.store.read("reload", &keys).await?,
                };
                match self.change_once(id, &found, &mut *ask).await {
                    Err(ChangeError::Storage(StorageError::Conflict)) => {}
                    done => return done,
                }
            }
            Err(StorageError::Contended.into())
        })
    }

    /// One round of [`App::change`]: decides by what was found, and writes.
    ///
    /// # Errors
    /// [`ChangeError`]; `Storage(Conflict)` means that it must be read and decided again: somebody
    /// else has changed it, or it was settled here because it is of an older epoch.
    pub fn change_once<'a>(
        &'a self,
        id: RequestId,
        found: &'a Found,
        ask: &'a mut Ask<'_>,
    ) -> BoxFuture<'a, Result<Request, ChangeError>> {
        Box::pin(async move {
            let before = found.request(id)?.ok_or(ChangeError::Gone)?;
            self.change_known(before, found, ask).await
        })
    }

    /// The same for whoever knows the state because they have written it: it is not read again.
    ///
    /// # Errors
    /// As [`App::change_once`].
    pub fn change_known<'a>(
        &'a self,
        before: Request,
        found: &'a Found,
        ask: &'a mut Ask<'_>,
    ) -> BoxFuture<'a, Result<Request, ChangeError>> {
        Box::pin(async move {
            let now = self.now();
            let restored = Command::RaiseEpoch { epoch: self.config.epoch }.into();
            if self.decide_and_write(&before, &restored, now).await?.is_some() {
                return Err(StorageError::Conflict.into());
            }
            let asked = ask(found, &before, now)?;
            let after = self.decide_and_write(&before, &asked, now).await?;
            Ok(after.unwrap_or(before))
        })
    }

    /// The state after what was asked; `None` if that changes nothing.
    async fn decide_and_write(
        &self,
        before: &Request,
        asked: &Asked,
        now: Timestamp,
    ) -> Result<Option<Request>, ChangeError> {
        let facts = decide(before, &asked.command, now)?;
        if facts.is_empty() {
            return Ok(None);
        }
        let (actor, via) = asked.command.actor();
        let (after, events) = commit(before, &actor, via, now, facts)?;
        self.store.append(before, &after, &events, &asked.aside).await?;
        Ok(Some(after))
    }

    /// Lets time do its work on a request: expiry and lapsed leases, and the end of what was open
    /// when the deployment was restored from a backup.
    ///
    /// # Errors
    /// As [`App::change`].
    pub fn tick<'a>(&'a self, id: RequestId) -> BoxFuture<'a, Result<Request, ChangeError>> {
        Box::pin(async move { self.change(id, None, &[], |_, _, _| Ok(Command::Tick.into())).await })
    }
}
