//! Domain errors become problems here, and nowhere else.

use countersign_http::Problem;
use countersign_identity::Unauthenticated;
use countersign_rules::submit::Unsubmittable;
use countersign_rules::{Refusal, RequestId};
use countersign_storage::StorageError;
use http::StatusCode;

use crate::change::ChangeError;

/// The problem of a failed read or write. What the database said goes to the log, not to the caller.
#[must_use]
pub fn storage(error: &StorageError) -> Problem {
    match error {
        StorageError::Conflict => {
            Problem::conflict("conflict", "it was changed by somebody else just now; look again")
        }
        StorageError::Contended => {
            tracing::warn!(%error, "storage");
            Problem::unavailable(1)
        }
        StorageError::Unavailable(_) => {
            tracing::error!(%error, "storage");
            Problem::unavailable(2)
        }
        StorageError::TooLarge(_) => Problem::too_large("that is more than the store takes"),
        StorageError::Corrupt(_) => {
            tracing::error!(%error, "storage");
            Problem::internal()
        }
    }
}

/// The problem of somebody who is not who they say, or who may do nothing.
#[must_use]
pub fn unauthenticated(error: Unauthenticated) -> Problem {
    match error {
        // It is known who calls; they may do nothing.
        Unauthenticated::Disabled => Problem::forbidden(error.to_string()),
        Unauthenticated::Missing | Unauthenticated::Invalid | Unauthenticated::Expired => {
            Problem::unauthenticated(error.to_string())
        }
    }
}

/// The problem of a refused command. Whoever is refused for who they are has been noted by `callback`.
#[must_use]
pub fn refusal(refusal: &Refusal, id: RequestId) -> Problem {
    let detail = refusal.to_string();
    let problem = match refusal {
        Refusal::Disabled | Refusal::MayNotCancel | Refusal::MayNotRun | Refusal::MayNotSettle => {
            Problem::forbidden(detail)
        }
        Refusal::NotReviewer => {
            Problem::new(StatusCode::FORBIDDEN, "not-a-reviewer", "You do not review this request", detail)
        }
        Refusal::OwnRequest => {
            Problem::new(StatusCode::FORBIDDEN, "own-request", "It is your own request", detail)
        }
        Refusal::DigestMismatch => Problem::new(
            StatusCode::PRECONDITION_FAILED,
            "digest-mismatch",
            "That is not what you looked at",
            detail,
        ),
        Refusal::OtherBounds => Problem::conflict("other-bounds", detail),
        Refusal::BoundPassed => Problem::invalid(detail.clone()).at("/bounds/not_after", detail),
        Refusal::NoRowBound => Problem::invalid(detail.clone()).at("/bounds/max_rows", detail),
        Refusal::VoteNotNeeded => Problem::conflict("vote-not-needed", detail),
        Refusal::Wrong(status) => {
            Problem::conflict("wrong-status", detail).with("status_now", status.as_str())
        }
        Refusal::AlreadyClaimed | Refusal::NotTheClaimant | Refusal::LeaseOver => {
            Problem::conflict("already-claimed", detail)
        }
        Refusal::OtherExecutor(_) => Problem::conflict("other-executor", detail),
        Refusal::NotAsked => Problem::conflict("not-asked", detail),
        Refusal::OtherEpoch => Problem::conflict("restored", detail),
    };
    problem.with("request_id", id.to_string()).noted()
}

/// The problem of a request that did not change.
#[must_use]
pub fn change(error: &ChangeError, id: RequestId) -> Problem {
    match error {
        ChangeError::Gone => Problem::not_found("request"),
        ChangeError::Refused(error) => refusal(error, id),
        ChangeError::Storage(error) => storage(error),
        ChangeError::Encoding(_) => Problem::internal(),
    }
}

/// The problem of something that cannot be submitted.
#[must_use]
pub fn unsubmittable(error: &Unsubmittable) -> Problem {
    match error {
        Unsubmittable::Disabled => Problem::forbidden(error.to_string()),
        Unsubmittable::NotAllowed => Problem::not_found("connection"),
        Unsubmittable::TimeoutTooLong { .. } | Unsubmittable::Policy(_) => {
            Problem::invalid(error.to_string()).at("/timeout_seconds", error.to_string())
        }
        Unsubmittable::Encoding => Problem::internal(),
    }
}

/// The problem of a system without randomness.
#[must_use]
pub fn no_randomness() -> Problem {
    tracing::error!("the system has no randomness");
    Problem::internal()
}

/// The problem of a key that came with another body before.
#[must_use]
pub fn key_reused() -> Problem {
    Problem::new(
        StatusCode::UNPROCESSABLE_ENTITY,
        "idempotency-key-reused",
        "This key was used for something else",
        "the same Idempotency-Key came with another body; take a new key",
    )
}
