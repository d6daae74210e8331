//! A request as the contract shows it, and to whom.

use std::collections::BTreeMap;

use countersign_rules::display::display;
use countersign_rules::event::{Created, Decision};
use countersign_rules::request::{AutoApproval, AutoCause, Phase, Vote};
use countersign_rules::{Request, Status, Timestamp};
use serde::Serialize;

use crate::Caller;

/// How much of a command a list shows.
pub const LIST_COMMAND_BYTES: usize = 2048;

/// A user in an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UserRef {
    /// The account.
    pub id: String,
    /// For display.
    pub email: String,
}

/// A decision in an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
    pub comment: Option<String>,
    /// Whether it was cast by submitting, as an admin.
    pub automatic: bool,
}

/// A reviewer group in an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GroupView {
    /// Its name.
    pub group: String,
    /// How many approvals it must give.
    pub required: u8,
    /// `PENDING`, `APPROVED`, `REJECTED`, or `NOT_REQUIRED` where the request needed nobody.
    pub status: &'static str,
    /// Its decisions.
    pub decisions: Vec<DecisionView>,
}

/// An execution in an answer. Nothing but nulls before it starts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ExecutionView {
    /// When it was claimed.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// The exit code, for kinds that have one.
    pub exit_code: Option<i32>,
    /// Rows returned or affected.
    pub rows: Option<u64>,
    /// Bytes of output.
    pub bytes: Option<u64>,
    /// How many values were masked, by entity.
    pub masked: BTreeMap<String, u64>,
    /// Why it failed, for those who may see the output.
    pub error: Option<String>,
    /// Whether the output was cut at its caps.
    pub output_cut: bool,
    /// Set when an admin settled it.
    pub settled_note: Option<String>,
}

/// A request in an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "the members are those of the contract")]
pub struct RequestView {
    pub id: String,
    pub status: Status,
    pub version: u64,
    pub connection: String,
    pub kind: String,
    pub requester: UserRef,
    pub command: String,
    pub command_display: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub command_truncated: bool,
    pub reason: Option<String>,
    pub digest: String,
    pub code: String,
    pub run: &'static str,
    pub groups: Vec<GroupView>,
    pub auto_approval: Option<AutoApproval>,
    /// What is known of what the command does; nothing until guardrails look at it.
    pub risk: Option<()>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub decided_at: Option<Timestamp>,
    pub run_by: Option<Timestamp>,
    /// Why it ended without having run: `review_timeout`, `revoked`, …
    pub cause: Option<String>,
    pub execution: ExecutionView,
    pub page: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warnings: Option<Vec<String>>,
}

impl RequestView {
    /// The request as `caller` sees it at `now`.
    #[must_use]
    pub fn new(
        request: &Request,
        created: &Created,
        error: Option<String>,
        caller: &Caller,
        now: Timestamp,
        public_url: &str,
    ) -> Self {
        Self {
            id: request.id.to_string(),
            status: request.status_at(now),
            version: request.version,
            connection: request.connection.to_string(),
            kind: request.kind.clone(),
            requester: UserRef {
                id: request.requester.user.to_string(),
                email: request.requester.email.clone(),
            },
            command: created.command.clone(),
            command_display: display(&created.command),
            command_truncated: false,
            reason: created.reason.clone(),
            digest: request.digest.to_string(),
            code: request.digest.code(),
            run: request.run.as_str(),
            groups: groups(request),
            auto_approval: auto_approval(request),
            risk: None,
            created_at: request.created_at,
            expires_at: request.expires_at,
            decided_at: request.decided_at(),
            run_by: request.approval().map(|approval| approval.run_by),
            cause: cause(request, now),
            execution: execution(request, error.filter(|_| may_see_output(request, caller))),
            page: format!("{public_url}/requests/{}", request.id),
            warnings: None,
        }
    }

    /// The request as it was when it was written, whatever time it is now.
    #[must_use]
    pub fn as_written(request: &Request, created: &Created, caller: &Caller, public_url: &str) -> Self {
        Self::new(request, created, None, caller, request.created_at, public_url)
    }

