//! What can be asked of a request.

use std::collections::BTreeMap;

use crate::event::Outcome;
use crate::risk::{Guard, TableRows};
use crate::{Actor, Bounds, Digest, Person, Timestamp, TokenId, Transaction, UserId, Via};

/// Which way somebody votes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ballot {
    /// For, with a comment perhaps.
    Approve {
        /// Free text.
        comment: Option<String>,
        /// What the approval is limited to.
        bounds: Bounds,
    },
    /// Against.
    Reject {
        /// Why; the requester reads it.
        reason: String,
    },
}

/// The people of a request as they are at the claim, read strongly consistent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct People {
    /// By account; an account that is missing here counts as gone.
    pub by_user: BTreeMap<UserId, Person>,
}

/// How an execution ended, for [`Command::Complete`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// It succeeded.
    Succeeded(Outcome),
    /// It failed, or could not be started; nothing is left half-done by the target's own promise.
    Failed(Outcome),
    /// The target was lost half-way. What is known of the statements, where there are any.
    Lost(Option<Box<Transaction>>),
}

/// How an admin settles an UNKNOWN request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settlement {
    /// It did what it should.
    Succeeded,
    /// It did not.
    Failed,
}

/// Who executes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Executor {
    /// The service's own function.
    Service,
    /// A runner near the target.
    Runner(Box<Runner>),
}

impl Executor {
    /// The token of a runner.
    #[must_use]
    pub fn token(&self) -> Option<TokenId> {
        match self {
            Self::Service => None,
            Self::Runner(runner) => Some(runner.token),
        }
    }

    fn actor(&self) -> (Actor, Via) {
        match self {
            Self::Service => (Actor::system("execute"), Via::System),
            Self::Runner(runner) => (Actor::user(&runner.by), Via::Api),
        }
    }
}

/// A runner, as it proved who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runner {
    /// Its account.
    pub by: Person,
    /// Its token: what it has claimed, nobody reports with another one.
    pub token: TokenId,
    /// How long it may be silent before it counts as dead, in seconds.
    pub silence_seconds: u32,
}

/// What is asked of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Somebody votes.
    Vote {
        /// Who, as known now.
        voter: Person,
        /// Which way.
        ballot: Ballot,
        /// The digest that the voter saw.
        digest: Digest,
        /// Through what.
        via: Via,
    },
    /// Somebody calls it off.
    Cancel {
        /// Who, as known now.
        by: Person,
        /// Why, if they say so.
        reason: Option<String>,
        /// Through what.
        via: Via,
    },
    /// The requester wants it run. Only for requests that a runner fetches: the service's own function is
    /// simply invoked.
    AskRun {
        /// Who, as known now.
        by: Person,
        /// Through what.
        via: Via,
    },
    /// Time went by: a timer fired or the sweep came along. Harmless at any time.
    Tick,
    /// The target was asked how many rows it touches.
    Estimate {
        /// Side effects by the catalogue of the database, in plain words.
        notes: Vec<String>,
        /// Why an approval cannot be limited to a number of rows, by that catalogue.
        no_row_bound: Option<String>,
        /// What it said.
        tables: Vec<TableRows>,
    },
    /// An executor wants to run it.
    Claim {
        /// The executor's own random name.
        nonce: String,
        /// The instant from which it shall count as dead. A runner counts as dead earlier if it is
        /// silent, and at this instant whatever it says.
        lease_until: Timestamp,
        /// The requester and the voters as known now.
        people: People,
        /// The digest of what would run now; `None` if the connection is gone.
        digest: Option<Digest>,
        /// The deployment's epoch now.
        epoch: u32,
        /// What the guardrails say now.
        guard: Guard,
        /// Who would run it.
        executor: Executor,
    },
    /// The runner that holds the claim is alive.
    Renew {
        /// Its name.
        nonce: String,
        /// Who says so.
        runner: Runner,
    },
    /// The executor that holds the claim reports.
    Complete {
        /// Its name.
        nonce: String,
        /// What happened.
        ending: Ending,
        /// Who says so.
        executor: Executor,
    },
    /// An admin says how an UNKNOWN request ended.
    Settle {
        /// Who, as known now.
        by: Person,
        /// Which way.
        settlement: Settlement,
        /// Why they think so.
        note: String,
        /// Through what.
        via: Via,
    },
    /// The deployment was restored from a backup and now has this epoch.
    RaiseEpoch {
        /// The new epoch.
        epoch: u32,
    },
}

impl Command {
    /// Who the events of this command name, and through what they acted.
    #[must_use]
    pub fn actor(&self) -> (Actor, Via) {
        match self {
            Self::Vote { voter, via, .. } => (Actor::user(voter), *via),
            Self::Cancel { by, via, .. } | Self::AskRun { by, via } | Self::Settle { by, via, .. } => {
                (Actor::user(by), *via)
            }
            Self::Tick => (Actor::system("expire"), Via::System),
            Self::Estimate { .. } => (Actor::system("execute"), Via::System),
            Self::Claim { executor, .. } | Self::Complete { executor, .. } => executor.actor(),
            Self::Renew { runner, .. } => (Actor::user(&runner.by), Via::Api),
            Self::RaiseEpoch { .. } => (Actor::system("restore"), Via::System),
        }
    }
}
