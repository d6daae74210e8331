//! A request as the contract shows it, and to whom.

mod access;
mod cause;
mod execution;
mod groups;
mod transaction;

use countersign_rules::display::display;
use countersign_rules::event::Created;
use countersign_rules::request::{AutoApproval, AutoCause, Phase, RunMode};
use countersign_rules::risk::{Block, Estimate, Risk};
use countersign_rules::{
    Bounds, ConnectionName, Digest, Request, RequestId, StatementMode, Status, Timestamp, UserId,
};
use countersign_storage::requests::ExactRows;
use serde::Serialize;
use utoipa::ToSchema;

pub use self::access::{may_see, may_see_exact_rows, may_see_output};
pub use self::cause::Cause;
use self::cause::cause;
pub use self::execution::ExecutionView;
use self::execution::execution;
pub use self::groups::{Approvers, DecisionView, GroupStatus, GroupView};
use self::groups::{MOST_APPROVERS, groups, limits};
pub use self::transaction::{StatementView, TransactionView};
use crate::Caller;
use crate::directory::Known;

/// How much of a command a list shows.
pub const LIST_COMMAND_BYTES: usize = 2048;

/// A user in an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct UserRef {
    /// The account.
    pub id: UserId,
    /// For display.
    pub email: String,
}

/// A number of rows, counted with the secret for reading before the vote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ExactRows)]
pub struct ExactRowsView {
    /// How many rows the condition met.
    pub rows: u64,
    /// The table, as the command names it.
    pub table: String,
    /// When it was counted.
    pub at: Timestamp,
}

