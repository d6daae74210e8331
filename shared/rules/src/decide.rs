//! The one decision function.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::command::{Ballot, Ending, Executor, People, Runner, Settlement};
use crate::event::{
    CancelCause, Decision, ExpiryCause, Outcome, UnknownCause, VoidCause, VoidVote, VoteCast,
};
use crate::quorum;
use crate::request::{AutoApproval, AutoCause, Phase, RunMode, RunnerLease};
use crate::risk::{Estimate, Guard};
use crate::submit::reviewing_groups;
use crate::{
    Bounds, Command, Digest, Fact, GroupName, Person, Refusal, Request, StatementMode, Status, Timestamp,
    TokenId, UserId,
};

/// Decides what `command` does to `request` at `now`.
///
/// The answer is the facts to record, in one commit. No facts means that the command is already
/// satisfied (an identical vote again, a timer that came early or twice): the caller answers as if
/// it had been done.
///
/// # Errors
/// A [`Refusal`] says why nothing changes. Nothing may be written then.
pub fn decide(request: &Request, command: &Command, now: Timestamp) -> Result<Vec<Fact>, Refusal> {
    match command {
        Command::Vote { voter, ballot, digest, .. } => vote(request, voter, ballot, *digest, now),
        Command::Cancel { by, reason, .. } => cancel(request, by, reason.as_deref(), now),
        Command::AskRun { by, .. } => ask_run(request, by, now),
        Command::Tick => Ok(tick(request, now)),
        Command::Estimate { tables, notes, no_row_bound } => {
            let (tables, notes, no_row_bound) = (tables.clone(), notes.clone(), no_row_bound.clone());
            estimate(request, Fact::Estimated { tables, notes, no_row_bound }, now)
        }
        Command::Claim { nonce, lease_until, people, digest, epoch, guard, executor } => {
            let (lease_until, digest, epoch) = (*lease_until, *digest, *epoch);
            let claim = Claiming { nonce, lease_until, people, digest, epoch, guard, executor };
            claim_it(request, &claim, now)
        }
        Command::Renew { nonce, runner } => renew(request, nonce, runner, now),
        Command::Complete { nonce, ending, executor } => complete(request, nonce, ending, executor),
        Command::Settle { by, settlement, note, .. } => settle(request, by, *settlement, note),
        Command::RaiseEpoch { epoch } => Ok(raise_epoch(request, *epoch, now)),
    }
}

/// Whether `by` may have the request executed now. It changes nothing: the claim does.
///
/// # Errors
/// Why not.
pub fn may_run(request: &Request, by: &Person, now: Timestamp) -> Result<(), Refusal> {
    if by.disabled {
        return Err(Refusal::Disabled);
    }
    if by.user != request.requester.user {
        return Err(Refusal::MayNotRun);
    }
    match request.status_at(now) {
        Status::Approved | Status::Running | Status::Succeeded | Status::Failed => Ok(()),
        status @ (Status::Pending
        | Status::Blocked
        | Status::Rejected
        | Status::Expired
        | Status::Cancelled
        | Status::Unknown) => Err(Refusal::Wrong(status)),
    }
}

/// A runner that comes by itself must know whether the requester wants it run yet.
fn ask_run(request: &Request, by: &Person, now: Timestamp) -> Result<Vec<Fact>, Refusal> {
    may_run(request, by, now)?;
    let waits = matches!(&request.phase, Phase::Approved(approval) if !approval.run_asked);
    if waits && request.is_for_runners() && request.run == RunMode::Manual {
        return Ok(vec![Fact::RunAsked {}]);
    }
    Ok(Vec::new())
}

