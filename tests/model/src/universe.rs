//! A small random world: at most four accounts, three groups and one connection.

use std::collections::BTreeSet;

use countersign_rules::person::Role;
use countersign_rules::request::RunMode;
use countersign_rules::risk::{Block, Verdict};
use countersign_rules::{GroupName, Person, Policy, RequestId, Submission, Timestamp, UserId, Via};

/// How many bytes a universe is made of.
pub const UNIVERSE_BYTES: usize = 32;

/// The people and the request with which a history begins.
#[derive(Debug, Clone)]
pub struct Universe {
    /// Everybody; the first is the requester.
    pub people: Vec<Person>,
    /// What is submitted.
    pub submission: Submission,
    /// When.
    pub begins: Timestamp,
}

/// The instant at which every universe begins.
#[must_use]
pub fn beginning() -> Timestamp {
    Timestamp::from_unix_millis(1_800_000_000_000)
}

/// The n-th group of the world.
#[must_use]
pub fn group(index: usize) -> GroupName {
    format!("team-{index}").parse().unwrap()
}

/// The n-th account of the world.
#[must_use]
pub fn user(index: usize) -> UserId {
    UserId::from_parts(beginning(), index as u128)
}

/// The groups whose bits are set.
#[must_use]
pub fn groups(bits: u8) -> BTreeSet<GroupName> {
    (0..3).filter(|index| bits & (1 << index) != 0).map(group).collect()
}

impl Universe {
    /// Reads a universe from bytes; any bytes will do, and smaller ones make plainer universes.
    #[must_use]
    pub fn decode(bytes: &[u8; UNIVERSE_BYTES]) -> Self {
        let people: Vec<Person> = (0..[2, 3, 4, 4][usize::from(bytes[0] % 4)])
            .map(|index| person(index, &bytes[8 + 4 * index..12 + 4 * index]))
            .collect();
        let submission = Submission {
            id: RequestId::from_parts(beginning(), 7),
            requester: people[0].clone(),
            via: Via::Api,
            connection: "prod-db".parse().unwrap(),
            kind: if bytes[1] & 0x80 == 0 { "postgres" } else { "runner" }.to_owned(),
            target: "{}".to_owned(),
            secret: "env:PROD_DB_URL".to_owned(),
            command: "DELETE FROM sessions".to_owned(),
            reason: None,
            run: if bytes[1] & 1 == 0 { RunMode::Manual } else { RunMode::OnApproval },
            run_mode: countersign_rules::StatementMode::Transaction,
            policy: policy(bytes),
            timeout_seconds: 1 + u32::from(bytes[2] % 8),
            wanted_timeout_seconds: (bytes[3] > 224).then(|| u32::from(bytes[3] % 10)),
            masking_version: 0,
            epoch: 1,
            verdict: match bytes[0] / 4 % 16 {
                14 => Verdict { ease: Some("reads".to_owned()), ..Verdict::default() },
                15 => Verdict { block: Some(block()), ..Verdict::default() },
                // Where the target can be asked what it thinks.
                number => Verdict { estimate: number % 2 == 1, ..Verdict::default() },
            },
        };
        Self { people, submission, begins: beginning() }
    }
}

fn block() -> Block {
    Block { rule: "no-drop".to_owned(), message: "tables are dropped by migrations alone".to_owned() }
}

fn policy(bytes: &[u8; UNIVERSE_BYTES]) -> Policy {
    let mut names: Vec<GroupName> = (0..1 + usize::from(bytes[4] % 3)).map(group).collect();
    let turn = usize::from(bytes[4] / 3) % names.len();
    names.rotate_left(turn);
    // Now and then something that no policy may be.
    match bytes[5] {
        250 => names.clear(),
        251 => names.push(names[0].clone()),
        _ => {}
    }
    let one_in_eight = |byte: u8| if byte % 8 == 7 { groups(1 << (byte / 8 % 3)) } else { BTreeSet::new() };
    Policy {
        version: 1,
        groups: names,
        approvals_per_group: match bytes[5] {
            249 => 0,
            byte => 1 + u8::from(byte % 4 == 3),
        },
        distinct_reviewers: bytes[1] & 6 != 6,
        admin_auto_approve: bytes[1] & 8 == 0,
        exempt_groups: one_in_eight(bytes[6]),
        allowed_groups: one_in_eight(bytes[7]),
        approvals: bytes[1] & 0x70 != 0x70,
        run_within_seconds: 1 + u32::from(bytes[2] / 8 % 4),
        max_rows: match (bytes[5], bytes[2] / 32) {
            (248, _) => Some(0),
            (_, 6) => Some(5),
            (_, 7) => Some(50),
            _ => None,
        },
    }
}

fn person(index: usize, bytes: &[u8]) -> Person {
    // A service account belongs to somebody before it in the list.
    let owned = index > 0 && bytes[0] % 8 == 7;
    let human = if owned { user(usize::from(bytes[0] / 8) % index) } else { user(index) };
    let member_of = if index > 0 && bytes[1] < 80 { 7 } else { bytes[1] };
    Person {
        user: user(index),
        human,
        email: format!("account-{index}@example.com"),
        groups: groups(member_of),
        roles: if bytes[2] % 5 == 4 { BTreeSet::from([Role::Admin]) } else { BTreeSet::new() },
        disabled: bytes[3] > 247,
    }
}
