//! MySQL and MariaDB.
//!
//! Text results come by the text protocol, row by row. Before each statement the server is asked to
//! parse exactly that text as a prepared statement: **it refuses a text of two statements**, so that a
//! mistake in the splitting here cannot smuggle one in. What it does not prepare (MySQL: stored programs) must be one
//! statement by its text.
//!
//! A session is used for one run and then closed, so that no state of a command meets another one.

mod address;
mod catalogue;
mod execute;
mod failure;
mod plan;
mod probe;
mod session;
mod value;

use crate::error::RunError;
use crate::progress::{Progress, Stop};
use crate::run::Output;
use crate::spec::MysqlSpec;
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
    spec: &MysqlSpec,
    secret: &Secret,
    command: &str,
    options: RunOptions,
    output: &mut Output<'_>,
    cancel: &CancellationToken,
) -> Result<Summary, RunError> {
    let caps = options.caps;
    let plan = plan::make(command, options).await?;
    output.ledger.plan(plan.statements.iter().map(|statement| (statement.line, statement.verb.clone())));
    let address = address::parse(secret, spec)?;
    let mut session = tokio::select! {
        opened = Session::open(&address, caps) => opened?,
        () = cancel.cancelled() => return Err(RunError::not_started("cancelled while connecting")),
    };
    let Some((conn, canceller)) = session.split() else {
        return Err(RunError::not_started("the session ended before the command was sent"));
    };

    let progress = Progress::default();
    let ended = {
        let mut work = pin!(execute::execute(conn, &address.scrub, &plan, options, output, &progress));
        let stop = tokio::select! {
            biased;
            result = &mut work => Ended::By(result),
            () = cancel.cancelled() => Ended::Stop(Stop::Cancelled),
            () = sleep(caps.statement_timeout()) => Ended::Stop(Stop::TimedOut { limit_ms: caps.statement_timeout_ms }),
        };
        match stop {
            Ended::By(result) => (Some(result), None),
            Ended::Stop(stop) => {
                progress.stop();
                let result = tokio::select! {
                    biased;
                    result = &mut work => Some(result),
                    () = canceller.cancel_until_dropped() => None,
                    () = sleep(GRACE) => None,
                };
                (result, Some(stop))
            }
        }
    };
    match ended {
        // If a stop came too late, the truth is what happened.
        (Some(result), stop) => {
            session.close().await;
            result.map_err(|stumble| failure::explain(stumble, &address.scrub, stop))
        }
        // The session does not answer; dropping it closes its connection.
        (None, stop) => Err(failure::explain(Stumble::Silent(progress.phase()), &address.scrub, stop)),
    }
}

/// How the wait for the work ended.
enum Ended {
    By(Result<Summary, Stumble>),
    Stop(Stop),
}
