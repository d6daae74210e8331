//! What people type: `/countersign …`.

use std::collections::BTreeSet;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use countersign_app::{App, Caller};
use countersign_http::openapi::{Internal, Malformed, NotFound, Unauthenticated, Unavailable};
use countersign_http::{Problem, json};
use countersign_notify::slack::incoming::command::HELP;
use countersign_notify::slack::incoming::{SlashCommand, Words};
use countersign_notify::slack::message::ephemeral;
use countersign_notify::words::{duration, line, seconds_between};
use countersign_rules::command::Ballot;
use countersign_rules::{Bounds, Command, ConnectionName, Request, RequestId, Via, decide};
use countersign_storage::lists::{Source, Window};
use countersign_storage::slack::Subscription;
use countersign_storage::{Found, Key, StorageError};
use http::{HeaderMap, StatusCode};

use super::gate::{self, trouble};
use super::link;
use crate::Callback;

/// How many requests `pending` shows.
const MOST_PENDING: usize = 20;
/// How many of an inbox it looks at.
const MOST_LOOKED_AT: usize = 100;
/// How many connections a subscription names.
const MOST_CONNECTIONS: usize = 50;

/// Takes a command that somebody typed: a form, signed by Slack. The answer is for their eyes only.
#[utoipa::path(
    post,
    path = "/slack/commands",
    operation_id = "slack_command",
    tag = "slack",
    security(()),
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, body = Object, description = "The answer, as Slack shows it."),
        Malformed, Unauthenticated, NotFound, Internal, Unavailable
    )
)]
pub(crate) async fn command(
    State(callback): State<Callback>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Problem> {
    let Callback { app, slack, .. } = &callback;
    let parsed = SlashCommand::parse(&body);
    let link = parsed.as_ref().ok().map(|command| Key::SlackLink(command.origin.user.clone()));
    let keys: Vec<Key> = link.into_iter().collect();
    let entered = gate::enter(app, slack, &headers, &body, &keys).await?;
    let command = parsed.map_err(|error| Problem::bad_request(error.to_string()))?;
    let said = match gate::check_origin(&entered.settings, &command.origin) {
        Err(said) => Err(said),
        Ok(()) => answer(app, &command, &entered.found).await,
    };
    let said = said.unwrap_or_else(|said| said);
    Ok(json::answer(StatusCode::OK, &ephemeral(&said)))
}

async fn answer(app: &App, command: &SlashCommand, found: &Found) -> Result<String, String> {
    let words = match &command.words {
        Words::Help => return Ok(HELP.to_owned()),
        Words::Unknown(word) => return Ok(format!("There is no command `{}`.\n{HELP}", line(word, 40))),
        Words::Link(code) => return link::redeem(app, &command.origin, code).await,
        words => words,
    };
    let (caller, _) = gate::account(app, found, &command.origin, &[]).await?;
    match words {
        Words::Subscribe(connection) => subscribe(app, &caller, connection.as_deref()).await,
        Words::Unsubscribe(connection) => unsubscribe(app, &caller, connection.as_deref()).await,
        Words::List => list(app, &caller).await,
        Words::Pending => pending(app, &caller).await,
        Words::Help | Words::Unknown(_) | Words::Link(_) => Ok(HELP.to_owned()),
    }
}

fn connection(name: &str) -> Result<ConnectionName, String> {
    name.parse().map_err(|_| format!("`{}` is no name of a connection.", line(name, 64)))
}

async fn subscribe(app: &App, caller: &Caller, name: Option<&str>) -> Result<String, String> {
    let Some(slack_user) = caller.user.slack_user_id.clone() else {
        return Err("Link your Slack user first: /countersign help".to_owned());
    };
    let before = app.store.subscription(caller.user.id).await.map_err(|error| trouble(&error))?;
    let row = before.as_ref().map_or(1, |before| before.row + 1);
    let connections = match name {
        None => BTreeSet::new(),
        // That it exists is not said: it may be one that they do not see.
        Some(name) => {
            let mut connections = before.map(|before| before.connections).unwrap_or_default();
            connections.insert(connection(name)?);
            connections
        }
    };
    if connections.len() > MOST_CONNECTIONS {
        return Err(format!(
            "At most {MOST_CONNECTIONS} connections by name; /countersign subscribe alone is all of them."
        ));
    }
    let subscription = Subscription { user: caller.user.id, slack_user, connections, row };
    app.store.put_subscription(&subscription).await.map_err(|error| changed(&error))?;
    Ok(told_of(caller, &subscription))
}

async fn unsubscribe(app: &App, caller: &Caller, name: Option<&str>) -> Result<String, String> {
    let before = app.store.subscription(caller.user.id).await.map_err(|error| trouble(&error))?;
    let Some(mut subscription) = before else {
        return Ok("You are not subscribed to anything.".to_owned());
    };
    if let Some(name) = name {
        let name = connection(name)?;
        if subscription.connections.is_empty() {
            return Err("You are subscribed to all connections, not to some by name.".to_owned());
        }
        if !subscription.connections.remove(&name) {
            return Ok(format!("You are not subscribed to {name}."));
        }
        if !subscription.connections.is_empty() {
            subscription.row += 1;
            app.store.put_subscription(&subscription).await.map_err(|error| changed(&error))?;
            return Ok(told_of(caller, &subscription));
        }
    }
    app.store.delete_subscription(caller.user.id).await.map_err(|error| changed(&error))?;
    Ok("You get no direct messages any more about what waits for your groups.".to_owned())
}

async fn list(app: &App, caller: &Caller) -> Result<String, String> {
    let subscription = app.store.subscription(caller.user.id).await.map_err(|error| trouble(&error))?;
    Ok(match subscription {
        Some(subscription) => told_of(caller, &subscription),
        None => "You are not subscribed to anything. /countersign subscribe changes that.".to_owned(),
    })
}

fn told_of(caller: &Caller, subscription: &Subscription) -> String {
    let names = |names: Vec<String>| names.join(", ");
    let groups = names(caller.user.all_groups().iter().map(ToString::to_string).collect());
    let groups = if groups.is_empty() { "none so far".to_owned() } else { groups };
    let connections = names(subscription.connections.iter().map(ToString::to_string).collect());
    let connections = if connections.is_empty() { "all connections".to_owned() } else { connections };
    format!(
        "You get a direct message for each request on {connections} that waits for one of your groups ({groups})."
    )
}

fn changed(error: &StorageError) -> String {
    match error {
        StorageError::Conflict => "Your subscription was changed at the same moment. Try again.".to_owned(),
        other => trouble(other),
    }
}

async fn pending(app: &App, caller: &Caller) -> Result<String, String> {
    let now = app.now();
    let mut ids: BTreeSet<RequestId> = BTreeSet::new();
    for group in caller.user.all_groups() {
        let source = Source::Inbox(group);
        let page = app.store.list(&source, Window::everything(now), MOST_LOOKED_AT).await;
        ids.extend(page.map_err(|error| trouble(&error))?.ids);
    }
    let newest: Vec<RequestId> = ids.into_iter().rev().take(MOST_LOOKED_AT).collect();
    let keys: Vec<Key> = newest.iter().copied().map(Key::State).collect();
    let found = app.store.read("slack pending", &keys).await.map_err(|error| trouble(&error))?;
    let mut waiting: Vec<String> = Vec::new();
    for id in newest {
        let Some(request) = found.request(id).map_err(|error| trouble(&error))? else { continue };
        let vote = Command::Vote {
            voter: caller.person(),
            ballot: Ballot::Approve { comment: None, bounds: Bounds::default() },
            digest: request.digest,
            via: Via::Slack,
        };
        if decide(&request, &vote, now).is_ok_and(|facts| !facts.is_empty()) {
            waiting.push(one_line(app, &request));
        }
    }
    let more = waiting.len().saturating_sub(MOST_PENDING);
    waiting.truncate(MOST_PENDING);
    if more > 0 {
        waiting.push(format!("and {more} more: {}/requests", app.config.public_url));
    }
    Ok(if waiting.is_empty() { "Nothing waits for you.".to_owned() } else { waiting.join("\n") })
}

fn one_line(app: &App, request: &Request) -> String {
    format!(
        "{} on {} by {}, {} left: {}/requests/{}",
        request.digest.code(),
        request.connection,
        line(&request.requester.email, 80),
        duration(seconds_between(app.now(), request.expires_at)),
        app.config.public_url,
        request.id
    )
}
