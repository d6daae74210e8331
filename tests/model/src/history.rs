//! What happens in a universe, step by step.

use countersign_rules::command::{self, Ballot, Ending, People, Runner, Settlement};
use countersign_rules::event::Outcome;
use countersign_rules::person::Role;
use countersign_rules::risk::{Guard, TableRows};
use countersign_rules::{Bounds, Command, Digest, Person, Timestamp, TokenId, Via, digest};

use crate::universe::{UNIVERSE_BYTES, Universe, beginning, group};

/// How many bytes a step is made of.
pub const STEP_BYTES: usize = 4;

/// A universe and what happens in it. Plain data, so that a failing one can be made smaller.
#[derive(Debug, Clone)]
pub struct History {
    /// The beginning.
    pub universe: Universe,
    /// The rest.
    pub steps: Vec<Step>,
}

/// One thing that happens, some time after the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// How long after; the clocks of two functions may differ a little, so it can be negative.
    pub millis: i64,
    /// What; people are named by position.
    pub act: Act,
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Somebody votes for, perhaps having seen something else.
    Approve(usize, Seen, Limit),
    /// Somebody votes against.
    Reject(usize, Seen),
    /// Somebody cancels.
    Cancel(usize),
    /// A timer or the sweep.
    Tick,
    /// The target has said how many rows it thinks.
    Estimate(u64),
    /// An executor wants it, with a lease of so many seconds; true if it executes other kinds.
    Claim(Executor, Connection, u32, bool),
    /// Somebody wants it run.
    AskRun(usize),
    /// An executor says that it is alive.
    Renew(Executor),
    /// An executor reports.
    Complete(Executor, End),
    /// Somebody settles: true is success.
    Settle(usize, bool),
    /// The deployment is restored: its epoch rises.
    Restore,
    /// The deployment's epoch reaches the request.
    RaiseEpoch,
    /// Somebody joins a group, or leaves it if they are in.
    Membership(usize, usize),
    /// Somebody is disabled, or enabled again.
    Disabling(usize),
    /// Somebody becomes admin, or is no longer.
    Adminship(usize),
}

/// Which digest a voter saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// That of the request.
    This,
    /// Another.
    Other,
}

/// What an approval is limited to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// Nothing.
    None,
    /// Ten rows.
    Rows,
    /// The first three seconds of the universe.
    Early,
}

impl Limit {
    fn bounds(self) -> Bounds {
        match self {
            Self::None => Bounds::default(),
            Self::Rows => Bounds { max_rows: Some(10), not_after: None },
            Self::Early => Bounds { max_rows: None, not_after: Some(beginning().plus_seconds(3)) },
        }
    }
}

/// Which executor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Executor {
    /// One.
    First,
    /// The other.
    Second,
}

/// What became of the connection since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connection {
    /// Nothing.
    Same,
    /// It points elsewhere.
    Changed,
    /// It was deleted.
    Gone,
    /// A guardrail blocks the command by now.
    Blocks,
    /// The rule that let it through is gone.
    EasesNoMore,
}

/// How an execution ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Well.
    Succeeded,
    /// Badly.
    Failed,
    /// Nobody knows.
    Lost,
}

impl History {
    /// Reads a history from bytes; any bytes will do.
    #[must_use]
    pub fn decode(universe: &[u8; UNIVERSE_BYTES], steps: &[[u8; STEP_BYTES]]) -> Self {
        let universe = Universe::decode(universe);
        let people = universe.people.len();
        Self { universe, steps: steps.iter().map(|bytes| Step::decode(*bytes, people)).collect() }
    }

    /// The history with that number; the same number is the same history for ever.
    #[must_use]
    pub fn numbered(number: u64) -> Self {
        let mut state = number.wrapping_mul(0xA076_1D64_78BD_642F);
        let mut next = || {
            // Splitmix64: small, seeded, good enough to draw test cases.
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            mixed ^ (mixed >> 31)
        };
        let mut universe = [0; UNIVERSE_BYTES];
        for chunk in universe.chunks_mut(8) {
            chunk.copy_from_slice(&next().to_le_bytes());
        }
        let length = 4 + next() % 13;
        let steps: Vec<_> = (0..length)
            .map(|_| {
                let [a, b, c, d, ..] = next().to_le_bytes();
                [a, b, c, d]
            })
            .collect();
        Self::decode(&universe, &steps)
    }
}

impl Step {
    fn decode([wait, act, who, detail]: [u8; STEP_BYTES], people: usize) -> Self {
        const WAITS_MILLIS: [i64; 16] = [0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 250, 499, 999, 1000, 1000, -1];
        let who = usize::from(who) % people;
        let reviewer = who.max(1);
        let seen = if detail % 16 == 15 { Seen::Other } else { Seen::This };
        let executor = if detail & 128 == 0 { Executor::First } else { Executor::Second };
        let connection = match detail % 16 {
            14 => Connection::Changed,
            15 => Connection::Gone,
            13 => Connection::Blocks,
            12 => Connection::EasesNoMore,
            _ => Connection::Same,
        };
        let limit = match detail / 16 % 8 {
            6 => Limit::Rows,
            7 => Limit::Early,
            _ => Limit::None,
        };
        let end = match detail % 4 {
            0 | 1 => End::Succeeded,
            2 => End::Failed,
            _ => End::Lost,
        };
        let act = match act % 64 {
            0..=27 => Act::Approve(if detail % 8 == 7 { who } else { reviewer }, seen, limit),
            28 => Act::Reject(who, seen),
            29 => Act::Cancel(who),
            30 => Act::Tick,
            31 => {
                if detail & 1 == 0 {
                    Act::Renew(executor)
                } else {
                    Act::Estimate(u64::from(detail))
                }
            }
            32..=43 => Act::Claim(executor, connection, u32::from(detail / 16 % 4), detail % 16 == 11),
            44..=46 => Act::Complete(executor, end),
            47..=48 => Act::Renew(executor),
            49..=51 => Act::Settle(who, detail & 1 == 0),
            52 => Act::Restore,
            53 => Act::RaiseEpoch,
            59..=61 => Act::AskRun(if detail % 8 == 7 { who } else { 0 }),
            54..=58 => Act::Membership(reviewer, usize::from(detail) % 3),
            62 => Act::Disabling(who),
            _ => Act::Adminship(who),
        };
        Self { millis: WAITS_MILLIS[usize::from(wait % 16)], act }
    }
}

