//! `run`, `output` and `events`: what comes after a request was made.

use clap::Args;
use serde_json::Value;

use crate::client::{Call, Client, all_pages};
use crate::error::CliError;
use crate::exec::follow;
use crate::exec::output::{self as copying, OutputFormat};
use crate::render::columns::text;
use crate::render::{Column, Format, Line, Tone, Ui, moment, safe};
use crate::signals::Signals;

/// Arguments of `run`.
#[derive(Args)]
pub(crate) struct RunArgs {
    /// Id of the request
    id: String,
}

/// Arguments of `output`.
#[derive(Args)]
pub(crate) struct OutputArgs {
    /// Id of the request
    id: String,
}

/// Arguments of `events`.
#[derive(Args)]
pub(crate) struct EventsArgs {
    /// Id of the request
    id: String,
}

/// How a command's output is printed.
pub(crate) fn output_format(ui: &Ui) -> OutputFormat {
    match ui.format {
        Format::Table => OutputFormat::Text,
        Format::Json => OutputFormat::Json,
        Format::Jsonl => OutputFormat::JsonLines,
        Format::Csv => OutputFormat::Csv,
    }
}

/// Follows a request that exists. Gives the exit code of `exec`.
///
/// # Errors
/// [`CliError`] if it cannot be had.
pub(crate) async fn run(client: &Client, ui: &Ui, args: &RunArgs) -> Result<u8, CliError> {
    let format = output_format(ui);
    let mut signals = Signals::listen()
        .map_err(|error| CliError::Usage(format!("cannot listen for signals on this system: {error}")))?;
    let call = Call::get(&["requests", &args.id]);
    let answer = tokio::select! {
        answer = client.send(&call) => answer?,
        () = signals.stop() => return Ok(crate::error::exit::INTERRUPTED),
    };
    let request = follow::read(client, &client.parse(&answer)?)?;
    Ok(follow::follow(client, ui, request, answer.clock, format, &mut signals).await)
}

/// Prints the output of a request.
///
/// # Errors
/// [`CliError`].
pub(crate) async fn output(client: &Client, ui: &Ui, args: &OutputArgs) -> Result<(), CliError> {
    let answer = client.send(&Call::get(&["requests", &args.id])).await?;
    let request = follow::read(client, &client.parse(&answer)?)?;
    copying::copy_with_notices(client, ui, &request, output_format(ui)).await
}

const EVENTS: &[Column] = &[
    Column::shown("seq", "#"),
    Column::shown("at", "AT").drawn(|event| Line::of(Tone::Faint, moment::stamp(text(event, "at")))),
    Column::shown("type", "EVENT"),
    Column::shown("actor", "WHO").drawn(|event| Line::new().text(actor(event))),
    Column::shown("via", "VIA"),
    Column::cut("data", "WHAT").drawn(|event| Line::new().text(summary(event))),
    Column::data("prev_hash"),
    Column::data("hash"),
];

fn actor(event: &Value) -> String {
    let Some(actor) = event.get("actor") else { return String::new() };
    let name = ["email", "id", "system"].iter().find_map(|name| actor.get(name)?.as_str());
    safe::line(name.or(actor.as_str()).unwrap_or_default())
}

/// What a person wants to know of an event's data.
fn summary(event: &Value) -> String {
    let Some(data) = event.get("data").and_then(Value::as_object) else { return String::new() };
    let members = [
        "decision",
        "cause",
        "reason",
        "comment",
        "connection",
        "run_by",
        "rows",
        "exit_code",
        "settled_note",
    ];
    let facts: Vec<String> = members
        .iter()
        .filter_map(|name| {
            let value = data.get(*name).filter(|value| !value.is_null())?;
            Some(match value {
                Value::String(text) if *name == "decision" => safe::line(text),
                Value::String(text) => format!("{name}: {}", safe::line(text)),
                other => format!("{name}: {other}"),
            })
        })
        .collect();
    facts.join(", ")
}

/// Prints the audit trail of a request.
///
/// # Errors
/// [`CliError`].
pub(crate) async fn events(client: &Client, ui: &Ui, args: &EventsArgs) -> Result<(), CliError> {
    let items = all_pages(client, &Call::get(&["requests", &args.id, "events"])).await?;
    ui.list(EVENTS, &items)
}
