//! `runner`: fetches approved commands of `runner` connections and gives each to a fixed program.
//!
//! - [`programs`]: which programs this machine is willing to start
//! - [`grant`]: the answer to a claim, and whether it may be believed
//! - [`lease`]: the claim's lease, renewed while the program runs
//! - [`program`]: the program, its process group, its end
//! - [`lines`], [`deliver`]: its output, masked before it leaves this machine, in pieces
//! - [`job`]: one command from the claim to the report
//!
//! **Invariant:** what runs is exactly what the digest says that was approved, in a program that this
//! machine's own command line names; and one claim starts at most one program.

mod deliver;
mod grant;
mod job;
mod lease;
mod lines;
mod program;
mod programs;

use std::time::Duration;

use clap::Args;
use serde::Deserialize;
use tokio::sync::watch;

use crate::client::{Call, Client, Failure, back_off};
use crate::error::CliError;
use crate::render::{Line, Tone, Ui};
use crate::signals::Signals;
use programs::{Allowed, Programs};

/// Options of `runner`.
#[derive(Args)]
pub(crate) struct RunnerArgs {
    /// A connection and its program, such as `ops="bash -s"`, or the program as a JSON array of words; no shell
    /// is involved. The program must equal that of the connection; repeatable
    #[arg(long = "program", value_name = "CONNECTION=PROGRAM", required = true, value_parser = programs::parse)]
    programs: Vec<Allowed>,
    /// Time between asking a program to stop and killing it
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = humantime::parse_duration)]
    grace: Duration,
}

/// How often it was asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stop {
    /// Not yet.
    No,
    /// Once: what runs may end, nothing new begins.
    Soon,
    /// Again: what runs is ended.
    Now,
}

/// How long the service holds a call that asks for work.
const WAIT_SECONDS: &str = "20";

/// What there is to do.
#[derive(Debug, Deserialize)]
struct Found {
    work: Option<Work>,
}

/// A request that may be claimed.
#[derive(Debug, Deserialize)]
pub(crate) struct Work {
    /// Its id.
    pub(crate) id: String,
    /// On which connection.
    pub(crate) connection: String,
    /// What was approved.
    pub(crate) digest: String,
}

/// Runs commands, one after the other, until it is asked to stop.
///
/// # Errors
/// [`CliError`] if the service does not want this runner. That it is away is waited for.
pub(crate) async fn runner(client: &Client, token: &str, ui: &Ui, args: RunnerArgs) -> Result<(), CliError> {
    let programs = Programs::new(args.programs)?;
    let mut stop = listen()?;
    let say = |line: Line| ui.note(&[line]);
    say(Line::of(Tone::Good, "runner").text(format!(" for {} at {}", programs.names(), client.url())));
    let mut failed = 0;
    while *stop.borrow_and_update() == Stop::No {
        let found = tokio::select! {
            found = find(client, &programs) => found,
            _ = stop.changed() => break,
        };
        let pause = match found {
            Ok(Some(work)) => {
                failed = 0;
                let job =
                    job::Job { client, token, programs: &programs, grace: args.grace, stop: stop.clone() };
                let told = job.work(&work).await;
                say(Line::new().text(format!("{} on {}: {told}", line(&work.id), line(&work.connection))));
                continue;
            }
            Ok(None) => {
                failed = 0;
                Duration::from_millis(100)
            }
            Err(Failure::Refused(problem)) => return Err(CliError::Refused(problem)),
            Err(Failure::Lost { cause, .. }) => {
                failed += 1;
                say(Line::of(Tone::Warn, "no answer").text(format!(": {cause}")));
                back_off(failed)
            }
            Err(Failure::Busy { problem, retry_after }) => {
                failed += 1;
                say(Line::of(Tone::Warn, "busy").text(format!(": {problem}")));
                retry_after.unwrap_or_else(|| back_off(failed))
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stop.changed() => break,
        }
    }
    say(Line::of(Tone::Good, "runner").text(" stops"));
    Ok(())
}

async fn find(client: &Client, programs: &Programs) -> Result<Option<Work>, Failure> {
    let mut call = Call::get(&["runner", "work"]).with("wait_seconds", WAIT_SECONDS);
    for name in programs.connections() {
        call = call.with("connection", name);
    }
    let answer = client.once(&call).await?;
    match serde_json::from_slice::<Found>(&answer.body) {
        Ok(found) => Ok(found.work),
        Err(error) => {
            let cause = format!("an answer that this client cannot read: {error}");
            Err(Failure::Lost { cause, may_have_arrived: true })
        }
    }
}

/// Listens for the signals that ask to stop, and counts them.
fn listen() -> Result<watch::Receiver<Stop>, CliError> {
    let refused = |error| CliError::Stopped(format!("cannot listen for signals: {error}"));
    let mut signals = Signals::listen().map_err(refused)?;
    let (tell, hear) = watch::channel(Stop::No);
    tokio::spawn(async move {
        for stop in [Stop::Soon, Stop::Now] {
            signals.stop().await;
            if tell.send(stop).is_err() {
                return;
            }
        }
        // The sender lives on: whoever waits for another change waits for ever.
        tell.closed().await;
    });
    Ok(hear)
}

/// Foreign text on a line of ours.
fn line(text: &str) -> String {
    crate::render::safe::line(text)
}
