//! The birth of a request: automatic approvals are decided here.

use std::collections::BTreeSet;

use crate::digest::Covered;
use crate::event::{Created, Decision, VoteCast};
use crate::policy::{InvalidPolicy, check_timeout};
use crate::quorum;
use crate::request::{AutoApproval, AutoCause, RunMode, run_options};
use crate::risk::{Block, Risk, Verdict};
use crate::{
    Actor, Bounds, ConnectionName, Digest, Event, Fact, GroupName, Person, Policy, Request, RequestId,
    StatementMode, Timestamp, Via, evolve,
};

/// The name of the rule that blocks commands on which the connection's `max_rows` cannot be enforced.
pub const ROW_BOUND_RULE: &str = "max_rows";

/// Why approvals of statements that commit one by one cannot be limited to a number of rows.
pub const NO_ROW_BOUND: &str =
    "its statements commit one by one, so they cannot be rolled back together when there are too many rows";

/// What somebody submits, with the connection as it is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// The id that the request shall have.
    pub id: RequestId,
    /// Who asks, as known now.
    pub requester: Person,
    /// Through what.
    pub via: Via,
    /// The connection's name.
    pub connection: ConnectionName,
    /// Its kind.
    pub kind: String,
    /// Its target as canonical JSON, caps included.
    pub target: String,
    /// The reference to its secret, empty if it has none.
    pub secret: String,
    /// The command.
    pub command: String,
    /// Why.
    pub reason: Option<String>,
    /// Who starts it.
    pub run: RunMode,
    /// How several statements take effect.
    pub run_mode: StatementMode,
    /// The policy of the connection as it is now.
    pub policy: Policy,
    /// How long votes may come, by the connection and the deployment, in seconds.
    pub timeout_seconds: u32,
    /// What the requester asked for instead, in seconds.
    pub wanted_timeout_seconds: Option<u32>,
    /// The version of the masking rules.
    pub masking_version: u32,
    /// The deployment's epoch.
    pub epoch: u32,
    /// What the guardrails say. Where a rule eases it, `secret` is the one for reading.
    pub verdict: Verdict,
}

impl Submission {
    /// The rule that lets it through without votes. None applies to statements that commit one by one: what it lets
    /// through runs in one read-only transaction.
    #[must_use]
    pub fn ease(&self) -> Option<&String> {
        match self.run_mode {
            StatementMode::Transaction => self.verdict.ease.as_ref(),
            StatementMode::StatementByStatement => None,
        }
    }

    /// The rule that blocks it: a guardrail, or the standing row bound where statements commit one by one, because
    /// they cannot be rolled back together.
    #[must_use]
    pub fn block(&self) -> Option<Block> {
        self.verdict.block.clone().or_else(|| unbounded(&self.policy, self.run_mode))
    }
}

/// The block of statements that commit one by one where the policy has a row bound.
fn unbounded(policy: &Policy, mode: StatementMode) -> Option<Block> {
    let rows = policy.max_rows.filter(|_| !mode.is_transaction())?;
    let message = format!("a request on this connection may change at most {rows} rows, and {NO_ROW_BOUND}");
    Some(Block { rule: ROW_BOUND_RULE.to_owned(), message })
}

/// What the guardrails' verdict comes to for statements that take effect in that mode.
#[must_use]
pub fn verdict_in(mode: StatementMode, policy: &Policy, mut verdict: Verdict) -> Verdict {
    if mode.is_transaction() {
        return verdict;
    }
    verdict.ease = None;
    verdict.block = verdict.block.or_else(|| unbounded(policy, mode));
    verdict.estimate &= verdict.block.is_none();
    if let Some(risk) = &mut verdict.risk {
        risk.no_row_bound = Some(NO_ROW_BOUND.to_owned());
    }
    verdict
}

/// Why nothing was submitted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsubmittable {
    /// The account is disabled.
    #[error("your account is disabled")]
    Disabled,
    /// The requester may not use the connection; to them it does not exist.
    #[error("there is no such connection")]
    NotAllowed,
    /// A longer time-out than the connection gives.
    #[error("`timeout_seconds` may be at most {max} on this connection, got {got}")]
    TimeoutTooLong {
        /// The longest.
        max: u32,
        /// What came.
        got: u32,
    },
    /// The policy or a time-out is out of its limits.
    #[error(transparent)]
    Policy(#[from] InvalidPolicy),
    /// An event could not be written as JSON; this is a fault of ours.
    #[error("the first event cannot be written")]
    Encoding,
}

/// Makes the first commit of a request: its state and its events.
///
/// # Errors
/// [`Unsubmittable`]; nothing is to be written then.
pub fn submit(submission: &Submission, now: Timestamp) -> Result<(Request, Vec<Event>), Unsubmittable> {
    let requester = &submission.requester;
    if requester.disabled {
        return Err(Unsubmittable::Disabled);
    }
    if !submission.policy.allows(&requester.groups) {
        return Err(Unsubmittable::NotAllowed);
    }
    submission.policy.check()?;
    let created = created(submission, now)?;
    let digest = created.digest;
    let mut facts = vec![Fact::Created(Box::new(created))];
    if let Some(block) = submission.block() {
        // Guardrails bind all: nobody is asked, and nobody is let through.
        facts.push(Fact::Blocked(block));
        return evolve::born(submission.id, &Actor::user(requester), submission.via, now, facts)
            .ok_or(Unsubmittable::Encoding);
    }
    let run_by = now.plus_seconds(submission.policy.run_within_seconds);
    match automatic(&submission.policy, requester, submission.ease()) {
        Automatic::Approved(auto_approval) => {
            facts.push(Fact::Approved { run_by, auto_approval: Some(auto_approval) })
        }
        Automatic::AdminVote { groups, approval } => {
            facts.push(Fact::Vote(Box::new(VoteCast {
                user: requester.user,
                human: requester.human,
                email: requester.email.clone(),
                decision: Decision::Approve,
                groups,
                digest,
                comment: None,
                automatic: true,
                bounds: Bounds::default(),
            })));
            if let Some(auto_approval) = approval {
                facts.push(Fact::Approved { run_by, auto_approval: Some(auto_approval) });
            }
        }
        Automatic::None => {}
    }
    evolve::born(submission.id, &Actor::user(requester), submission.via, now, facts)
        .ok_or(Unsubmittable::Encoding)
}