/// A request in an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Request)]
pub struct RequestView {
    /// Its id.
    pub id: RequestId,
    /// Its status now.
    pub status: Status,
    /// One more with each change.
    pub version: u64,
    /// On which connection.
    pub connection: ConnectionName,
    /// The connection's kind.
    pub kind: String,
    /// Who asked.
    pub requester: UserRef,
    /// What will run, exactly; cut at 2 KiB in lists.
    pub command: String,
    /// The command with every invisible or ambiguous character made visible, as `<U+202E>`.
    pub command_display: String,
    /// There, and true, if this is a list's cut command.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub command_truncated: bool,
    /// Why the requester wants it.
    #[schema(required = true)]
    pub reason: Option<String>,
    /// What an approval covers; a decision sends it back.
    pub digest: Digest,
    /// The digest's short form for people.
    #[schema(pattern = "^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$", example = "7F3K-Q2ZD")]
    pub code: String,
    /// Who starts it once approved.
    pub run: RunMode,
    /// How several statements take effect.
    pub run_mode: StatementMode,
    /// The groups that must approve, and where each stands.
    pub groups: Vec<GroupView>,
    /// How it was approved without others, if it was.
    #[schema(required = true)]
    pub auto_approval: Option<AutoApproval>,
    /// What is known of what the command does.
    #[schema(required = true)]
    pub risk: Option<Risk>,
    /// The guardrail that blocked it, if one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked: Option<Block>,
    /// What the connection and the standing approvals limit it to, if anything: the strictest of each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bounds: Option<Bounds>,
    /// The most rows that it may change by the connection's standing bound, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_rows: Option<u64>,
    /// Whether it runs with the secret for reading, in a transaction that only reads.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
    /// When it was submitted.
    pub created_at: Timestamp,
    /// The instant from which no vote counts.
    pub expires_at: Timestamp,
    /// When it was decided.
    #[schema(required = true)]
    pub decided_at: Option<Timestamp>,
    /// The instant from which it cannot be run, once approved.
    #[schema(required = true)]
    pub run_by: Option<Timestamp>,
    /// Why it ended without having run, or without a known outcome.
    #[schema(required = true)]
    pub cause: Option<Cause>,
    /// How the execution went.
    pub execution: ExecutionView,
    /// What became of each statement, for kinds that have statements; null before the command ran.
    #[schema(required = true)]
    pub transaction: Option<TransactionView>,
    /// The page that shows it to people.
    pub page: String,
    /// How many rows it would change, counted before the vote; only for reviewers other than the requester.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exact_rows: Option<ExactRowsView>,
    /// What is wrong with its rule; only in the answer to its submission.
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
        let error = error.filter(|_| may_see_output(request, caller));
        Self::of(request, created, error, now, public_url)
    }

    /// The request as it is told to whoever was subscribed to it by an admin: without what only those
    /// may see who may see its output. As it was when it was written, whatever time it is now.
    #[must_use]
    pub fn told(request: &Request, created: &Created, at: Timestamp, public_url: &str) -> Self {
        Self::of(request, created, None, at, public_url)
    }

    fn of(
        request: &Request,
        created: &Created,
        error: Option<String>,
        now: Timestamp,
        public_url: &str,
    ) -> Self {
        Self {
            id: request.id,
            status: request.status_at(now),
            version: request.version,
            connection: request.connection.clone(),
            kind: request.kind.clone(),
            requester: UserRef { id: request.requester.user, email: request.requester.email.clone() },
            command: created.command.clone(),
            command_display: display(&created.command),
            command_truncated: false,
            reason: created.reason.clone(),
            digest: request.digest,
            code: request.digest.code(),
            run: request.run,
            run_mode: request.run_mode,
            groups: groups(request),
            auto_approval: auto_approval(request),
            risk: risk(request, created),
            blocked: blocked(request),
            bounds: limits(request.bounds()),
            max_rows: request.policy.max_rows,
            read_only: request.read_only,
            created_at: request.created_at,
            expires_at: request.expires_at,
            decided_at: request.decided_at(),
            run_by: request.approval().map(|approval| approval.run_by),
            cause: cause(request, now),
            transaction: TransactionView::of(request, error.as_deref()),
            execution: execution(request, error),
            page: format!("{public_url}/requests/{}", request.id),
            exact_rows: None,
            warnings: None,
        }
    }

    /// With the exact number of rows, if `caller` may see it.
    #[must_use]
    pub fn with_exact_rows(mut self, request: &Request, rows: Option<ExactRows>, caller: &Caller) -> Self {
        self.exact_rows = rows
            .filter(|_| may_see_exact_rows(request, caller))
            .map(|ExactRows { rows, table, at }| ExactRowsView { rows, table, at });
        self
    }

    /// The request as it was when it was written, whatever time it is now.
    #[must_use]
    pub fn as_written(request: &Request, created: &Created, caller: &Caller, public_url: &str) -> Self {
        Self::new(request, created, None, caller, request.created_at, public_url)
    }

    /// With what is wrong with its rule, if anything, and who could approve. Nothing of both if the
    /// people cannot be read.
    #[must_use]
    pub fn with_people(mut self, request: &Request, known: Option<&Known>) -> Self {
        let requester = request.requester.human;
        self.warnings =
            Some(known.map(|known| known.warnings(&request.policy, Some(requester))).unwrap_or_default());
        match known {
            Some(known) => self.with_approvers(known, requester),
            None => self,
        }
    }

    fn with_approvers(mut self, known: &Known, requester: UserId) -> Self {
        let open = self.groups.iter_mut().filter(|group| group.status == GroupStatus::Pending);
        for group in open {
            let people = known.who_can_approve(&group.group, requester);
            let emails = people.iter().take(MOST_APPROVERS).map(|&email| email.to_owned()).collect();
            group.can_approve = Some(Approvers { count: people.len(), emails });
        }
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

fn auto_approval(request: &Request) -> Option<AutoApproval> {
    if request.auto_approval.is_some() {
        return request.auto_approval.clone();
    }
    // An admin's own vote that did not suffice is told as well.
    let automatic = request.votes.iter().find(|vote| vote.automatic)?;
    let group = request.policy.groups.iter().find(|group| automatic.groups.contains(*group));
    Some(AutoApproval { cause: AutoCause::Admin, group: group.cloned(), rule: None })
}

/// What was known at the submission, and what the target has said since.
fn risk(request: &Request, created: &Created) -> Option<Risk> {
    let estimate = request.estimate.as_ref().and_then(Estimate::in_words);
    let risk = created.risk.clone()?;
    let notes = risk.notes.iter().chain(&request.side_effects).cloned().collect();
    let no_row_bound = risk.no_row_bound.or_else(|| request.no_row_bound.clone());
    Some(Risk { estimate, notes, no_row_bound, ..risk })
}

fn blocked(request: &Request) -> Option<Block> {
    match &request.phase {
        Phase::Blocked { block, .. } => Some(block.clone()),
        _ => None,
    }
}
