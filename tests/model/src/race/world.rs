//! What there is in the race at one moment.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use countersign_rules::{Request, Status};

use super::cast::{END_TICK, Limits, Race};

/// The state of the model.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct World {
    /// The time, in ticks.
    pub clock: u8,
    /// The request as the table has it.
    pub stored: Stored,
    /// Whether a commit's stream record has not been dispatched yet.
    pub undispatched: bool,
    /// The ticks for which a timer is set, as bits.
    pub timers: u16,
    /// What became of the voters.
    pub change: Change,
    /// The voters, in the order of [`super::cast::VOTERS`].
    pub voters: [Hand; 3],
    /// The requester, who may cancel.
    pub requester: Hand,
    /// The function that timers call; the second is for a timer that fires twice.
    pub expirers: [Hand; 2],
    /// The executors.
    pub executors: [Executor; 2],
    /// The deployment's epoch.
    pub epoch: u32,
    /// A backup of the table.
    pub backup: Option<Stored>,
    /// What may still go wrong.
    pub left: Left,
    /// What an observer wrote down.
    pub witness: Witness,
}

/// A request in the table. Two hash alike if the rules cannot tell them apart from here on: they do
/// not look back at when a vote came, at the number of commits or at the last event's hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored(pub Arc<Request>);

impl Hash for Stored {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Request {
            votes,
            auto_approval,
            phase,
            version: _,
            seq: _,
            last_hash: _,
            // The same for ever.
            id: _,
            epoch: _,
            connection: _,
            kind: _,
            requester: _,
            digest: _,
            run: _,
            run_mode: _,
            read_only: _,
            // Nothing is decided by it.
            estimate: _,
            side_effects: _,
            no_row_bound: _,
            policy: _,
            created_at: _,
            expires_at: _,
        } = &*self.0;
        for vote in votes {
            (vote.user, vote.decision, vote.automatic, &vote.groups).hash(state);
        }
        (auto_approval, std::mem::discriminant(phase), self.0.status()).hash(state);
        self.0.approval().map(|approval| approval.run_by).hash(state);
        self.0.claim().map(|claim| (&claim.nonce, claim.lease_until)).hash(state);
    }
}

/// What became of a voter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Change {
    /// Nothing.
    None,
    /// The member of the first group leaves it.
    FirstLeaves,
    /// Who is in both groups leaves the second.
    BothLeavesSecond,
    /// The member of the second group is disabled.
    SecondDisabled,
}

/// What somebody has loaded who has not written yet.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Draft {
    /// What was loaded.
    pub read: Stored,
    /// When it was decided, if that was at once and the write is slow; else it is decided when written.
    pub decided: Option<u8>,
    /// The people as they were read.
    pub change: Change,
}

/// Somebody who loads, decides and writes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Hand {
    /// Doing nothing. Who has loaded an older version than there is is idle too: all they can do is
    /// write, lose and load anew, and that is what who is idle does.
    Idle,
    /// Has loaded what there is, and will write.
    Loaded(Draft),
}

/// An invocation of the executor.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Executor {
    /// Not there; it never claimed, so the next one may have its name.
    Absent,
    /// Called.
    Invoked,
    /// About to write the claim.
    Claiming(Draft),
    /// It has the claim and is about to run.
    Won,
    /// It ran and has yet to report.
    Ran,
    /// About to write the outcome.
    Reporting(Draft),
    /// Finished or dead.
    Gone,
}

/// What may still go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Left {
    /// Crashes.
    pub crashes: u8,
    /// Duplicates.
    pub duplicates: u8,
    /// Lost timers.
    pub lost_timers: u8,
    /// Restores.
    pub restores: u8,
}

