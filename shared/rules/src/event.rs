//! Facts about a request, and the events that record them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::request::{AutoApproval, RunMode, RunnerLease};
use crate::risk::{Block, Risk, TableRows};
use crate::{
    Bounds, ConnectionName, Digest, GroupName, Policy, StatementMode, Timestamp, Transaction, UserId,
};

/// Through what somebody acted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Via {
    /// The HTTP API.
    Api,
    /// The command line.
    Cli,
    /// The pages.
    Console,
    /// A Slack button.
    Slack,
    /// The pages, reached from Teams.
    Teams,
    /// Nobody acted: a timer, the sweep, the executor.
    System,
}

/// Who acted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum Actor {
    /// A user.
    User {
        /// The account.
        id: UserId,
        /// For display.
        email: String,
    },
    /// One of our own functions.
    System {
        /// Which one, such as `expire`.
        system: String,
    },
}

impl Actor {
    /// Our own function of that name.
    #[must_use]
    pub fn system(name: &str) -> Self {
        Self::System { system: name.to_owned() }
    }

    /// The user of that account.
    #[must_use]
    pub fn user(person: &crate::Person) -> Self {
        Self::User { id: person.user, email: person.email.clone() }
    }
}

/// A vote's direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// For.
    Approve,
    /// Against.
    Reject,
}

/// What was submitted. With the connection's target and secret reference it gives the digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Created {
    /// The connection's name.
    pub connection: ConnectionName,
    /// Its kind.
    pub kind: String,
    /// The command, exactly.
    pub command: String,
    /// Why the requester wants it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who starts it once approved.
    pub run: RunMode,
    /// How several statements take effect.
    #[serde(default, skip_serializing_if = "StatementMode::is_transaction")]
    pub run_mode: StatementMode,
    /// What the approvals cover.
    pub digest: Digest,
    /// The version of the masking rules that the digest covers.
    pub masking_version: u32,
    /// The human behind the requester's account.
    pub human: UserId,
    /// The policy that holds for this request for ever.
    pub policy: Policy,
    /// The instant from which no vote counts.
    pub expires_at: Timestamp,
    /// The deployment's epoch.
    pub epoch: u32,
    /// What is known of what the command does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk: Option<Risk>,
    /// Whether it runs with the connection's secret for reading, in a transaction that only reads.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
    /// Whether the target is to be asked how many rows it touches.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub estimate: bool,
}

/// A vote that was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VoteCast {
    /// The account that voted.
    pub user: UserId,
    /// The human behind it.
    pub human: UserId,
    /// For display.
    pub email: String,
    /// The direction.
    pub decision: Decision,
    /// The groups of the request that the voter was in.
    pub groups: BTreeSet<GroupName>,
    /// What the voter saw; always the digest of the request.
    pub digest: Digest,
    /// The comment of an approval, the reason of a rejection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// The vote that an admin casts by submitting.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub automatic: bool,
    /// What the approval is limited to.
    #[serde(default, skip_serializing_if = "Bounds::is_none")]
    pub bounds: Bounds,
}

/// Why a request expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExpiryCause {
    /// Not decided in time.
    ReviewTimeout,
    /// Approved, but not run in time.
    RunTimeout,
    /// A vote was void at the claim and the time for votes was over.
    VoteVoid,
}

/// Why a request was cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CancelCause {
    /// By its requester.
    Requester,
    /// By an admin: the emergency stop.
    Revoked,
    /// The connection's target or secret reference changed, or the connection is gone.
    ConnectionChanged,
    /// The requester was disabled or may no longer use the connection.
    RequesterNotAllowed,
    /// The deployment was restored from a backup after the request was made.
    Restored,
}

/// Why the outcome is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UnknownCause {
    /// The executor's lease ran out.
    LeaseLapsed,
    /// The executor lost the target half-way and cannot tell.
    TargetLost,
    /// The deployment was restored from a backup.
    Restored,
}

/// How an execution ended. The output and the error text stand beside the event, not in it, because
/// not everybody who may see the event may see them; their hashes bind them to it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub struct Outcome {
    /// The exit code, for kinds that have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i32>,
    /// Rows returned or affected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// Bytes of output stored, before compression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// How many values were masked, by entity.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub masked: BTreeMap<String, u64>,
    /// SHA-256 of the stored output, uncompressed, in hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_sha256: Option<String>,
    /// How many pieces the output is stored in; 0 if it stands with the event.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub output_pieces: u32,
    /// Whether the output was cut at its caps.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub output_cut: bool,
    /// What became of each statement, for kinds that have statements.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transaction: Option<Box<Transaction>>,
    /// How many notices and warnings of the target stand in the output.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub notices: u32,
    /// SHA-256 of the error text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_sha256: Option<String>,
    /// Whether a runner says so; what the service ran by itself it has seen.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reported_by_runner: bool,
    /// Set when an admin settled it: why they think so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_note: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde wants")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// A vote that no longer stands, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VoidVote {
    /// Whose.
    pub user: UserId,
    /// Why.
    pub cause: VoidCause,
}

