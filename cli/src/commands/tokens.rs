//! `tokens`: make, list, revoke.

use clap::{Args, Subcommand};
use serde_json::{Map, Value};

use super::{done, users, values};
use crate::client::{Call, Client, every_item};
use crate::error::CliError;
use crate::help::examples;
use crate::render::columns::text;
use crate::render::{Column, Format, Line, Tone, Ui, moment, safe};

/// Subcommands of `tokens`.
#[derive(Subcommand)]
pub(crate) enum TokensCommand {
    /// Create a token for yourself; its secret is shown once
    #[command(after_help = examples![
        "countersign tokens create ci --expires-in 90d --scope read,submit",
        "countersign tokens create ops-runner --user runner@example.com --runner ops",
    ])]
    Create(CreateArgs),
    /// List your tokens
    #[command(after_help = examples![
        "countersign tokens list",
    ])]
    List,
    /// Revoke a token immediately
    #[command(after_help = examples![
        "countersign tokens revoke tok_01K8ZV6T1M3Q4R5S6T7V8W9X0Y",
    ])]
    Revoke {
        /// Id of the token
        id: String,
    },
}

/// Arguments of `tokens create`.
#[derive(Args)]
pub(crate) struct CreateArgs {
    /// Name of the token
    name: String,
    /// Lifetime, such as 90d [default: no expiry]
    #[arg(long, value_name = "DURATION", value_parser = values::seconds)]
    expires_in: Option<u64>,
    /// Create the token for this service account, by id or e-mail address (admin)
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Create a runner's token, limited to the work of these connections (admin; requires --user)
    #[arg(long, value_name = "CONNECTIONS", value_delimiter = ',', requires = "user")]
    runner: Option<Vec<String>>,
    /// Scopes, separated by commas [default: all permissions of the account]
    #[arg(long, value_name = "SCOPES", value_delimiter = ',', conflicts_with = "runner", value_parser = SCOPES)]
    scope: Option<Vec<String>>,
}

/// What a token can be limited to: look at things; submit, cancel and run; approve and reject; change the rest.
const SCOPES: [&str; 4] = ["read", "submit", "decide", "manage"];

const COLUMNS: &[Column] = &[
    Column::shown("id", "ID"),
    Column::cut("name", "NAME"),
    Column::cut("user", "USER").drawn(|item| {
        let user = item.get("user");
        let name = user.and_then(|user| user.as_str().or_else(|| user.get("email")?.as_str()));
        Line::new().text(safe::line(name.unwrap_or_default()))
    }),
    Column::cut("scopes", "MAY").drawn(what_it_may),
    Column::shown("created_at", "CREATED")
        .drawn(|item| Line::of(Tone::Faint, moment::stamp(text(item, "created_at"))))
        .spared(1),
    Column::shown("expires_at", "EXPIRES").drawn(|item| {
        match item.get("expires_at").and_then(Value::as_str) {
            Some(at) => Line::new().text(moment::stamp(at)),
            None => Line::of(Tone::Faint, "never"),
        }
    }),
];

const CREATED: &[Column] = &[
    Column::data("id"),
    Column::data("name"),
    Column::data("user"),
    Column::data("secret"),
    Column::data("created_at"),
    Column::data("expires_at"),
    Column::data("scopes"),
];

/// What a token is for.
fn what_it_may(token: &Value) -> Line {
    let names = |name: &str| {
        let names = token.get(name)?.as_array()?;
        Some(names.iter().filter_map(Value::as_str).map(safe::line).collect::<Vec<_>>().join(", "))
    };
    match (names("runner_connections"), names("scopes")) {
        (Some(connections), _) => Line::new().text(format!("run on {connections}")),
        (None, Some(scopes)) => Line::new().text(scopes),
        (None, None) => Line::of(Tone::Faint, "everything"),
    }
}

/// Runs a command on tokens.
///
/// # Errors
/// [`CliError`].
pub(crate) async fn tokens(client: &Client, ui: &Ui, command: TokensCommand) -> Result<(), CliError> {
    match command {
        TokensCommand::Create(args) => create(client, ui, &args).await,
        TokensCommand::List => ui.list(COLUMNS, &every_item(client, &Call::get(&["tokens"])).await?),
        TokensCommand::Revoke { id } => {
            client.send(&Call::delete(&["tokens", &id], None)).await?;
            done(ui, format!("revoked {}", safe::line(&id)));
            Ok(())
        }
    }
}

async fn create(client: &Client, ui: &Ui, args: &CreateArgs) -> Result<(), CliError> {
    let mut body = Map::new();
    body.insert("name".to_owned(), args.name.as_str().into());
    if let Some(seconds) = args.expires_in {
        body.insert("expires_in_seconds".to_owned(), seconds.into());
    }
    if let Some(user) = &args.user {
        body.insert("user".to_owned(), users::find(client, user).await?.into());
    }
    if let Some(connections) = &args.runner {
        body.insert("runner_connections".to_owned(), connections.clone().into());
    }
    if let Some(scopes) = &args.scope {
        body.insert("scopes".to_owned(), scopes.clone().into());
    }
    let value = client.json(&Call::create(&["tokens"], Value::Object(body))).await?;
    let id = safe::line(text(&value, "id"));
    if text(&value, "secret").is_empty() {
        // The answer to a repeated call comes without it.
        return Err(CliError::Stopped(format!(
            "the token {id} was made, but the answer with its secret was lost: revoke it with `countersign tokens \
             revoke {id}` and make another"
        )));
    }
    if ui.format == Format::Table {
        ui.note(&[Line::of(Tone::Good, "✔ ").text(format!("made {id}; its secret is shown only now:"))]);
    }
    ui.one(CREATED, &value, |_| vec![Line::new().text(safe::line(text(&value, "secret")))])
}
