//! `exec`: submit, wait, run, print.

use clap::Args;
use serde_json::Value;

use super::input::CommandArgs;
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
    #[command(flatten)]
    command: CommandArgs,
    /// Print the request's id and exit without waiting; continue with `countersign run ID`
    #[arg(long)]
    no_wait: bool,
    /// Have the service run the command as soon as it is approved, even if this program has ended
    #[arg(long)]
    run_on_approval: bool,
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
    let (connection, mut body) = args.command.read()?;
    body.insert("connection".to_owned(), connection.into());
    body.insert("run".to_owned(), if args.run_on_approval { "on_approval" } else { "manual" }.into());
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
