//! `exec`: submit, wait, run, print.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Map, Value};

use super::input::read_command;
use super::requests::COLUMNS;
use super::values;
use super::{run, warn};
use crate::client::{Call, Client};
use crate::error::{CliError, exit};
use crate::exec::ending::refusal_code;
use crate::exec::follow;
use crate::render::command::command_head;
use crate::render::{Line, Tone, Ui, safe};
use crate::signals::Signals;

/// Arguments of `exec`.
#[derive(Args)]
pub(crate) struct ExecArgs {
    /// Name of the connection
    connection: String,
    /// The command; `-`, or no command when standard input is not a terminal, reads it from standard input
    #[arg(allow_hyphen_values = true)]
    command: Option<String>,
    /// Read the command from this file
    #[arg(short, long, value_name = "FILE", conflicts_with = "command")]
    file: Option<PathBuf>,
    /// Reason for the command, shown to the reviewers
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Print the request's id and exit without waiting; continue with `countersign run ID`
    #[arg(long)]
    no_wait: bool,
    /// Have the service run the command as soon as it is approved, even if this program has ended
    #[arg(long)]
    run_on_approval: bool,
    /// Commit each statement on its own and stop at the first failure (for migrations); without it, all statements
    /// take effect or none
    #[arg(long)]
    statement_by_statement: bool,
    /// Time limit for approval, such as 30m; at most the limit of the connection
    #[arg(long, value_name = "DURATION", value_parser = values::seconds)]
    timeout: Option<u64>,
}

/// Submits a command and follows it to its end. Gives the exit code.
///
/// # Errors
/// [`CliError`] if it could not be submitted, or its output not be shown.
pub(crate) async fn exec(client: &Client, ui: &Ui, args: ExecArgs) -> Result<u8, CliError> {
    let output_format = run::output_format(ui);
    let command = read_command(args.command.as_deref(), args.file.as_deref())?;
    let mut body = Map::new();
    body.insert("connection".to_owned(), args.connection.into());
    body.insert("command".to_owned(), command.into());
    body.insert("run".to_owned(), if args.run_on_approval { "on_approval" } else { "manual" }.into());
    if args.statement_by_statement {
        body.insert("run_mode".to_owned(), "statement_by_statement".into());
    }
    if let Some(reason) = args.reason {
        body.insert("reason".to_owned(), reason.into());
    }
    if let Some(timeout) = args.timeout {
        body.insert("timeout_seconds".to_owned(), timeout.into());
    }
    let mut signals = Signals::listen()
        .map_err(|error| CliError::Usage(format!("cannot listen for signals on this system: {error}")))?;
    let call = Call::create(&["requests"], Value::Object(body));
    let answer = tokio::select! {
        answer = client.send(&call) => answer,
        () = signals.stop() => {
            ui.note(&[
                Line::of(Tone::Warn, "Stopped while submitting; the request may have been made."),
                Line::of(Tone::Faint, "  look with ").text("countersign requests list --mine"),
            ]);
            return Ok(exit::INTERRUPTED);
        }
    };
    let answer = match answer {
        Ok(answer) => answer,
        Err(CliError::Refused(problem)) => {
            let code = refusal_code(&problem);
            ui.note(&refusal(&problem, code));
            return Ok(code);
        }
        Err(error) => return Err(error),
    };
    let value = client.parse(&answer)?;
    let request = follow::read(client, &value)?;
    if ui.err.is_terminal && !args.no_wait {
        let command = request.whole_command().unwrap_or_default();
        let mut lines = vec![Line::new()];
        lines.extend(command_head(&command, Some(ui.err_columns()), 8));
        ui.note(&lines);
    }
    warn(ui, &value);
    if args.no_wait {
        let id = Line::new().text(safe::line(&request.id));
        ui.one(COLUMNS, &value, |_| vec![id])?;
        return Ok(exit::OK);
    }
    Ok(follow::follow(client, ui, request, answer.clock, output_format, &mut signals).await)
}

fn refusal(problem: &crate::client::Problem, code: u8) -> Vec<Line> {
    let mut lines = Vec::new();
    if code == exit::BLOCKED {
        let rule = problem.rule().unwrap_or_else(|| problem.detail());
        lines.push(Line::of(Tone::Bad, "✘ Blocked by a guardrail: ").text(rule));
        lines.push(Line::new().text("  The command was not run and nobody was asked."));
        lines.extend(problem.request_id.as_deref().map(|id| {
            Line::of(Tone::Faint, "  The attempt is on record: countersign requests show ")
                .text(safe::line(id))
        }));
    } else {
        let text = problem.to_string();
        let mut parts = text.lines();
        let first = parts.next().unwrap_or_default().to_owned();
        lines.push(Line::of(Tone::Bad, "error").text(format!(": {first}")));
        lines.extend(parts.map(|line| Line::new().text(line.to_owned())));
    }
    lines.extend(problem.warnings().map(|warning| super::warning_line(&warning)));
    lines
}
