//! Requests of a year, by the rules and the items of the product itself, loaded in bulk.
//!
//! A year has a million of them, evenly; fewer are the last part of the year. Of ten, four were
//! rejected, three cancelled and three have run, save some of the newest thousand, which are pending.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc;

use anyhow::{Context as _, Result};
use aws_sdk_dynamodb::types::AttributeValue as Sdk;
use countersign_rules::command::{Ballot, Ending, Executor, People};
use countersign_rules::event::Outcome;
use countersign_rules::request::RunMode;
use countersign_rules::{
    Command, Event, Person, Request, RequestId, Submission, Timestamp, UserId, Via, commit, decide, submit,
};
use countersign_service::service::TABLE;
use countersign_storage::bulk::{Commit, items_of};
use countersign_storage::people::Access;
use countersign_storage::requests::Aside;
use countersign_storage::{Connection, User, codec};
use dynoxide::{AttributeValue, ImportOptions, Item};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::life::{COMMAND, CONNECTION, REVIEWERS};
use crate::stage::Stage;

use super::numbers::Numbers;

const A_YEAR_MILLIS: i64 = 365 * 86_400_000;
const A_YEAR_HAS: i64 = 1_000_000;
/// Requests that are pending stand among so many of the newest.
const NEWEST: u32 = 1_000;
/// Those who ask, besides alice, who asks one of ten.
const REQUESTERS: u32 = 200;
/// Those that are asked for, besides the demo's connection, which is asked for one of ten times.
const CONNECTIONS: u32 = 40;
/// Long enough for everything that is pending to stay so.
const VOTES_SECONDS: u32 = 7 * 86_400;
/// Requests whose items are made and loaded together.
const CHUNK: u32 = 5_000;
/// When a request was decided, after it was made.
const LATER_SECONDS: u32 = 5;

/// What was seeded, as far as it is asked for.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Seeded {
    pub(super) items: usize,
    pub(super) newest: Vec<String>,
    pub(super) anywhere: Vec<String>,
    /// Ids and digests.
    pub(super) pending: Vec<(String, String)>,
}

/// Loads that many requests, so many of them pending.
pub(super) async fn plant(stage: &Stage, requests: u32, pending: usize) -> Result<Seeded> {
    let now = stage.opened.app.now();
    let scene = Scene::make(stage, now, u32::try_from(pending)?).await?;
    let database = stage.opened.prepared().store().database().clone();
    let task = tokio::task::spawn_blocking(move || load(&database, &scene, requests));
    let (seeded, numbers) = task.await??;
    numbers.store(&stage.opened.app.store).await?;
    Ok(seeded)
}

/// One thread makes items while the other loads them.
fn load(database: &dynoxide::Database, scene: &Scene, requests: u32) -> Result<(Seeded, Numbers)> {
    let (mut seeded, mut numbers) = (Seeded::default(), Numbers::default());
    database.enable_bulk_loading().map_err(failed)?;
    std::thread::scope(|threads| -> Result<()> {
        let (sender, receiver) = mpsc::sync_channel(2);
        let maker = threads.spawn(move || -> Result<()> {
            // The oldest first, as they would have come.
            for first in (0..requests).step_by(CHUNK as usize).collect::<Vec<_>>().into_iter().rev() {
                let made = (first..requests.min(first + CHUNK)).rev().map(|number| scene.request(number));
                let made = made.collect::<Result<Vec<_>>>()?;
                let mut counted = Numbers::default();
                for made in &made {
                    counted.count(&made.request, made.events.iter(), scene.now);
                }
                sender.send((made, counted))?;
            }
            Ok(())
        });
        for (chunk, counted) in receiver {
            numbers.merge(counted);
            let mut items = Vec::new();
            for made in chunk {
                seeded.note(&made, requests);
                items.extend(made.items);
            }
            seeded.items += items.len();
            database.import_items(TABLE, items, ImportOptions::default()).map_err(failed)?;
        }
        maker.join().map_err(|_| anyhow::anyhow!("the maker of items panicked"))?
    })?;
    database.disable_bulk_loading().map_err(failed)?;
    Ok((seeded, numbers))
}

fn failed(error: dynoxide::DynoxideError) -> anyhow::Error {
    anyhow::anyhow!("the embedded database: {error}")
}

/// A request that was made.
struct Made {
    number: u32,
    request: Request,
    events: Vec<Event>,
    pending: Option<String>,
    items: Vec<Item>,
}

impl Seeded {
    fn note(&mut self, made: &Made, requests: u32) {
        if let Some(digest) = &made.pending {
            self.pending.push((made.request.id.to_string(), digest.clone()));
        }
        if made.number < NEWEST {
            self.newest.push(made.request.id.to_string());
        }
        // About a thousand, evenly.
        if made.number.is_multiple_of((requests / 1_000).max(1)) {
            self.anywhere.push(made.request.id.to_string());
        }
    }
}

