//! The groups of reviewers of a request, and their decisions.

use countersign_rules::event::Decision;
use countersign_rules::request::{AutoCause, Vote};
use countersign_rules::{Bounds, GroupName, Request, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::UserRef;

/// A decision in an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Vote)]
pub struct DecisionView {
    /// Whose.
    pub user: UserRef,
    /// `approve` or `reject`.
    pub decision: Decision,
    /// Through what.
    pub via: countersign_rules::Via,
    /// When.
    pub at: Timestamp,
    /// Comment or reason.
    #[schema(required = true)]
    pub comment: Option<String>,
    /// Whether it was cast by submitting, as an admin.
    pub automatic: bool,
    /// What the approval is limited to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bounds: Option<Bounds>,
}

/// A reviewer group in an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ReviewerGroup)]
pub struct GroupView {
    /// Its name.
    pub group: GroupName,
    /// How many approvals it must give.
    #[schema(minimum = 1)]
    pub required: u8,
    /// Where it stands.
    pub status: GroupStatus,
    /// Its decisions.
    pub decisions: Vec<DecisionView>,
    /// Who could approve for it, as known at the submission; only in the answer to a submission.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub can_approve: Option<Approvers>,
}

/// The people who could approve for a group. The requester never is among them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Approvers {
    /// How many accounts.
    pub count: usize,
    /// The addresses of at most 10 of them, in alphabetical order.
    #[schema(max_items = 10)]
    pub emails: Vec<String>,
}

/// How many people a group is shown with.
pub(super) const MOST_APPROVERS: usize = 10;

/// Where a reviewer group stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum GroupStatus {
    /// Approvals are missing.
    Pending,
    /// It has given all that it must.
    Approved,
    /// A member said no.
    Rejected,
    /// The request needed nobody.
    NotRequired,
}

pub(super) fn groups(request: &Request) -> Vec<GroupView> {
    let approvals: Vec<&Vote> = request.approvals().collect();
    let needed_nobody = request.approval().is_some()
        && matches!(&request.auto_approval, Some(auto) if auto.cause != AutoCause::Admin);
    let coverage = request.coverage();
    let required = request.policy.approvals_per_group;
    let view = |(group, covering): (&countersign_rules::GroupName, Vec<usize>)| {
        let approved = covering.len() >= usize::from(required);
        let mut decisions: Vec<&Vote> =
            covering.iter().filter_map(|vote| approvals.get(*vote).copied()).collect();
        let rejections = || {
            request
                .votes
                .iter()
                .filter(|vote| vote.decision == Decision::Reject && vote.groups.contains(group))
        };
        decisions.extend(rejections());
        decisions.sort_by_key(|vote| vote.at);
        let status = if needed_nobody {
            GroupStatus::NotRequired
        } else if rejections().next().is_some() {
            GroupStatus::Rejected
        } else if approved {
            GroupStatus::Approved
        } else {
            GroupStatus::Pending
        };
        let decisions = decisions.into_iter().map(decision).collect();
        GroupView { group: group.clone(), required, status, decisions, can_approve: None }
    };
    request.policy.groups.iter().zip(coverage.by_group).map(view).collect()
}

fn decision(vote: &Vote) -> DecisionView {
    DecisionView {
        user: UserRef { id: vote.user, email: vote.email.clone() },
        decision: vote.decision,
        via: vote.via,
        at: vote.at,
        comment: vote.comment.clone(),
        automatic: vote.automatic,
        bounds: limits(vote.bounds),
    }
}

pub(super) fn limits(bounds: Bounds) -> Option<Bounds> {
    (!bounds.is_none()).then_some(bounds)
}
