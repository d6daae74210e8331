//! Winning the right to run: the same for the service's own function and for runners.

use std::collections::BTreeMap;

use countersign_catalogue::Catalogue;
use countersign_rules::command::{Executor, People};
use countersign_rules::digest::Covered;
use countersign_rules::event::Created;
use countersign_rules::request::run_options;
use countersign_rules::{Command, Digest, Request, RequestId, Status, Timestamp, UserId};
use countersign_storage::requests::Aside;
use countersign_storage::{Connection, Found, Key, StorageError};
use futures::future::BoxFuture;

use crate::change::{Asked, ChangeError};
use crate::{App, guard};

/// Everything that the winner runs.
pub struct Claimed {
    /// The request as the claim has left it.
    pub state: Request,
    /// The executor's own name.
    pub nonce: String,
    /// When it counts as dead.
    pub lease_until: Timestamp,
    /// What was submitted, with the command.
    pub created: Created,
    /// The connection as it is.
    pub connection: Connection,
}

/// Who claims.
pub struct Claimant<'a> {
    /// Who.
    pub executor: Executor,
    /// Its own random name. The same one again is the same claim again.
    pub nonce: String,
    /// How long a command may take on a connection, in milliseconds; none if its settings are unusable.
    pub statement_millis: &'a (dyn Fn(&Connection) -> Option<u64> + Sync),
    /// Reads the catalogue that the command is judged by now, if who claims can read one.
    pub catalogue: Option<&'a dyn ReadCatalogue>,
}

/// Reads the catalogue of a connection's database at the claim.
pub trait ReadCatalogue: Sync {
    /// The catalogue for a command, read anew if the command is a read only by the catalogue: between the submission and
    /// the claim somebody may have changed a function. `None` if there is none.
    fn catalogue<'a>(
        &'a self,
        connection: &'a Connection,
        command: &'a str,
    ) -> BoxFuture<'a, Option<Catalogue>>;
}

/// Why it was not won.
#[derive(Debug, thiserror::Error)]
pub enum NotClaimed {
    /// It is not approved (any more), or the look at people and connection has undone its approval: the
    /// request as it stands.
    #[error("the request is {}", .0.status())]
    Over(Box<Request>),
    /// The rules or the table say no, or there is no such request.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

impl From<StorageError> for NotClaimed {
    fn from(error: StorageError) -> Self {
        Self::Change(error.into())
    }
}

/// How often a claim that lost a race is tried again. Each round somebody else has won one, or
/// somebody's groups have changed.
const ROUNDS: u32 = 25;
/// The statement time-out that a lease is computed from where the target's settings are unusable.
const FALLBACK_TIMEOUT_MILLIS: i64 = 30_000;

impl App {
    /// Claims a request.
    ///
    /// # Errors
    /// [`NotClaimed`]; then there is nothing to run.
    pub fn claim<'a>(
        &'a self,
        id: RequestId,
        claimant: &'a Claimant<'a>,
    ) -> BoxFuture<'a, Result<Claimed, NotClaimed>> {
        Box::pin(async move {
            for _ in 0..ROUNDS {
                let round = Round::read(self, id, claimant).await?;
                let mut ask = |_: &Found, _: &Request, now: Timestamp| round.ask(self, claimant, now);
                match self.change_once(id, &round.found, &mut ask).await {
                    Ok(after) => return round.won(after, &claimant.nonce),
                    Err(ChangeError::Storage(StorageError::Conflict)) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            Err(StorageError::Contended.into())
        })
    }
}

/// What one round is decided by.
struct Round {
    found: Found,
    access_version: u64,
    created: Created,
    request: Request,
    connection: Option<Connection>,
    people: People,
    catalogue: Option<Catalogue>,
}

impl Round {
    /// Reads the request and the access version first, and only then the people and the connection:
    /// what changes in between moves the access version on, and the commit fails.
    async fn read(app: &App, id: RequestId, claimant: &Claimant<'_>) -> Result<Self, NotClaimed> {
        let nonce = &claimant.nonce;
        let keys = [Key::State(id), Key::Access];
        let (found, created) = tokio::join!(app.store.read("claim", &keys), app.store.read_created(id));
        let found = found?.and(created?);
        let (Some(request), Some(created)) = (found.request(id)?, found.created(id)?) else {
            return Err(ChangeError::Gone.into());
        };
        let ours = || request.claim().is_some_and(|claim| claim.nonce == *nonce);
        match request.status() {
            Status::Approved => {}
            Status::Running if ours() => {}
            _ => return Err(NotClaimed::Over(Box::new(request))),
        }
        let access_version = found.access_version()?;
        let mut users: Vec<UserId> = request.approvals().map(|vote| vote.user).collect();
        users.push(request.requester.user);
        let mut keys: Vec<Key> = users.iter().copied().map(Key::User).collect();
        keys.push(Key::Connection(request.connection.clone()));
        let found = found.and(app.store.read("claim", &keys).await?);
        let mut by_user = BTreeMap::new();
        for user in users {
            if let Some(user) = found.user(user)? {
                by_user.insert(user.id, user.person());
            }
        }
        let connection = found.connection(&request.connection)?;
        let catalogue = match (&connection, claimant.catalogue) {
            (Some(connection), Some(reader)) if guard::claim_uses_catalogue(connection, request.bounds()) => {
                reader.catalogue(connection, &created.command).await
            }
            (Some(_) | None, Some(_) | None) => None,
        };
        let people = People { by_user };
        Ok(Self { found, access_version, created, request, connection, people, catalogue })
    }

