//! Sessions of browsers: where somebody is signed in, and ending it.

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use countersign_app::{App, Caller, Scope, errors};
use countersign_http::json::List;
use countersign_http::openapi::{NotFound, Signed};
use countersign_http::{Problem, json};
use countersign_rules::{Timestamp, UserId};
use countersign_storage::sign_in::StoredSession;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

/// What a list answers.
type Page = List<View>;

/// A browser in which somebody is signed in.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session)]
pub(crate) struct View {
    /// What names it. It is no secret: nobody can sign in with it.
    id: String,
    /// How they signed in.
    #[schema(example = "oidc")]
    how: String,
    /// The browser, as far as it told.
    browser: String,
    /// When they signed in.
    created_at: Timestamp,
    /// When it was last used; known to a quarter of an hour, so it may have been used for as much longer.
    used_at: Timestamp,
    /// When it ends if nobody uses it.
    expires_at: Timestamp,
}

impl From<StoredSession> for View {
    fn from(StoredSession { id, session, .. }: StoredSession) -> Self {
        Self {
            id,
            how: session.how,
            browser: session.browser,
            created_at: session.created_at,
            used_at: session.rotated_at,
            expires_at: session.expires_at,
        }
    }
}

/// Lists where somebody is signed in, the newest first: you, or, if you are an admin or an auditor, anybody.
///
/// There are at most 20; all of them come at once.
#[utoipa::path(
    get,
    path = "/v1/users/{id}/sessions",
    operation_id = "list_sessions",
    tag = "people",
    params(("id" = UserId, Path)),
    responses((status = 200, body = Page, description = "The sessions that are not over."), NotFound, Signed)
)]
pub(crate) async fn list(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (caller, _) = app.identify("sessions", Scope::Read, &headers, &[]).await?;
    let user = whose(&app, &caller, &id, caller.sees_all()).await?;
    let items = of(&app, user).await?.into_iter().map(View::from).collect();
    Ok(json::answer(StatusCode::OK, &Page { items, next_cursor: None }))
}

/// Ends a session at once: your own, or, if you are an admin, anybody's.
#[utoipa::path(
    delete,
    path = "/v1/users/{id}/sessions/{session}",
    operation_id = "end_session",
    tag = "people",
    params(("id" = UserId, Path), ("session" = String, Path, description = "The `id` of the session.")),
    responses((status = 204, description = "It is over."), NotFound, Signed)
)]
pub(crate) async fn end(
    State(app): State<App>,
    Path((id, session)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (caller, _) = app.identify("end session", Scope::Manage, &headers, &[]).await?;
    let user = whose(&app, &caller, &id, caller.is_admin()).await?;
    end_one(&app, &caller, user, &session).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The account of a path: the caller's own, or anybody's for whoever `may`.
pub(crate) async fn whose(app: &App, caller: &Caller, id: &str, may: bool) -> Result<UserId, Problem> {
    let nobody = || Problem::not_found("user");
    let id: UserId = id.parse().map_err(|_| nobody())?;
    if id == caller.user.id {
        return Ok(id);
    }
    let stored = if may { app.store.user(id).await.map_err(|error| errors::storage(&error))? } else { None };
    stored.map(|stored| stored.user.id).ok_or_else(nobody)
}

/// Somebody's sessions that are not over, the newest first.
pub(crate) async fn of(app: &App, user: UserId) -> Result<Vec<StoredSession>, Problem> {
    let now = app.now();
    let mut sessions = app.store.sessions(user).await.map_err(|error| errors::storage(&error))?;
    sessions.retain(|stored| now < stored.session.expires_at);
    sessions.sort_by_key(|stored| std::cmp::Reverse(stored.session.created_at));
    Ok(sessions)
}

/// Ends one of somebody's sessions.
pub(crate) async fn end_one(app: &App, caller: &Caller, user: UserId, id: &str) -> Result<(), Problem> {
    let known = of(app, user).await?.into_iter().map(|stored| stored.id).find(|known| known == id);
    let known = known.ok_or_else(|| Problem::not_found("session"))?;
    end_some(app, caller, user, &[known]).await
}

/// Ends all of somebody's sessions.
pub(crate) async fn end_all(app: &App, caller: &Caller, user: UserId) -> Result<(), Problem> {
    let sessions = app.store.sessions(user).await.map_err(|error| errors::storage(&error))?;
    let ids: Vec<String> = sessions.into_iter().map(|stored| stored.id).collect();
    end_some(app, caller, user, &ids).await
}

async fn end_some(app: &App, caller: &Caller, user: UserId, ids: &[String]) -> Result<(), Problem> {
    let ended = app.store_of(caller).end_sessions(user, ids).await;
    ended.map_err(|error| errors::storage(&error))
}
