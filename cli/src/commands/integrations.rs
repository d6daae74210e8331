//! `slack` and `teams`: their settings, and tests.

use clap::{Args, Subcommand};
use serde_json::{Map, Value};

use super::values::{Switch, list};
use super::{changed, done, proposed, webhooks};
use crate::client::{Again, Call, Client};
use crate::error::CliError;
use crate::help::examples;
use crate::render::{Column, Line, Tone, Ui, safe};

/// Subcommands of `slack`.
#[derive(Subcommand)]
pub(crate) enum SlackCommand {
    /// Change the settings of Slack; settings that are not named keep their value. Secrets are references
    #[command(after_help = examples![
        "countersign slack set --bot-token env:SLACK_BOT_TOKEN --signing-secret env:SLACK_SIGNING_SECRET",
        "countersign slack set --enabled on --default-channels C0123456789",
    ])]
    Set(SlackArgs),
    /// Show the settings
    #[command(after_help = examples![
        "countersign slack show",
    ])]
    Show,
    /// Send a test message
    #[command(after_help = examples![
        "countersign slack test",
        "countersign slack test --channel C0123456789",
    ])]
    Test {
        /// Id of the channel or user [default: the first default channel]
        #[arg(long, value_name = "ID")]
        channel: Option<String>,
    },
}

/// Arguments of `slack set`.
#[derive(Args)]
pub(crate) struct SlackArgs {
    /// Whether notifications are sent to Slack
    #[arg(long, value_enum)]
    enabled: Option<Switch>,
    /// Reference to the bot token, such as env:SLACK_BOT_TOKEN
    #[arg(long, value_name = "REFERENCE")]
    bot_token: Option<String>,
    /// Reference to the signing secret, such as env:SLACK_SIGNING_SECRET
    #[arg(long, value_name = "REFERENCE")]
    signing_secret: Option<String>,
    /// Id of the app
    #[arg(long, value_name = "ID")]
    app_id: Option<String>,
    /// Id of the workspace
    #[arg(long, value_name = "ID")]
    team_id: Option<String>,
    /// Ids of the channels for connections without their own; '' removes all
    #[arg(long, value_name = "IDS", value_delimiter = ',')]
    default_channels: Option<Vec<String>>,
}

/// Subcommands of `teams`.
#[derive(Subcommand)]
pub(crate) enum TeamsCommand {
    /// Change the settings of Microsoft Teams; settings that are not named keep their value
    #[command(after_help = examples![
        "countersign teams set --enabled on --webhook-url env:TEAMS_WEBHOOK_URL",
    ])]
    Set(TeamsArgs),
    /// Show the settings
    #[command(after_help = examples![
        "countersign teams show",
    ])]
    Show,
    /// Send a test message
    #[command(after_help = examples![
        "countersign teams test",
    ])]
    Test,
}

/// Arguments of `teams set`.
#[derive(Args)]
pub(crate) struct TeamsArgs {
    /// Whether notifications are sent to Microsoft Teams
    #[arg(long, value_enum)]
    enabled: Option<Switch>,
    /// Reference to the URL of the workflow, which holds a secret, such as env:TEAMS_WEBHOOK_URL
    #[arg(long, value_name = "REFERENCE")]
    webhook_url: Option<String>,
}

const COLUMNS: &[Column] = &[Column::data("settings"), Column::data("version")];

/// Runs a command on Slack.
///
/// # Errors
/// [`CliError`].
pub(crate) async fn slack(client: &Client, ui: &Ui, command: SlackCommand) -> Result<(), CliError> {
    match command {
        SlackCommand::Set(args) => {
            let texts = [
                ("bot_token", args.bot_token),
                ("signing_secret", args.signing_secret),
                ("app_id", args.app_id),
                ("team_id", args.team_id),
            ];
            let mut more = vec![("enabled", args.enabled.map(Switch::json))];
            more.push(("default_channels", args.default_channels.map(|channels| list(&channels).into())));
            more.extend(texts.map(|(name, text)| (name, text.map(Value::from))));
            set(client, ui, "slack", more).await
        }
        SlackCommand::Show => show(client, ui, "slack").await,
        SlackCommand::Test { channel } => {
            let mut body = Map::new();
            if let Some(channel) = channel {
                body.insert("channel".to_owned(), channel.into());
            }
            let path = ["integrations", "slack", "test"];
            let call = Call::act(&path, Some(Value::Object(body)), Again::IfNeverSent);
            webhooks::asked(client, ui, &call).await
        }
    }
}

/// Runs a command on Teams.
///
/// # Errors
/// [`CliError`].
pub(crate) async fn teams(client: &Client, ui: &Ui, command: TeamsCommand) -> Result<(), CliError> {
    match command {
        TeamsCommand::Set(args) => {
            let more = vec![
                ("enabled", args.enabled.map(Switch::json)),
                ("webhook_url", args.webhook_url.map(Value::from)),
            ];
            set(client, ui, "teams", more).await
        }
        TeamsCommand::Show => show(client, ui, "teams").await,
        TeamsCommand::Test => {
            let call = Call::act(&["integrations", "teams", "test"], None, Again::IfNeverSent);
            webhooks::asked(client, ui, &call).await
        }
    }
}

/// Changes what is named, on top of what stands there.
async fn set(
    client: &Client,
    ui: &Ui,
    which: &str,
    more: Vec<(&str, Option<Value>)>,
) -> Result<(), CliError> {
    let path = ["integrations", which];
    let answer = client.send(&Call::get(&path)).await?;
    let seen = client.parse(&answer)?;
    let before = seen.get("settings").and_then(Value::as_object).cloned();
    let etag = before.is_some().then(|| answer.header("etag")).flatten();
    let mut settings = before.unwrap_or_default();
    for (name, value) in more {
        if let Some(value) = value {
            settings.insert(name.to_owned(), value);
        }
    }
    let answer = changed(client.send(&Call::put(&path, Value::Object(settings), etag)).await)?;
    if proposed(client, ui, &client.parse(&answer)?)? {
        return Ok(());
    }
    done(ui, format!("configured; `countersign {which} test` tries it"));
    Ok(())
}

async fn show(client: &Client, ui: &Ui, which: &str) -> Result<(), CliError> {
    let value = client.json(&Call::get(&["integrations", which])).await?;
    ui.one(COLUMNS, &value, |_| match value.get("settings").and_then(Value::as_object) {
        None => vec![Line::of(Tone::Warn, "not configured")],
        Some(settings) => {
            let line = |(name, value): (&String, &Value)| {
                let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                Line::of(Tone::Faint, format!("{name:<17}")).text(safe::line(&value))
            };
            settings.iter().map(line).collect()
        }
    })
}
