//! `requests`: list, show, watch.

use std::io::IsTerminal;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::hint_more;
use super::values::{self, instant};
use super::watch::{WatchArgs, watch};
use crate::client::{Call, Client, Request, Status, pages};
use crate::error::CliError;
use crate::exec::follow;
use crate::help::examples;
use crate::render::card::{self, Headline};
use crate::render::columns::text;
use crate::render::command::command_lines;
use crate::render::{Column, Line, Tone, Ui, moment, safe, statements};

/// Subcommands of `requests`.
#[derive(Subcommand)]
pub(crate) enum RequestsCommand {
    /// List requests, newest first
    #[command(after_help = examples![
        "countersign requests list --waiting-for-me",
        "countersign requests list --status pending,approved --connection prod-db",
        "countersign requests list --mine --from 24h -o csv",
    ])]
    List(ListArgs),
    /// Show a request with its whole command
    #[command(after_help = examples![
        "countersign requests show req_01K8ZV6T1M3Q4R5S6T7V8W9X0Y",
        "countersign requests show req_01K8ZV6T1M3Q4R5S6T7V8W9X0Y -o json",
    ])]
    Show {
        /// Id of the request
        id: String,
    },
    /// Print a line for every change, until interrupted
    #[command(after_help = examples![
        "countersign requests watch --waiting-for-me",
        "countersign requests watch --connection prod-db --interval 10s -o jsonl",
    ])]
    Watch(WatchArgs),
}

/// Filters of requests.
#[derive(Args, Clone)]
pub(crate) struct Filter {
    /// Only this status, in upper or lower case; repeatable
    #[arg(long, value_name = "STATUS", value_delimiter = ',')]
    pub(crate) status: Vec<String>,
    /// Only this connection
    #[arg(long, value_name = "NAME")]
    pub(crate) connection: Option<String>,
    /// Only this requester, by user id
    #[arg(long, value_name = "ID", conflicts_with = "mine")]
    requester: Option<String>,
    /// Only requests that this group reviews
    #[arg(long, value_name = "GROUP", conflicts_with = "waiting_for_me")]
    group: Option<String>,
    /// Only your own requests
    #[arg(long)]
    mine: bool,
    /// Only requests that wait for your vote
    #[arg(long, conflicts_with = "mine")]
    waiting_for_me: bool,
    /// Only requests that contain this text
    #[arg(long, short = 'q', value_name = "TEXT")]
    search: Option<String>,
}

impl Filter {
    /// Whether it lets through certain states only.
    pub(crate) fn names_status(&self) -> bool {
        self.waiting_for_me || !self.status.is_empty()
    }
}

/// Arguments of `requests list`.
#[derive(Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    filter: Filter,
    /// Created at or after this time: RFC 3339, or an age such as 2h
    #[arg(long, value_name = "TIME", value_parser = instant)]
    from: Option<String>,
    /// Created at or before this time: RFC 3339, or an age such as 2h
    #[arg(long, value_name = "TIME", value_parser = instant)]
    to: Option<String>,
    /// Maximum number of requests
    #[arg(long, default_value_t = 50, conflicts_with = "all", value_parser = values::count)]
    limit: usize,
    /// List all requests
    #[arg(long)]
    all: bool,
}

/// The columns of a list of requests.
pub(crate) const COLUMNS: &[Column] = &[
    Column::shown("id", "ID"),
    Column::shown("code", "CODE").drawn(|item| Line::of(Tone::Code, safe::line(text(item, "code")))),
    Column::shown("status", "STATUS").drawn(|item| status_cell(text(item, "status"))),
    Column::cut("connection", "CONNECTION"),
    Column::data("kind"),
    Column::cut("requester.email", "REQUESTER").spared(1),
    Column::data("requester.id"),
    Column::shown("created_at", "CREATED")
        .drawn(|item| {
            Line::of(Tone::Faint, moment::ago(text(item, "created_at"), time::OffsetDateTime::now_utc()))
        })
        .spared(2),
    Column::data("expires_at"),
    Column::data("decided_at"),
    Column::data("run_by"),
    Column::cut("command", "COMMAND").drawn(command_cell),
    Column::data("reason"),
    Column::data("digest"),
];

fn command_cell(item: &Value) -> Line {
    let display =
        item.get("command_display").and_then(Value::as_str).unwrap_or_else(|| text(item, "command"));
    // A list is an overview: line breaks and runs of spaces would only push the rest away.
    let one_line = display.split_whitespace().collect::<Vec<_>>().join(" ");
    Line::new().text(safe::line(&one_line))
}

/// A status in its colour.
pub(crate) fn status_cell(name: &str) -> Line {
    let tone = match Status::from(name.to_owned()) {
        Status::Pending => Tone::Warn,
        Status::Approved | Status::Running | Status::Succeeded => Tone::Good,
        Status::Failed | Status::Rejected | Status::Blocked | Status::Unknown => Tone::Bad,
        Status::Expired | Status::Cancelled => Tone::Faint,
        Status::Other(_) => Tone::Plain,
    };
    Line::of(tone, safe::line(name))
}

/// Runs a command on requests.
///
/// # Errors
/// [`CliError`].
pub(crate) async fn requests(client: &Client, ui: &Ui, command: RequestsCommand) -> Result<(), CliError> {
    match command {
        RequestsCommand::List(args) => list(client, ui, &args).await,
        RequestsCommand::Show { id } => show(client, ui, &id).await,
        RequestsCommand::Watch(args) => watch(client, ui, &args).await,
    }
}

