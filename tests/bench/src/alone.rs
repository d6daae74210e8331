//! The same life at the store alone: the very items, transactions and reads of a life over HTTP, in
//! the order of the functions, without HTTP, functions, stream, timers and target.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use countersign_app::App;
use countersign_app::app::random;
use countersign_app::submit::MASKING_VERSION;
use countersign_rules::command::{Ballot, Ending, Executor, People};
use countersign_rules::event::Outcome;
use countersign_rules::request::RunMode;
use countersign_rules::{
    Command, Person, Request, RequestId, Status, Submission, UserId, Via, commit, decide, submit,
};
use countersign_storage::requests::Aside;
use countersign_storage::{Connection, Key, Store, User, codec};

use crate::life::{COMMAND, CONNECTION, REVIEWERS};
use crate::stage::Api;

/// Whether the store is asked what the functions would ask it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    /// Every read of a life over HTTP, save those of whoever waits.
    AsTheFunctions,
    /// None: the five transactions alone.
    None,
}

/// Who takes part, as the table has them.
#[derive(Debug, Clone)]
pub struct Cast {
    requester: User,
    reviewers: Vec<User>,
    connection: Connection,
    access_version: u64,
    output: Vec<u8>,
}

impl Cast {
    /// Reads the demo's people and connection; `output` is what the command gives.
    ///
    /// # Errors
    /// If they are not there.
    pub async fn read(store: &Store, api: &Api, output: &str) -> Result<Self> {
        let name = CONNECTION.parse()?;
        let connection = store.connection(&name).await?.context("no connection")?;
        let mut reviewers = Vec::new();
        for reviewer in REVIEWERS {
            reviewers.push(user(store, api, reviewer).await?);
        }
        let found = store.read("cast", &[Key::Access]).await?;
        Ok(Self {
            requester: user(store, api, "alice").await?,
            reviewers,
            connection,
            access_version: found.access_version()?,
            output: codec::compress(output.as_bytes())?,
        })
    }

    /// Lives a whole life at the store.
    ///
    /// # Errors
    /// If anything is not as it should be.
    pub async fn live(&self, app: &App, reads: Reads) -> Result<()> {
        let store = &app.store;
        let name = || Key::Connection(self.connection.name.clone());
        let alone = reads == Reads::None;
        if !alone {
            let keys = [Key::User(self.requester.id), name()];
            let most = app.config.open_requests_per_person;
            tokio::try_join!(store.read("intake", &keys), store.count_open(self.requester.id, most))?;
        }
        let (mut request, events) = submit(&self.submission(app)?, app.now())?;
        let id = request.id;
        store.create(&request, &events, None).await?;
        for reviewer in &self.reviewers {
            if !alone {
                store.read("decide", &[Key::User(reviewer.id), Key::State(id), Key::Created(id)]).await?;
            }
            let command = approval(&reviewer.person(), &request);
            request = next(app, &request, &command, &Aside::default()).await?;
        }
        if !alone {
            store.read("run", &[Key::User(self.requester.id), Key::State(id), Key::Created(id)]).await?;
            let keys = [Key::State(id), Key::Access];
            tokio::try_join!(store.read("claim", &keys), store.read_created(id))?;
            let mut keys: Vec<Key> = self.people().map(|user| Key::User(user.id)).collect();
            keys.push(name());
            store.read("claim", &keys).await?;
        }
        let by_user: BTreeMap<UserId, Person> = self.people().map(|user| (user.id, user.person())).collect();
        let nonce = format!("{:032x}", random()?);
        let claim = Command::Claim {
            nonce: nonce.clone(),
            lease_until: app.now().plus_seconds(90),
            people: People { by_user },
            digest: Some(request.digest),
            epoch: request.epoch,
            guard: countersign_rules::risk::Guard::default(),
            executor: Executor::Service,
        };
        let aside = Aside { access_version: Some(self.access_version), ..Aside::default() };
        request = next(app, &request, &claim, &aside).await?;
        let outcome = Outcome {
            rows: Some(16),
            bytes: Some(1000),
            output_sha256: Some("0".repeat(64)),
            ..Outcome::default()
        };
        let complete =
            Command::Complete { nonce, ending: Ending::Succeeded(outcome), executor: Executor::Service };
        let aside = Aside { output: Some(self.output.clone()), ..Aside::default() };
        let after = next(app, &request, &complete, &aside).await?;
        anyhow::ensure!(after.status() == Status::Succeeded, "expected SUCCEEDED, got {}", after.status());
        Ok(())
    }

    fn people(&self) -> impl Iterator<Item = &User> {
        self.reviewers.iter().chain([&self.requester])
    }

    fn submission(&self, app: &App) -> Result<Submission> {
        let connection = &self.connection;
        Ok(Submission {
            id: RequestId::from_parts(app.now(), random()?),
            requester: self.requester.person(),
            via: Via::Api,
            connection: connection.name.clone(),
            kind: connection.kind.clone(),
            target: connection.canonical_target()?,
            secret: connection.secret.clone().unwrap_or_default(),
            command: COMMAND.to_owned(),
            reason: Some("INC-1234 clean-up".to_owned()),
            run: RunMode::Manual,
            run_mode: countersign_rules::StatementMode::Transaction,
            policy: connection.policy(),
            timeout_seconds: app.config.review_timeout_sec,
            wanted_timeout_seconds: None,
            masking_version: MASKING_VERSION,
            epoch: app.config.epoch,
            verdict: countersign_rules::risk::Verdict::default(),
        })
    }
}

/// An approval of what `request` shows.
#[must_use]
pub fn approval(voter: &Person, request: &Request) -> Command {
    let ballot = Ballot::Approve { comment: None, bounds: countersign_rules::Bounds::default() };
    Command::Vote { voter: voter.clone(), ballot, digest: request.digest, via: Via::Api }
}

async fn next(app: &App, before: &Request, command: &Command, aside: &Aside) -> Result<Request> {
    let now = app.now();
    let facts = decide(before, command, now)?;
    let (actor, via) = command.actor();
    let (after, events) = commit(before, &actor, via, now, facts)?;
    app.store.append(before, &after, &events, aside).await?;
    Ok(after)
}

async fn user(store: &Store, api: &Api, name: &str) -> Result<User> {
    let id = api.person(name, "id")?.parse()?;
    Ok(store.user(id).await?.with_context(|| format!("nobody is `{name}`"))?.user)
}