    fn ask(&self, app: &App, claimant: &Claimant<'_>, now: Timestamp) -> Result<Asked, StorageError> {
        let millis = self.connection.as_ref().and_then(claimant.statement_millis);
        let millis = millis.and_then(|millis| i64::try_from(millis).ok()).unwrap_or(FALLBACK_TIMEOUT_MILLIS);
        let command = Command::Claim {
            nonce: claimant.nonce.clone(),
            lease_until: now.plus_millis(millis).plus_seconds(app.config.lease_margin_sec),
            people: self.people.clone(),
            digest: self.digest()?,
            epoch: app.config.epoch,
            guard: self
                .connection
                .as_ref()
                .map(|connection| {
                    let (command, bounds) = (&self.created.command, self.request.bounds());
                    guard::guard(connection, command, bounds, self.catalogue.as_ref())
                })
                .unwrap_or_default(),
            executor: claimant.executor.clone(),
        };
        Ok(Asked { command, aside: Aside { access_version: Some(self.access_version), ..Aside::default() } })
    }

    /// The digest of what would run now: the stored bytes, against the connection as it is.
    fn digest(&self) -> Result<Option<Digest>, StorageError> {
        let Some(connection) = &self.connection else {
            return Ok(None);
        };
        Ok(Some(Digest::of(&Covered {
            request: self.request.id,
            connection: &connection.name,
            kind: &connection.kind,
            target: &connection.canonical_target()?,
            secret: connection.secret_for(self.request.read_only).unwrap_or_default(),
            command: self.created.command.as_bytes(),
            // The bound as it is now: with another one, other rows could change than were approved.
            options: &run_options(
                self.request.run,
                self.request.read_only,
                self.request.run_mode,
                connection.max_rows,
            ),
            masking_version: self.created.masking_version,
            requester: self.request.requester.user,
            policy_version: self.request.policy.version,
        })))
    }

    /// What runs, if the claim is indeed ours.
    fn won(self, after: Request, nonce: &str) -> Result<Claimed, NotClaimed> {
        let claim = after.claim().filter(|claim| after.status() == Status::Running && claim.nonce == nonce);
        match (claim.map(|claim| claim.lease_until), self.connection) {
            (Some(lease_until), Some(connection)) => {
                let nonce = nonce.to_owned();
                Ok(Claimed { state: after, nonce, lease_until, created: self.created, connection })
            }
            _ => Err(NotClaimed::Over(Box::new(after))),
        }
    }
}
