//! The statements of a command, in SQLite's own thread.

use super::guard::Guard;
use super::stop::Stop;
use super::{failure, value, verb};
use crate::ledger::Ledger;
use crate::options::{Bound, cannot_be_bounded};
use crate::output::Meter;
use crate::{Column, ColumnSource, Record, RunError, RunOptions, Summary};
use countersign_guardrails::Dialect;
use countersign_guardrails::text::{Piece, Position, split};
use rusqlite::{Connection, Error, Statement};
use std::sync::Arc;
use tokio::sync::mpsc::Sender;

pub(super) struct Run<'a> {
    pub(super) connection: &'a Connection,
    pub(super) guard: &'a Guard,
    pub(super) stop: &'a Arc<Stop>,
    /// Bounded: while the sink is slow, SQLite waits.
    pub(super) records: &'a Sender<Record>,
    pub(super) meter: Meter,
    bound: Bound,
    ledger: &'a Ledger,
}

pub(super) fn execute(
    connection: &Connection,
    guard: &Guard,
    stop: &Arc<Stop>,
    command: &str,
    options: RunOptions,
    records: &Sender<Record>,
    ledger: &Ledger,
) -> Result<Summary, RunError> {
    let (meter, bound) = (Meter::new(options.caps), Bound::new(options));
    let mut run = Run { connection, guard, stop, records, meter, bound, ledger };
    let pieces = split(command, Dialect::Sqlite)
        .map_err(|error| RunError::not_started(format!("the command {error}")))?;
    let Some(first) = pieces.first() else {
        return Err(RunError::not_started("the command has no statement"));
    };
    ledger.plan(pieces.iter().map(|piece| {
        let first = piece.tokens.first().map_or(piece.start, |token| token.start);
        (u32::try_from(Position::of(command, first).line).unwrap_or(u32::MAX), verb::of(piece))
    }));
    run.compiles(first)?;
    let result = if options.by_statement() || (pieces.len() == 1 && !options.wraps()) {
        run.all(&pieces, true)
    } else {
        run.transaction(&pieces)
    };
    match result {
        Ok(()) => Ok(run.meter.finish()),
        Err(error) => {
            if let Some(mark) = run.meter.broken() {
                run.give(mark);
            }
            Err(error)
        }
    }
}

