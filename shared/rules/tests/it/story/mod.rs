//! A small stage on which the examples play: people by name, one request, a clock.

use std::collections::BTreeSet;

use countersign_rules::command::{Ballot, Ending, Executor, People, Runner, Settlement};
use countersign_rules::event::Outcome;
use countersign_rules::person::Role;
use countersign_rules::request::RunMode;
use countersign_rules::risk::{Guard, TableRows, Verdict};
use countersign_rules::{
    Bounds, Command, Digest, Fact, GroupName, Person, Policy, Refusal, Request, RequestId, StatementMode,
    Status, Submission, Timestamp, TokenId, UserId, Via, commit, decide, digest, submit,
};

/// People, a policy, and soon a request.
pub(crate) struct Story {
    pub(crate) policy: Policy,
    pub(crate) timeout_seconds: u32,
    pub(crate) now: Timestamp,
    /// Everybody from here on sees, and would run, something else.
    pub(crate) other_digest: bool,
    /// What the guardrails say at the submission, and at claims.
    pub(crate) verdict: Verdict,
    pub(crate) guard: Guard,
    /// The connection's kind, and who executes there.
    pub(crate) kind: String,
    pub(crate) executor: Executor,
    people: Vec<(String, Person)>,
    pub(crate) run_mode: StatementMode,
    request: Option<Request>,
}

/// So many seconds after the beginning.
pub(crate) fn at(seconds: u32) -> Timestamp {
    Timestamp::from_unix_millis(1_800_000_000_000).plus_seconds(seconds)
}

impl Story {
    pub(crate) fn new(reviewers: &[&str]) -> Self {
        let policy = Policy {
            version: 1,
            groups: reviewers.iter().map(|name| name.parse().unwrap()).collect(),
            approvals_per_group: 1,
            distinct_reviewers: true,
            admin_auto_approve: true,
            exempt_groups: BTreeSet::new(),
            allowed_groups: BTreeSet::new(),
            approvals: true,
            run_within_seconds: 600,
            max_rows: None,
        };
        Self {
            policy,
            timeout_seconds: 60,
            now: at(0),
            other_digest: false,
            verdict: Verdict::default(),
            guard: Guard { blocked_by: None, eased: true },
            kind: "postgres".to_owned(),
            executor: Executor::Service,
            people: Vec::new(),
            run_mode: StatementMode::Transaction,
            request: None,
        }
        .person("alice", &[])
    }

    /// Alice's request for one group, approved by dana; root is an admin.
    pub(crate) fn approved() -> Self {
        let mut story = Self::new(&["dba"])
            .person("dana", &["dba"])
            .person("root", &[])
            .admin("root")
            .submitted_by("alice");
        story.approves("dana").unwrap();
        story
    }

    pub(crate) fn person(mut self, name: &str, groups: &[&str]) -> Self {
        self.people.retain(|(known, _)| known != name);
        let user = UserId::from_parts(at(0), digest_number(name));
        let person = Person {
            user,
            human: user,
            email: format!("{name}@example.com"),
            groups: groups.iter().map(|group| group.parse().unwrap()).collect(),
            roles: BTreeSet::new(),
            disabled: false,
        };
        self.people.push((name.to_owned(), person));
        self
    }

    pub(crate) fn owned(mut self, account: &str, owner: &str) -> Self {
        let owner = self.known(owner).user;
        self.known_mut(account).human = owner;
        self
    }

    pub(crate) fn admin(mut self, name: &str) -> Self {
        self.known_mut(name).roles.insert(Role::Admin);
        self
    }

    pub(crate) fn submitted_by(mut self, name: &str) -> Self {
        let submission = Submission {
            id: RequestId::from_parts(at(0), 1),
            requester: self.known(name).clone(),
            via: Via::Cli,
            connection: "prod-db".parse().unwrap(),
            kind: self.kind.clone(),
            target: "{}".to_owned(),
            secret: String::new(),
            command: "SELECT 1".to_owned(),
            reason: None,
            run: RunMode::Manual,
            run_mode: self.run_mode,
            policy: self.policy.clone(),
            timeout_seconds: self.timeout_seconds,
            wanted_timeout_seconds: None,
            masking_version: 0,
            epoch: 1,
            verdict: self.verdict.clone(),
        };
        self.request = Some(submit(&submission, self.now).unwrap().0);
        self
    }

    pub(crate) fn request(&self) -> &Request {
        self.request.as_ref().unwrap()
    }

    pub(crate) fn status(&self) -> Status {
        self.request().status_at(self.now)
    }

    pub(crate) fn waiting(&self) -> Vec<String> {
        self.request().groups_waiting().iter().map(GroupName::to_string).collect()
    }

    pub(crate) fn approves(&mut self, name: &str) -> Result<Vec<Fact>, Refusal> {
        self.votes(name, Ballot::Approve { comment: None, bounds: Bounds::default() })
    }

    pub(crate) fn approves_within(&mut self, name: &str, bounds: Bounds) -> Result<Vec<Fact>, Refusal> {
        self.votes(name, Ballot::Approve { comment: None, bounds })
    }

    pub(crate) fn rejects(&mut self, name: &str) -> Result<Vec<Fact>, Refusal> {
        self.votes(name, Ballot::Reject { reason: "not today".to_owned() })
    }