/// Who and what the requests are about.
struct Scene {
    now: Timestamp,
    pending: u32,
    alice: Person,
    requesters: Vec<Person>,
    reviewers: Vec<Person>,
    demo: Connection,
    connections: Vec<Connection>,
    output: Vec<u8>,
}

impl Scene {
    /// Makes people and connections in the table.
    async fn make(stage: &Stage, now: Timestamp, pending: u32) -> Result<Self> {
        let store = &stage.opened.app.store;
        let name = CONNECTION.parse()?;
        let demo = store.connection(&name).await?.context("the demo has its connection")?;
        // Nothing is older than the first user: lists that walk back in time stop there.
        let long_ago = now.plus_millis(-A_YEAR_MILLIS - 86_400_000);
        let mut requesters = Vec::new();
        for number in 0..REQUESTERS {
            let user = requester(number, long_ago);
            store.put_user(None, &user, Access::Changed, None).await?;
            requesters.push(user.person());
        }
        let mut connections = Vec::new();
        for number in 0..CONNECTIONS {
            let connection = Connection { name: format!("seeded-{number}").parse()?, ..demo.clone() };
            store.put_connection(None, &connection).await?;
            connections.push(connection);
        }
        let mut reviewers = Vec::new();
        for reviewer in REVIEWERS {
            reviewers.push(person(stage, reviewer).await?);
        }
        let alice = person(stage, "alice").await?;
        // As `execute` stores what a target gives (shared/targets/src/record.rs).
        let rows = (0..38).map(|row| json!({ "row": [row.to_string(), "<EMAIL_ADDRESS>"] }));
        let columns = ["id", "email"].map(|name| json!({ "name": name, "type": "TEXT" }));
        let records = [json!({ "columns": columns })].into_iter().chain(rows);
        let records = records.chain([json!({ "done": { "tag": "SELECT 38", "rows": 38 } })]);
        let output: String = records.map(|record| format!("{record}\n")).collect();
        let output = codec::compress(output.as_bytes())?;
        Ok(Self { now, pending, alice, requesters, reviewers, demo, connections, output })
    }

    /// The request of that number; 0 is the newest.
    fn request(&self, number: u32) -> Result<Made> {
        let made_at = self.now.plus_millis(-(i64::from(number) + 1) * (A_YEAR_MILLIS / A_YEAR_HAS));
        let pending =
            number < NEWEST && number * self.pending / NEWEST != (number + 1) * self.pending / NEWEST;
        let mut life = Life::born(&self.submission(number, made_at, pending)?, made_at)?;
        let later = made_at.plus_seconds(LATER_SECONDS);
        if !pending {
            match number % 10 {
                0..=3 => life.rejected(self.reviewer(number)?, later)?,
                4..=6 => life.cancelled(later)?,
                _ => life.has_run(&self.reviewers, later, &self.output)?,
            }
        }
        let digest = pending.then(|| life.request().map(|request| request.digest.to_string()));
        let items = items_of(&life.commits)?;
        Ok(Made {
            number,
            request: life.request()?.clone(),
            events: life.commits.iter().flat_map(|(_, events, _)| events.clone()).collect(),
            pending: digest.transpose()?,
            items: items.into_iter().map(item).collect::<Result<_>>()?,
        })
    }

    fn submission(&self, number: u32, made_at: Timestamp, pending: bool) -> Result<Submission> {
        let pick = |count: u32| (number.wrapping_mul(2_654_435_761) >> 8) % count;
        let of = |people: &'_ [Person]| people.get(pick(REQUESTERS) as usize).cloned();
        let requester = if number % 10 == 9 { Some(self.alice.clone()) } else { of(&self.requesters) };
        let connection = if pending || number % 10 == 8 {
            Some(&self.demo)
        } else {
            self.connections.get(pick(CONNECTIONS) as usize)
        };
        let connection = connection.context("a connection")?;
        // Spread over the shards as random ids are.
        let random = u128::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
        Ok(Submission {
            id: RequestId::from_parts(made_at, random),
            requester: requester.context("a requester")?,
            via: Via::Api,
            connection: connection.name.clone(),
            kind: connection.kind.clone(),
            target: connection.canonical_target()?,
            secret: connection.secret.clone().unwrap_or_default(),
            command: format!("{COMMAND} AND id <> {number}"),
            reason: Some("INC-1234 clean-up".to_owned()),
            run: RunMode::Manual,
            run_mode: countersign_rules::StatementMode::Transaction,
            policy: connection.policy(),
            timeout_seconds: VOTES_SECONDS,
            wanted_timeout_seconds: None,
            masking_version: 0,
            epoch: 1,
            verdict: countersign_rules::risk::Verdict::default(),
        })
    }

