//! The statements of a plan, one message each.

use super::failure::Stumble;
use super::plan::{Plan, Statement};
use super::pooled;
use super::session::Session;
use super::source::Sources;
use super::tags;
use crate::message::Scrub;
use crate::notices::NoticeMeter;
use crate::options::Bound;
use crate::output::Meter;
use crate::progress::{Phase, Progress};
use crate::run::Output;
use crate::{Column, ColumnSource, RunError, RunOptions, Summary};
use countersign_rules::transaction::Closing;
use futures::StreamExt;
use std::pin::pin;
use std::time::Duration;
use tokio::time::timeout;
use tokio_postgres::{Client, Error, SimpleQueryMessage, SimpleQueryRow};

/// What the server brings is found first and temporary objects last, so that nothing that somebody
/// made stands in for it. The query also takes a snapshot: after it SET cannot make the transaction
/// read-write again.
pub(super) const BEGIN_READ_ONLY: &str = "BEGIN READ ONLY; \
    SELECT pg_catalog.set_config('search_path', \
    pg_catalog.concat_ws(', ', 'pg_catalog', nullif(pg_catalog.current_setting('search_path'), ''), 'pg_temp'), true)";

/// What stands for a cell that is not UTF-8 (from a database in SQL_ASCII).
const NOT_TEXT: &str = "[not valid UTF-8]";

struct Run<'a, 'o> {
    session: &'a Session,
    client: &'a Client,
    scrub: &'a Scrub,
    options: RunOptions,
    output: &'a mut Output<'o>,
    meter: Meter,
    notices: NoticeMeter,
    bound: Bound,
    sources: Sources,
    progress: &'a Progress,
}

pub(super) async fn execute(
    session: &Session,
    scrub: &Scrub,
    plan: &Plan,
    options: RunOptions,
    output: &mut Output<'_>,
    progress: &Progress,
) -> Result<Summary, Stumble> {
    let mut run = Run {
        session,
        client: session.client(),
        scrub,
        options,
        output,
        meter: Meter::new(options.caps),
        notices: NoticeMeter::default(),
        bound: Bound::new(options),
        sources: Sources::default(),
        progress,
    };
    // Those of our own settings.
    let _ = session.notices().take();
    let result = match plan {
        _ if options.by_statement() => run.one_by_one(plan.statements()).await,
        Plan::Single(statement) if !options.wraps() && !session.pooled() => {
            run.statement(statement, 1, Phase::Single).await
        }
        Plan::Single(_) | Plan::Several(_) => run.transaction(plan.statements(), 1).await,
    };
    run.tell_notices().await;
    if let Some(record) = run.notices.rest() {
        run.output.give(record).await;
    }
    if let Err(stumble) = result {
        if let Some(mark) = run.meter.broken() {
            run.output.give(mark).await;
        }
        return Err(stumble);
    }
    Ok(run.meter.finish())
}

impl Run<'_, '_> {
    /// Each statement commits on its own; the first failure ends the run.
    async fn one_by_one(&mut self, statements: &[Statement]) -> Result<(), Stumble> {
        for (number, statement) in (1..).zip(statements) {
            if self.session.pooled() {
                self.transaction(std::slice::from_ref(statement), number).await?;
            } else {
                self.statement(statement, number, Phase::Single).await?;
            }
            self.output.ledger.commit();
            self.progress.enter(Phase::Between);
        }
        Ok(())
    }

    /// Statements, the first of which has the number `first`, in one transaction.
    async fn transaction(&mut self, statements: &[Statement], first: u32) -> Result<(), Stumble> {
        self.go_on()?;
        let read_only = self.options.read_only;
        self.begin(read_only).await.map_err(|error| self.stumble(error, None, true))?;
        self.progress.enter(Phase::InTransaction);
        let mut done = self.all(statements, first).await;
        if read_only && done.is_ok() {
            done = self.nothing_written().await;
        }
        if done.is_err() || read_only {
            self.roll_back().await;
            return done;
        }
        if self.session.pooled() {
            let reset = self.client.batch_execute(pooled::RESET).await;
            if let Err(error) = reset {
                let stumble = self.stumble(error, None, true);
                self.roll_back().await;
                return Err(stumble);
            }
        }
        self.progress.enter(Phase::Committing);
        self.client.batch_execute("COMMIT").await.map_err(|error| self.stumble(error, None, true))
    }

    async fn begin(&mut self, read_only: bool) -> Result<(), Error> {
        let begin = if read_only { BEGIN_READ_ONLY } else { "BEGIN" };
        if !self.session.pooled() {
            return self.client.batch_execute(begin).await;
        }
        let settings = pooled::settings(self.options.caps);
        self.client.batch_execute(&format!("{begin}; {settings}; {}", pooled::SAVEPOINT)).await
    }

    /// Good manners only: without a COMMIT nothing stays, whether this arrives or not. Behind a pooler the session is
    /// put back as well.
    async fn roll_back(&mut self) {
        let roll_back = async {
            if self.session.pooled() {
                let undone = format!("{}; {}", pooled::UNDO, pooled::RESET_UNDONE);
                let _ = self.client.batch_execute(&undone).await;
            }
            let _ = self.client.batch_execute("ROLLBACK").await;
        };
        let _ = timeout(Duration::from_secs(2), roll_back).await;
    }

