//! The statements of a plan, one message each.

use super::failure::Stumble;
use super::plan::{Plan, Statement};
use super::source::Sources;
use super::tags;
use crate::options::Bound;
use crate::output::Meter;
use crate::progress::{Phase, Progress};
use crate::run::Output;
use crate::{Column, ColumnSource, RunError, RunOptions, Summary};
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
    client: &'a Client,
    output: &'a mut Output<'o>,
    meter: Meter,
    bound: Bound,
    sources: Sources,
    progress: &'a Progress,
}

pub(super) async fn execute(
    client: &Client,
    plan: &Plan,
    options: RunOptions,
    output: &mut Output<'_>,
    progress: &Progress,
) -> Result<Summary, Stumble> {
    let mut run = Run {
        client,
        output,
        meter: Meter::new(options.caps),
        bound: Bound::new(options),
        sources: Sources::default(),
        progress,
    };
    let result = match plan {
        Plan::Single(statement) if !options.wraps() => run.statement(statement, 1, Phase::Single).await,
        Plan::Single(_) | Plan::Several(_) => run.transaction(plan.statements(), options.read_only).await,
    };
    if let Err(stumble) = result {
        if let Some(mark) = run.meter.broken() {
            run.output.give(mark).await;
        }
        return Err(stumble);
    }
    Ok(run.meter.finish())
}

impl Run<'_, '_> {
    async fn transaction(&mut self, statements: &[Statement], read_only: bool) -> Result<(), Stumble> {
        self.go_on()?;
        let begin = if read_only { BEGIN_READ_ONLY } else { "BEGIN" };
        self.client.batch_execute(begin).await.map_err(|error| self.stumble(error, None, true))?;
        self.progress.enter(Phase::InTransaction);
        let done = self.all(statements).await;
        if done.is_err() || read_only {
            let done = match done {
                Ok(()) => self.nothing_written().await,
                failed => failed,
            };
            // Good manners only: without a COMMIT nothing stays, whether this arrives or not.
            let _ = timeout(Duration::from_secs(2), self.client.batch_execute("ROLLBACK")).await;
            return done;
        }
        self.progress.enter(Phase::Committing);
        self.client.batch_execute("COMMIT").await.map_err(|error| self.stumble(error, None, true))
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

    async fn all(&mut self, statements: &[Statement]) -> Result<(), Stumble> {
        for (number, statement) in (1..).zip(statements) {
            self.statement(statement, number, Phase::InTransaction).await?;
        }
        self.go_on()
    }

    async fn statement(&mut self, statement: &Statement, number: u32, phase: Phase) -> Result<(), Stumble> {
        self.go_on()?;
        let columns = columns(self.client, &mut self.sources, &statement.text)
            .await
            .map_err(|e| self.stumble(e, Some(number), statement.parsed))?;
        self.go_on()?;
        self.progress.enter(phase);
        let affected = self
            .query(statement, columns)
            .await
            .map_err(|e| self.stumble(e, Some(number), statement.parsed))?;
        self.bound.add(affected).map_err(Stumble::Ours)
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
        Stumble::Client { error, phase: self.progress.phase(), statement, split }
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
