//! The state of a request: the fold of its events.
//!
//! - here: the request, and what follows from where it stands
//! - [`status`]: the ten words that the contract has for that
//! - [`phase`]: where it stands, with exactly what is known there

mod phase;
mod status;

pub use phase::{Approval, Claim, Phase, RunnerLease};
pub use status::{InvalidStatus, Status};

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::event::{Decision, ExpiryCause};
use crate::quorum::{self, Coverage};
use crate::risk::Estimate;
use crate::{
    Bounds, ConnectionName, Digest, GroupName, Policy, RequestId, StatementMode, Timestamp, UserId, Via,
};

/// Who starts the execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunMode {
    /// The requester, once approved.
    Manual,
    /// The service, as soon as it is approved.
    OnApproval,
}

/// How a request runs, as its digest covers it: `manual;read-only`, `on_approval;max-rows=500`. `max_rows` is the
/// standing bound of the connection.
#[must_use]
pub fn run_options(run: RunMode, read_only: bool, mode: StatementMode, max_rows: Option<u64>) -> String {
    let read_only = if read_only { ";read-only" } else { "" };
    let mode = match mode {
        StatementMode::Transaction => "",
        StatementMode::StatementByStatement => ";statement-by-statement",
    };
    let max_rows = max_rows.map(|rows| format!(";max-rows={rows}")).unwrap_or_default();
    format!("{}{read_only}{mode}{max_rows}", run.as_str())
}

impl RunMode {
    /// The name in the contract.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::OnApproval => "on_approval",
        }
    }
}

/// Why an approval needed no vote of somebody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AutoCause {
    /// An admin's own request, counted in a reviewer group of theirs.
    Admin,
    /// The requester is in an exempt group.
    Exempt,
    /// Approvals are switched off on the connection.
    ApprovalsDisabled,
    /// A rule of the connection lets such commands through.
    Rule,
}

/// An automatic approval and the group that it came through.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct AutoApproval {
    /// Why.
    pub cause: AutoCause,
    /// Through which group, if through one.
    #[schema(required = true)]
    pub group: Option<GroupName>,
    /// The rule that let it through, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
}

/// Who asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requester {
    /// The account.
    pub user: UserId,
    /// The human behind it.
    pub human: UserId,
    /// For display.
    pub email: String,
}

/// A vote that stands.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Vote {
    /// The account.
    pub user: UserId,
    /// The human behind it.
    pub human: UserId,
    /// For display.
    pub email: String,
    /// The direction.
    pub decision: Decision,
    /// The groups of the request that the vote counts for.
    pub groups: BTreeSet<GroupName>,
    /// Through what.
    pub via: Via,
    /// When.
    pub at: Timestamp,
    /// Comment or reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Cast by submitting, as an admin.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub automatic: bool,
    /// What the approval is limited to.
    #[serde(default, skip_serializing_if = "Bounds::is_none")]
    pub bounds: Bounds,
}

/// The kind of the connections whose commands runners execute.
pub const RUNNER_KIND: &str = "runner";

/// The kind of the connection whose commands are changes of the configuration.
pub const CONFIGURATION_KIND: &str = "configuration";

/// A request: the fold of its events, without the command itself, which stands in the first event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Its id.
    pub id: RequestId,
    /// How many commits it has seen; the optimistic lock of the storage.
    pub version: u64,
    /// The sequence number of its last event.
    pub seq: u64,
    /// The hash of its last event.
    pub last_hash: String,
    /// The deployment's epoch when it was submitted.
    pub epoch: u32,
    /// The connection's name.
    pub connection: ConnectionName,
    /// The connection's kind.
    pub kind: String,
    /// Who asked.
    pub requester: Requester,
    /// What the approvals cover.
    pub digest: Digest,
    /// Who starts it.
    pub run: RunMode,
    /// How several statements take effect.
    #[serde(default, skip_serializing_if = "StatementMode::is_transaction")]
    pub run_mode: StatementMode,
    /// The policy, frozen.
    pub policy: Policy,
    /// When it was submitted.
    pub created_at: Timestamp,
    /// The instant from which no vote counts.
    pub expires_at: Timestamp,
    /// The votes that stand, in the order in which they came.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub votes: Vec<Vote>,
    /// Whether it runs with the connection's secret for reading, in a transaction that only reads.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
    /// What the target guesses of the rows that it touches, where it is asked at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Estimate>,
    /// Side effects by the catalogue of the database, in plain words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub side_effects: Vec<String>,
    /// Why an approval cannot be limited to a number of rows, by that catalogue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_row_bound: Option<String>,
    /// How it was approved without others, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auto_approval: Option<AutoApproval>,
    /// Where it stands.
    pub phase: Phase,
}

impl Request {
    /// The status as written down.
    #[must_use]
    pub fn status(&self) -> Status {
        match &self.phase {
            Phase::Pending => Status::Pending,
            Phase::Approved(_) => Status::Approved,
            Phase::Running(..) => Status::Running,
            Phase::Unknown { .. } => Status::Unknown,
            Phase::Finished { succeeded: true, .. } => Status::Succeeded,
            Phase::Finished { succeeded: false, .. } => Status::Failed,
            Phase::Blocked { .. } => Status::Blocked,
            Phase::Rejected { .. } => Status::Rejected,
            Phase::Expired { .. } => Status::Expired,
            Phase::Cancelled { .. } => Status::Cancelled,
        }
    }

    /// The status that a reader must see at `now`: EXPIRED from the very instant on, whether or not
    /// a timer has written it down yet.
    #[must_use]
    pub fn status_at(&self, now: Timestamp) -> Status {
        if self.expired_by(now).is_some() { Status::Expired } else { self.status() }
    }

