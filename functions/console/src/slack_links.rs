//! Linking your account with your Slack user, with proof of both ends.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use countersign_app::{App, Caller, Scope, errors};
use countersign_http::openapi::{Invalid, NotFound, Signed, WithBody};
use countersign_http::{Problem, json};
use countersign_rules::{Timestamp, UserId};
use countersign_storage::{Found, Key, StorageError};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::sessions::whose;

/// How often a change of an account that lost a race is tried again.
const ROUNDS: u32 = 10;

/// The Slack user that you say you are.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewSlackLink)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    /// Their member id, from their Slack profile.
    #[schema(pattern = "^[UW][A-Z0-9]{1,31}$", example = "U0123ABCD")]
    pub(crate) slack_user_id: String,
    /// Their workspace; the one that Slack is set up for by default.
    #[serde(default)]
    #[schema(pattern = "^[TE][A-Z0-9]{1,31}$", example = "T0123ABCD")]
    pub(crate) slack_team_id: Option<String>,
}

/// What proves it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SlackLinkCode)]
pub(crate) struct View {
    /// The code, for once.
    code: String,
    /// What that Slack user types in Slack.
    #[schema(example = "/countersign link 7F3KQ-2ZDM9")]
    pub(crate) command: String,
    /// The Slack user that has to type it.
    slack_user_id: String,
    /// In that workspace.
    slack_team_id: String,
    /// From when on it is worth nothing.
    pub(crate) expires_at: Timestamp,
}

/// Makes a code with which that Slack user proves to be you, once, within ten minutes.
///
/// A token needs every scope for this: in Slack people decide, too.
#[utoipa::path(
    post,
    path = "/v1/me/slack-links",
    operation_id = "create_slack_link",
    tag = "people",
    request_body = Body,
    responses((status = 201, body = View, description = "The code, which that Slack user types."), Invalid, WithBody, Signed)
)]
pub(crate) async fn create(
    State(app): State<App>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let (caller, found) = app.identify("slack link", Scope::Manage, &headers, &[Key::SlackSettings]).await?;
    let body: Body = json::body(&headers, &bytes)?;
    Ok(json::answer(StatusCode::CREATED, &make(&app, &caller, &found, body).await?))
}

/// Makes a code for a Slack user of the workspace that is set up; `found` has what that is.
pub(crate) async fn make(app: &App, caller: &Caller, found: &Found, body: Body) -> Result<View, Problem> {
    // Whoever is that Slack user does there what the account may.
    for scope in Scope::ALL {
        caller.must_have(scope)?;
    }
    let settings = found.slack_settings().map_err(|error| errors::storage(&error))?;
    let known = settings.map(|settings| settings.team_id);
    let team = body.slack_team_id.or_else(|| known.clone());
    let team = team.ok_or_else(|| {
        Problem::invalid("Slack is not set up yet; an admin does it with `countersign slack`")
            .at("/slack_team_id", "unknown workspace")
    })?;
    if !is_id(&body.slack_user_id, "UW") {
        return Err(Problem::invalid("expected the member id of a Slack user, such as `U0123ABCD`")
            .at("/slack_user_id", "no member id"));
    }
    if !is_id(&team, "TE") || known.is_some_and(|known| known != team) {
        return Err(Problem::invalid("that is not the workspace that Slack is set up for")
            .at("/slack_team_id", "another workspace"));
    }
    let (code, known) = app.slack_link_code(caller, &body.slack_user_id, &team).await?;
    Ok(View {
        command: format!("/countersign link {code}"),
        code,
        slack_user_id: known.slack_user,
        slack_team_id: known.team,
        expires_at: known.expires_at,
    })
}

/// Takes your Slack user away from your account, with its subscriptions.
#[utoipa::path(
    delete,
    path = "/v1/me/slack-links",
    operation_id = "delete_slack_link",
    tag = "people",
    responses((status = 204, description = "No Slack user is yours any more."), Signed)
)]
pub(crate) async fn remove(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    let (caller, _) = app.identify("slack unlink", Scope::Manage, &headers, &[]).await?;
    take(&app, &caller, caller.user.id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Takes somebody's Slack user away from their account, with its subscriptions: your own, or, if you are an admin,
/// anybody's.
#[utoipa::path(
    delete,
    path = "/v1/users/{id}/slack-link",
    operation_id = "delete_slack_link_of_user",
    tag = "people",
    params(("id" = UserId, Path)),
    responses((status = 204, description = "No Slack user is theirs any more."), NotFound, Signed)
)]
pub(crate) async fn remove_of(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (caller, _) = app.identify("slack unlink", Scope::Manage, &headers, &[]).await?;
    let user = whose(&app, &caller, &id, caller.is_admin()).await?;
    take(&app, &caller, user).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Takes the Slack user away from an account.
pub(crate) async fn take(app: &App, caller: &Caller, user: UserId) -> Result<(), Problem> {
    for _ in 0..ROUNDS {
        let stored = app.store.user(user).await.map_err(|error| errors::storage(&error))?;
        let stored = stored.ok_or_else(|| Problem::not_found("user"))?;
        if stored.user.slack_user_id.is_none() {
            return Ok(());
        }
        match app.store_of(caller).unlink(&stored).await {
            Ok(()) => return Ok(()),
            Err(StorageError::Conflict) => {}
            Err(error) => return Err(errors::storage(&error)),
        }
    }
    Err(errors::storage(&StorageError::Contended))
}

fn is_id(text: &str, first: &str) -> bool {
    (2..=32).contains(&text.len())
        && text.starts_with(|c| first.contains(c))
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}
