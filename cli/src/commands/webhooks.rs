//! `webhooks`: make, change, list, test, and what was delivered.

use clap::{Args, Subcommand};
use serde_json::{Map, Value};

use super::values::{Switch, list};
use super::{changed, current, done, prompt, warn};
use crate::client::{Again, Call, Client, every_item, pages};
use crate::error::CliError;
use crate::help::examples;
use crate::render::columns::{names, text};
use crate::render::{Column, Format, Line, Tone, Ui, moment, safe};

/// Subcommands of `webhooks`.
#[derive(Subcommand)]
pub(crate) enum WebhooksCommand {
    /// Create a webhook; the secret that signs its deliveries is shown once
    #[command(after_help = examples![
        "countersign webhooks create https://hooks.example.com/countersign --name ops",
        "countersign webhooks create https://hooks.example.com/countersign --events request.created",
    ])]
    Create(CreateArgs),
    /// List webhooks and their state
    #[command(after_help = examples![
        "countersign webhooks list",
    ])]
    List,
    /// Show a webhook
    #[command(after_help = examples![
        "countersign webhooks show whe_01K8ZV6T1M3Q4R5S6T7V8W9X0Y",
    ])]
    Show {
        /// Id of the webhook
        id: String,
    },
    /// Change a webhook; settings that are not named keep their value
    #[command(after_help = examples![
        "countersign webhooks update whe_01K8ZV6T1M3Q4R5S6T7V8W9X0Y --enabled on",
        "countersign webhooks update whe_01K8ZV6T1M3Q4R5S6T7V8W9X0Y --to https://hooks.example.com/v2",
    ])]
    Update(UpdateArgs),
    /// Delete a webhook
    #[command(after_help = examples![
        "countersign webhooks delete whe_01K8ZV6T1M3Q4R5S6T7V8W9X0Y --yes",
    ])]
    Delete {
        /// Id of the webhook
        id: String,
        /// Delete without confirmation
        #[arg(long)]
        yes: bool,
    },
    /// Send a test event
    #[command(after_help = examples![
        "countersign webhooks test whe_01K8ZV6T1M3Q4R5S6T7V8W9X0Y",
    ])]
    Test {
        /// Id of the webhook
        id: String,
    },
    /// Create a new secret; for 24 hours deliveries carry signatures of both secrets
    #[command(after_help = examples![
        "countersign webhooks rotate-secret whe_01K8ZV6T1M3Q4R5S6T7V8W9X0Y",
    ])]
    RotateSecret {
        /// Id of the webhook
        id: String,
    },
    /// List the deliveries of the last 30 days, newest first
    #[command(after_help = examples![
        "countersign webhooks deliveries whe_01K8ZV6T1M3Q4R5S6T7V8W9X0Y --limit 10",
    ])]
    Deliveries(DeliveriesArgs),
    /// Send a delivery again, immediately
    #[command(after_help = examples![
        "countersign webhooks replay dlv_01K8ZV6T1M3Q4R5S6T7V8W9X0Y",
    ])]
    Replay {
        /// Id of the delivery
        delivery: String,
    },
}

/// Options of both `create` and `update`.
#[derive(Args)]
struct Settings {
    /// Name of the webhook
    #[arg(long)]
    name: Option<String>,
    /// Event types to send, such as request.created; '' means all
    #[arg(long, value_name = "TYPES", value_delimiter = ',')]
    events: Option<Vec<String>>,
    /// Connections to report; '' means all
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    connections: Option<Vec<String>>,
    /// Additional request header, as NAME: VALUE; repeatable, '' removes all
    #[arg(long, value_name = "NAME: VALUE")]
    header: Option<Vec<String>>,
    /// Whether events are sent; `on` also resumes a webhook that was disabled after failures
    #[arg(long, value_enum)]
    enabled: Option<Switch>,
}

/// Arguments of `webhooks create`.
#[derive(Args)]
pub(crate) struct CreateArgs {
    /// Address that receives the events
    // Not `url`: that is the service's, a global option.
    #[arg(value_name = "URL")]
    address: String,
    #[command(flatten)]
    settings: Settings,
}

/// Arguments of `webhooks update`.
#[derive(Args)]
pub(crate) struct UpdateArgs {
    /// Id of the webhook
    id: String,
    /// New address that receives the events
    #[arg(long = "to", value_name = "URL")]
    address: Option<String>,
    #[command(flatten)]
    settings: Settings,
}

/// Arguments of `webhooks deliveries`.
#[derive(Args)]
pub(crate) struct DeliveriesArgs {
    /// Id of the webhook
    id: String,
    /// Maximum number of deliveries
    #[arg(long, default_value_t = 50)]
    limit: usize,
}

