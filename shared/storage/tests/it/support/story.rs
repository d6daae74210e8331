//! The people and the requests of the stories.

use std::collections::{BTreeMap, BTreeSet};

use countersign_rules::command::{Ballot, Ending, Executor, People};
use countersign_rules::event::Outcome;
use countersign_rules::request::RunMode;
use countersign_rules::{
    Command, Event, GroupName, Person, Policy, Refusal, Request, RequestId, Submission, Timestamp, UserId,
    Via, chain, commit, decide, evolve, submit,
};
use countersign_storage::requests::Aside;
use countersign_storage::{StorageError, Store};

/// When the stories begin: 2026-11-23T04:00:00Z.
pub fn morning() -> Timestamp {
    Timestamp::parse_rfc3339("2026-11-23T04:00:00Z").expect("an instant")
}

pub fn group(name: &str) -> GroupName {
    name.parse().expect("a name of a group")
}

/// The person of that number, in those groups; their own human.
pub fn person(number: u32, groups: &[&str]) -> Person {
    let user = UserId::from_parts(morning().plus_millis(-1_000_000), u128::from(number) + 1);
    Person {
        user,
        human: user,
        email: format!("person{number}@example.com"),
        groups: groups.iter().map(|name| group(name)).collect(),
        roles: BTreeSet::new(),
        disabled: false,
    }
}

pub fn asker() -> Person {
    person(0, &["engineering"])
}

pub fn dana() -> Person {
    person(1, &["dba-team"])
}

pub fn sam() -> Person {
    person(2, &["security-team"])
}

/// What somebody submits; two groups must approve, one approval each.
#[derive(Debug, Clone)]
pub struct Wish {
    pub number: u32,
    pub at: Timestamp,
    pub by: Person,
    pub connection: String,
    pub kind: String,
    pub command: String,
    pub groups: Vec<GroupName>,
    pub approvals_per_group: u8,
    pub timeout_seconds: u32,
    pub run_within_seconds: u32,
    pub run: RunMode,
}

impl Wish {
    /// The request of that number: it decides the id.
    pub fn new(number: u32) -> Self {
        Self {
            number,
            at: morning(),
            by: asker(),
            connection: "prod-db".to_owned(),
            kind: "postgres".to_owned(),
            command: "DELETE FROM customers WHERE id = 7".to_owned(),
            groups: vec![group("dba-team"), group("security-team")],
            approvals_per_group: 1,
            timeout_seconds: 3600,
            run_within_seconds: 7200,
            run: RunMode::Manual,
        }
    }

    pub fn groups(self, groups: &[&str]) -> Self {
        Self { groups: groups.iter().map(|name| group(name)).collect(), ..self }
    }

    pub fn id(&self) -> RequestId {
        // Spread over the shards as random ids are, and different for each number.
        let random = u128::from(self.number).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(3);
        RequestId::from_parts(self.at, random)
    }

    /// State and events of the submission.
    pub fn born(&self) -> (Request, Vec<Event>) {
        let submission = Submission {
            id: self.id(),
            requester: self.by.clone(),
            via: Via::Api,
            connection: self.connection.parse().expect("a name of a connection"),
            kind: self.kind.clone(),
            target: r#"{"database":"shop"}"#.to_owned(),
            secret: "env:PROD_DB_URL".to_owned(),
            command: self.command.clone(),
            reason: Some("asked to be forgotten".to_owned()),
            run: self.run,
            run_mode: countersign_rules::StatementMode::Transaction,
            policy: Policy {
                version: 1,
                groups: self.groups.clone(),
                approvals_per_group: self.approvals_per_group,
                distinct_reviewers: true,
                admin_auto_approve: true,
                exempt_groups: BTreeSet::new(),
                allowed_groups: BTreeSet::new(),
                approvals: true,
                run_within_seconds: self.run_within_seconds,
                max_rows: None,
            },
            timeout_seconds: self.timeout_seconds,
            wanted_timeout_seconds: None,
            masking_version: 0,
            epoch: 1,
            verdict: countersign_rules::risk::Verdict::default(),
        };
        submit(&submission, self.at).expect("it can be submitted")
    }
}

pub fn approve(by: &Person, request: &Request) -> Command {
    let ballot = Ballot::Approve { comment: None, bounds: countersign_rules::Bounds::default() };
    Command::Vote { voter: by.clone(), ballot, digest: request.digest, via: Via::Cli }
}

