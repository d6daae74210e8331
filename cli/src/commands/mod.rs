//! The commands, one file each, and what they share.

pub(crate) mod analytics;
pub(crate) mod audit;
pub(crate) mod check;
pub(crate) mod connections;
pub(crate) mod decide;
pub(crate) mod doctor;
pub(crate) mod exec;
pub(crate) mod guardrails;
pub(crate) mod health;
pub(crate) mod input;
pub(crate) mod integrations;
pub(crate) mod login;
pub(crate) mod pages;
pub(crate) mod prompt;
mod refresh;
pub(crate) mod requests;
pub(crate) mod run;
mod test;
pub(crate) mod tokens;
pub(crate) mod users;
pub(crate) mod values;
pub(crate) mod watch;
pub(crate) mod webhooks;
pub(crate) mod whoami;

use std::process::ExitCode;

use serde_json::{Map, Value};

use self::audit::AuditCommand;
use self::integrations::{SlackCommand, TeamsCommand};
use self::tokens::TokensCommand;
use self::users::{GroupsCommand, UsersCommand};
use self::webhooks::WebhooksCommand;
use crate::cli::{Cli, Command};
use crate::client::{Answer, Call, Client};
use crate::config::Config;
use crate::error::CliError;
use crate::render::{Line, Tone, Ui};

/// Runs the command that was asked for.
///
/// # Errors
/// [`CliError`], which knows its exit code.
pub(crate) async fn dispatch(cli: Cli, ui: &Ui) -> Result<ExitCode, CliError> {
    let command = match cli.command {
        #[cfg(feature = "serve")]
        Command::Serve(args) => return crate::serve::serve(args).await,
        #[cfg(feature = "serve")]
        Command::Bootstrap(args) => return crate::serve::bootstrap(args).await,
        #[cfg(feature = "serve")]
        Command::RebuildStatistics(args) => return crate::serve::rebuild_statistics(args).await,
        #[cfg(feature = "serve")]
        Command::Restore(args) => return crate::serve::restore::restore(ui, args).await,
        // Offline: these need no service and no token.
        Command::Completion(args) => return pages::completion(&args).map(|()| ExitCode::SUCCESS),
        Command::Man(args) => return pages::man(ui, &args).map(|()| ExitCode::SUCCESS),
        Command::Audit(AuditCommand::Verify(args)) => return audit::verify(ui, &args).map(ExitCode::from),
        command => command,
    };
    let config = Config::resolve(&cli.global)?;
    if config.exposes_token() {
        ui.note(&[
            Line::of(Tone::Warn, "warning").text(": the token travels unencrypted over http; use https")
        ]);
    }
    match command {
        Command::Login(args) => return login::login(&config, ui, &args).await.map(|()| ExitCode::SUCCESS),
        Command::Logout => return login::logout(&config, ui).await.map(|()| ExitCode::SUCCESS),
        _ => {}
    }
    let client = Client::new(&config)?;
    let code = match command {
        Command::Exec(args) => exec::exec(&client, ui, args).await?,
        Command::Check(args) => check::check(&client, ui, args).await?,
        Command::Guardrails(command) => guardrails::guardrails(&client, ui, command).await?,
        Command::Run(args) => run::run(&client, ui, &args).await?,
        Command::Requests(command) => requests::requests(&client, ui, command).await.map(|()| 0)?,
        Command::Approve(args) => decide::approve(&client, ui, &args).await.map(|()| 0)?,
        Command::Reject(args) => decide::reject(&client, ui, &args).await.map(|()| 0)?,
        Command::Cancel(args) => decide::cancel(&client, ui, &args).await.map(|()| 0)?,
        Command::Settle(args) => decide::settle(&client, ui, &args).await.map(|()| 0)?,
        Command::Output(args) => run::output(&client, ui, &args).await.map(|()| 0)?,
        Command::Events(args) => run::events(&client, ui, &args).await.map(|()| 0)?,
        Command::Connections(command) => connections::connections(&client, ui, *command).await.map(|()| 0)?,
        Command::Users(command) => {
            users::users(&client, ui, command.or(UsersCommand::List)).await.map(|()| 0)?
        }
        Command::Groups(command) => {
            users::groups(&client, ui, &command.or(GroupsCommand::List)).await.map(|()| 0)?
        }
        Command::Tokens(command) => {
            tokens::tokens(&client, ui, command.or(TokensCommand::List)).await.map(|()| 0)?
        }
        #[cfg(feature = "runner")]
        Command::Runner(args) => {
            let token = config.credential.as_ref().map_or("", |found| found.token.as_str());
            crate::runner::runner(&client, token, ui, args).await.map(|()| 0)?
        }
        Command::Webhooks(command) => {
            webhooks::webhooks(&client, ui, command.or(WebhooksCommand::List)).await.map(|()| 0)?
        }
        Command::Slack(command) => {
            integrations::slack(&client, ui, command.or(SlackCommand::Show)).await.map(|()| 0)?
        }
        Command::Teams(command) => {
            integrations::teams(&client, ui, command.or(TeamsCommand::Show)).await.map(|()| 0)?
        }
        Command::Doctor(args) => doctor::doctor(&client, ui, &args).await.map(|()| 0)?,
        Command::Analytics(args) => analytics::analytics(&client, ui, &args).await.map(|()| 0)?,
        Command::Audit(command) => audit::audit(&client, ui, command).await?,
        Command::Health => health::health(&client, ui).await.map(|()| 0)?,
        Command::Whoami => whoami::whoami(&config, &client, ui).await.map(|()| 0)?,
        #[cfg(feature = "serve")]
        Command::Serve(_) | Command::Bootstrap(_) | Command::RebuildStatistics(_) | Command::Restore(_) => 0,
        Command::Completion(_) | Command::Man(_) | Command::Login(_) | Command::Logout => 0,
    };
    Ok(ExitCode::from(code))
}