const COLUMNS: &[Column] = &[
    Column::shown("id", "ID"),
    Column::cut("name", "NAME").spared(1),
    Column::cut("url", "URL"),
    Column::cut("events", "EVENTS").drawn(|item| all_or(names(item, "events"))).spared(2),
    Column::cut("connections", "CONNECTIONS").drawn(|item| all_or(names(item, "connections"))).spared(3),
    Column::shown("enabled", "STATE").drawn(state),
    Column::data("failing_since"),
    Column::data("failures"),
];

/// The same with the secret, for the one answer that has it.
const MADE: &[Column] =
    &[Column::data("id"), Column::data("name"), Column::data("url"), Column::data("secret")];

/// A delivery.
pub(crate) const DELIVERIES: &[Column] = &[
    Column::shown("id", "ID"),
    Column::shown("event", "EVENT"),
    Column::shown("at", "WHEN").drawn(|item| Line::of(Tone::Faint, moment::stamp(text(item, "at")))),
    Column::shown("state", "STATE").drawn(|item| match text(item, "state") {
        "delivered" => Line::of(Tone::Good, "delivered"),
        "failed" => Line::of(Tone::Bad, "failed"),
        other => Line::of(Tone::Warn, safe::line(other)),
    }),
    Column::shown("attempts", "ATTEMPTS"),
    Column::shown("next_attempt_at", "NEXT")
        .drawn(|item| match item.get("next_attempt_at").and_then(Value::as_str) {
            Some(at) => Line::new().text(moment::stamp(at)),
            None => Line::new(),
        })
        .spared(2),
    Column::shown("last_attempt.status", "ANSWER"),
    Column::cut("last_attempt.answer", "").spared(1),
    Column::data("last_attempt.duration_ms"),
    Column::data("request_id"),
];

fn all_or(names: String) -> Line {
    if names.is_empty() { Line::of(Tone::Faint, "all") } else { Line::new().text(names) }
}

fn state(item: &Value) -> Line {
    let enabled = item.get("enabled").and_then(Value::as_bool).unwrap_or_default();
    let failing = item.get("failing_since").is_some_and(|since| !since.is_null());
    match (enabled, failing) {
        (false, _) => Line::of(Tone::Bad, "disabled"),
        (true, true) => Line::of(Tone::Warn, "failing"),
        (true, false) => Line::of(Tone::Good, "well"),
    }
}

/// Runs a command on webhooks.
///
/// # Errors
/// [`CliError`].
pub(crate) async fn webhooks(client: &Client, ui: &Ui, command: WebhooksCommand) -> Result<(), CliError> {
    match command {
        WebhooksCommand::Create(args) => create(client, ui, args).await,
        WebhooksCommand::List => ui.list(COLUMNS, &every_item(client, &Call::get(&["webhooks"])).await?),
        WebhooksCommand::Show { id } => {
            let value = client.json(&Call::get(&["webhooks", &id])).await?;
            ui.one(COLUMNS, &value, |columns| card(&value, columns))
        }
        WebhooksCommand::Update(args) => update(client, ui, args).await,
        WebhooksCommand::Delete { id, yes } => delete(client, ui, &id, yes).await,
        WebhooksCommand::Test { id } => {
            let call = Call::act(&["webhooks", &id, "test"], None, Again::IfNeverSent);
            asked(client, ui, &call).await
        }
        WebhooksCommand::RotateSecret { id } => {
            let call = Call::act(&["webhooks", &id, "rotate-secret"], None, Again::IfNeverSent);
            let value = client.json(&call).await?;
            show_secret(ui, &value)
        }
        WebhooksCommand::Deliveries(args) => {
            let call = Call::get(&["webhooks", &args.id, "deliveries"]);
            let (items, more) = pages(client, &call, args.limit).await?;
            ui.list(DELIVERIES, &items)?;
            super::hint_more(ui, more, items.len());
            Ok(())
        }
        WebhooksCommand::Replay { delivery } => {
            let call = Call::act(&["deliveries", &delivery, "replay"], None, Again::Always);
            asked(client, ui, &call).await
        }
    }
}

async fn create(client: &Client, ui: &Ui, args: CreateArgs) -> Result<(), CliError> {
    let mut body = Map::new();
    body.insert("url".to_owned(), args.address.into());
    apply(&mut body, args.settings)?;
    let value = client.json(&Call::create(&["webhooks"], Value::Object(body))).await?;
    warn(ui, &value);
    show_secret(ui, &value)
}

fn show_secret(ui: &Ui, value: &Value) -> Result<(), CliError> {
    let id = safe::line(text(value, "id"));
    if text(value, "secret").is_empty() {
        return Err(CliError::Stopped(format!(
            "{id} is there, but the answer with its secret was lost: `countersign webhooks rotate-secret {id}` gives \
             it a new one"
        )));
    }
    if ui.format == Format::Table {
        ui.note(&[Line::of(Tone::Good, "✔ ").text(format!("{id}; its secret is shown only now:"))]);
    }
    ui.one(MADE, value, |_| vec![Line::new().text(safe::line(text(value, "secret")))])
}

