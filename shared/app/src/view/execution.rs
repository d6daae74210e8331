//! How an execution went.

use std::collections::BTreeMap;

use countersign_rules::request::Phase;
use countersign_rules::{Request, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

/// An execution in an answer. Nothing but nulls before it starts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Execution)]
pub struct ExecutionView {
    /// When it was claimed.
    #[schema(required = true)]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[schema(required = true)]
    pub finished_at: Option<Timestamp>,
    /// The exit code, for kinds that have one.
    #[schema(required = true)]
    pub exit_code: Option<i32>,
    /// Rows returned or affected.
    #[schema(required = true)]
    pub rows: Option<u64>,
    /// Bytes of output.
    #[schema(required = true)]
    pub bytes: Option<u64>,
    /// How many values were masked, by entity.
    pub masked: BTreeMap<String, u64>,
    /// Why it failed, for those who may see the output.
    #[schema(required = true)]
    pub error: Option<String>,
    /// Whether the output was cut at its caps.
    pub output_cut: bool,
    /// How many notices and warnings of the target stand in the output.
    pub notices: u32,
    /// Whether all this is what a runner has reported; what the service runs by itself it sees.
    pub reported_by_runner: bool,
    /// Set when an admin settled it.
    #[schema(required = true)]
    pub settled_note: Option<String>,
}

pub(super) fn execution(request: &Request, error: Option<String>) -> ExecutionView {
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
            notices: outcome.notices,
            reported_by_runner: outcome.reported_by_runner,
            settled_note: outcome.settled_note.clone(),
        },
        Phase::Unknown { .. } => ExecutionView { started_at, error, ..ExecutionView::default() },
        Phase::Pending
        | Phase::Approved(_)
        | Phase::Running(..)
        | Phase::Blocked { .. }
        | Phase::Rejected { .. }
        | Phase::Expired { .. }
        | Phase::Cancelled { .. } => ExecutionView { started_at, ..ExecutionView::default() },
    }
}