impl Run<'_> {
    /// Compiles the first statement; executes nothing.
    fn compiles(&self, first: &Piece<'_>) -> Result<(), RunError> {
        self.guard.begin();
        let Err(error) = self.connection.prepare(first.text) else { return Ok(()) };
        match self.failed(&error, 1) {
            // Nothing has run, and the refusal is ours: it is no failure of the database.
            RunError::Failed { message, code: Some(code), .. } if code == "SQLITE_AUTH" => {
                Err(RunError::not_started(format!("statement 1: {message}")))
            }
            other => Err(other),
        }
    }

    fn transaction(&mut self, pieces: &[Piece<'_>]) -> Result<(), RunError> {
        // A lock that cannot be had is found before the first statement. A database that can only
        // be read has no such lock to give.
        let begin = match self.connection.is_readonly("main") {
            _ if self.guard.is_read_only() => "BEGIN",
            Ok(true) => "BEGIN",
            Ok(false) | Err(_) => "BEGIN IMMEDIATE",
        };
        self.ours(begin).map_err(|error| {
            RunError::not_started(format!("the transaction could not begin: {}", failure::text(&error)))
        })?;
        let done = self.all(pieces, false).and_then(|()| self.commit());
        // Some errors have rolled back already.
        if done.is_err() && !self.connection.is_autocommit() {
            self.ours("ROLLBACK").map_err(|error| {
                RunError::lost(format!(
                    "the rollback failed: {}; the next opening of the file rolls back",
                    failure::text(&error)
                ))
            })?;
        }
        done
    }

    fn commit(&self) -> Result<(), RunError> {
        if self.stop.asked()
            && let Some(stopped) = self.stop.error()
        {
            return Err(stopped);
        }
        self.ours("COMMIT").map_err(|error| failure::explain(&error, self.guard, self.stop, None))
    }

    fn ours(&self, sql: &str) -> Result<(), Error> {
        self.guard.begin();
        self.guard.ours(|| self.connection.execute_batch(sql))
    }

    /// SQLite refuses a text that it reads as more than one statement. Outside of a transaction `each` commits on its
    /// own.
    fn all(&mut self, pieces: &[Piece<'_>], each: bool) -> Result<(), RunError> {
        let connection = self.connection;
        for (number, piece) in (1..).zip(pieces) {
            if self.stop.asked()
                && let Some(stopped) = self.stop.error()
            {
                return Err(stopped);
            }
            self.ledger.begin(number);
            self.guard.begin();
            let mut statement =
                connection.prepare(piece.text).map_err(|error| self.failed(&error, number))?;
            self.statement(&mut statement, piece, number)?;
            // A statement commits when it is reset.
            drop(statement);
            if each {
                self.ledger.commit();
            }
        }
        Ok(())
    }

    fn failed(&self, error: &Error, number: u32) -> RunError {
        failure::explain(error, self.guard, self.stop, Some(number))
    }

    fn statement(
        &mut self,
        statement: &mut Statement<'_>,
        piece: &Piece<'_>,
        number: u32,
    ) -> Result<(), RunError> {
        if statement.parameter_count() > 0 {
            return Err(RunError::Failed {
                message: "the statement has parameters (`?`, `:name`), which nobody can fill in here; write the values".to_owned(),
                code: None,
                statement: Some(number),
            });
        }
        let verb = match verb::of(piece) {
            with if with == "WITH" => self.guard.writes().unwrap_or("SELECT").to_owned(),
            verb => verb,
        };
        let counted = matches!(verb.as_str(), "SELECT" | "INSERT" | "UPDATE" | "DELETE" | "EXPLAIN");
        if self.bound.is_set() && !counted {
            return Err(RunError::Failed {
                message: cannot_be_bounded(number),
                code: None,
                statement: Some(number),
            });
        }
        if statement.column_count() > 0 {
            self.columns(statement);
        }
        let guard = self.guard.clone();
        let stepped = if verb == "VACUUM" && !guard.is_read_only() {
            guard.vacuum(|| self.rows(statement))
        } else {
            self.rows(statement)
        };
        stepped.map_err(|error| self.failed(&error, number))?;

        let changed = matches!(verb.as_str(), "INSERT" | "UPDATE" | "DELETE");
        let (tag, rows) = if changed {
            let rows = self.connection.changes();
            self.ledger.ran(Some(rows));
            self.bound.add(rows)?;
            (format!("{verb} {rows}"), Some(rows))
        } else {
            match self.meter.returned() {
                Some(rows) if verb == "SELECT" => (format!("SELECT {rows}"), Some(rows)),
                returned => (verb, returned),
            }
        };
        if !changed {
            self.ledger.ran(rows);
        }
        for record in self.meter.done(tag, rows) {
            self.give(record);
        }
        Ok(())
    }

    fn columns(&mut self, statement: &Statement<'_>) {
        let origins = statement.columns_with_metadata();
        let columns = statement.columns().into_iter().zip(&origins).map(|(column, origin)| Column {
            name: column.name().to_owned(),
            type_name: column.decl_type().unwrap_or_default().to_owned(),
            source: origin
                .table_name()
                .zip(origin.origin_name())
                .map(|(table, column)| ColumnSource { table: table.to_owned(), column: column.to_owned() }),
        });
        if let Some(record) = self.meter.columns(columns.collect()) {
            self.give(record);
        }
    }

    fn rows(&mut self, statement: &mut Statement<'_>) -> Result<(), Error> {
        let count = statement.column_count();
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next()? {
            let record =
                self.meter.row(|| (0..count).map(|index| value::text(row.get_ref(index).ok())).collect());
            if let Some(record) = record {
                self.give(record);
            }
        }
        Ok(())
    }

    fn give(&self, record: Record) {
        // Nobody listens any more: the run was dropped, and the stop signal ends it.
        let _ = self.records.blocking_send(record);
    }
}
