//! All commands of the race, made once.

use countersign_rules::command::{Ballot, Ending, Executor, People, Settlement};
use countersign_rules::event::Outcome;
use countersign_rules::risk::Guard;
use countersign_rules::{Bounds, Command, Digest, Person, Via};

use super::cast::{ADMIN, END_TICK, LEASE_TICKS, REQUESTER, VOTERS, after, instant};
use super::sabotage::Sabotage;
use super::world::Change;

const CHANGES: [Change; 4] =
    [Change::None, Change::FirstLeaves, Change::BothLeavesSecond, Change::SecondDisabled];
/// The epoch before a restore, and that after it.
const EPOCHS: [u32; 2] = [1, 2];

/// The commands, by who gives them and when.
#[derive(Debug, Clone)]
pub(super) struct Script {
    /// The requester's cancellation.
    pub(super) cancel: Command,
    /// The admin's settlement.
    pub(super) settle: Command,
    votes: Vec<Command>,
    claims: Vec<Command>,
    completions: Vec<Command>,
}

impl Script {
    pub(super) fn new(people: &[Person], digest: Digest, sabotage: Option<Sabotage>) -> Self {
        let nonce = |executor: usize| {
            let shared = sabotage == Some(Sabotage::ExecutorsShareTheirName);
            format!("executor-{}", if shared { 0 } else { executor })
        };
        let via = Via::Api;
        let mut script = Self {
            cancel: Command::Cancel { by: people[REQUESTER].clone(), reason: None, via },
            settle: Command::Settle {
                by: people[ADMIN].clone(),
                settlement: Settlement::Failed,
                note: "lost".to_owned(),
                via,
            },
            votes: Vec::new(),
            claims: Vec::new(),
            completions: Vec::new(),
        };
        for change in CHANGES {
            for voter in VOTERS.map(|position| after(change, people, position)) {
                let voters = [voter.clone(), voter];
                let ballots = [
                    Ballot::Reject { reason: "no".to_owned() },
                    Ballot::Approve { comment: None, bounds: Bounds::default() },
                ];
                let votes = voters.into_iter().zip(ballots);
                script.votes.extend(votes.map(|(voter, ballot)| Command::Vote {
                    voter,
                    ballot,
                    digest,
                    via,
                }));
            }
        }
        for executor in 0..2 {
            let ending = Ending::Succeeded(Outcome::default());
            script.completions.push(Command::Complete {
                nonce: nonce(executor),
                ending,
                executor: Executor::Service,
            });
            for change in CHANGES {
                let blind = sabotage == Some(Sabotage::VotersAreNotLookedAtAgain);
                let change = if blind { Change::None } else { change };
                let found = (0..people.len()).map(|position| after(change, people, position));
                let by_user = found.map(|person| (person.user, person)).collect();
                let people = People { by_user };
                for now in 0..=END_TICK {
                    script.claims.extend(EPOCHS.map(|epoch| Command::Claim {
                        nonce: nonce(executor),
                        lease_until: instant(now + LEASE_TICKS),
                        people: people.clone(),
                        digest: Some(digest),
                        epoch,
                        guard: Guard::default(),
                        executor: Executor::Service,
                    }));
                }
            }
        }
        script
    }

    /// The ballot of a voter who is as `change` left them.
    pub(super) fn vote(&self, voter: usize, approves: bool, change: Change) -> &Command {
        &self.votes[(change as usize * VOTERS.len() + voter) * 2 + usize::from(approves)]
    }

    /// An executor's claim, with the people as `change` left them.
    pub(super) fn claim(&self, executor: usize, change: Change, now: u8, epoch: u32) -> &Command {
        let ticks = usize::from(END_TICK) + 1;
        let row = (executor * CHANGES.len() + change as usize) * ticks + usize::from(now);
        &self.claims[row * EPOCHS.len() + usize::from(epoch != EPOCHS[0])]
    }

    /// An executor's report.
    pub(super) fn complete(&self, executor: usize) -> &Command {
        &self.completions[executor]
    }
}