/// The world in which a history takes place, without the request.
#[derive(Debug, Clone)]
pub struct World {
    /// Everybody, as they are now.
    pub people: Vec<Person>,
    /// The time.
    pub now: Timestamp,
    /// The deployment's epoch.
    pub epoch: u32,
    /// Whether those who execute here are runners.
    pub runners: bool,
}

impl World {
    /// The world at the beginning.
    #[must_use]
    pub fn new(universe: &Universe) -> Self {
        Self {
            people: universe.people.clone(),
            now: universe.begins,
            epoch: universe.submission.epoch,
            runners: universe.submission.kind == "runner",
        }
    }

    /// Lets `step` happen: the world changes, or the request with the digest `fitting` is asked something.
    pub fn step(&mut self, step: Step, fitting: Digest) -> Option<Command> {
        self.now = self.now.plus_millis(step.millis);
        let person = |who: usize| self.people[who].clone();
        let via = Via::Api;
        let command = match step.act {
            Act::Approve(who, seen, limit) => {
                let ballot = Ballot::Approve { comment: None, bounds: limit.bounds() };
                Command::Vote { voter: person(who), ballot, digest: saw(seen, fitting), via }
            }
            Act::Reject(who, seen) => {
                let ballot = Ballot::Reject { reason: "not on a Friday".to_owned() };
                Command::Vote { voter: person(who), ballot, digest: saw(seen, fitting), via }
            }
            Act::Cancel(who) => Command::Cancel { by: person(who), reason: None, via },
            Act::Tick => Command::Tick,
            Act::Estimate(rows) => Command::Estimate {
                tables: vec![TableRows { table: "sessions".to_owned(), rows }],
                notes: Vec::new(),
                no_row_bound: None,
            },
            Act::Claim(executor, connection, lease_seconds, stray) => Command::Claim {
                nonce: nonce(executor),
                lease_until: self.now.plus_seconds(lease_seconds),
                people: self.everybody(),
                digest: match connection {
                    Connection::Same | Connection::Blocks | Connection::EasesNoMore => Some(fitting),
                    Connection::Changed => Some(saw(Seen::Other, fitting)),
                    Connection::Gone => None,
                },
                epoch: self.epoch,
                guard: Guard {
                    blocked_by: (connection == Connection::Blocks).then(|| "no-drop".to_owned()),
                    eased: connection != Connection::EasesNoMore,
                },
                // Now and then somebody who has no business here.
                executor: self.executor(executor, stray != self.runners),
            },
            Act::AskRun(who) => Command::AskRun { by: person(who), via },
            Act::Renew(executor) => Command::Renew { nonce: nonce(executor), runner: self.runner(executor) },
            Act::Complete(executor, end) => Command::Complete {
                nonce: nonce(executor),
                ending: ending(end),
                executor: self.executor(executor, self.runners),
            },
            Act::Settle(who, succeeded) => {
                let settlement = if succeeded { Settlement::Succeeded } else { Settlement::Failed };
                Command::Settle { by: person(who), settlement, note: "looked it up".to_owned(), via }
            }
            Act::RaiseEpoch => Command::RaiseEpoch { epoch: self.epoch },
            Act::Restore => {
                self.epoch += 1;
                return None;
            }
            Act::Membership(who, index) => {
                let groups = &mut self.people[who].groups;
                if !groups.remove(&group(index)) {
                    groups.insert(group(index));
                }
                return None;
            }
            Act::Disabling(who) => {
                self.people[who].disabled = !self.people[who].disabled;
                return None;
            }
            Act::Adminship(who) => {
                let roles = &mut self.people[who].roles;
                if !roles.remove(&Role::Admin) {
                    roles.insert(Role::Admin);
                }
                return None;
            }
        };
        Some(command)
    }

    fn executor(&self, executor: Executor, runner: bool) -> command::Executor {
        if runner {
            command::Executor::Runner(Box::new(self.runner(executor)))
        } else {
            command::Executor::Service
        }
    }

    fn runner(&self, executor: Executor) -> Runner {
        let token = TokenId::from_parts(beginning(), executor as u128);
        Runner { by: self.people[0].clone(), token, silence_seconds: 1 }
    }

    /// Everybody as a claim reads them.
    #[must_use]
    pub fn everybody(&self) -> People {
        People { by_user: self.people.iter().map(|person| (person.user, person.clone())).collect() }
    }
}

fn saw(seen: Seen, fitting: Digest) -> Digest {
    match seen {
        Seen::This => fitting,
        Seen::Other => format!("sha256:{}", digest::sha256_hex(b"something else")).parse().unwrap(),
    }
}

fn nonce(executor: Executor) -> String {
    match executor {
        Executor::First => "first".to_owned(),
        Executor::Second => "second".to_owned(),
    }
}

fn ending(end: End) -> Ending {
    match end {
        End::Succeeded => Ending::Succeeded(Outcome { rows: Some(3), ..Outcome::default() }),
        End::Failed => Ending::Failed(Outcome { exit_code: Some(1), ..Outcome::default() }),
        End::Lost => Ending::Lost(None),
    }
}
