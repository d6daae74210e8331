//! One run of one command.

use crate::ledger::Ledger;
use crate::{RunError, RunOptions, Secret, Sink, Summary, TargetSpec, Transaction};
use crate::{http, mysql, postgres, sqlite};
use std::path::PathBuf;
use tokio_util::sync::CancellationToken;

/// The longest command that runs, in bytes (the limit of the contract).
pub const MAX_COMMAND_BYTES: usize = 100 * 1024;

/// What the executor's machine offers to targets.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// The folder below which SQLite targets are; `None` switches them off (in a function).
    pub sqlite_root: Option<PathBuf>,
    /// Files that are never a target: the product's own store.
    pub forbidden: Vec<PathBuf>,
    /// Whether `http` targets may be on this machine, in plain text too. **Off in a function**, where
    /// the runtime's own API listens there.
    pub loopback_http: bool,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// Whether it succeeded.
    pub result: Result<Summary, RunError>,
    /// What became of each statement; `None` if none began, and for targets that have no statements.
    pub transaction: Option<Transaction>,
}

impl Ran {
    /// The error with its place in the command: `statement 3 of 3, line 7: …`.
    #[must_use]
    pub fn error_text(&self) -> Option<String> {
        let error = self.result.as_ref().err()?;
        let text = match error {
            RunError::Failed { message, code: Some(code), .. } => format!("{message} ({code})"),
            other => other.to_string(),
        };
        let several = self.transaction.as_ref().filter(|transaction| transaction.total > 1);
        Some(match several.and_then(|transaction| Some((transaction.total, transaction.failed()?))) {
            Some((total, failed)) => {
                format!("statement {} of {total}, line {}: {text}", failed.n, failed.line)
            }
            None => text,
        })
    }
}

/// Runs the command once.
///
/// The command is the approved text, unchanged. A single statement runs as itself; several run in
/// one transaction, all or nothing, unless [`RunOptions::mode`] has each of them commit on its own; transaction
/// control inside the command is refused. `options` (or
/// [`crate::Caps`] alone) say what it may change; the caps in them limit
/// the time, and the rows and bytes given to `sink`; rows beyond the caps are counted, not kept, and
/// **the statement still runs to its end**, so a write is never half done for its output's sake.
/// What the sink got before an error stays with it, also when the transaction was rolled back:
/// [`Ran::transaction`] says what became of the statements.
///
/// Cancelling `cancel` stops the session like the time limit does. If the command ends all the
/// same before the stop arrives, its real outcome is returned. Dropping the future closes the
/// connection (or interrupts SQLite); nobody learns the outcome then.
///
/// [`Ran::result`] has a [`RunError`] if it did not succeed: its variants say what is known about effects.
pub async fn run(
    spec: &TargetSpec,
    secret: Option<&Secret>,
    command: &str,
    options: impl Into<RunOptions>,
    environment: &Environment,
    sink: &mut dyn Sink,
    cancel: CancellationToken,
) -> Ran {
    let ledger = Ledger::default();
    let output = Output { sink, error: None, ledger: ledger.clone() };
    let result = started(spec, secret, command, options.into(), environment, output, cancel).await;
    let transaction = ledger.close(&result);
    Ran { result, transaction }
}

async fn started(
    spec: &TargetSpec,
    secret: Option<&Secret>,
    command: &str,
    options: RunOptions,
    environment: &Environment,
    mut output: Output<'_>,
    cancel: CancellationToken,
) -> Result<Summary, RunError> {
    options.check()?;
    check_text(command)?;
    if cancel.is_cancelled() {
        return Err(RunError::not_started("cancelled before the run began"));
    }
    let mut summary = match spec {
        TargetSpec::Sqlite(spec) => {
            sqlite::run(spec, command, options, environment, &mut output, &cancel).await?
        }
        TargetSpec::Postgres(spec) => {
            postgres::run(spec, needed(secret)?, command, options, &mut output, &cancel).await?
        }
        TargetSpec::Mysql(spec) => {
            mysql::run(spec, needed(secret)?, command, options, &mut output, &cancel).await?
        }
        TargetSpec::Http(spec) => {
            http::run(spec, secret, command, options, environment, &mut output, &cancel).await?
        }
        TargetSpec::Runner(_) => return Err(RunError::not_started(crate::runner::ELSEWHERE)),
    };
    summary.output_error = output.error;
    Ok(summary)
}

/// The URL of a database server.
pub(crate) fn needed(secret: Option<&Secret>) -> Result<&Secret, RunError> {
    secret.ok_or_else(|| {
        RunError::not_started(
            "the connection has no secret; set it to a reference to the database's URL, for example `env:PROD_DB_URL`",
        )
    })
}

pub(crate) fn check_text(command: &str) -> Result<(), RunError> {
    if command.len() > MAX_COMMAND_BYTES {
        return Err(RunError::not_started(format!(
            "the command has {} bytes, at most {MAX_COMMAND_BYTES} can run",
            command.len()
        )));
    }
    // Some databases would stop reading there, and run less than what was approved.
    if command.contains('\0') {
        return Err(RunError::not_started("the command contains a NUL character"));
    }
    Ok(())
}

/// The sink, until it fails for the first time.
pub(crate) struct Output<'a> {
    sink: &'a mut dyn Sink,
    error: Option<String>,
    /// What each statement did.
    pub(crate) ledger: Ledger,
}

impl Output<'_> {
    pub(crate) async fn give(&mut self, record: crate::Record) {
        if self.error.is_none()
            && let Err(error) = self.sink.record(record).await
        {
            self.error = Some(error.to_string());
        }
    }
}
