//! The statements of a plan, one message each.

use super::failure::Stumble;
use super::plan::{Plan, Statement};
use super::tags;
use crate::output::Meter;
use crate::run::Output;
use crate::{Caps, Column, Summary};
use futures::StreamExt;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::Duration;
use tokio::time::timeout;
use tokio_postgres::{Client, Error, SimpleQueryMessage, SimpleQueryRow};

/// What stands for a cell that is not UTF-8 (from a database in SQL_ASCII).
const NOT_TEXT: &str = "[not valid UTF-8]";

/// How far the execution is: what a broken connection means depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// The server has executed nothing of the command.
    NothingSent,
    /// The only statement was sent, outside of a transaction of ours.
    Single,
    /// Between BEGIN and COMMIT.
    InTransaction,
    /// COMMIT was sent.
    Committing,
}

/// The execution's state, readable while it waits.
#[derive(Default)]
pub(super) struct Progress {
    phase: AtomicU8,
    stop: AtomicBool,
}

impl Progress {
    pub(super) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::SeqCst) {
            0 => Phase::NothingSent,
            1 => Phase::InTransaction,
            2 => Phase::Single,
            _ => Phase::Committing,
        }
    }

    fn enter(&self, phase: Phase) {
        let number = match phase {
            Phase::NothingSent => 0,
            Phase::InTransaction => 1,
            Phase::Single => 2,
            Phase::Committing => 3,
        };
        self.phase.store(number, Ordering::SeqCst);
    }

    /// No further statement is begun.
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
    }

    fn go_on(&self) -> Result<(), Stumble> {
        if self.stop.load(Ordering::SeqCst) { Err(Stumble::Stopped) } else { Ok(()) }
    }
}

struct Run<'a, 'o> {
    client: &'a Client,
    output: &'a mut Output<'o>,
    meter: Meter,
    progress: &'a Progress,
}

pub(super) async fn execute(
    client: &Client,
    plan: &Plan,
    caps: Caps,
    output: &mut Output<'_>,
    progress: &Progress,
) -> Result<Summary, Stumble> {
    let mut run = Run { client, output, meter: Meter::new(caps), progress };
    let result = match plan {
        Plan::Single(statement) => run.statement(statement, 1, Phase::Single).await,
        Plan::Several(statements) => run.transaction(statements).await,
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
    async fn transaction(&mut self, statements: &[Statement]) -> Result<(), Stumble> {
        self.progress.go_on()?;
        self.client.batch_execute("BEGIN").await.map_err(|error| self.stumble(error, None, true))?;
        self.progress.enter(Phase::InTransaction);
        let done = self.all(statements).await;
        if let Err(stumble) = done {
            // Good manners only: without a COMMIT nothing stays, whether this arrives or not.
            let _ = timeout(Duration::from_secs(2), self.client.batch_execute("ROLLBACK")).await;
            return Err(stumble);
        }
        self.progress.enter(Phase::Committing);
        self.client.batch_execute("COMMIT").await.map_err(|error| self.stumble(error, None, true))
    }

    async fn all(&mut self, statements: &[Statement]) -> Result<(), Stumble> {
        for (number, statement) in (1..).zip(statements) {
            self.statement(statement, number, Phase::InTransaction).await?;
        }
        self.progress.go_on()
    }

    async fn statement(&mut self, statement: &Statement, number: u32, phase: Phase) -> Result<(), Stumble> {
        self.progress.go_on()?;
        let types = types(self.client, &statement.text)
            .await
            .map_err(|e| self.stumble(e, Some(number), statement.parsed))?;
        self.progress.go_on()?;
        self.progress.enter(phase);
        self.query(statement, &types).await.map_err(|e| self.stumble(e, Some(number), statement.parsed))
    }

    async fn query(&mut self, statement: &Statement, types: &[String]) -> Result<(), Error> {
        let mut messages = pin!(self.client.simple_query_raw(&statement.text).await?);
        while let Some(message) = messages.next().await {
            match message? {
                SimpleQueryMessage::RowDescription(described) => {
                    let names = described.iter().map(|column| column.name().to_owned());
                    let types = types.iter().cloned().chain(std::iter::repeat(String::new()));
                    let columns =
                        names.zip(types).map(|(name, type_name)| Column { name, type_name }).collect();
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
                    let (tag, rows) = tags::tag(&statement.kind, count, self.meter.returned());
                    for record in self.meter.done(tag, rows) {
                        self.output.give(record).await;
                    }
                }
                // The library may learn new messages; these carry no rows.
                _ => {}
            }
        }
        Ok(())
    }

    fn stumble(&self, error: Error, statement: Option<u32>, split: bool) -> Stumble {
        Stumble::Client { error, phase: self.progress.phase(), statement, split }
    }
}

/// Has the server parse the text as exactly one statement; gives the types of its columns.
async fn types(client: &Client, text: &str) -> Result<Vec<String>, Error> {
    let prepared = client.prepare(text).await?;
    Ok(prepared.columns().iter().map(|column| column.type_().name().to_owned()).collect())
}

fn cells(row: &SimpleQueryRow) -> Vec<Option<String>> {
    (0..row.len())
        .map(|index| match row.try_get(index) {
            Ok(cell) => cell.map(str::to_owned),
            Err(_) => Some(NOT_TEXT.to_owned()),
        })
        .collect()
}
