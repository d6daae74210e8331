//! What became of the statements of a command, as the contract shows it.

use countersign_rules::request::Phase;
use countersign_rules::transaction::{StatementReport, StatementStatus, TransactionOutcome};
use countersign_rules::{Request, Transaction};
use serde::Serialize;
use utoipa::ToSchema;

/// What became of the statements of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = TransactionResult)]
pub struct TransactionView {
    /// What became of its effects.
    pub outcome: TransactionOutcome,
    /// The same in one or two sentences.
    pub summary: String,
    /// How many statements the command has.
    #[schema(minimum = 1)]
    pub total: u32,
    /// How many of them are committed.
    pub committed: u32,
    /// How many statements the list leaves out.
    pub left_out: u32,
    /// The statements in order: the first ones, and those around the statement at which the run ended.
    #[schema(max_items = 100)]
    pub statements: Vec<StatementView>,
}

/// One statement of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = StatementResult)]
pub struct StatementView {
    /// Its number in the command, from 1.
    #[schema(minimum = 1)]
    pub n: u32,
    /// The line of the command on which it begins, from 1.
    #[schema(minimum = 1)]
    pub line: u32,
    /// Its verb, such as `UPDATE` or `CREATE TABLE`.
    pub verb: String,
    /// Rows returned or affected while it ran. A status other than `committed` means that they are not permanent.
    #[schema(required = true)]
    pub rows: Option<u64>,
    /// How long it ran, in milliseconds; null if it was not begun.
    #[schema(required = true)]
    pub duration_ms: Option<u64>,
    /// What became of it.
    pub status: StatementStatus,
    /// Why it failed, for those who may see the output.
    #[schema(required = true)]
    pub error: Option<String>,
}

impl TransactionView {
    /// The view of a request's result; `error` is the text of its execution's error where it may be seen.
    pub(super) fn of(request: &Request, error: Option<&str>) -> Option<Self> {
        let transaction = match &request.phase {
            Phase::Finished { outcome, .. } => outcome.transaction.as_deref(),
            Phase::Unknown { transaction, .. } => transaction.as_deref(),
            Phase::Pending
            | Phase::Approved(_)
            | Phase::Running(..)
            | Phase::Blocked { .. }
            | Phase::Rejected { .. }
            | Phase::Expired { .. }
            | Phase::Cancelled { .. } => None,
        };
        transaction.map(|transaction| Self::new(transaction, error))
    }

    fn new(transaction: &Transaction, error: Option<&str>) -> Self {
        let statement = |report: &StatementReport| StatementView {
            n: report.n,
            line: report.line,
            verb: report.verb.clone(),
            rows: report.rows,
            duration_ms: report.duration_ms,
            status: report.status,
            error: error.filter(|_| report.status == StatementStatus::Failed).map(str::to_owned),
        };
        Self {
            outcome: transaction.outcome,
            summary: transaction.in_words(),
            total: transaction.total,
            committed: transaction.committed,
            left_out: transaction.left_out(),
            statements: transaction.statements.iter().map(statement).collect(),
        }
    }
}
