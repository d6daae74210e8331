//! The statements of a plan, one message each.

use super::failure::Stumble;
use super::plan::{Kind, Plan, Statement};
use super::value;
use crate::options::Bound;
use crate::output::Meter;
use crate::progress::{Phase, Progress};
use crate::run::Output;
use crate::{RunError, RunOptions, Summary};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error};
use std::time::Duration;
use tokio::time::timeout;

/// Prepared statements of this kind do not exist.
const NOT_PREPARABLE: u16 = 1295;
const ROLLBACK_TIMEOUT: Duration = Duration::from_secs(2);

struct Run<'a, 'o> {
    conn: &'a mut Conn,
    output: &'a mut Output<'o>,
    meter: Meter,
    bound: Bound,
    progress: &'a Progress,
}

pub(super) async fn execute(
    conn: &mut Conn,
    plan: &Plan,
    options: RunOptions,
    output: &mut Output<'_>,
    progress: &Progress,
) -> Result<Summary, Stumble> {
    let mut run = Run { conn, output, meter: Meter::new(options.caps), bound: Bound::new(options), progress };
    let result = if plan.transaction {
        run.transaction(plan, options.read_only).await
    } else {
        run.all(&plan.statements, Phase::Single).await
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
    async fn transaction(&mut self, plan: &Plan, read_only: bool) -> Result<(), Stumble> {
        self.go_on()?;
        self.tables_have_transactions(plan).await?;
        let begin = if read_only { "START TRANSACTION READ ONLY" } else { "START TRANSACTION" };
        self.conn.query_drop(begin).await.map_err(|error| stumble(error, self.progress, None))?;
        self.progress.enter(Phase::InTransaction);
        let done = self.all(&plan.statements, Phase::InTransaction).await;
        match done {
            Err(stumble) => Err(self.rolled_back(stumble).await),
            // Nothing was written, so nothing is to be kept.
            Ok(()) if read_only => {
                let _ = timeout(ROLLBACK_TIMEOUT, self.conn.query_drop("ROLLBACK")).await;
                Ok(())
            }
            Ok(()) => {
                self.progress.enter(Phase::Committing);
                self.conn.query_drop("COMMIT").await.map_err(|error| stumble(error, self.progress, None))
            }
        }
    }

    /// Good manners only, without a COMMIT nothing stays; save in tables that know no transactions.
    async fn rolled_back(&mut self, cause: Stumble) -> Stumble {
        match timeout(ROLLBACK_TIMEOUT, self.conn.query_drop("ROLLBACK")).await {
            Ok(Ok(())) if self.conn.get_warnings() > 0 => Stumble::HalfRolledBack(Box::new(cause)),
            _ => cause,
        }
    }

    /// With a bound, what is written must be such that it can be taken back.
    async fn tables_have_transactions(&mut self, plan: &Plan) -> Result<(), Stumble> {
        const ENGINE: &str = "SELECT e.TRANSACTIONS FROM information_schema.TABLES t \
            JOIN information_schema.ENGINES e ON e.ENGINE = t.ENGINE \
            WHERE t.TABLE_SCHEMA = COALESCE(?, DATABASE()) AND t.TABLE_NAME = ?";
        for (schema, table) in &plan.written {
            let found: Result<Option<String>, Error> = self.conn.exec_first(ENGINE, (schema, table)).await;
            let found = found.map_err(|error| stumble(error, self.progress, None))?;
            if found.as_deref() != Some("YES") {
                return Err(Stumble::Ours(RunError::not_started(format!(
                    "`{table}` is no table of an engine with transactions (or a view, a name from WITH, or not visible), so an approval for a number of rows cannot be enforced on it"
                ))));
            }
        }
        Ok(())
    }

    async fn all(&mut self, statements: &[Statement], phase: Phase) -> Result<(), Stumble> {
        for (number, statement) in (1..).zip(statements) {
            self.go_on()?;
            let result = self.is_one(&statement.text).await;
            result.map_err(|error| stumble(error, self.progress, Some(number)))?;
            self.go_on()?;
            self.progress.enter(phase);
            let result = self.query(statement).await;
            let affected = result.map_err(|error| stumble(error, self.progress, Some(number)))?;
            self.bound.add(affected).map_err(Stumble::Ours)?;
        }
        self.go_on()
    }

    /// Has the server parse the text as exactly one statement, as it does for prepared ones.
    ///
    /// Where it prepares none of this kind, the text must have no semicolon at all, not even in a
    /// string: the client library always allows the server to run several.
    async fn is_one(&mut self, text: &str) -> Result<(), Error> {
        match self.conn.prep(text).await {
            Ok(statement) => self.conn.close(statement).await,
            Err(Error::Server(error)) if error.code == NOT_PREPARABLE && !text.contains(';') => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Sends the statement; gives the number of rows that it affected.
    async fn query(&mut self, statement: &Statement) -> Result<u64, Error> {
        let mut result = self.conn.query_iter(statement.text.as_str()).await?;
        let mut returned_in_all = 0;
        loop {
            let columns = result.columns().filter(|columns| !columns.is_empty());
            if let Some(columns) = columns {
                if let Some(record) = self.meter.columns(columns.iter().map(value::column).collect()) {
                    self.output.give(record).await;
                }
                let binary: Vec<bool> = columns.iter().map(value::is_binary).collect();
                while let Some(row) = result.next().await? {
                    let cells = || {
                        let values = row.unwrap_raw().into_iter();
                        values
                            .zip(&binary)
                            .map(|(cell, binary)| {
                                value::text(&cell.unwrap_or(mysql_async::Value::NULL), *binary)
                            })
                            .collect()
                    };
                    if let Some(record) = self.meter.row(cells) {
                        self.output.give(record).await;
                    }
                }
                returned_in_all += self.meter.returned().unwrap_or(0);
            }
            let last = result.is_empty();
            // A procedure gives several results, each of which is told before the procedure itself.
            if let Some(rows) = self.meter.returned()
                && (!last || statement.verb == "CALL")
            {
                for record in self.meter.done(format!("SELECT {rows}"), Some(rows)) {
                    self.output.give(record).await;
                }
            }
            if last {
                break;
            }
        }
        // With RETURNING the rows stand for those that changed, and the server may count none.
        let affected = match statement.kind {
            Kind::Write => result.affected_rows().max(returned_in_all),
            Kind::Read | Kind::Look | Kind::Session | Kind::Alone => 0,
        };
        let verb = &statement.verb;
        let (tag, rows) = match (statement.kind, self.meter.returned()) {
            (Kind::Write, _) => (format!("{verb} {affected}"), Some(affected)),
            (Kind::Read, Some(rows)) => (format!("SELECT {rows}"), Some(rows)),
            (_, rows) => (verb.clone(), rows),
        };
        for record in self.meter.done(tag, rows) {
            self.output.give(record).await;
        }
        Ok(affected)
    }

    fn go_on(&self) -> Result<(), Stumble> {
        if self.progress.stopped() { Err(Stumble::Stopped) } else { Ok(()) }
    }
}

fn stumble(error: Error, progress: &Progress, statement: Option<u32>) -> Stumble {
    Stumble::Client { error, phase: progress.phase(), statement }
}