/// The call that lists what a filter lets through.
///
/// # Errors
/// [`CliError`] if the service cannot say who `--mine` is.
pub(crate) async fn list_call(client: &Client, filter: &Filter) -> Result<Call, CliError> {
    let mut call = Call::get(&["requests"]);
    for status in &filter.status {
        call = call.with("status", status.trim().to_ascii_uppercase());
    }
    let requester = if filter.mine {
        let me = client.json(&Call::get(&["me"])).await?;
        Some(
            me.get("id")
                .and_then(Value::as_str)
                .map(str::to_owned)
                .ok_or_else(|| client.odd("a user without an id"))?,
        )
    } else {
        filter.requester.clone()
    };
    let mut group = filter.group.clone();
    if filter.waiting_for_me {
        group = Some("mine".to_owned());
        if filter.status.is_empty() {
            call = call.with("status", "PENDING");
        }
    }
    Ok(call
        .with_some("connection", filter.connection.clone())
        .with_some("requester", requester)
        .with_some("group", group)
        .with_some("q", filter.search.clone()))
}

async fn list(client: &Client, ui: &Ui, args: &ListArgs) -> Result<(), CliError> {
    let call = list_call(client, &args.filter).await?;
    let call = call.with_some("from", args.from.clone()).with_some("to", args.to.clone());
    let limit = if args.all { usize::MAX } else { args.limit };
    let (items, more) = pages(client, &call, limit).await?;
    if items.is_empty() && ui.format == crate::render::Format::Table && std::io::stderr().is_terminal() {
        ui.note(&[Line::of(Tone::Faint, "no such requests")]);
        return Ok(());
    }
    ui.list(COLUMNS, &items)?;
    hint_more(ui, more, items.len());
    Ok(())
}

async fn show(client: &Client, ui: &Ui, id: &str) -> Result<(), CliError> {
    let value = client.json(&Call::get(&["requests", id])).await?;
    show_one(client, ui, &value)
}

/// Shows a request that was read.
///
/// # Errors
/// [`CliError`] if it is none, or cannot be written.
pub(crate) fn show_one(client: &Client, ui: &Ui, value: &Value) -> Result<(), CliError> {
    let request = follow::read(client, value)?;
    ui.one(COLUMNS, value, |columns| full(&request, columns))
}

/// Everything about a request that a person wants to see, the command whole.
pub(crate) fn full(request: &Request, columns: Option<usize>) -> Vec<Line> {
    let width = columns.unwrap_or(usize::MAX);
    let mut lines = vec![Line::new()];
    lines.extend(card::head(request, &Headline::of(request), columns.unwrap_or(120)));
    lines.push(Line::new());
    match request.whole_command() {
        Some(command) => lines.extend(command_lines(&command, columns)),
        None => {
            lines.push(Line::of(Tone::Bad, "  the command is not all here; see it on the request's page"))
        }
    }
    lines.push(Line::new());
    let groups = card::groups(request, columns.unwrap_or(120));
    if !groups.is_empty() {
        lines.extend(groups);
        lines.push(Line::new());
    }
    let label =
        |name: &str, line: Line| Line::of(Tone::Faint, format!("  {name:<10}")).join(line).wrap(width, 12);
    lines.extend(label("Requester", Line::new().text(request.requester.name())));
    if let Some(reason) = request.reason.as_deref().filter(|reason| !reason.is_empty()) {
        lines.extend(label("Reason", Line::new().text(safe::line(reason))));
    }
    if let Some(risk) = risk(request) {
        lines.extend(label("Risk", risk));
    }
    if let Some(mode) = statements::mode(request) {
        lines.extend(label("Runs", mode));
    }
    if let Some(exact) = &request.exact_rows {
        let at = format!(" at {} UTC, counted for reviewers only", moment::stamp(&exact.at));
        let table = safe::line(&exact.table);
        lines.extend(label("Rows", Line::new().text(format!("{} of {table}{at}", exact.rows))));
    }
    lines.extend(label("Created", Line::new().text(format!("{} UTC", moment::stamp(&request.created_at)))));
    lines.extend(label("Digest", Line::new().text(safe::line(&request.digest))));
    lines.extend(label("Request", Line::new().text(safe::line(&request.id))));
    if let Some(page) = &request.page {
        lines.extend(label("Page", Line::new().text(safe::line(page))));
    }
    if let Some(error) = request.execution.as_ref().and_then(|execution| execution.error.as_deref()) {
        lines.push(Line::new());
        for line in safe::text(error).lines() {
            lines.extend(Line::of(Tone::Bad, "  ").add(Tone::Bad, line.to_owned()).wrap(width, 4));
        }
    }
    let result = statements::lines(request);
    if !result.is_empty() {
        lines.push(Line::new());
        lines.extend(result.into_iter().flat_map(|line| line.wrap(width, 6)));
    }
    lines.push(Line::new());
    lines
}

fn risk(request: &Request) -> Option<Line> {
    let risk = request.risk.as_ref()?;
    let level = safe::line(risk.level.as_deref()?);
    let tone = match level.as_str() {
        "low" => Tone::Good,
        "medium" => Tone::Warn,
        "high" | "critical" => Tone::Bad,
        _ => Tone::Plain,
    };
    let join = |items: &[String]| items.iter().map(|item| safe::line(item)).collect::<Vec<_>>().join(", ");
    let mut line = Line::of(tone, level);
    if !risk.statements.is_empty() {
        line = line.text(format!(": {}", join(&risk.statements)));
    }
    if !risk.tables.is_empty() {
        line = line.text(format!(" on {}", join(&risk.tables)));
    }
    if let Some(estimate) = &risk.estimate {
        line = line.text(format!("; {} by the target's guess", safe::line(estimate)));
    }
    if !risk.notes.is_empty() {
        line = line.text(format!("; {}", join(&risk.notes)));
    }
    Some(line)
}
