//! Requests in every state, made by the rules themselves.

use std::collections::BTreeSet;

use countersign_notify::notice::Notice;
use countersign_rules::command::{Ballot, Ending, Executor, People};
use countersign_rules::event::{Created, Outcome};
use countersign_rules::request::RunMode;
use countersign_rules::risk::{Block, Guard, Risk, RiskLevel, Verdict};
use countersign_rules::{
    Bounds, Command, Fact, Person, Policy, Request, RequestId, Submission, Timestamp, UserId, Via, commit,
    decide, submit,
};

pub(crate) const URL: &str = "https://gate.example.com";

/// So many seconds after the beginning.
pub(crate) fn at(seconds: u32) -> Timestamp {
    Timestamp::from_unix_millis(1_800_000_000_000).plus_seconds(seconds)
}

/// A request and what was submitted.
#[derive(Clone)]
pub(crate) struct Story {
    pub(crate) request: Request,
    pub(crate) created: Created,
    pub(crate) now: Timestamp,
}

/// What is submitted.
pub(crate) struct Plan<'a> {
    pub(crate) groups: Vec<String>,
    pub(crate) per_group: u8,
    pub(crate) command: &'a str,
    pub(crate) reason: Option<&'a str>,
    pub(crate) requester: &'a str,
    pub(crate) blocked: bool,
}

impl Default for Plan<'_> {
    fn default() -> Self {
        Self {
            groups: vec!["dba-team".to_owned(), "security-team".to_owned()],
            per_group: 1,
            command: "DELETE FROM sessions WHERE age > 90",
            reason: Some("INC-1234 clean-up"),
            requester: "ann@example.com",
            blocked: false,
        }
    }
}

pub(crate) fn person(number: u128, email: &str, groups: &[&str]) -> Person {
    let user = UserId::from_parts(at(0), number);
    Person {
        user,
        human: user,
        email: email.to_owned(),
        groups: groups.iter().map(|group| group.parse().unwrap()).collect(),
        roles: BTreeSet::new(),
        disabled: false,
    }
}

impl Plan<'_> {
    pub(crate) fn submitted(&self) -> Story {
        let risk = Risk {
            level: RiskLevel::High,
            statements: vec!["DELETE".to_owned()],
            tables: vec!["sessions".to_owned()],
            notes: vec!["no index is known for `age`".to_owned()],
            no_row_bound: None,
            estimate: None,
        };
        let block = self
            .blocked
            .then(|| Block { rule: "no-drop".to_owned(), message: "dropping is not done here".to_owned() });
        let submission = Submission {
            id: RequestId::from_parts(at(0), 7),
            requester: person(1, self.requester, &[]),
            via: Via::Cli,
            connection: "prod-db".parse().unwrap(),
            kind: "postgres".to_owned(),
            target: "{}".to_owned(),
            secret: String::new(),
            command: self.command.to_owned(),
            reason: self.reason.map(str::to_owned),
            run: RunMode::Manual,
            run_mode: countersign_rules::StatementMode::Transaction,
            policy: Policy {
                version: 1,
                groups: self.groups.iter().map(|group| group.parse().unwrap()).collect(),
                approvals_per_group: self.per_group,
                distinct_reviewers: true,
                admin_auto_approve: true,
                exempt_groups: BTreeSet::new(),
                allowed_groups: BTreeSet::new(),
                approvals: true,
                run_within_seconds: 3600,
                max_rows: None,
            },
            timeout_seconds: 1800,
            wanted_timeout_seconds: None,
            masking_version: 0,
            epoch: 1,
            verdict: Verdict { risk: Some(risk), block, ease: None, estimate: false },
        };
        let (request, events) = submit(&submission, at(0)).unwrap();
        let created = match &events[0].fact {
            Fact::Created(created) => (**created).clone(),
            other => panic!("{other:?}"),
        };
        Story { request, created, now: at(60) }
    }
}

impl Story {
    pub(crate) fn new() -> Self {
        Plan::default().submitted()
    }

    pub(crate) fn does(mut self, command: &Command) -> Self {
        let facts = decide(&self.request, command, self.now).unwrap();
        let (actor, via) = command.actor();
        self.request = commit(&self.request, &actor, via, self.now, facts).unwrap().0;
        self
    }

    pub(crate) fn votes(self, number: u128, email: &str, group: &str, reason: Option<&str>) -> Self {
        let ballot = match reason {
            Some(reason) => Ballot::Reject { reason: reason.to_owned() },
            None => Ballot::Approve { comment: None, bounds: Bounds::default() },
        };
        let digest = self.request.digest;
        self.does(&Command::Vote { voter: person(number, email, &[group]), ballot, digest, via: Via::Slack })
    }

    pub(crate) fn approved(self) -> Self {
        self.votes(2, "dana@example.com", "dba-team", None).votes(3, "sam@example.com", "security-team", None)
    }

    pub(crate) fn claimed(self) -> Self {
        let people = [
            person(1, "ann@example.com", &[]),
            person(2, "dana@example.com", &["dba-team"]),
            person(3, "sam@example.com", &["security-team"]),
        ];
        let by_user = people.into_iter().map(|person| (person.user, person)).collect();
        let digest = Some(self.request.digest);
        let lease_until = self.now.plus_seconds(600);
        self.does(&Command::Claim {
            nonce: "n".to_owned(),
            lease_until,
            people: People { by_user },
            digest,
            epoch: 1,
            guard: Guard { blocked_by: None, eased: false },
            executor: Executor::Service,
        })
    }

    pub(crate) fn ran(mut self, succeeded: bool) -> Self {
        self.now = self.now.plus_seconds(3);
        let outcome = Outcome { rows: Some(12), ..Outcome::default() };
        let ending = if succeeded { Ending::Succeeded(outcome) } else { Ending::Failed(outcome) };
        self.does(&Command::Complete { nonce: "n".to_owned(), ending, executor: Executor::Service })
    }

    pub(crate) fn later(mut self, seconds: u32) -> Self {
        self.now = at(seconds);
        self
    }

    pub(crate) fn notice(&self) -> Notice {
        Notice::new(&self.request, &self.created, self.now, URL)
    }
}

/// A request in each state that there is, with the state's name.
pub(crate) fn every_state() -> Vec<(&'static str, Story)> {
    let cancel = Command::Cancel { by: person(1, "ann@example.com", &[]), reason: None, via: Via::Cli };
    vec![
        ("pending", Story::new()),
        ("half", Story::new().votes(2, "dana@example.com", "dba-team", None)),
        ("approved", Story::new().approved()),
        ("running", Story::new().approved().claimed()),
        ("succeeded", Story::new().approved().claimed().ran(true)),
        ("failed", Story::new().approved().claimed().ran(false)),
        ("unknown", Story::new().approved().claimed().later(5000).does(&Command::Tick)),
        ("rejected", Story::new().votes(3, "sam@example.com", "security-team", Some("Not on a Friday."))),
        ("expired", Story::new().later(1800)),
        ("expired-approved", Story::new().approved().later(9000).does(&Command::Tick)),
        ("cancelled", Story::new().does(&cancel)),
        ("blocked", Plan { blocked: true, ..Plan::default() }.submitted()),
    ]
}