fn vote(
    request: &Request,
    voter: &Person,
    ballot: &Ballot,
    digest: Digest,
    now: Timestamp,
) -> Result<Vec<Fact>, Refusal> {
    if voter.disabled {
        return Err(Refusal::Disabled);
    }
    if voter.human == request.requester.human {
        return Err(Refusal::OwnRequest);
    }
    let (decision, comment, bounds) = match ballot {
        Ballot::Approve { comment, bounds } => (Decision::Approve, comment.clone(), *bounds),
        Ballot::Reject { reason } => (Decision::Reject, Some(reason.clone()), Bounds::default()),
    };
    let same_way = |vote: &&crate::request::Vote| vote.human == voter.human && vote.decision == decision;
    let standing = request.votes.iter().find(same_way).filter(|_| digest == request.digest);
    let again = standing.is_some_and(|vote| vote.bounds == bounds);
    let groups = reviewing_groups(&request.policy, voter);
    // Who joined another group since may help more than their vote does: it is weighed anew below.
    let weighed = decision == Decision::Approve && request.status_at(now) == Status::Pending;
    if again && (groups.is_empty() || !weighed) {
        return Ok(Vec::new());
    }
    if groups.is_empty() {
        return Err(Refusal::NotReviewer);
    }
    if digest != request.digest {
        return Err(Refusal::DigestMismatch);
    }
    match request.status_at(now) {
        Status::Pending => {}
        status => return Err(Refusal::Wrong(status)),
    }
    if standing.is_some() && !again {
        return Err(Refusal::OtherBounds);
    }
    if !again && bounds.not_after.is_some_and(|end| end <= now) {
        return Err(Refusal::BoundPassed);
    }
    // A bound on rows holds by rolling everything back, which this mode cannot.
    if bounds.max_rows.is_some() && request.run_mode == StatementMode::StatementByStatement {
        return Err(Refusal::NoRowBound);
    }
    let cast = VoteCast {
        user: voter.user,
        human: voter.human,
        email: voter.email.clone(),
        decision,
        groups,
        digest,
        comment,
        automatic: false,
        bounds,
    };
    match ballot {
        Ballot::Reject { reason } => {
            let reason = reason.clone();
            Ok(vec![Fact::Vote(Box::new(cast)), Fact::Rejected { reason }])
        }
        Ballot::Approve { .. } => match approve(request, cast, now) {
            Err(Refusal::VoteNotNeeded) if again => Ok(Vec::new()),
            answer => answer,
        },
    }
}

fn approve(request: &Request, cast: VoteCast, now: Timestamp) -> Result<Vec<Fact>, Refusal> {
    let covered = request.coverage().covered();
    // One vote a person: this one takes the place of theirs before.
    let others = || request.approvals().filter(|vote| vote.human != cast.human);
    let mut voters: Vec<_> = others().map(|vote| &vote.groups).collect();
    voters.push(&cast.groups);
    let coverage = quorum::coverage(&request.policy, &voters);
    if coverage.covered() <= covered {
        return Err(Refusal::VoteNotNeeded);
    }
    let complete = coverage.is_complete();
    let bounds = others().fold(cast.bounds, |bounds, vote| bounds.and(vote.bounds));
    let mut facts = vec![Fact::Vote(Box::new(cast))];
    if complete {
        let run_by = now.plus_seconds(request.policy.run_within_seconds);
        let run_by = bounds.not_after.map_or(run_by, |end| end.min(run_by));
        facts.push(Fact::Approved { run_by, auto_approval: None });
    }
    Ok(facts)
}

fn cancel(
    request: &Request,
    by: &Person,
    reason: Option<&str>,
    now: Timestamp,
) -> Result<Vec<Fact>, Refusal> {
    if by.disabled {
        return Err(Refusal::Disabled);
    }
    let cause = if by.human == request.requester.human {
        CancelCause::Requester
    } else if by.is_admin() {
        CancelCause::Revoked
    } else {
        return Err(Refusal::MayNotCancel);
    };
    match request.status_at(now) {
        Status::Pending | Status::Approved => {
            Ok(vec![Fact::Cancelled { cause, rule: None, reason: reason.map(str::to_owned) }])
        }
        // The same person again: a lost answer was repeated.
        Status::Cancelled if matches!(&request.phase, Phase::Cancelled { cause: was, .. } if *was == cause) => {
            Ok(Vec::new())
        }
        status => Err(Refusal::Wrong(status)),
    }
}

