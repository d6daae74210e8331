//! Where a request stands, with exactly what is known there.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::event::{CancelCause, ExpiryCause, Outcome, UnknownCause};
use crate::risk::Block;
use crate::{Timestamp, TokenId, Transaction};

/// When it was approved and until when it may be claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Approval {
    /// When nothing was missing any more.
    pub at: Timestamp,
    /// The instant from which it cannot be claimed.
    pub run_by: Timestamp,
    /// Whether the requester has asked for the run, where a runner waits for that.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub run_asked: bool,
}

/// What a runner's claim says beside its lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct RunnerLease {
    /// The token that claimed; no other one may report.
    pub token: TokenId,
    /// The instant beyond which the lease is not renewed.
    pub limit: Timestamp,
}

/// Who won the right to run it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Claim {
    /// When.
    pub at: Timestamp,
    /// The executor's own random name.
    pub nonce: String,
    /// The instant from which it counts as dead.
    pub lease_until: Timestamp,
    /// Set if it is a runner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runner: Option<RunnerLease>,
}

impl Claim {
    /// Whether an executor of that name holds it, a runner by the token that claimed as well: the name alone
    /// is in the audit trail, a runner's token is not.
    #[must_use]
    pub fn is_held_by(&self, nonce: &str, token: Option<TokenId>) -> bool {
        self.nonce == nonce && self.runner.map(|runner| runner.token) == token
    }
}

/// Where a request stands, with exactly what is known there.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Votes are awaited until `expires_at`.
    Pending,
    /// It may be claimed until `run_by`.
    Approved(Approval),
    /// An executor has it.
    Running(Approval, Claim),
    /// Nobody knows how it ended. Without a claim only after a restore.
    Unknown {
        /// Its approval.
        approval: Approval,
        /// Its claim.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        claim: Option<Claim>,
        /// Since when.
        at: Timestamp,
        /// Why.
        cause: UnknownCause,
        /// What is known of each statement.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        transaction: Option<Box<Transaction>>,
    },
    /// It ran, or an admin settled it.
    Finished {
        /// Its approval.
        approval: Approval,
        /// Its claim; none if it was settled after a restore.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        claim: Option<Claim>,
        /// When.
        at: Timestamp,
        /// How: true is SUCCEEDED, false is FAILED.
        succeeded: bool,
        /// The figures.
        outcome: Box<Outcome>,
    },
    /// A guardrail blocked it when it was submitted.
    Blocked {
        /// When.
        at: Timestamp,
        /// The rule, and what the requester is told.
        block: Block,
    },
    /// A reviewer said no; who and why stands in the votes.
    Rejected {
        /// When.
        at: Timestamp,
    },
    /// Time ran out.
    Expired {
        /// When it was written down.
        at: Timestamp,
        /// Which time.
        cause: ExpiryCause,
        /// Set if it was approved before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        approval: Option<Approval>,
    },
    /// Called off.
    Cancelled {
        /// When.
        at: Timestamp,
        /// By whom or what.
        cause: CancelCause,
        /// Set if it was approved before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        approval: Option<Approval>,
    },
}
