//! What must hold in every world of the race.

use std::collections::BTreeSet;

use countersign_rules::event::Decision;
use countersign_rules::{Command, Event, Fact, Status};
use stateright::Property;

use super::cast::{END_TICK, Race};
use super::world::{Executor, World};
use crate::matching::covers_all;

/// Promise P3.
pub const ONE_CLAIM: &str = "P3: a request is claimed at most once";
/// Promises P3 and P4.
pub const ONE_RUN: &str = "P3, P4: the target runs the command at most once";
/// Promise P3.
pub const ONE_END: &str = "P3: a request has one end, and nothing is written after it";
/// Promises P1 and P2.
pub const FOUNDED: &str =
    "P1, P2: at the claim each slot has an approval by a member of its own, and nobody has rejected";
/// Promise P1.
pub const NO_RUN_WITHOUT_CLAIM: &str = "P1: the target runs nothing that was not claimed";
/// Promise P5.
pub const VOTES_IN_TIME: &str = "P5: no vote is recorded at or after expires_at";
/// Promise P5.
pub const CLAIMS_IN_TIME: &str = "P5: no claim is recorded at or after run_by";
/// Promise P5.
pub const ENDS: &str = "P5: nothing waits for ever, whatever became of the timers";

/// Promise P3.
pub const SILENCE: &str = "P3: after the end every command is refused or done already, whenever it comes";

/// All of them, and what has to be reached so that they mean something.
pub(super) fn properties() -> Vec<Property<Race>> {
    vec![
        Property::always(ONE_CLAIM, |_, world: &World| world.witness.claims <= 1),
        Property::always(ONE_RUN, |_, world: &World| world.witness.runs <= 1),
        Property::always(ONE_END, |_, world: &World| !world.witness.end_left),
        Property::always(FOUNDED, |_, world: &World| !world.witness.unfounded_claim),
        Property::always(NO_RUN_WITHOUT_CLAIM, |_, world: &World| world.witness.runs <= world.witness.claims),
        Property::always(VOTES_IN_TIME, |_, world: &World| !world.witness.late_vote),
        Property::always(CLAIMS_IN_TIME, |_, world: &World| !world.witness.late_claim),
        // An end is never left and no path comes back to where it was, so this misses nothing.
        Property::eventually(ENDS, |_, world: &World| {
            let status = world.stored.0.status();
            status.is_terminal() || status == Status::Unknown
        }),
        Property::always(SILENCE, |race, world: &World| {
            !world.stored.0.status().is_terminal() || race.forgets_versions() || is_silent(race, world)
        }),
        Property::sometimes("it runs", |_, world: &World| ended(world, Status::Succeeded)),
        Property::sometimes("it is rejected", |_, world: &World| ended(world, Status::Rejected)),
        Property::sometimes("it expires", |_, world: &World| ended(world, Status::Expired)),
        Property::sometimes("an executor dies, and an admin settles", |_, world: &World| {
            ended(world, Status::Failed)
        }),
        Property::sometimes("one executor has it when another is called", |_, world: &World| {
            world.executors.contains(&Executor::Won) && world.executors.contains(&Executor::Invoked)
        }),
        Property::sometimes("it is cancelled, where that may be", |race, world: &World| {
            !race.limits.cancels || ended(world, Status::Cancelled)
        }),
        Property::sometimes("it is reopened and runs, where people change", |race, world: &World| {
            !race.limits.people_change || (world.witness.reopened && ended(world, Status::Succeeded))
        }),
    ]
}

/// Whether nobody can write anything any more, at any time.
fn is_silent(race: &Race, world: &World) -> bool {
    let (script, change) = (&race.script, world.change);
    let raise = Command::RaiseEpoch { epoch: world.epoch + 1 };
    let mut commands = vec![&Command::Tick, &script.cancel, &script.settle, &raise];
    for voter in 0..world.voters.len() {
        commands.extend([true, false].map(|approves| script.vote(voter, approves, change)));
    }
    for executor in 0..world.executors.len() {
        commands.push(script.claim(executor, change, world.clock, world.epoch));
        commands.push(script.complete(executor));
    }
    let writes = |command: &Command, now: u8| {
        race.decide(&world.stored.0, command, now).is_ok_and(|facts| !facts.is_empty())
    };
    !commands.iter().any(|command| (0..=END_TICK).any(|now| writes(command, now)))
}

fn ended(world: &World, status: Status) -> bool {
    world.witness.ended == Some(status)
}

/// Writes down what is committed, judging it without the rules' help.
pub(super) fn observe(race: &Race, next: &mut World, events: &[Event]) {
    let before = &next.stored.0;
    let mut witness = next.witness;
    witness.end_left |= before.status().is_terminal();
    for event in events {
        match &event.fact {
            Fact::Vote(_) => witness.late_vote |= event.at >= before.expires_at,
            Fact::Running { .. } => {
                witness.claims += 1;
                let approval = before.approval();
                witness.late_claim |= approval.is_none_or(|approval| event.at >= approval.run_by);
                witness.unfounded_claim |= !is_founded(race, next);
            }
            Fact::Reopened { .. } => witness.reopened = true,
            Fact::Succeeded(_) => witness.ended = Some(Status::Succeeded),
            Fact::Failed(_) => witness.ended = Some(Status::Failed),
            Fact::Rejected { .. } => witness.ended = Some(Status::Rejected),
            Fact::Expired { .. } => witness.ended = Some(Status::Expired),
            Fact::Cancelled { .. } => witness.ended = Some(Status::Cancelled),
            Fact::Blocked(_) => witness.ended = Some(Status::Blocked),
            Fact::Created(_)
            | Fact::Estimated { .. }
            | Fact::Approved { .. }
            | Fact::RunAsked {}
            | Fact::LeaseRenewed { .. }
            | Fact::Unknown { .. } => {}
        }
    }
    next.witness = witness;
}

/// Whether members as they are now have approved for each slot, each for one, and nobody rejected.
fn is_founded(race: &Race, world: &World) -> bool {
    let request = &world.stored.0;
    let mut humans = BTreeSet::new();
    let mut voters = Vec::new();
    for vote in &request.votes {
        let now = race.account(vote.user, world.change).unwrap();
        if vote.decision == Decision::Reject || !humans.insert(vote.human) {
            return false;
        }
        if !now.disabled {
            voters.push(vote.groups.intersection(&now.groups).cloned().collect());
        }
    }
    covers_all(&request.policy, &voters)
}