pub fn reject(by: &Person, request: &Request) -> Command {
    let ballot = Ballot::Reject { reason: "not on a Friday".to_owned() };
    Command::Vote { voter: by.clone(), ballot, digest: request.digest, via: Via::Slack }
}

pub fn cancel(by: &Person) -> Command {
    Command::Cancel { by: by.clone(), reason: None, via: Via::Api }
}

/// The claim of the executor of that name, to whom nothing has changed since the votes.
pub fn claim(nonce: &str, request: &Request, people: &[&Person], lease_until: Timestamp) -> Command {
    let by_user: BTreeMap<_, _> = people.iter().map(|person| (person.user, (*person).clone())).collect();
    Command::Claim {
        nonce: nonce.to_owned(),
        lease_until,
        people: People { by_user },
        digest: Some(request.digest),
        epoch: request.epoch,
        guard: countersign_rules::risk::Guard::default(),
        executor: Executor::Service,
    }
}

pub fn succeed(nonce: &str) -> Command {
    let outcome = Outcome { rows: Some(1), bytes: Some(12), ..Outcome::default() };
    let ending = Ending::Succeeded(outcome);
    Command::Complete { nonce: nonce.to_owned(), ending, executor: Executor::Service }
}

/// The next commit that `command` makes of `before`.
pub fn next(before: &Request, command: &Command, now: Timestamp) -> (Request, Vec<Event>) {
    let facts = decide(before, command, now).expect("the rules allow it");
    assert!(!facts.is_empty(), "the command changes something");
    let (actor, via) = command.actor();
    commit(before, &actor, via, now, facts).expect("events can be written")
}

/// Decides and appends, once; nobody is in the way.
pub async fn append(store: &Store, before: &Request, command: &Command, now: Timestamp) -> Request {
    let (after, events) = next(before, command, now);
    store.append(before, &after, &events, &Aside::default()).await.expect("it is stored");
    after
}

/// Creates the request of a wish.
pub async fn create(store: &Store, wish: &Wish) -> Request {
    let (request, events) = wish.born();
    store.create(&request, &events, None).await.expect("it is stored");
    request
}

/// How one went through the loop of load, decide and append.
#[derive(Debug)]
pub enum Went {
    /// It changed the request into this.
    Changed(Request),
    /// There was nothing to do: the state that it saw.
    Satisfied(Request),
    /// The rules said no, of that state.
    Refused(Refusal, Request),
}

/// The loop that every function goes through: again after each lost race, with nothing kept of the
/// round before.
pub async fn change(
    store: &Store,
    id: RequestId,
    now: Timestamp,
    mut ask: impl FnMut(&Request) -> Command,
) -> Result<Went, StorageError> {
    // Whoever loses a round has seen somebody else win it; a request has few rounds in it.
    for _ in 0..1000 {
        let before = store.load(id).await?.expect("the request is there");
        let command = ask(&before);
        let facts = match decide(&before, &command, now) {
            Ok(facts) => facts,
            Err(refusal) => return Ok(Went::Refused(refusal, before)),
        };
        if facts.is_empty() {
            return Ok(Went::Satisfied(before));
        }
        let (actor, via) = command.actor();
        let (after, events) = commit(&before, &actor, via, now, facts).expect("events can be written");
        match store.append(&before, &after, &events, &Aside::default()).await {
            Ok(()) => return Ok(Went::Changed(after)),
            Err(StorageError::Conflict) => {}
            Err(error) => return Err(error),
        }
    }
    panic!("a thousand lost races on a request that has at most a few commits");
}

/// Checks everything that must hold of a stored request, and gives its state.
pub async fn sound(store: &Store, id: RequestId) -> Request {
    let state = store.load(id).await.expect("it can be read").expect("it is there");
    let commits = store.commits(id).await.expect("its commits can be read");
    let events: Vec<Event> = commits.iter().flatten().cloned().collect();
    chain::verify(id, &events).expect("the chain holds");
    assert_eq!(store.events(id).await.expect("its events can be read"), events);
    assert_eq!(evolve::replay(id, &commits).as_ref(), Some(&state), "the replay equals the state");
    assert_eq!(u64::try_from(commits.len()), Ok(state.version), "a commit for each version");
    assert_eq!(store.stored_version(id).await.expect("it can be read"), Some(state.version));
    state
}
