//! PostgreSQL.
//!
//! Text results come by the simple query protocol, row by row. Before each statement the server is
//! asked to parse exactly that text as a prepared statement: **it refuses a text of two statements**,
//! so that a mistake in the splitting here cannot smuggle one in, and it tells the types of the
//! columns, which the client library hides in simple queries.
//!
//! A session is used for one run and then closed, so that no state of a command meets another one. Behind a connection
//! pooler that is not so: see [`pooled`].

mod address;
mod catalogue;
mod execute;
mod failure;
mod key;
mod notices;
mod plan;
mod pooled;
mod probe;
mod session;
mod source;
mod tags;
mod tls;

use crate::error::RunError;
use crate::progress::{Progress, Stop};
use crate::run::Output;
use crate::spec::PostgresSpec;
use crate::{RunOptions, Secret, Summary};
use failure::Stumble;
use session::Session;
use std::pin::pin;
use std::time::Duration;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

pub(crate) use catalogue::catalogue;
pub(crate) use probe::{estimate, test};

/// How long a session that was told to stop has for it, before its connection is dropped.
const GRACE: Duration = Duration::from_secs(5);

pub(crate) async fn run(
    spec: &PostgresSpec,
    secret: &Secret,
    command: &str,
    options: RunOptions,
    output: &mut Output<'_>,
    cancel: &CancellationToken,
) -> Result<Summary, RunError> {
    let caps = options.caps;
    let plan = plan::make(command).await?;
    if options.max_affected_rows.is_some() {
        plan.check_bound()?;
    }
    let address = address::parse(secret, spec)?;
    let session = tokio::select! {
        opened = Session::open(&address, caps) => opened?,
        () = cancel.cancelled() => return Err(RunError::not_started("cancelled while connecting")),
    };

    let statements = plan.statements().iter();
    output.ledger.plan(statements.map(|statement| (statement.line, tags::words(&statement.kind))));
    let progress = Progress::default();
    let mut work = pin!(execute::execute(&session, &address.scrub, &plan, options, output, &progress));
    let stop = tokio::select! {
        biased;
        result = &mut work => return result.map_err(|stumble| failure::explain(stumble, &address.scrub, None)),
        () = cancel.cancelled() => Stop::Cancelled,
        () = sleep(caps.statement_timeout()) => Stop::TimedOut { limit_ms: caps.statement_timeout_ms },
    };

    progress.stop();
    let result = tokio::select! {
        biased;
        result = &mut work => Some(result),
        () = session.cancel_until_dropped() => None,
        () = sleep(GRACE) => None,
    };
    match result {
        // It came to its end before the stop arrived: the truth is what happened.
        Some(result) => result.map_err(|stumble| failure::explain(stumble, &address.scrub, Some(stop))),
        // The session does not answer; returning drops its connection.
        None => Err(failure::explain(Stumble::Silent(progress.phase()), &address.scrub, Some(stop))),
    }
}
