//! Why a command changes nothing.

use crate::Status;

/// A refusal. It writes nothing; the caller is told why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The account is disabled.
    #[error("your account is disabled")]
    Disabled,
    /// Nobody decides their own request.
    #[error("nobody decides their own request; somebody else in its reviewer groups must")]
    OwnRequest,
    /// Not in any of the request's groups.
    #[error("you are in none of the groups that review this request")]
    NotReviewer,
    /// Not the requester, and not an admin.
    #[error("only the requester or an admin may cancel this request")]
    MayNotCancel,
    /// Not the requester.
    #[error("only the requester may run this request")]
    MayNotRun,
    /// Not an admin, or the requester.
    #[error("only an admin who is not the requester may settle this request")]
    MayNotSettle,
    /// The voter saw something else.
    #[error("the digest is not that of this request; look at it again before you decide")]
    DigestMismatch,
    /// The vote would fill no open slot.
    #[error("your approval is not needed: every place that you could fill is taken, or you have filled one")]
    VoteNotNeeded,
    /// An approval with other bounds stands.
    #[error(
        "you have approved this request with other bounds; they cannot be changed: reject it, or let somebody else decide"
    )]
    OtherBounds,
    /// The bound is over before it begins.
    #[error("`not_after` must be in the future")]
    BoundPassed,
    /// The statements of the request commit one by one.
    #[error(
        "`max_rows` is not possible on this request: its statements commit one by one, so they cannot be rolled back together; approve it without `max_rows`, or reject it"
    )]
    NoRowBound,
    /// Too late, or too early, for that.
    #[error("the request is {0}")]
    Wrong(Status),
    /// Another executor has it.
    #[error("the request was claimed by another executor")]
    AlreadyClaimed,
    /// The executor that reports does not hold the claim.
    #[error("this executor does not hold the claim")]
    NotTheClaimant,
    /// Somebody else executes requests of this kind.
    #[error("commands of this connection are executed {0}")]
    OtherExecutor(&'static str),
    /// The requester has not said when.
    #[error("the requester has not asked for the run yet")]
    NotAsked,
    /// The request is of another epoch.
    #[error("the deployment was restored from a backup after this request was made; it cannot run")]
    OtherEpoch,
    /// The lease would be over before it begins.
    #[error("the lease must end in the future")]
    LeaseOver,
}
