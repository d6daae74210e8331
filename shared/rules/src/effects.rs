//! What the outside world should be asked to do about a state.

use crate::request::{Phase, RunMode};
use crate::risk::Estimate;
use crate::{Request, Timestamp};

/// How long an asynchronous execution may be on its way before the sweep asks for it again.
pub const EXECUTE_GRACE_SECONDS: u32 = 60;

/// Something to ask for. Each may be lost, late or doubled: none is needed for correctness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// Look at the request again at that instant.
    WakeAt(Timestamp),
    /// Have it executed now.
    Execute,
    /// Have the target asked how many rows it touches.
    Estimate,
}

/// The effects that a state calls for. They depend on the state alone, so whoever finds it (the
/// stream, the sweep, a restart) can bring them about again.
#[must_use]
pub fn effects(request: &Request) -> Vec<Effect> {
    let mut effects: Vec<Effect> = request.deadline().map(Effect::WakeAt).into_iter().collect();
    if execute_is_due(request) {
        effects.push(Effect::Execute);
    }
    // Whoever decides is told, so there is nobody to tell later. One that was lost is made at a vote.
    if matches!(&request.phase, Phase::Pending) && request.estimate == Some(Estimate::Wanted) {
        effects.push(Effect::Estimate);
    }
    effects
}

fn execute_is_due(request: &Request) -> bool {
    let approved = matches!(&request.phase, Phase::Approved(_));
    approved && request.run == RunMode::OnApproval && !request.is_for_runners()
}

/// When the sweep should look at the request if nobody else does: the next deadline, or earlier if
/// an execution should have begun by then.
#[must_use]
pub fn sweep_at(request: &Request) -> Option<Timestamp> {
    let deadline = request.deadline()?;
    match &request.phase {
        Phase::Approved(approval) if execute_is_due(request) => {
            Some(deadline.min(approval.at.plus_seconds(EXECUTE_GRACE_SECONDS)))
        }
        Phase::Pending
        | Phase::Approved(_)
        | Phase::Running(..)
        | Phase::Unknown { .. }
        | Phase::Finished { .. }
        | Phase::Blocked { .. }
        | Phase::Rejected { .. }
        | Phase::Expired { .. }
        | Phase::Cancelled { .. } => Some(deadline),
    }
}
