//! Who takes part in the race, and by which rules.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use countersign_rules::person::Role;
use countersign_rules::request::RunMode;
use countersign_rules::risk::Verdict;
use countersign_rules::{Person, Policy, Request, RequestId, Submission, Timestamp, UserId, Via, submit};

use super::sabotage::Sabotage;
use super::script::Script;
use super::world::Change;
use crate::universe::{beginning, group, groups, user};

/// How long votes may come, in ticks of the model's clock; a tick is a second to the rules.
pub const REVIEW_TICKS: u8 = 2;
/// How long an approval may be claimed, in ticks.
pub const RUN_TICKS: u8 = 2;
/// How long a lease lasts, in ticks.
pub const LEASE_TICKS: u8 = 1;
/// When the clock ends: nothing can be approved later than tick 1, claimed later than tick 2, and
/// leased longer than until tick 3.
pub const END_TICK: u8 = REVIEW_TICKS + RUN_TICKS - 1;

/// What may go wrong, and how often; and what may happen at all.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Crashes: between commit and effect, after a claim, or an answer that is lost.
    pub crashes: u8,
    /// Effects that arrive twice.
    pub duplicates: u8,
    /// Timers that never fire.
    pub lost_timers: u8,
    /// Whether somebody leaves a group or is disabled.
    pub people_change: bool,
    /// Whether time may pass between a decision and its write.
    pub slow_writes: bool,
    /// Whether the requester may cancel.
    pub cancels: bool,
    /// How often the table is restored from a backup.
    pub restores: u8,
}

/// The model.
#[derive(Debug, Clone)]
pub struct Race {
    /// What may go wrong.
    pub limits: Limits,
    /// What is broken on purpose.
    pub sabotage: Option<Sabotage>,
    /// How often somebody was about to write when another did.
    pub conflicts: Arc<AtomicU64>,
    pub(super) newborn: Request,
    pub(super) script: Script,
    people: Vec<Person>,
}

/// The three who may vote, by position: the first group, the second, both.
pub const VOTERS: [usize; 3] = [1, 2, 3];
pub(super) const REQUESTER: usize = 0;
pub(super) const ADMIN: usize = 4;

impl Race {
    /// A race within `limits`.
    #[must_use]
    pub fn new(limits: Limits, sabotage: Option<Sabotage>) -> Self {
        let people = vec![
            person(REQUESTER, 0, false),
            person(1, 0b01, false),
            person(2, 0b10, false),
            person(3, 0b11, false),
            person(ADMIN, 0, true),
        ];
        let submission = Submission {
            id: RequestId::from_parts(beginning(), 1),
            requester: people[REQUESTER].clone(),
            via: Via::Api,
            connection: "prod-db".parse().unwrap(),
            kind: "postgres".to_owned(),
            target: "{}".to_owned(),
            secret: String::new(),
            command: "DELETE FROM sessions".to_owned(),
            reason: None,
            run: RunMode::OnApproval,
            run_mode: countersign_rules::StatementMode::Transaction,
            policy: Policy {
                version: 1,
                groups: vec![group(0), group(1)],
                approvals_per_group: 1,
                distinct_reviewers: true,
                admin_auto_approve: true,
                exempt_groups: BTreeSet::new(),
                allowed_groups: BTreeSet::new(),
                approvals: true,
                run_within_seconds: u32::from(RUN_TICKS),
                max_rows: None,
            },
            timeout_seconds: u32::from(REVIEW_TICKS),
            wanted_timeout_seconds: None,
            masking_version: 0,
            epoch: 1,
            verdict: Verdict::default(),
        };
        let (newborn, _) = submit(&submission, beginning()).unwrap();
        let script = Script::new(&people, newborn.digest, sabotage);
        Self { limits, sabotage, conflicts: Arc::default(), newborn, script, people }
    }

    /// Whether the store commits without looking at the version.
    #[must_use]
    pub fn forgets_versions(&self) -> bool {
        self.sabotage == Some(Sabotage::StoreForgetsVersions)
    }

    /// Whoever it is, as they are after `change`.
    #[must_use]
    pub fn account(&self, account: UserId, change: Change) -> Option<Person> {
        let position = self.people.iter().position(|person| person.user == account)?;
        Some(after(change, &self.people, position))
    }
}

/// The account at that position, as it is after `change`.
#[must_use]
pub fn after(change: Change, people: &[Person], position: usize) -> Person {
    let mut person = people[position].clone();
    match change {
        Change::FirstLeaves if position == VOTERS[0] => person.groups.clear(),
        Change::BothLeavesSecond if position == VOTERS[2] => person.groups = groups(0b01),
        Change::SecondDisabled if position == VOTERS[1] => person.disabled = true,
        Change::None | Change::FirstLeaves | Change::BothLeavesSecond | Change::SecondDisabled => {}
    }
    person
}

/// The instant of a tick.
#[must_use]
pub fn instant(tick: u8) -> Timestamp {
    beginning().plus_seconds(u32::from(tick))
}

/// The tick of an instant.
#[must_use]
pub fn tick(instant: Timestamp) -> u8 {
    u8::try_from(instant.millis_since(beginning()) / 1000).unwrap()
}

fn person(position: usize, member_of: u8, admin: bool) -> Person {
    Person {
        user: user(position),
        human: user(position),
        email: format!("account-{position}@example.com"),
        groups: groups(member_of),
        roles: if admin { BTreeSet::from([Role::Admin]) } else { BTreeSet::new() },
        disabled: false,
    }
}
