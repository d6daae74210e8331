//! `webhooks`: make, change, list, test, and what was delivered.

use clap::{Args, Subcommand};
use serde_json::{Map, Value};

use super::values::{Switch, list};
use super::{changed, current, done, prompt, warn};
use crate::client::{Again, Call, Client, every_item, pages};
use crate::error::CliError;
use crate::render::columns::{names, text};
use crate::render::{Column, Format, Line, Tone, Ui, moment, safe};

/// What can be done with webhooks.
#[derive(Subcommand)]
pub(crate) enum WebhooksCommand {
    /// Make a webhook; the secret that signs its deliveries is shown once
    Create(CreateArgs),
    /// List the webhooks, and how each is doing
    List,
    /// Show one webhook
    Show {
        /// Its id
        id: String,
    },
    /// Change a webhook; what is not named stays
    Update(UpdateArgs),
    /// Delete a webhook
    Delete {
        /// Its id
        id: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Send a test
    Test {
        /// Its id
        id: String,
    },
    /// Take a new secret; for a day deliveries are signed with the old one too
    RotateSecret {
        /// Its id
        id: String,
    },
    /// List what was delivered in the last 30 days, newest first
    Deliveries(DeliveriesArgs),
    /// Send a delivery once more, at once
    Replay {
        /// The delivery's id
        delivery: String,
    },
}

/// Options that `create` and `update` have in common.
#[derive(Args)]
struct Settings {
    /// What you call it
    #[arg(long)]
    name: Option<String>,
    /// Only these types, such as request.created; '' is all
    #[arg(long, value_name = "TYPES", value_delimiter = ',')]
    events: Option<Vec<String>>,
    /// Only of these connections; '' is all
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    connections: Option<Vec<String>>,
    /// A header that is sent along, as NAME: VALUE; may repeat, '' is none
    #[arg(long, value_name = "NAME: VALUE")]
    header: Option<Vec<String>>,
    /// Whether it is told of anything; `on` starts it again if it was given up
    #[arg(long, value_enum)]
    enabled: Option<Switch>,
}

/// What `webhooks create` takes.
#[derive(Args)]
pub(crate) struct CreateArgs {
    /// Where events are posted
    // Not `url`: that is the service's, a global option.
    #[arg(value_name = "URL")]
    address: String,
    #[command(flatten)]
    settings: Settings,
}

/// What `webhooks update` takes.
#[derive(Args)]
pub(crate) struct UpdateArgs {
    /// Its id
    id: String,
    /// Where events are posted from now on
    #[arg(long = "to", value_name = "URL")]
    address: Option<String>,
    #[command(flatten)]
    settings: Settings,
}

/// What `webhooks deliveries` takes.
#[derive(Args)]
pub(crate) struct DeliveriesArgs {
    /// The webhook's id
    id: String,
    /// How many
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
