//! The statements of a plan, one message each.

use super::failure::Stumble;
use super::plan::{Kind, Plan, Statement};
use super::value;
use crate::message::Scrub;
use crate::notices::{Notice, NoticeMeter};
use crate::options::Bound;
use crate::output::Meter;
use crate::progress::{Phase, Progress};
use crate::run::Output;
use crate::{RunError, RunOptions, Summary};
use countersign_rules::transaction::Closing;
use mysql_async::consts::StatusFlags;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, Row, Value};
use std::time::Duration;
use tokio::time::timeout;

/// Prepared statements of this kind do not exist.
const NOT_PREPARABLE: u16 = 1295;
const ROLLBACK_TIMEOUT: Duration = Duration::from_secs(2);

/// The most warnings of a statement that are asked for.
const MAX_WARNINGS: u16 = 200;

struct Run<'a, 'o> {
    conn: &'a mut Conn,
    scrub: &'a Scrub,
    output: &'a mut Output<'o>,
    meter: Meter,
    notices: NoticeMeter,
    bound: Bound,
    progress: &'a Progress,
}

pub(super) async fn execute(
    conn: &mut Conn,
    scrub: &Scrub,
    plan: &Plan,
    options: RunOptions,
    output: &mut Output<'_>,
    progress: &Progress,
) -> Result<Summary, Stumble> {
    let (meter, notices, bound) = (Meter::new(options.caps), NoticeMeter::default(), Bound::new(options));
    let mut run = Run { conn, scrub, output, meter, notices, bound, progress };
    let result = if plan.transaction {
        run.transaction(plan, options.read_only).await
    } else {
        run.all(&plan.statements, Phase::Single).await
    };
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
            Ok(Ok(())) if self.conn.get_warnings() > 0 => {
                self.output.ledger.doubt(Closing::HalfRolledBack);
                Stumble::HalfRolledBack(Box::new(cause))
            }
            _ => cause,
        }
    }

    /// With a bound, what is written must be such that it can be taken back.
    async fn tables_have_transactions(&mut self, plan: &Plan) -> Result<(), Stumble> {
        for (schema, table) in &plan.written {
            let found = self.has_transactions(schema.as_deref(), table).await;
            if !found.map_err(|error| stumble(error, self.progress, None))? {
                return Err(Stumble::Ours(RunError::not_started(format!(
                    "`{table}` is no table of an engine with transactions (or a view, a name from WITH, or not visible), so an approval for a number of rows cannot be enforced on it"
                ))));
            }
        }
        Ok(())
    }

    /// Whether a table is of an engine with transactions.
    async fn has_transactions(&mut self, schema: Option<&str>, table: &str) -> Result<bool, Error> {
        const ENGINE: &str = "SELECT e.TRANSACTIONS FROM information_schema.TABLES t \
            JOIN information_schema.ENGINES e ON e.ENGINE = t.ENGINE \
            WHERE t.TABLE_SCHEMA = COALESCE(?, DATABASE()) AND t.TABLE_NAME = ?";
        let found: Option<String> = self.conn.exec_first(ENGINE, (schema, table)).await?;
        Ok(found.as_deref() == Some("YES"))
    }

    async fn all(&mut self, statements: &[Statement], phase: Phase) -> Result<(), Stumble> {
        let ledger = self.output.ledger.clone();
        for (number, statement) in (1..).zip(statements) {
            self.go_on()?;
            ledger.begin(number);
            let result = self.is_one(statement).await;
            result.map_err(|error| stumble(error, self.progress, Some(number)))?;
            self.go_on()?;
            self.progress.enter(phase);
            let affected = match self.query(statement).await {
                Ok(affected) => affected,
                Err(error) => {
                    if phase == Phase::Single && self.may_have_left_effects(statement, &error).await {
                        ledger.doubt(Closing::Unknown);
                    }
                    return Err(stumble(error, self.progress, Some(number)));
                }
            };
            self.bound.add(affected).map_err(Stumble::Ours)?;
            match phase {
                Phase::InTransaction if self.transaction_is_over() => {
                    ledger.commit();
                    return Err(Stumble::Ours(RunError::Failed {
                        message: "the server committed the transaction in the middle of the command; the statements up to this one are permanent, and the others were not run".to_owned(),
                        code: None,
                        statement: None,
                    }));
                }
                Phase::InTransaction => {}
                _ => {
                    ledger.commit();
                    self.progress.enter(Phase::Between);
                }
            }
        }
        self.go_on_unless_done(phase)
    }

    /// Whether a statement that failed outside of a transaction of ours may have changed something.
    async fn may_have_left_effects(&mut self, statement: &Statement, error: &Error) -> bool {
        if !matches!(error, Error::Server(_)) {
            return false;
        }
        for (schema, table) in statement.tables() {
            if !matches!(self.has_transactions(schema.as_deref(), &table).await, Ok(true)) {
                return true;
            }
        }
        statement.may_leave_effects
    }

    /// Whether the server says that no transaction is open.
    fn transaction_is_over(&self) -> bool {
        self.conn
            .last_ok_packet()
            .is_some_and(|ok| !ok.status_flags().contains(StatusFlags::SERVER_STATUS_IN_TRANS))
    }

    /// Has the server parse the text as exactly one statement, as it does for prepared ones.
    ///
    /// Where it prepares none of this kind, the text itself must show it: the client library always allows the server
    /// to run several.
    async fn is_one(&mut self, statement: &Statement) -> Result<(), Error> {
        match self.conn.prep(statement.text.as_str()).await {
            Ok(prepared) => self.conn.close(prepared).await,
            Err(Error::Server(error)) if error.code == NOT_PREPARABLE && statement.provably_one => Ok(()),
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
        drop(result);
        self.output.ledger.ran(rows);
        self.warnings().await?;
        for record in self.meter.done(tag, rows) {
            self.output.give(record).await;
        }
        Ok(affected)
    }

    /// Passes on the warnings of the statement that has just run.
    async fn warnings(&mut self) -> Result<(), Error> {
        let count = self.conn.get_warnings();
        if count == 0 {
            return Ok(());
        }
        let rows: Vec<Row> = self.conn.query(format!("SHOW WARNINGS LIMIT {MAX_WARNINGS}")).await?;
        self.notices.lose(u64::from(count).saturating_sub(u64::try_from(rows.len()).unwrap_or(u64::MAX)));
        for mut row in rows {
            let mut cell =
                |index: usize| row.take::<Value, _>(index).and_then(|cell| value::text(&cell, false));
            let (severity, code, message) = (cell(0), cell(1), cell(2));
            let (severity, message) = (severity.unwrap_or_default(), message.unwrap_or_default());
            if let Some(record) = self.notices.keep(Notice { severity, code, message }, self.scrub) {
                self.output.give(record).await;
            }
        }
        Ok(())
    }

    /// After the last statement that commits on its own nothing is left to be stopped.
    fn go_on_unless_done(&self, phase: Phase) -> Result<(), Stumble> {
        if phase == Phase::InTransaction { self.go_on() } else { Ok(()) }
    }

    fn go_on(&self) -> Result<(), Stumble> {
        if self.progress.stopped() { Err(Stumble::Stopped) } else { Ok(()) }
    }
}

fn stumble(error: Error, progress: &Progress, statement: Option<u32>) -> Stumble {
    Stumble::Client { error, phase: progress.phase(), statement }
}