fn tick(request: &Request, now: Timestamp) -> Vec<Fact> {
    if let Some(cause) = request.expired_by(now) {
        return vec![Fact::Expired { cause }];
    }
    match &request.phase {
        Phase::Running(_, claim) if now >= claim.lease_until => {
            vec![Fact::Unknown { cause: UnknownCause::LeaseLapsed, transaction: None }]
        }
        Phase::Pending
        | Phase::Approved(_)
        | Phase::Running(..)
        | Phase::Unknown { .. }
        | Phase::Finished { .. }
        | Phase::Blocked { .. }
        | Phase::Rejected { .. }
        | Phase::Expired { .. }
        | Phase::Cancelled { .. } => Vec::new(),
    }
}

/// Written down once, for those who still decide: nothing else depends on it.
fn estimate(request: &Request, estimated: Fact, now: Timestamp) -> Result<Vec<Fact>, Refusal> {
    match (request.status_at(now), &request.estimate) {
        (Status::Pending, Some(Estimate::Wanted)) => Ok(vec![estimated]),
        (Status::Pending, Some(Estimate::Made(_)) | None) => Ok(Vec::new()),
        (status, _) => Err(Refusal::Wrong(status)),
    }
}

struct Claiming<'a> {
    nonce: &'a str,
    lease_until: Timestamp,
    people: &'a People,
    digest: Option<Digest>,
    epoch: u32,
    guard: &'a Guard,
    executor: &'a Executor,
}

fn claim_it(request: &Request, claim: &Claiming<'_>, now: Timestamp) -> Result<Vec<Fact>, Refusal> {
    match (request.is_for_runners(), claim.executor) {
        (true, Executor::Service) => return Err(Refusal::OtherExecutor("by runners")),
        (false, Executor::Runner(_)) => return Err(Refusal::OtherExecutor("by the service")),
        (true, Executor::Runner(_)) | (false, Executor::Service) => {}
    }
    match &request.phase {
        // The answer to our own claim was lost: it is ours all the same, but whoever counts as dead
        // must not begin any more.
        Phase::Running(_, held) if held.is_held_by(claim.nonce, claim.executor.token()) => {
            return if now < held.lease_until { Ok(Vec::new()) } else { Err(Refusal::LeaseOver) };
        }
        Phase::Running(..) => return Err(Refusal::AlreadyClaimed),
        Phase::Approved(approval) if now < approval.run_by => {}
        Phase::Pending
        | Phase::Approved(_)
        | Phase::Unknown { .. }
        | Phase::Finished { .. }
        | Phase::Blocked { .. }
        | Phase::Rejected { .. }
        | Phase::Expired { .. }
        | Phase::Cancelled { .. } => return Err(Refusal::Wrong(request.status_at(now))),
    }
    if claim.epoch != request.epoch {
        return Err(Refusal::OtherEpoch);
    }
    if request.is_for_runners() && !request.waits_for_runner() {
        return Err(Refusal::NotAsked);
    }
    if claim.digest != Some(request.digest) {
        return Ok(vec![Fact::Cancelled { cause: CancelCause::ConnectionChanged, rule: None, reason: None }]);
    }
    if claim.guard.blocked_by.is_some() {
        let rule = claim.guard.blocked_by.clone();
        return Ok(vec![Fact::Cancelled { cause: CancelCause::ConnectionChanged, rule, reason: None }]);
    }
    let requester = claim.people.by_user.get(&request.requester.user);
    let Some(requester) =
        requester.filter(|person| !person.disabled && request.policy.allows(&person.groups))
    else {
        return Ok(vec![Fact::Cancelled {
            cause: CancelCause::RequesterNotAllowed,
            rule: None,
            reason: None,
        }]);
    };
    let standing = standing(request, requester, claim.people, claim.guard);
    if standing.suffices {
        if claim.lease_until <= now {
            return Err(Refusal::LeaseOver);
        }
        let (lease_until, runner) = match claim.executor {
            Executor::Service => (claim.lease_until, None),
            Executor::Runner(runner) => {
                let lease = RunnerLease { token: runner.token, limit: claim.lease_until };
                (claim.lease_until.min(now.plus_seconds(runner.silence_seconds)), Some(lease))
            }
        };
        return Ok(vec![Fact::Running { nonce: claim.nonce.to_owned(), lease_until, runner }]);
    }
    if now < request.expires_at {
        let votes = standing.votes.into_iter().map(|(user, groups)| (user, groups.into_owned()));
        Ok(vec![Fact::Reopened { void: standing.void, standing: votes.collect() }])
    } else {
        Ok(vec![Fact::Expired { cause: ExpiryCause::VoteVoid }])
    }
}