/// Tells what the service warned of in `warnings`.
fn warn(ui: &Ui, answer: &Value) {
    let warnings = answer.get("warnings").and_then(Value::as_array);
    let lines: Vec<Line> = warnings
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .flat_map(|warning| warning_line(warning).wrap(ui.err_columns(), 2))
        .collect();
    ui.note(&lines);
}

/// A warning of the service.
fn warning_line(text: &str) -> Line {
    Line::of(Tone::Warn, "warning").text(format!(": {}", crate::render::safe::line(text)))
}

/// Shows the request in which a change waits for another admin; false if the answer is none, because the
/// change was made.
fn proposed(client: &Client, ui: &Ui, answer: &Value) -> Result<bool, CliError> {
    let id = answer.get("id").and_then(Value::as_str).filter(|id| id.starts_with("req_"));
    let Some(id) = id else { return Ok(false) };
    let id = crate::render::safe::line(id);
    ui.note(&[Line::of(Tone::Warn, "proposed as ")
        .text(format!("{id}; another admin approves it with: countersign approve {id}"))]);
    warn(ui, answer);
    requests::show_one(client, ui, answer)?;
    Ok(true)
}

/// Says on standard error what was done.
fn done(ui: &Ui, text: impl Into<String>) {
    ui.note(&[Line::of(Tone::Good, "✔ ").text(text.into())]);
}

/// Members of an answer that are no settings: they are not sent back.
const READ_ONLY: [&str; 7] =
    ["warnings", "version", "created_at", "updated_at", "created_by", "updated_by", "policy_version"];

/// A thing as it stands, without what cannot be set, and the `ETag` that a change is based on. All
/// other members stay, also those that this client does not know: leaving them out would reset them.
async fn current(client: &Client, path: &[&str]) -> Result<(Map<String, Value>, Option<String>), CliError> {
    let answer = client.send(&Call::get(path)).await?;
    let etag = answer.header("etag");
    let Value::Object(mut thing) = client.parse(&answer)? else {
        return Err(client.odd("something else than an object"));
    };
    thing.retain(|name, _| !READ_ONLY.contains(&name.as_str()));
    Ok((thing, etag))
}

/// Says what to do where somebody else changed it meanwhile.
fn changed(result: Result<Answer, CliError>) -> Result<Answer, CliError> {
    match result {
        Err(CliError::Refused(problem)) if problem.status == 412 => Err(CliError::Stopped(format!(
            "{problem}\n  somebody changed it at the same time: look at it and run this again"
        ))),
        other => other,
    }
}

/// Whether more is there than was printed.
fn hint_more(ui: &Ui, more: bool, shown: usize) {
    if more {
        let hint = format!("the first {shown} are shown; --limit N or --all shows more");
        ui.note(&Line::of(Tone::Faint, hint).wrap(ui.err_columns(), 2));
    }
}