/// What an observer of all commits and of the target writes down; nobody in the model reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Witness {
    /// Claims that were committed.
    pub claims: u8,
    /// Times that the target ran the command.
    pub runs: u8,
    /// Whether it was reopened.
    pub reopened: bool,
    /// The status with which it ended.
    pub ended: Option<Status>,
    /// Something was committed after the end.
    pub end_left: bool,
    /// A vote was recorded at or after `expires_at`.
    pub late_vote: bool,
    /// A claim was recorded at or after `run_by`.
    pub late_claim: bool,
    /// A claim was committed that the votes of members did not carry.
    pub unfounded_claim: bool,
}

impl World {
    /// Just after the request was submitted.
    #[must_use]
    pub fn new(race: &Race) -> Self {
        let Limits { crashes, duplicates, lost_timers, restores, .. } = race.limits;
        Self {
            clock: 0,
            stored: Stored(Arc::new(race.newborn.clone())),
            undispatched: true,
            timers: 0,
            change: Change::None,
            voters: [Hand::Idle, Hand::Idle, Hand::Idle],
            requester: Hand::Idle,
            expirers: [Hand::Idle, Hand::Idle],
            executors: [Executor::Absent, Executor::Absent],
            epoch: 1,
            backup: None,
            left: Left { crashes, duplicates, lost_timers, restores },
            witness: Witness::default(),
        }
    }

    /// Whether nothing but an executor that is on its way can do anything any more; that nobody can
    /// write after the end is a law of its own.
    #[must_use]
    pub fn is_over(&self, race: &Race) -> bool {
        self.stored.0.status().is_terminal() && self.left.restores == 0 && !race.forgets_versions()
    }

    /// Makes worlds the same that differ in nothing that can still matter.
    pub fn forget_what_is_alike(&mut self, race: &Race) {
        if race.forgets_versions() {
            return;
        }
        let claimed = |stored: &Stored| stored.0.claim().is_some();
        let backup_claimed = self.backup.as_ref().is_some_and(claimed);
        if claimed(&self.stored) && self.left.restores == 0 {
            // Nobody will look at the voters any more.
            self.change = Change::None;
        } else if !claimed(&self.stored) && !backup_claimed {
            // While no claim names one of them, the executors can change places.
            self.executors.sort_by_key(|executor| executor.rank(self.change));
        }
        if self.is_over(race) {
            self.clock = END_TICK;
            self.undispatched = false;
            self.timers = 0;
            self.change = Change::None;
            self.left = Left { crashes: 0, duplicates: 0, lost_timers: 0, restores: 0 };
        }
    }

    /// A number that every step makes greater: commits, the clock and faults weigh most, then what
    /// the hands do between them.
    #[must_use]
    pub fn rank(&self) -> u64 {
        let left = self.left;
        let faults_left = u64::from(left.crashes + left.duplicates + left.lost_timers);
        let hands =
            self.voters.iter().chain([&self.requester]).chain(&self.expirers).map(|hand| match hand {
                Hand::Idle => 0,
                Hand::Loaded(_) => 1,
            });
        let executors = self.executors.iter().map(|executor| executor.rank(self.change));
        let dispatched = if self.undispatched { 0 } else { 16 };
        let small = 100 + dispatched + hands.sum::<u64>() + executors.sum::<u64>()
            - u64::from(self.timers.count_ones());
        let changed = u64::from(self.change != Change::None) + u64::from(self.backup.is_some());
        let great = u64::from(self.clock) + changed + (20 - faults_left);
        small + 1000 * great + 100_000 * self.stored.0.version + 10_000_000 * (100 - u64::from(left.restores))
    }
}

impl Executor {
    /// How far it is; see [`World::rank`].
    fn rank(&self, change: Change) -> u64 {
        match self {
            // Its people are not as they were: it can only begin anew.
            Self::Claiming(draft) if draft.change != change => 1,
            Self::Invoked => 2,
            Self::Claiming(_) => 3,
            Self::Absent => 6,
            Self::Won => 7,
            Self::Ran => 9,
            Self::Reporting(_) => 10,
            Self::Gone => 11,
        }
    }
}