struct Standing<'a> {
    /// In the order in which the votes came; borrowed where nothing changed, which is nearly always.
    votes: Vec<(UserId, Cow<'a, BTreeSet<GroupName>>)>,
    void: Vec<VoidVote>,
    suffices: bool,
}

/// What still stands of the approvals when everybody is looked at again.
fn standing<'a>(request: &'a Request, requester: &Person, people: &People, guard: &Guard) -> Standing<'a> {
    let mut votes = Vec::with_capacity(request.votes.len());
    let mut void = Vec::new();
    for vote in request.approvals() {
        let entitled = |person: &&Person| !vote.automatic || person.is_admin();
        let current = people.by_user.get(&vote.user).filter(|person| !person.disabled);
        match current {
            None => void.push(VoidVote { user: vote.user, cause: VoidCause::Disabled }),
            Some(person) if !entitled(&person) => {
                void.push(VoidVote { user: vote.user, cause: VoidCause::NoLongerEntitled });
            }
            Some(person) if vote.groups.is_subset(&person.groups) => {
                votes.push((vote.user, Cow::Borrowed(&vote.groups)));
            }
            Some(person) => {
                void.push(VoidVote { user: vote.user, cause: VoidCause::LeftGroup });
                let groups: BTreeSet<_> = vote.groups.intersection(&person.groups).cloned().collect();
                if !groups.is_empty() {
                    votes.push((vote.user, Cow::Owned(groups)));
                }
            }
        }
    }
    let mut still_entitled = |entitled: bool| {
        if !entitled {
            void.push(VoidVote { user: requester.user, cause: VoidCause::NoLongerEntitled });
        }
        entitled
    };
    let suffices = match &request.auto_approval {
        Some(AutoApproval { cause: AutoCause::ApprovalsDisabled, .. }) => true,
        Some(AutoApproval { cause: AutoCause::Exempt, .. }) => {
            still_entitled(!request.policy.exempt_groups.is_disjoint(&requester.groups))
        }
        Some(AutoApproval { cause: AutoCause::Rule, .. }) => still_entitled(guard.eased),
        Some(AutoApproval { cause: AutoCause::Admin, .. }) | None => {
            let voters: Vec<_> = votes.iter().map(|(_, groups)| groups.as_ref()).collect();
            quorum::coverage(&request.policy, &voters).is_complete()
        }
    };
    Standing { votes, void, suffices }
}

/// Whether a runner may hand in output now. It changes nothing.
///
/// # Errors
/// Why not.
pub fn may_report(request: &Request, nonce: &str, token: TokenId, now: Timestamp) -> Result<(), Refusal> {
    match &request.phase {
        Phase::Running(_, claim) if !claim.is_held_by(nonce, Some(token)) => Err(Refusal::NotTheClaimant),
        Phase::Running(_, claim) if now >= claim.lease_until => Err(Refusal::LeaseOver),
        Phase::Running(..) => Ok(()),
        Phase::Pending
        | Phase::Approved(_)
        | Phase::Unknown { .. }
        | Phase::Finished { .. }
        | Phase::Blocked { .. }
        | Phase::Rejected { .. }
        | Phase::Expired { .. }
        | Phase::Cancelled { .. } => Err(Refusal::Wrong(request.status_at(now))),
    }
}