    /// With what is wrong with its rule, if anything.
    #[must_use]
    pub fn with_warnings(mut self, warnings: Vec<String>) -> Self {
        self.warnings = Some(warnings);
        self
    }

    /// Cut for a list.
    #[must_use]
    pub fn shortened(mut self) -> Self {
        if self.command.len() > LIST_COMMAND_BYTES {
            let end = self.command.floor_char_boundary(LIST_COMMAND_BYTES);
            self.command.truncate(end);
            self.command_display = display(&self.command);
            self.command_truncated = true;
        }
        self
    }
}

/// Whether `caller` may see the request at all.
#[must_use]
pub fn may_see(request: &Request, caller: &Caller) -> bool {
    let person = caller.person();
    caller.sees_all()
        || person.human == request.requester.human
        || request.policy.groups.iter().any(|group| person.groups.contains(group))
        || request.votes.iter().any(|vote| vote.human == person.human)
}

/// Whether `caller`, who may see the request, may see its output and error as well.
#[must_use]
pub fn may_see_output(request: &Request, caller: &Caller) -> bool {
    caller.sees_all() || caller.person().human == request.requester.human
}

fn auto_approval(request: &Request) -> Option<AutoApproval> {
    if request.auto_approval.is_some() {
        return request.auto_approval.clone();
    }
    // An admin's own vote that did not suffice is told as well.
    let automatic = request.votes.iter().find(|vote| vote.automatic)?;
    let group = request.policy.groups.iter().find(|group| automatic.groups.contains(*group));
    Some(AutoApproval { cause: AutoCause::Admin, group: group.cloned() })
}

fn groups(request: &Request) -> Vec<GroupView> {
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
            "NOT_REQUIRED"
        } else if rejections().next().is_some() {
            "REJECTED"
        } else if approved {
            "APPROVED"
        } else {
            "PENDING"
        };
        let decisions = decisions.into_iter().map(decision).collect();
        GroupView { group: group.to_string(), required, status, decisions }
    };
    request.policy.groups.iter().zip(coverage.by_group).map(view).collect()
}

fn decision(vote: &Vote) -> DecisionView {
    DecisionView {
        user: UserRef { id: vote.user.to_string(), email: vote.email.clone() },
        decision: vote.decision,
        via: vote.via,
        at: vote.at,
        comment: vote.comment.clone(),
        automatic: vote.automatic,
    }
}

fn cause(request: &Request, now: Timestamp) -> Option<String> {
    let cause = match &request.phase {
        Phase::Expired { cause, .. } => serde_json::to_value(cause),
        Phase::Cancelled { cause, .. } => serde_json::to_value(cause),
        Phase::Unknown { cause, .. } => serde_json::to_value(cause),
        Phase::Pending
        | Phase::Approved(_)
        | Phase::Running(..)
        | Phase::Finished { .. }
        | Phase::Rejected { .. } => serde_json::to_value(request.expired_by(now)?),
    };
    cause.ok()?.as_str().map(str::to_owned)
}

fn execution(request: &Request, error: Option<String>) -> ExecutionView {
    let started_at = request.claim().map(|claim| claim.at);
    match &request.phase {
        Phase::Finished { at, outcome, .. } => ExecutionView {
            started_at,
            finished_at: Some(*at),
            exit_code: outcome.exit_code,
            rows: outcome.rows,
            bytes: outcome.bytes,
            masked: outcome.masked.clone(),
            error,
            output_cut: outcome.output_cut,
            settled_note: outcome.settled_note.clone(),
        },
        Phase::Unknown { .. } => ExecutionView { started_at, error, ..ExecutionView::default() },
        Phase::Pending
        | Phase::Approved(_)
        | Phase::Running(..)
        | Phase::Rejected { .. }
        | Phase::Expired { .. }
        | Phase::Cancelled { .. } => ExecutionView { started_at, ..ExecutionView::default() },
    }
}