fn created(submission: &Submission, now: Timestamp) -> Result<Created, Unsubmittable> {
    check_timeout("timeout_seconds", submission.timeout_seconds)?;
    let timeout_seconds = match submission.wanted_timeout_seconds {
        None => submission.timeout_seconds,
        Some(wanted) if wanted > submission.timeout_seconds => {
            return Err(Unsubmittable::TimeoutTooLong { max: submission.timeout_seconds, got: wanted });
        }
        Some(wanted) => {
            check_timeout("timeout_seconds", wanted)?;
            wanted
        }
    };
    Ok(Created {
        connection: submission.connection.clone(),
        kind: submission.kind.clone(),
        command: submission.command.clone(),
        reason: submission.reason.clone(),
        run: submission.run,
        run_mode: submission.run_mode,
        digest: Digest::of(&Covered {
            request: submission.id,
            connection: &submission.connection,
            kind: &submission.kind,
            target: &submission.target,
            secret: &submission.secret,
            command: submission.command.as_bytes(),
            options: &run_options(
                submission.run,
                submission.ease().is_some(),
                submission.run_mode,
                submission.policy.max_rows,
            ),
            masking_version: submission.masking_version,
            requester: submission.requester.user,
            policy_version: submission.policy.version,
        }),
        masking_version: submission.masking_version,
        human: submission.requester.human,
        policy: submission.policy.clone(),
        expires_at: now.plus_seconds(timeout_seconds),
        epoch: submission.epoch,
        risk: risk(submission),
        read_only: submission.ease().is_some(),
        estimate: submission.verdict.estimate,
    })
}

/// What is known of the command; statements that commit one by one cannot be rolled back together.
fn risk(submission: &Submission) -> Option<Risk> {
    let mut risk = submission.verdict.risk.clone()?;
    if submission.run_mode == StatementMode::StatementByStatement {
        risk.no_row_bound = Some(NO_ROW_BOUND.to_owned());
    }
    Some(risk)
}

enum Automatic {
    Approved(AutoApproval),
    /// An admin's own vote, and the approval if no other vote is missing.
    AdminVote {
        groups: BTreeSet<GroupName>,
        approval: Option<AutoApproval>,
    },
    None,
}

/// What a submission leads to at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outlook {
    /// A guardrail blocks it.
    Blocked(Block),
    /// It is approved without the vote of another person.
    AutoApproved(AutoApproval),
    /// Others have to approve.
    NeedsApproval {
        /// The groups that the requester's own vote counts for; empty if submitting casts none.
        own_vote: BTreeSet<GroupName>,
    },
}

/// What [`submit`] would make of a command with this verdict.
#[must_use]
pub fn outlook(policy: &Policy, requester: &Person, verdict: &Verdict) -> Outlook {
    if let Some(block) = &verdict.block {
        return Outlook::Blocked(block.clone());
    }
    match automatic(policy, requester, verdict.ease.as_ref()) {
        Automatic::Approved(approval) | Automatic::AdminVote { approval: Some(approval), .. } => {
            Outlook::AutoApproved(approval)
        }
        Automatic::AdminVote { groups, approval: None } => Outlook::NeedsApproval { own_vote: groups },
        Automatic::None => Outlook::NeedsApproval { own_vote: BTreeSet::new() },
    }
}

/// Whether somebody's requests need votes, as far as policy and person alone can tell.
#[must_use]
pub fn needs_votes(policy: &Policy, requester: &Person) -> bool {
    policy.approvals && policy.exempt_groups.is_disjoint(&requester.groups)
}

fn automatic(policy: &Policy, requester: &Person, ease: Option<&String>) -> Automatic {
    let cause = |cause, group| Automatic::Approved(AutoApproval { cause, group, rule: None });
    if !policy.approvals {
        return cause(AutoCause::ApprovalsDisabled, None);
    }
    if let Some(group) = policy.exempt_groups.intersection(&requester.groups).next() {
        return cause(AutoCause::Exempt, Some(group.clone()));
    }
    if let Some(rule) = ease {
        let rule = Some(rule.clone());
        return Automatic::Approved(AutoApproval { cause: AutoCause::Rule, group: None, rule });
    }
    let groups = reviewing_groups(policy, requester);
    if policy.admin_auto_approve && requester.is_admin() && !groups.is_empty() {
        let complete = quorum::coverage(policy, &[&groups]).is_complete();
        let group = policy.groups.iter().find(|group| groups.contains(*group)).cloned();
        let approval = complete.then_some(AutoApproval { cause: AutoCause::Admin, group, rule: None });
        return Automatic::AdminVote { groups, approval };
    }
    Automatic::None
}

/// The reviewer groups of the policy that the person is in.
pub(crate) fn reviewing_groups(policy: &Policy, person: &Person) -> BTreeSet<GroupName> {
    policy.groups.iter().filter(|group| person.groups.contains(*group)).cloned().collect()
}
