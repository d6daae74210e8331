//! Who was refused a decision. Only what is refused for who somebody is counts.

use countersign_app::{App, Caller};
use countersign_rules::{Refusal, RequestId};
use serde_json::json;

/// Notes a refusal, if it is one for who the caller is.
pub(crate) async fn note(app: &App, caller: &Caller, id: RequestId, refusal: &Refusal) {
    if let Some(why) = reason(refusal) {
        app.note_refusal(caller, "decision.refused", id.to_string(), json!({ "refusal": why })).await;
    }
}

fn reason(refusal: &Refusal) -> Option<&'static str> {
    match refusal {
        Refusal::Disabled => Some("disabled"),
        Refusal::OwnRequest => Some("own-request"),
        Refusal::NotReviewer => Some("not-a-reviewer"),
        Refusal::MayNotCancel => Some("may-not-cancel"),
        Refusal::MayNotRun => Some("may-not-run"),
        Refusal::MayNotSettle => Some("may-not-settle"),
        Refusal::DigestMismatch
        | Refusal::VoteNotNeeded
        | Refusal::OtherBounds
        | Refusal::BoundPassed
        | Refusal::NoRowBound
        | Refusal::Wrong(_)
        | Refusal::AlreadyClaimed
        | Refusal::NotTheClaimant
        | Refusal::OtherExecutor(_)
        | Refusal::NotAsked
        | Refusal::OtherEpoch
        | Refusal::LeaseOver => None,
    }
}