/// The runner that has it lives on; not beyond the limit that was set with the claim.
fn renew(request: &Request, nonce: &str, runner: &Runner, now: Timestamp) -> Result<Vec<Fact>, Refusal> {
    let Phase::Running(_, claim) = &request.phase else {
        return Err(Refusal::Wrong(request.status()));
    };
    let lease = claim.runner.filter(|_| claim.is_held_by(nonce, Some(runner.token)));
    let lease = lease.ok_or(Refusal::NotTheClaimant)?;
    // It counts as dead, whether or not somebody has written that down yet.
    if now >= claim.lease_until {
        return Err(Refusal::LeaseOver);
    }
    let lease_until = lease.limit.min(now.plus_seconds(runner.silence_seconds));
    if lease_until <= claim.lease_until {
        return Ok(Vec::new());
    }
    Ok(vec![Fact::LeaseRenewed { lease_until }])
}

fn complete(
    request: &Request,
    nonce: &str,
    ending: &Ending,
    executor: &Executor,
) -> Result<Vec<Fact>, Refusal> {
    let claim = request.claim().ok_or(Refusal::Wrong(request.status()))?;
    if !claim.is_held_by(nonce, executor.token()) {
        return Err(Refusal::NotTheClaimant);
    }
    match (&request.phase, ending) {
        (Phase::Running(..), Ending::Succeeded(outcome)) => {
            Ok(vec![Fact::Succeeded(Box::new(outcome.clone()))])
        }
        (Phase::Running(..), Ending::Failed(outcome)) => Ok(vec![Fact::Failed(Box::new(outcome.clone()))]),
        (Phase::Running(..), Ending::Lost(transaction)) => {
            let (cause, transaction) = (UnknownCause::TargetLost, transaction.clone());
            Ok(vec![Fact::Unknown { cause, transaction }])
        }
        // The answer to our own report was lost.
        (Phase::Finished { succeeded: true, outcome: was, .. }, Ending::Succeeded(outcome))
        | (Phase::Finished { succeeded: false, outcome: was, .. }, Ending::Failed(outcome))
            if **was == *outcome =>
        {
            Ok(Vec::new())
        }
        (Phase::Unknown { cause: UnknownCause::TargetLost, .. }, Ending::Lost(_)) => Ok(Vec::new()),
        (
            Phase::Pending
            | Phase::Approved(_)
            | Phase::Unknown { .. }
            | Phase::Finished { .. }
            | Phase::Blocked { .. }
            | Phase::Rejected { .. }
            | Phase::Expired { .. }
            | Phase::Cancelled { .. },
            Ending::Succeeded(_) | Ending::Failed(_) | Ending::Lost(_),
        ) => Err(Refusal::Wrong(request.status())),
    }
}

fn settle(request: &Request, by: &Person, settlement: Settlement, note: &str) -> Result<Vec<Fact>, Refusal> {
    if by.disabled {
        return Err(Refusal::Disabled);
    }
    if !by.is_admin() || by.human == request.requester.human {
        return Err(Refusal::MayNotSettle);
    }
    let Phase::Unknown { transaction, .. } = &request.phase else {
        return Err(Refusal::Wrong(request.status()));
    };
    let transaction = transaction.clone();
    let outcome =
        Box::new(Outcome { settled_note: Some(note.to_owned()), transaction, ..Outcome::default() });
    match settlement {
        Settlement::Succeeded => Ok(vec![Fact::Succeeded(outcome)]),
        Settlement::Failed => Ok(vec![Fact::Failed(outcome)]),
    }
}

/// A restored table may have forgotten a claim: nothing of an older epoch may run.
fn raise_epoch(request: &Request, epoch: u32, now: Timestamp) -> Vec<Fact> {
    if epoch <= request.epoch {
        return Vec::new();
    }
    match &request.phase {
        // Readers have seen it expired: it must not become something else.
        Phase::Pending if now >= request.expires_at => {
            vec![Fact::Expired { cause: ExpiryCause::ReviewTimeout }]
        }
        Phase::Pending => vec![Fact::Cancelled { cause: CancelCause::Restored, rule: None, reason: None }],
        Phase::Approved(_) | Phase::Running(..) => {
            vec![Fact::Unknown { cause: UnknownCause::Restored, transaction: None }]
        }
        Phase::Unknown { .. }
        | Phase::Finished { .. }
        | Phase::Blocked { .. }
        | Phase::Rejected { .. }
        | Phase::Expired { .. }
        | Phase::Cancelled { .. } => Vec::new(),
    }
}