    /// Why the request counts as expired at `now` though it is not yet written down.
    #[must_use]
    pub fn expired_by(&self, now: Timestamp) -> Option<ExpiryCause> {
        match &self.phase {
            Phase::Pending if now >= self.expires_at => Some(ExpiryCause::ReviewTimeout),
            Phase::Approved(approval) if now >= approval.run_by => Some(ExpiryCause::RunTimeout),
            Phase::Pending
            | Phase::Approved(_)
            | Phase::Running(..)
            | Phase::Unknown { .. }
            | Phase::Finished { .. }
            | Phase::Blocked { .. }
            | Phase::Rejected { .. }
            | Phase::Expired { .. }
            | Phase::Cancelled { .. } => None,
        }
    }

    /// The approval, if it has or had one.
    #[must_use]
    pub fn approval(&self) -> Option<Approval> {
        match &self.phase {
            Phase::Approved(approval)
            | Phase::Running(approval, _)
            | Phase::Unknown { approval, .. }
            | Phase::Finished { approval, .. } => Some(*approval),
            Phase::Expired { approval, .. } | Phase::Cancelled { approval, .. } => *approval,
            Phase::Pending | Phase::Blocked { .. } | Phase::Rejected { .. } => None,
        }
    }

    /// The claim, if it was claimed.
    #[must_use]
    pub fn claim(&self) -> Option<&Claim> {
        match &self.phase {
            Phase::Running(_, claim) => Some(claim),
            Phase::Unknown { claim, .. } | Phase::Finished { claim, .. } => claim.as_ref(),
            Phase::Pending
            | Phase::Approved(_)
            | Phase::Blocked { .. }
            | Phase::Rejected { .. }
            | Phase::Expired { .. }
            | Phase::Cancelled { .. } => None,
        }
    }

    /// Whether a runner executes it, not the service.
    #[must_use]
    pub fn is_for_runners(&self) -> bool {
        self.kind == RUNNER_KIND
    }

    /// Whether it changes the configuration, and no target.
    #[must_use]
    pub fn is_configuration(&self) -> bool {
        self.kind == CONFIGURATION_KIND
    }

    /// Whether a runner may come and claim it now, as far as the state alone tells.
    #[must_use]
    pub fn waits_for_runner(&self) -> bool {
        match &self.phase {
            Phase::Approved(approval) => {
                self.is_for_runners() && (self.run == RunMode::OnApproval || approval.run_asked)
            }
            Phase::Pending
            | Phase::Running(..)
            | Phase::Unknown { .. }
            | Phase::Finished { .. }
            | Phase::Blocked { .. }
            | Phase::Rejected { .. }
            | Phase::Expired { .. }
            | Phase::Cancelled { .. } => false,
        }
    }

    /// When it was decided: approved, rejected, expired or cancelled, whichever came first.
    #[must_use]
    pub fn decided_at(&self) -> Option<Timestamp> {
        match &self.phase {
            Phase::Pending => None,
            Phase::Rejected { at } | Phase::Blocked { at, .. } => Some(*at),
            Phase::Expired { at, approval, .. } | Phase::Cancelled { at, approval, .. } => {
                Some(approval.map_or(*at, |approval| approval.at))
            }
            Phase::Approved(approval)
            | Phase::Running(approval, _)
            | Phase::Unknown { approval, .. }
            | Phase::Finished { approval, .. } => Some(approval.at),
        }
    }

    /// When time alone changes something: the end of the votes, of the claim or of the lease.
    #[must_use]
    pub fn deadline(&self) -> Option<Timestamp> {
        match &self.phase {
            Phase::Pending => Some(self.expires_at),
            Phase::Approved(approval) => Some(approval.run_by),
            Phase::Running(_, claim) => Some(claim.lease_until),
            Phase::Unknown { .. }
            | Phase::Finished { .. }
            | Phase::Blocked { .. }
            | Phase::Rejected { .. }
            | Phase::Expired { .. }
            | Phase::Cancelled { .. } => None,
        }
    }

    /// The approvals that stand.
    pub fn approvals(&self) -> impl Iterator<Item = &Vote> {
        self.votes.iter().filter(|vote| vote.decision == Decision::Approve)
    }

    /// What its policy and the standing approvals limit it to: the strictest of each.
    #[must_use]
    pub fn bounds(&self) -> Bounds {
        self.approvals().fold(self.policy.bounds(), |bounds, vote| bounds.and(vote.bounds))
    }

    /// How the standing approvals cover the policy's slots; positions count [`Self::approvals`].
    #[must_use]
    pub fn coverage(&self) -> Coverage {
        let voters: Vec<_> = self.approvals().map(|vote| &vote.groups).collect();
        quorum::coverage(&self.policy, &voters)
    }

    /// The groups of which one more member's approval would help; none unless PENDING.
    ///
    /// A group whose slots are covered can be among them: its next voter frees somebody who is also
    /// in a group that is still open.
    #[must_use]
    pub fn groups_waiting(&self) -> Vec<GroupName> {
        if self.status() != Status::Pending {
            return Vec::new();
        }
        let covered = self.coverage().covered();
        let helps = |group: &&GroupName| {
            let one_more = BTreeSet::from([(*group).clone()]);
            let mut voters: Vec<_> = self.approvals().map(|vote| &vote.groups).collect();
            voters.push(&one_more);
            quorum::coverage(&self.policy, &voters).covered() > covered
        };
        self.policy.groups.iter().filter(helps).cloned().collect()
    }
}