    /// What reads has no number of a transaction. A read-only run is rolled back in any case: up to
    /// PostgreSQL 15 a `RESET transaction_read_only`, in a function too, is obeyed in the middle of it.
    async fn nothing_written(&mut self) -> Result<(), Stumble> {
        const NUMBERED: &str = "SELECT 1 WHERE pg_catalog.txid_current_if_assigned() IS NOT NULL";
        let messages =
            self.client.simple_query(NUMBERED).await.map_err(|error| self.stumble(error, None, true))?;
        if messages.iter().any(|message| matches!(message, SimpleQueryMessage::Row(_))) {
            return Err(Stumble::Ours(RunError::Failed {
                message: "the run was read-only, and the command wrote all the same (or asked for a transaction's number): it was rolled back".to_owned(),
                code: None,
                statement: None,
            }));
        }
        Ok(())
    }

    async fn all(&mut self, statements: &[Statement], first: u32) -> Result<(), Stumble> {
        for (number, statement) in (first..).zip(statements) {
            self.statement(statement, number, Phase::InTransaction).await?;
        }
        self.go_on()
    }

    async fn statement(&mut self, statement: &Statement, number: u32, phase: Phase) -> Result<(), Stumble> {
        self.go_on()?;
        let ledger = self.output.ledger.clone();
        ledger.begin(number);
        let columns = columns(self.client, &mut self.sources, &statement.text)
            .await
            .map_err(|e| self.stumble(e, Some(number), statement.parsed))?;
        self.go_on()?;
        self.progress.enter(phase);
        if phase == Phase::Single && statement.may_commit_inside() {
            ledger.doubt(Closing::Unknown);
        }
        let affected = self
            .query(statement, columns)
            .await
            .map_err(|e| self.stumble(e, Some(number), statement.parsed))?;
        ledger.certain();
        self.bound.add(affected).map_err(Stumble::Ours)
    }

    /// Passes on the notices that have come since.
    async fn tell_notices(&mut self) {
        let (notices, lost) = self.session.notices().take();
        self.notices.lose(lost);
        for notice in notices {
            if let Some(record) = self.notices.keep(notice, self.scrub) {
                self.output.give(record).await;
            }
        }
    }

    /// Sends the statement; gives the number of rows that it affected.
    async fn query(&mut self, statement: &Statement, prepared: Vec<Prepared>) -> Result<u64, Error> {
        let mut affected = 0;
        let mut prepared = prepared.into_iter();
        let mut messages = pin!(self.client.simple_query_raw(&statement.text).await?);
        while let Some(message) = messages.next().await {
            match message? {
                SimpleQueryMessage::RowDescription(described) => {
                    let described = described.iter().map(|column| {
                        let (type_name, source) = prepared.next().unwrap_or_default();
                        Column { name: column.name().to_owned(), type_name, source }
                    });
                    let columns = described.collect();
                    if let Some(record) = self.meter.columns(columns) {
                        self.output.give(record).await;
                    }
                }
                SimpleQueryMessage::Row(row) => {
                    if let Some(record) = self.meter.row(|| cells(&row)) {
                        self.output.give(record).await;
                    }
                }
                SimpleQueryMessage::CommandComplete(count) => {
                    affected += statement.affected(count);
                    let (tag, rows) = tags::tag(&statement.kind, count, self.meter.returned());
                    self.output.ledger.ran(rows);
                    self.tell_notices().await;
                    for record in self.meter.done(tag, rows) {
                        self.output.give(record).await;
                    }
                }
                // The library may learn new messages; these carry no rows.
                _ => {}
            }
        }
        Ok(affected)
    }

    fn go_on(&self) -> Result<(), Stumble> {
        if self.progress.stopped() { Err(Stumble::Stopped) } else { Ok(()) }
    }

    fn stumble(&self, error: Error, statement: Option<u32>, split: bool) -> Stumble {
        let pooled = self.session.pooled();
        Stumble::Client { error, phase: self.progress.phase(), statement, split, pooled }
    }
}

/// A column's type and source.
type Prepared = (String, Option<ColumnSource>);

/// Has the server parse the text as exactly one statement; gives the types and sources of its columns.
async fn columns(client: &Client, sources: &mut Sources, text: &str) -> Result<Vec<Prepared>, Error> {
    let prepared = client.prepare(text).await?;
    let sources = sources.of(client, prepared.columns()).await?;
    let types = prepared.columns().iter().map(|column| column.type_().name().to_owned());
    Ok(types.zip(sources).collect())
}

fn cells(row: &SimpleQueryRow) -> Vec<Option<String>> {
    (0..row.len())
        .map(|index| match row.try_get(index) {
            Ok(cell) => cell.map(str::to_owned),
            Err(_) => Some(NOT_TEXT.to_owned()),
        })
        .collect()
}
