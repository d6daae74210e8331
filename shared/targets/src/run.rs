//! One run of one command.

use crate::{RunError, RunOptions, Secret, Sink, Summary, TargetSpec};
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

/// Runs the command once.
///
/// The command is the approved text, unchanged. A single statement runs as itself; several run in
/// one transaction, all or nothing; transaction control inside the command is refused. `options` (or
/// [`crate::Caps`] alone) say what it may change; the caps in them limit
/// the time, and the rows and bytes given to `sink`; rows beyond the caps are counted, not kept, and
/// **the statement still runs to its end**, so a write is never half done for its output's sake.
/// What the sink got before an error stays with it, also when the transaction was rolled back.
///
/// Cancelling `cancel` stops the session like the time limit does. If the command ends all the
/// same before the stop arrives, its real outcome is returned. Dropping the future closes the
/// connection (or interrupts SQLite); nobody learns the outcome then.
///
/// # Errors
/// See [`RunError`]: its variants say what is known about effects.
pub async fn run(
    spec: &TargetSpec,
    secret: Option<&Secret>,
    command: &str,
    options: impl Into<RunOptions>,
    environment: &Environment,
    sink: &mut dyn Sink,
    cancel: CancellationToken,
) -> Result<Summary, RunError> {
    let options = options.into();
    check_text(command)?;
    if cancel.is_cancelled() {
        return Err(RunError::not_started("cancelled before the run began"));
    }
    let mut output = Output { sink, error: None };
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
