//! Winning the right to run.

use std::collections::BTreeMap;

use countersign_app::App;
use countersign_app::app::random;
use countersign_app::change::{Asked, ChangeError};
use countersign_app::guard;
use countersign_rules::command::People;
use countersign_rules::digest::Covered;
use countersign_rules::event::Created;
use countersign_rules::request::run_options;
use countersign_rules::{Bounds, Command, Digest, Request, RequestId, Status, Timestamp, UserId};
use countersign_storage::requests::Aside;
use countersign_storage::{Connection, Found, Key, StorageError};
use countersign_targets::TargetSpec;

use crate::{ExecuteError, spec_of};

/// Everything that the winner runs.
pub(crate) struct Claimed {
    /// The request as the claim has left it.
    pub(crate) state: Request,
    pub(crate) nonce: String,
    pub(crate) lease_until: Timestamp,
    pub(crate) command: String,
    pub(crate) connection: Connection,
    pub(crate) read_only: bool,
    pub(crate) bounds: Bounds,
    pub(crate) spec: Result<TargetSpec, String>,
}

/// How often a claim that lost a race is tried again. Each round somebody else has won one, or
/// somebody's groups have changed.
const ROUNDS: u32 = 25;
/// The statement time-out that a lease is computed from where the target's settings are unusable.
const FALLBACK_TIMEOUT_MILLIS: i64 = 30_000;

/// Claims a request; `None` if there is nothing to run: it is not approved (any more), another
/// executor has it, or the look at people and connection has undone its approval.
pub(crate) async fn claim(app: &App, id: RequestId) -> Result<Option<Claimed>, ExecuteError> {
    let nonce = format!("{:032x}", random().map_err(|_| ExecuteError::NoRandomness)?);
    for _ in 0..ROUNDS {
        let Some(round) = Round::read(app, id).await.map_err(ChangeError::from)? else {
            return Ok(None);
        };
        let mut ask = |_: &Found, _: &Request, now: Timestamp| round.ask(app, &nonce, now);
        match app.change_once(id, &round.found, &mut ask).await {
            Ok(after) => return Ok(round.won(after, nonce)),
            Err(ChangeError::Storage(StorageError::Conflict)) => {}
            // Somebody else has it, or it is over: go away.
            Err(ChangeError::Refused(refusal)) => {
                tracing::info!(request_id = %id, %refusal, "not run");
                return Ok(None);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(ChangeError::Storage(StorageError::Contended).into())
}

/// What one round is decided by.
struct Round {
    found: Found,
    access_version: u64,
    created: Created,
    request: Request,
    connection: Option<Connection>,
    people: People,
}

impl Round {
    /// Reads the request and the access version first, and only then the people and the connection:
    /// what changes in between moves the access version on, and the commit fails.
    async fn read(app: &App, id: RequestId) -> Result<Option<Self>, StorageError> {
        let found = app.store.read("claim", &[Key::State(id), Key::Created(id), Key::Access]).await?;
        let (Some(request), Some(created)) = (found.request(id)?, found.created(id)?) else {
            return Ok(None);
        };
        if request.status() != Status::Approved {
            return Ok(None);
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
        Ok(Some(Self { found, access_version, created, request, connection, people: People { by_user } }))
    }

    fn ask(&self, app: &App, nonce: &str, now: Timestamp) -> Result<Asked, StorageError> {
        let spec = self.connection.as_ref().map(|connection| spec_of(&connection.kind, &connection.target));
        let timeout_millis = match spec {
            Some(Ok(spec)) => {
                i64::try_from(spec.caps().statement_timeout_ms).unwrap_or(FALLBACK_TIMEOUT_MILLIS)
            }
            Some(Err(_)) | None => FALLBACK_TIMEOUT_MILLIS,
        };
        let command = Command::Claim {
            nonce: nonce.to_owned(),
            lease_until: now.plus_millis(timeout_millis).plus_seconds(app.config.lease_margin_sec),
            people: self.people.clone(),
            digest: self.digest()?,
            epoch: app.config.epoch,
            guard: self
                .connection
                .as_ref()
                .map(|connection| guard::guard(connection, &self.created.command))
                .unwrap_or_default(),
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
            options: run_options(self.request.run, self.request.read_only),
            masking_version: self.created.masking_version,
            requester: self.request.requester.user,
            policy_version: self.request.policy.version,
        })))
    }

    /// What runs, if the claim is indeed ours.
    fn won(self, after: Request, nonce: String) -> Option<Claimed> {
        let claim =
            after.claim().filter(|claim| after.status() == Status::Running && claim.nonce == nonce)?;
        let lease_until = claim.lease_until;
        let connection = self.connection?;
        let (read_only, bounds) = (after.read_only, after.bounds());
        Some(Claimed {
            state: after,
            nonce,
            lease_until,
            command: self.created.command,
            read_only,
            bounds,
            spec: spec_of(&connection.kind, &connection.target),
            connection,
        })
    }
}