/// Why a vote no longer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum VoidCause {
    /// The account is disabled or gone.
    Disabled,
    /// The voter left a group that the vote counted for.
    LeftGroup,
    /// The requester's automatic approval no longer holds (role or group lost).
    NoLongerEntitled,
}

/// Something that happened to a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", content = "data")]
pub enum Fact {
    /// It was submitted.
    #[serde(rename = "request.created")]
    Created(Box<Created>),
    /// A guardrail blocked it at its submission.
    #[serde(rename = "request.blocked")]
    Blocked(Block),
    /// The target was asked how many rows it touches. It decides nothing.
    #[serde(rename = "request.estimated")]
    Estimated {
        /// What it said, by table.
        tables: Vec<TableRows>,
        /// Side effects by the catalogue of the database, in plain words.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        notes: Vec<String>,
        /// Why an approval cannot be limited to a number of rows, by that catalogue.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        no_row_bound: Option<String>,
    },
    /// A vote was accepted.
    #[serde(rename = "request.vote")]
    Vote(Box<VoteCast>),
    /// Nothing is missing: it may be claimed before `run_by`.
    #[serde(rename = "request.approved")]
    Approved {
        /// The instant from which it cannot be claimed.
        run_by: Timestamp,
        /// Set when nobody else's vote was needed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        auto_approval: Option<AutoApproval>,
    },
    /// Its requester wants it run: a runner may claim it.
    #[serde(rename = "request.run_asked")]
    RunAsked {},
    /// A member of one of its groups said no.
    #[serde(rename = "request.rejected")]
    Rejected {
        /// Why.
        reason: String,
    },
    /// A vote was void at the claim: it is pending again.
    #[serde(rename = "request.reopened")]
    Reopened {
        /// What no longer stands.
        void: Vec<VoidVote>,
        /// What still stands: account and the groups that its vote counts for.
        standing: BTreeMap<UserId, BTreeSet<GroupName>>,
    },
    /// Time ran out; it was not run.
    #[serde(rename = "request.expired")]
    Expired {
        /// Which time.
        cause: ExpiryCause,
    },
    /// It was called off; it was not run.
    #[serde(rename = "request.cancelled")]
    Cancelled {
        /// By whom or what.
        cause: CancelCause,
        /// The guardrail that blocks it by now, where that is the change.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rule: Option<String>,
        /// What whoever called it off says of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// An executor won the claim.
    #[serde(rename = "request.running")]
    Running {
        /// Which executor: its own random name.
        nonce: String,
        /// When its lease ends.
        lease_until: Timestamp,
        /// Set if it is a runner.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        runner: Option<RunnerLease>,
    },
    /// The runner that has it is alive.
    #[serde(rename = "request.lease_renewed")]
    LeaseRenewed {
        /// When its lease ends now.
        lease_until: Timestamp,
    },
    /// It ran and succeeded.
    #[serde(rename = "request.succeeded")]
    Succeeded(Box<Outcome>),
    /// It ran and failed, or could not be started.
    #[serde(rename = "request.failed")]
    Failed(Box<Outcome>),
    /// Nobody knows how it ended. It is never run again.
    #[serde(rename = "request.unknown")]
    Unknown {
        /// Why.
        cause: UnknownCause,
        /// What is known of each statement, if the executor could still report it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        transaction: Option<Box<Transaction>>,
    },
}

impl Fact {
    /// The event's type in the contract, such as `request.created`.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Created(_) => "request.created",
            Self::Blocked(_) => "request.blocked",
            Self::Estimated { .. } => "request.estimated",
            Self::Vote(_) => "request.vote",
            Self::Approved { .. } => "request.approved",
            Self::RunAsked {} => "request.run_asked",
            Self::Rejected { .. } => "request.rejected",
            Self::Reopened { .. } => "request.reopened",
            Self::Expired { .. } => "request.expired",
            Self::Cancelled { .. } => "request.cancelled",
            Self::Running { .. } => "request.running",
            Self::LeaseRenewed { .. } => "request.lease_renewed",
            Self::Succeeded(_) => "request.succeeded",
            Self::Failed(_) => "request.failed",
            Self::Unknown { .. } => "request.unknown",
        }
    }
}

/// A fact with its place in the audit trail. Immutable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// 1 for a request's first event, then one more each.
    pub seq: u64,
    /// `type` and `data`.
    #[serde(flatten)]
    pub fact: Fact,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// Through what.
    pub via: Via,
    /// The hash of the event before, 64 zeros for the first.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub prev_hash: String,
    /// SHA-256 over the RFC 8785 JSON of `{"event": EVENT, "request_id": ID}`, EVENT being this event
    /// without its `hash`.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub hash: String,
}
