//! From facts to the next state and to sealed events.

use crate::chain::{FIRST_PREV_HASH, event_hash};
use crate::event::{Created, VoteCast};
use crate::request::{Approval, Claim, Phase, Requester, Vote};
use crate::risk::Estimate;
use crate::{Actor, Event, Fact, Request, RequestId, Timestamp, Via};

/// Folds one event into the state. `None` is the state before the first event.
///
/// Total: an event that does not fit the state, which `decide` never makes, leaves the phase as it
/// is and still counts. The version is not touched: it counts commits, not events.
#[must_use]
pub fn evolve(request: Option<Request>, id: RequestId, event: &Event) -> Option<Request> {
    let mut next = match (request, &event.fact) {
        (None, Fact::Created(created)) => newborn(id, created, event),
        (None, _) => return None,
        (Some(request), fact) => apply(request, fact, event),
    };
    next.seq = event.seq;
    next.last_hash.clone_from(&event.hash);
    Some(next)
}

fn newborn(id: RequestId, created: &Created, event: &Event) -> Request {
    let (user, email) = match &event.actor {
        Actor::User { id, email } => (*id, email.clone()),
        // Only a user submits; a foreign event would be caught by its hash.
        Actor::System { system } => (created.human, system.clone()),
    };
    Request {
        id,
        version: 0,
        seq: event.seq,
        last_hash: event.hash.clone(),
        epoch: created.epoch,
        connection: created.connection.clone(),
        kind: created.kind.clone(),
        requester: Requester { user, human: created.human, email },
        digest: created.digest,
        run: created.run,
        run_mode: created.run_mode,
        read_only: created.read_only,
        estimate: created.estimate.then_some(Estimate::Wanted),
        side_effects: Vec::new(),
        no_row_bound: None,
        policy: created.policy.clone(),
        created_at: event.at,
        expires_at: created.expires_at,
        votes: Vec::new(),
        auto_approval: None,
        phase: Phase::Pending,
    }
}

fn apply(mut request: Request, fact: &Fact, event: &Event) -> Request {
    let at = event.at;
    let approval = request.approval();
    match fact {
        Fact::Created(_) => {}
        Fact::Estimated { tables, notes, no_row_bound } => {
            request.estimate = Some(Estimate::Made(tables.clone()));
            request.side_effects.clone_from(notes);
            request.no_row_bound.clone_from(no_row_bound);
        }
        Fact::Vote(cast) => {
            // One standing vote a person: a rejection replaces the approval before it.
            request.votes.retain(|vote| vote.human != cast.human);
            request.votes.push(standing_vote(cast, event));
        }
        Fact::Approved { run_by, auto_approval } => {
            request.auto_approval.clone_from(auto_approval);
            request.phase = Phase::Approved(Approval { at, run_by: *run_by, run_asked: false });
        }
        Fact::RunAsked {} => {
            if let Phase::Approved(approval) = &mut request.phase {
                approval.run_asked = true;
            }
        }
        Fact::Blocked(block) => request.phase = Phase::Blocked { at, block: block.clone() },
        Fact::Rejected { .. } => request.phase = Phase::Rejected { at },
        Fact::Reopened { standing, .. } => {
            request.votes.retain_mut(|vote| match standing.get(&vote.user) {
                Some(groups) => {
                    vote.groups.clone_from(groups);
                    true
                }
                None => false,
            });
            request.auto_approval = None;
            request.phase = Phase::Pending;
        }
        Fact::Expired { cause } => request.phase = Phase::Expired { at, cause: *cause, approval },
        Fact::Cancelled { cause, .. } => request.phase = Phase::Cancelled { at, cause: *cause, approval },
        Fact::Running { nonce, lease_until, runner } => {
            if let Some(approval) = approval {
                let claim = Claim { at, nonce: nonce.clone(), lease_until: *lease_until, runner: *runner };
                request.phase = Phase::Running(approval, claim);
            }
        }
        Fact::LeaseRenewed { lease_until } => {
            if let Phase::Running(_, claim) = &mut request.phase {
                claim.lease_until = *lease_until;
            }
        }
        Fact::Succeeded(outcome) | Fact::Failed(outcome) => {
            if let Some(approval) = approval {
                request.phase = Phase::Finished {
                    approval,
                    claim: request.claim().cloned(),
                    at,
                    succeeded: matches!(fact, Fact::Succeeded(_)),
                    outcome: outcome.clone(),
                };
            }
        }
        Fact::Unknown { cause, transaction } => {
            if let Some(approval) = approval {
                let claim = request.claim().cloned();
                let transaction = transaction.clone();
                request.phase = Phase::Unknown { approval, claim, at, cause: *cause, transaction };
            }
        }
    }
    request
}

fn standing_vote(cast: &VoteCast, event: &Event) -> Vote {
    Vote {
        user: cast.user,
        human: cast.human,
        email: cast.email.clone(),
        decision: cast.decision,
        groups: cast.groups.clone(),
        via: event.via,
        at: event.at,
        comment: cast.comment.clone(),
        automatic: cast.automatic,
        bounds: cast.bounds,
    }
}

/// Seals `facts` as the next commit of `request`: the new state, one version higher, and its events.
///
/// # Errors
/// If an event cannot be written as JSON, which none of ours is.
pub fn commit(
    request: &Request,
    actor: &Actor,
    via: Via,
    at: Timestamp,
    facts: Vec<Fact>,
) -> Result<(Request, Vec<Event>), serde_json::Error> {
    let version = request.version;
    let mut state = request.clone();
    let mut events = Vec::with_capacity(facts.len());
    for fact in facts {
        let event = seal(request.id, state.seq, &state.last_hash, (actor, via, at), fact)?;
        state = evolve(Some(state), request.id, &event).unwrap_or_else(|| request.clone());
        events.push(event);
    }
    state.version = version.saturating_add(1);
    Ok((state, events))
}

/// The first commit of a request; `None` if the facts do not begin with a creation.
pub(crate) fn born(
    id: RequestId,
    actor: &Actor,
    via: Via,
    at: Timestamp,
    facts: Vec<Fact>,
) -> Option<(Request, Vec<Event>)> {
    let mut state = None;
    let mut events: Vec<Event> = Vec::with_capacity(facts.len());
    for fact in facts {
        let (seq, prev_hash) =
            events.last().map_or((0, FIRST_PREV_HASH), |last| (last.seq, last.hash.as_str()));
        let event = seal(id, seq, prev_hash, (actor, via, at), fact).ok()?;
        state = Some(evolve(state, id, &event)?);
        events.push(event);
    }
    let mut state = state?;
    state.version = 1;
    Some((state, events))
}

fn seal(
    id: RequestId,
    last_seq: u64,
    prev_hash: &str,
    (actor, via, at): (&Actor, Via, Timestamp),
    fact: Fact,
) -> Result<Event, serde_json::Error> {
    let mut event = Event {
        seq: last_seq.saturating_add(1),
        fact,
        at,
        actor: actor.clone(),
        via,
        prev_hash: prev_hash.to_owned(),
        hash: String::new(),
    };
    event.hash = event_hash(id, &event)?;
    Ok(event)
}

/// Folds all the events of a request, commit by commit; `None` if they do not begin with a creation.
#[must_use]
pub fn replay(id: RequestId, commits: &[Vec<Event>]) -> Option<Request> {
    let mut state = None;
    for (version, events) in (1u64..).zip(commits) {
        for event in events {
            state = Some(evolve(state, id, event)?);
        }
        state = state.map(|mut request: Request| {
            request.version = version;
            request
        });
    }
    state
}
