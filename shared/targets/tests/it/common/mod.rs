//! What the integration tests share.

use countersign_rules::transaction::{StatementStatus, TransactionOutcome};
use countersign_targets::view::{Fate, Page, json, text};
use countersign_targets::{
    Caps, Record, RunError, RunOptions, Sink, SinkError, StatementMode, Summary, Transaction,
};

/// The output of a run and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) result: Result<Summary, RunError>,
    pub(crate) transaction: Option<Transaction>,
    pub(crate) records: Vec<Record>,
}

impl Ran {
    pub(crate) fn new(ran: countersign_targets::Ran, records: Vec<Record>) -> Self {
        Self { result: ran.result, transaction: ran.transaction, records }
    }

    /// Number, line and status of each statement.
    pub(crate) fn statements(&self) -> Vec<(u32, u32, StatementStatus)> {
        let statements = &self.transaction.as_ref().expect("a statement began").statements;
        statements.iter().map(|statement| (statement.n, statement.line, statement.status)).collect()
    }

    pub(crate) fn outcome(&self) -> TransactionOutcome {
        self.transaction.as_ref().expect("a statement began").outcome
    }

    /// Severity and message of each notice.
    pub(crate) fn notices(&self) -> Vec<(&str, &str)> {
        let notices = self.records.iter().filter_map(|record| match record {
            Record::Notice { severity, message, .. } => Some((severity.as_str(), message.as_str())),
            _ => None,
        });
        notices.collect()
    }

    /// What a person is shown of the output.
    pub(crate) fn shown(&self) -> (String, String) {
        let fate = Fate::of(self.transaction.as_ref());
        let page = Page { records: self.records.clone(), fate, ..Page::default() };
        (text(&page), json(&page))
    }

    pub(crate) fn error_text(&self) -> String {
        let (result, transaction) = (self.result.clone(), self.transaction.clone());
        countersign_targets::Ran { result, transaction }.error_text().expect("the run was to fail")
    }

    pub(crate) fn rows(&self) -> Vec<Vec<Option<&str>>> {
        let rows = self.records.iter().filter_map(|record| match record {
            Record::Row(cells) => Some(cells.iter().map(Option::as_deref).collect()),
            _ => None,
        });
        rows.collect()
    }

    pub(crate) fn tags(&self) -> Vec<&str> {
        let tags = self.records.iter().filter_map(|record| match record {
            Record::Done { tag, .. } => Some(tag.as_str()),
            _ => None,
        });
        tags.collect()
    }

    pub(crate) fn columns(&self) -> Vec<(&str, &str)> {
        let columns = self.records.iter().filter_map(|record| match record {
            Record::Columns(columns) => Some(columns),
            _ => None,
        });
        columns.flatten().map(|column| (column.name.as_str(), column.type_name.as_str())).collect()
    }

    /// The source of each column, `table.column` or nothing.
    pub(crate) fn sources(&self) -> Vec<String> {
        let columns = self.records.iter().filter_map(|record| match record {
            Record::Columns(columns) => Some(columns),
            _ => None,
        });
        let source = |column: &countersign_targets::Column| match &column.source {
            Some(source) => format!("{}.{}", source.table, source.column),
            None => String::new(),
        };
        columns.flatten().map(source).collect()
    }

    pub(crate) fn truncated(&self) -> Option<(u64, Option<u64>)> {
        self.records.iter().find_map(|record| match record {
            Record::Truncated { kept_rows, missing_rows, .. } => Some((*kept_rows, *missing_rows)),
            _ => None,
        })
    }

    pub(crate) fn text(&self) -> String {
        text(&Page { records: self.records.clone(), ..Page::default() })
    }

    /// The only cell of the only row.
    pub(crate) fn cell(&self) -> &str {
        self.result.as_ref().unwrap();
        let rows = self.rows();
        assert_eq!((rows.len(), rows[0].len()), (1, 1), "{rows:?}");
        rows[0][0].unwrap()
    }

    pub(crate) fn error(&self) -> &RunError {
        self.result.as_ref().expect_err("the run was to fail")
    }

    pub(crate) fn not_started(&self) -> &str {
        match self.error() {
            RunError::NotStarted { message } => message,
            other => panic!("expected NotStarted, got {other:?}"),
        }
    }

    /// Message, code, number of the statement.
    pub(crate) fn failed(&self) -> (&str, &str, Option<u32>) {
        match self.error() {
            RunError::Failed { message, code, statement } => {
                (message, code.as_deref().unwrap_or_default(), *statement)
            }
            other => panic!("expected Failed, got {other:?}"),
        }
    }
}

pub(crate) fn caps(timeout_ms: u64) -> Caps {
    Caps { statement_timeout_ms: timeout_ms, ..Caps::default() }
}

/// Nothing may be written.
pub(crate) fn read_only() -> RunOptions {
    RunOptions { read_only: true, ..caps(60_000).into() }
}

/// Each statement commits on its own.
pub(crate) fn by_statement() -> RunOptions {
    RunOptions { mode: StatementMode::StatementByStatement, ..caps(60_000).into() }
}

/// Nothing stays if more rows are affected.
pub(crate) fn at_most(rows: u64) -> RunOptions {
    RunOptions { max_affected_rows: Some(rows), ..caps(60_000).into() }
}

/// Counts what it gets and keeps nothing.
#[derive(Default)]
pub(crate) struct Counting {
    pub(crate) rows: u64,
}

#[async_trait::async_trait]
impl Sink for Counting {
    async fn record(&mut self, record: Record) -> Result<(), SinkError> {
        self.rows += u64::from(matches!(record, Record::Row(_)));
        Ok(())
    }
}

/// Fails at its first record.
pub(crate) struct Broken;

#[async_trait::async_trait]
impl Sink for Broken {
    async fn record(&mut self, _: Record) -> Result<(), SinkError> {
        Err(SinkError("the store is full".to_owned()))
    }
}

/// A port that refuses connections: it is bound, so that nobody else gets it, and nothing listens on it.
pub(crate) struct ClosedPort(tokio::net::TcpSocket);

impl ClosedPort {
    pub(crate) fn new() -> Self {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
        Self(socket)
    }

    pub(crate) fn number(&self) -> u16 {
        self.0.local_addr().unwrap().port()
    }
}