    pub(crate) fn cancels(&mut self, name: &str) -> Result<Vec<Fact>, Refusal> {
        let by = self.known(name).clone();
        self.ask(&Command::Cancel { by, reason: None, via: Via::Cli })
    }

    pub(crate) fn cancels_because(&mut self, name: &str, why: &str) -> Result<Vec<Fact>, Refusal> {
        let by = self.known(name).clone();
        self.ask(&Command::Cancel { by, reason: Some(why.to_owned()), via: Via::Cli })
    }

    pub(crate) fn settles(&mut self, name: &str) -> Result<Vec<Fact>, Refusal> {
        let by = self.known(name).clone();
        let (settlement, note, via) = (Settlement::Failed, "nothing there".to_owned(), Via::Cli);
        self.ask(&Command::Settle { by, settlement, note, via })
    }

    /// From here on the runner with that token executes, which may be silent for ten seconds.
    pub(crate) fn by_runner(&mut self, token: u128) -> Runner {
        let token = TokenId::from_parts(at(0), token);
        let runner = Runner { by: self.known("robot").clone(), token, silence_seconds: 10 };
        self.executor = Executor::Runner(Box::new(runner.clone()));
        runner
    }

    pub(crate) fn renews(&mut self, nonce: &str, runner: Runner) -> Result<Vec<Fact>, Refusal> {
        self.ask(&Command::Renew { nonce: nonce.to_owned(), runner })
    }

    pub(crate) fn asks_for_the_run(&mut self, name: &str) -> Result<Vec<Fact>, Refusal> {
        let by = self.known(name).clone();
        self.ask(&Command::AskRun { by, via: Via::Cli })
    }

    pub(crate) fn tick(&mut self) -> Result<Vec<Fact>, Refusal> {
        self.ask(&Command::Tick)
    }

    /// Claims with a lease of 30 seconds.
    pub(crate) fn claims(&mut self, nonce: &str) -> Result<Vec<Fact>, Refusal> {
        let by_user = self.people.iter().map(|(_, person)| (person.user, person.clone())).collect();
        self.ask(&Command::Claim {
            nonce: nonce.to_owned(),
            lease_until: self.now.plus_seconds(30),
            people: People { by_user },
            digest: Some(self.seen()),
            epoch: 1,
            guard: self.guard.clone(),
            executor: self.executor.clone(),
        })
    }

    /// The target says that it expects so many rows of `sessions`.
    pub(crate) fn is_estimated(&mut self, rows: u64) -> Result<Vec<Fact>, Refusal> {
        self.ask(&Command::Estimate {
            tables: vec![TableRows { table: "sessions".to_owned(), rows }],
            notes: vec!["fires the trigger `log` of `sessions`".to_owned()],
            no_row_bound: Some("`sessions` is stored in MyISAM".to_owned()),
        })
    }

    pub(crate) fn succeeds(&mut self, nonce: &str) -> Result<Vec<Fact>, Refusal> {
        self.completes(nonce, Ending::Succeeded(Outcome::default()))
    }

    pub(crate) fn completes(&mut self, nonce: &str, ending: Ending) -> Result<Vec<Fact>, Refusal> {
        self.ask(&Command::Complete { nonce: nonce.to_owned(), ending, executor: self.executor.clone() })
    }

    pub(crate) fn raises_epoch(&mut self, epoch: u32) -> Vec<Fact> {
        self.ask(&Command::RaiseEpoch { epoch }).unwrap()
    }

    pub(crate) fn leaves(&mut self, name: &str, group: &str) {
        self.known_mut(name).groups.remove(&group.parse::<GroupName>().unwrap());
    }

    pub(crate) fn joins(&mut self, name: &str, group: &str) {
        self.known_mut(name).groups.insert(group.parse().unwrap());
    }

    pub(crate) fn disables(&mut self, name: &str) {
        self.known_mut(name).disabled = true;
    }

    fn votes(&mut self, name: &str, ballot: Ballot) -> Result<Vec<Fact>, Refusal> {
        let (voter, digest) = (self.known(name).clone(), self.seen());
        self.ask(&Command::Vote { voter, ballot, digest, via: Via::Cli })
    }

    fn ask(&mut self, command: &Command) -> Result<Vec<Fact>, Refusal> {
        let request = self.request.as_ref().unwrap();
        let facts = decide(request, command, self.now)?;
        if !facts.is_empty() {
            let (actor, via) = command.actor();
            self.request = Some(commit(request, &actor, via, self.now, facts.clone()).unwrap().0);
        }
        Ok(facts)
    }

    fn seen(&self) -> Digest {
        if self.other_digest {
            format!("sha256:{}", digest::sha256_hex(b"something else")).parse().unwrap()
        } else {
            self.request().digest
        }
    }

    fn known(&self, name: &str) -> &Person {
        &self.people.iter().find(|(known, _)| known == name).unwrap().1
    }

    fn known_mut(&mut self, name: &str) -> &mut Person {
        &mut self.people.iter_mut().find(|(known, _)| known == name).unwrap().1
    }
}

/// Some number of its own for each name.
fn digest_number(name: &str) -> u128 {
    name.bytes().fold(0, |number, byte| number * 256 + u128::from(byte))
}