async fn update(client: &Client, ui: &Ui, args: UpdateArgs) -> Result<(), CliError> {
    let (mut body, etag) = current(client, &["webhooks", &args.id]).await?;
    if let Some(address) = args.address {
        body.insert("url".to_owned(), address.into());
    }
    apply(&mut body, args.settings)?;
    let call = Call::put(&["webhooks", &args.id], Value::Object(body), etag);
    let answer = changed(client.send(&call).await)?;
    warn(ui, &client.parse(&answer)?);
    done(ui, format!("changed {}", safe::line(&args.id)));
    Ok(())
}

async fn delete(client: &Client, ui: &Ui, id: &str, yes: bool) -> Result<(), CliError> {
    let (webhook, etag) = current(client, &["webhooks", id]).await?;
    if !yes {
        if !prompt::can_ask() {
            return Err(CliError::Usage(
                "nobody is there to ask: add --yes to delete without asking".to_owned(),
            ));
        }
        let url = safe::line(webhook.get("url").and_then(Value::as_str).unwrap_or_default());
        if !prompt::yes(&format!("Delete the webhook to {url}? What waits for it is not delivered."))? {
            return Err(CliError::Stopped("not deleted; nothing was changed".to_owned()));
        }
    }
    changed(client.send(&Call::delete(&["webhooks", id], etag)).await)?;
    done(ui, format!("deleted {}", safe::line(id)));
    Ok(())
}

/// Has something sent, and says where to look.
pub(crate) async fn asked(client: &Client, ui: &Ui, call: &Call) -> Result<(), CliError> {
    let value = client.json(call).await?;
    ui.one(DELIVERIES, &value, |_| {
        let id = safe::line(text(&value, "id"));
        vec![Line::of(Tone::Good, "✔ ").text(format!("{id} is on its way"))]
    })
}

fn apply(body: &mut Map<String, Value>, settings: Settings) -> Result<(), CliError> {
    if let Some(name) = settings.name {
        body.insert("name".to_owned(), name.into());
    }
    for (member, given) in [("events", settings.events), ("connections", settings.connections)] {
        if let Some(given) = given {
            body.insert(member.to_owned(), list(&given).into());
        }
    }
    if let Some(given) = settings.header {
        let mut headers = Map::new();
        for header in given.iter().filter(|header| !header.is_empty()) {
            // The value may be a secret: it is not repeated.
            let (name, value) = header.split_once(':').ok_or_else(|| {
                CliError::Usage("--header wants NAME: VALUE, such as `x-team: dba`".to_owned())
            })?;
            headers.insert(name.trim().to_ascii_lowercase(), value.trim().into());
        }
        body.insert("headers".to_owned(), Value::Object(headers));
    }
    if let Some(enabled) = settings.enabled {
        body.insert("enabled".to_owned(), enabled.json());
    }
    Ok(())
}

fn card(value: &Value, columns: Option<usize>) -> Vec<Line> {
    let columns = columns.unwrap_or(usize::MAX);
    let row = |name: &str, line: Line| Line::of(Tone::Faint, format!("{name:<13}")).join(line);
    let mut lines = vec![
        row("id", Line::of(Tone::Strong, safe::line(text(value, "id")))),
        row("name", Line::new().text(safe::line(text(value, "name")))),
        row("url", Line::new().text(safe::line(text(value, "url")))),
        row("events", all_or(names(value, "events"))),
        row("connections", all_or(names(value, "connections"))),
        row("state", state(value)),
    ];
    let headers = value.get("headers").and_then(Value::as_object);
    // Values may be secrets; `-o json` shows them.
    for name in headers.into_iter().flat_map(Map::keys) {
        lines.push(row("header", Line::new().text(format!("{}: …", safe::line(name)))));
    }
    if let Some(disabled) = value.get("disabled").filter(|disabled| !disabled.is_null()) {
        let since = moment::stamp(text(disabled, "at"));
        let why = safe::line(text(disabled, "why"));
        lines.push(row("given up", Line::of(Tone::Bad, format!("{since}: {why}"))));
    }
    if let Some(since) = value.get("failing_since").and_then(Value::as_str) {
        let failures = value.get("failures").and_then(Value::as_u64).unwrap_or_default();
        let since = format!("since {}, {failures} attempt(s)", moment::stamp(since));
        lines.push(row("failing", Line::of(Tone::Warn, since)));
    }
    lines.into_iter().flat_map(|line| line.wrap(columns, 13)).collect()
}