    fn reviewer(&self, number: u32) -> Result<&Person> {
        self.reviewers.get(number as usize % self.reviewers.len()).context("a reviewer")
    }
}

/// The commits of a request so far.
struct Life {
    commits: Vec<Commit>,
}

impl Life {
    fn born(submission: &Submission, at: Timestamp) -> Result<Self> {
        let (request, events) = submit(submission, at)?;
        Ok(Self { commits: vec![(request, events, Aside::default())] })
    }

    fn request(&self) -> Result<&Request> {
        self.commits.last().map(|(request, ..)| request).context("a life begins with a commit")
    }

    fn next(&mut self, command: &Command, at: Timestamp, aside: Aside) -> Result<()> {
        let before = self.request()?;
        let facts = decide(before, command, at)?;
        let (actor, via) = command.actor();
        let (after, events) = commit(before, &actor, via, at, facts)?;
        self.commits.push((after, events, aside));
        Ok(())
    }

    /// Whoever asks is in no group.
    fn requester(&self) -> Result<Person> {
        let requester = &self.request()?.requester;
        Ok(Person {
            user: requester.user,
            human: requester.human,
            email: requester.email.clone(),
            groups: BTreeSet::new(),
            roles: BTreeSet::new(),
            disabled: false,
        })
    }

    fn rejected(&mut self, by: &Person, at: Timestamp) -> Result<()> {
        self.vote(by, Ballot::Reject { reason: "not on a Friday".to_owned() }, at)
    }

    fn vote(&mut self, by: &Person, ballot: Ballot, at: Timestamp) -> Result<()> {
        let digest = self.request()?.digest;
        let vote = Command::Vote { voter: by.clone(), ballot, digest, via: Via::Api };
        self.next(&vote, at, Aside::default())
    }

    fn cancelled(&mut self, at: Timestamp) -> Result<()> {
        let by = self.requester()?;
        self.next(&Command::Cancel { by, reason: None, via: Via::Api }, at, Aside::default())
    }

    fn has_run(&mut self, reviewers: &[Person], at: Timestamp, output: &[u8]) -> Result<()> {
        for reviewer in reviewers {
            self.vote(
                reviewer,
                Ballot::Approve { comment: None, bounds: countersign_rules::Bounds::default() },
                at,
            )?;
        }
        let request = self.request()?;
        let people = reviewers.iter().cloned().chain([self.requester()?]);
        let by_user: BTreeMap<UserId, Person> = people.map(|person| (person.user, person)).collect();
        let nonce = "0".repeat(32);
        let claim = Command::Claim {
            nonce: nonce.clone(),
            lease_until: at.plus_seconds(90),
            people: People { by_user },
            digest: Some(request.digest),
            epoch: request.epoch,
            guard: countersign_rules::risk::Guard::default(),
            executor: Executor::Service,
        };
        self.next(&claim, at, Aside::default())?;
        let outcome = Outcome { rows: Some(38), bytes: Some(1_000), ..Outcome::default() };
        let complete =
            Command::Complete { nonce, ending: Ending::Succeeded(outcome), executor: Executor::Service };
        self.next(&complete, at, Aside { output: Some(output.to_vec()), ..Aside::default() })
    }
}

async fn person(stage: &Stage, name: &str) -> Result<Person> {
    let id = stage.api.person(name, "id")?.parse()?;
    let found = stage.opened.app.store.user(id).await?;
    Ok(found.with_context(|| format!("nobody is `{name}`"))?.user.person())
}

fn requester(number: u32, made_at: Timestamp) -> User {
    User {
        id: UserId::from_parts(made_at, u128::from(number)),
        email: format!("requester-{number}@example.com"),
        name: format!("Requester {number}"),
        groups: BTreeSet::new(),
        roles: BTreeSet::new(),
        disabled: false,
        slack_user_id: None,
        owner: None,
        created_at: made_at,
        version: 1,
        tokens: Vec::new(),
    }
}

/// The item as the embedded database has it.
fn item(item: codec::Item) -> Result<Item> {
    let attribute = |(name, value)| match value {
        Sdk::S(text) => Ok((name, AttributeValue::S(text))),
        Sdk::N(digits) => Ok((name, AttributeValue::N(digits))),
        Sdk::B(bytes) => Ok((name, AttributeValue::B(bytes.into_inner()))),
        other => anyhow::bail!("`{name}` is of a type that no item of ours has: {other:?}"),
    };
    item.into_iter().map(attribute).collect()
}
