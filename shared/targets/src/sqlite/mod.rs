//! SQLite: a file below the configured root, in a thread of its own.

mod catalogue;
mod definition;
mod execute;
mod failure;
mod guard;
mod open;
mod path;
mod stop;
mod value;
mod verb;

use crate::run::{Environment, Output};
use crate::spec::SqliteSpec;
use crate::test::{Problem, TestError, Tested};
use crate::{RunError, RunOptions, Summary};
pub(crate) use catalogue::catalogue;
use guard::Guard;
use std::sync::Arc;
use std::time::Duration;
use stop::Stop;
use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// Records between SQLite and the sink.
const RECORDS_UNDER_WAY: usize = 16;
/// How long SQLite has to end after it was told to. It looks at the signal all the time, save while
/// it waits for a lock (5 s) or within a single operation.
const GRACE: Duration = Duration::from_secs(10);

pub(crate) async fn run(
    spec: &SqliteSpec,
    command: &str,
    options: RunOptions,
    environment: &Environment,
    output: &mut Output<'_>,
    cancel: &CancellationToken,
) -> Result<Summary, RunError> {
    let Some(root) = &environment.sqlite_root else {
        return Err(RunError::not_started("SQLite targets are switched off on this executor"));
    };
    let caps = options.caps;
    let path = path::locate(root, &spec.path, &environment.forbidden)?;
    let stop = Arc::new(Stop::new(caps.statement_timeout_ms));
    // If this future is dropped, the thread shall not go on alone.
    let _stop_when_dropped = StopWhenDropped(Arc::clone(&stop));

    let (give, mut take) = mpsc::channel(RECORDS_UNDER_WAY);
    let thread_stop = Arc::clone(&stop);
    let command = command.to_owned();
    let ledger = output.ledger.clone();
    let work = tokio::task::spawn_blocking(move || {
        let guard = Guard::new(options.read_only);
        let connection = open::open(&path, &guard, &thread_stop, options.read_only)?;
        execute::execute(&connection, &guard, &thread_stop, &command, options, &give, &ledger)
    });

    let forward = async {
        while let Some(record) = take.recv().await {
            output.give(record).await;
        }
        work.await
    };
    let give_up = async {
        tokio::select! {
            () = cancel.cancelled() => stop.cancel(),
            () = sleep(caps.statement_timeout()) => {}
        }
        sleep(GRACE).await;
    };
    tokio::select! {
        biased;
        ended = forward => ended.unwrap_or_else(|_| Err(RunError::lost("the thread that ran the command failed"))),
        () = give_up => Err(RunError::lost(
            "SQLite was told to stop and did not; what it still does is rolled back unless it was just committing",
        )),
    }
}

/// Opens the file and reads its schema.
pub(crate) async fn test(spec: &SqliteSpec, environment: &Environment) -> Result<Tested, TestError> {
    let Some(root) = &environment.sqlite_root else {
        return Err(TestError::new(Problem::Settings, "SQLite targets are switched off on this executor"));
    };
    let path = path::locate(root, &spec.path, &environment.forbidden)
        .map_err(|error| TestError::new(Problem::NoSuchDatabase, error.to_string()))?;
    let stop = Arc::new(Stop::new(spec.caps.statement_timeout_ms));
    let opened = tokio::task::spawn_blocking(move || {
        let connection = open::open(&path, &Guard::new(false), &stop, false)?;
        Ok(!connection.is_readonly("main").unwrap_or(false))
    });
    let may_write = opened
        .await
        .unwrap_or_else(|_| Err(RunError::lost("the thread failed")))
        .map_err(|error| TestError::new(Problem::NoSuchDatabase, error.to_string()))?;
    Ok(Tested {
        server: format!("SQLite {}", rusqlite::version()),
        may_write: Some(may_write),
        ..Tested::default()
    })
}

struct StopWhenDropped(Arc<Stop>);

impl Drop for StopWhenDropped {
    fn drop(&mut self) {
        self.0.cancel();
    }
}
