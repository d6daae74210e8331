//! Requests: lists, one, its events.

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use countersign_app::submit::{keys_of, visible_request};
use countersign_app::view::RequestView;
use countersign_app::{App, Scope, errors};
use countersign_http::json::List;
use countersign_http::openapi::{Malformed, NotFound, Paging, Signed};
use countersign_http::routes::{DECISIONS, RUNNERS};
use countersign_http::{Problem, json};
use countersign_rules::{Event, RequestId};
use http::{HeaderMap, StatusCode};

use crate::long_poll::{self, Wait};
use countersign_app::query::{FILTERS, Filters, Query};

/// What a list answers.
type Page = List<RequestView>;
/// What the audit trail answers.
type Events = List<Event>;

/// Reads an id out of a path. One that is none is not found, after the caller has proved who they
/// are.
pub(crate) async fn request_id(app: &App, headers: &HeaderMap, text: &str) -> Result<RequestId, Problem> {
    match text.parse() {
        Ok(id) => Ok(id),
        Err(_) => {
            app.identify("show", Scope::Read, headers, &[]).await?;
            Err(Problem::not_found("request"))
        }
    }
}

/// Lists requests, newest first.
///
/// Requesters see their own, reviewers what they may review, auditors and admins all. A page may be
/// shorter than `limit` although there is a next one.
#[utoipa::path(
    get,
    path = "/v1/requests",
    operation_id = "list_requests",
    tag = "requests",
    params(Filters, Paging),
    responses((status = 200, body = Page, description = "A page."), Malformed, Signed)
)]
pub(crate) async fn list(
    State(app): State<App>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    app.subject(&headers)?;
    let query = Query::read(raw.as_deref(), &FILTERS, &["status"])?;
    let page = app.list_requests(&headers, &query.filter()?, query.cursor()?, query.limit()?).await?;
    Ok(json::answer(StatusCode::OK, &page))
}

/// Shows a request, once it is newer than you know if you want to wait.
#[utoipa::path(
    get,
    path = "/v1/requests/{id}",
    operation_id = "show_request",
    tag = "requests",
    params(
        ("id" = RequestId, Path),
        ("wait_seconds" = Option<u32>, Query, maximum = 25,
            description = "Wait until the version is greater than `since_version`, at most that long; less where the deployment says so."),
        ("since_version" = Option<u64>, Query, format = "uint64", description = "The version that you know; 0 by default.")
    ),
    responses(
        (status = 200, body = RequestView, description = "The request.",
            headers(("Retry-After" = u32, description = "There if you waited and it is unchanged: ask again."))),
        Malformed, NotFound, Signed
    )
)]
pub(crate) async fn show(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let id = request_id(&app, &headers, &id).await?;
    app.subject(&headers)?;
    let query = Query::read(raw.as_deref(), &["wait_seconds", "since_version"], &[])?;
    let wait = Wait::read(&query, &app)?;
    let (caller, found) = app.identify("show", Scope::Read, &headers, &keys_of(id)).await?;
    let request = visible_request(&found, id, &caller)?;
    let created = found.created(id).map_err(|error| errors::storage(&error))?;
    let created = created.ok_or_else(|| Problem::not_found("request"))?;
    long_poll::answer(&app, &caller, (request, found.error_text(id)), &created, wait).await
}

/// Gives a request's audit trail.
///
/// All of it, unless `limit` is given. Each event carries the hash of the one before; the first
/// `prev_hash` is 64 zeros.
#[utoipa::path(
    get,
    path = "/v1/requests/{id}/events",
    operation_id = "list_events",
    tag = "requests",
    params(
        ("id" = RequestId, Path),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 200, description = "How many events a page has at the most."),
        ("cursor" = Option<u64>, Query, format = "uint64", description = "The `next_cursor` of the page before.")
    ),
    responses((status = 200, body = Events, description = "The events."), Malformed, NotFound, Signed)
)]
pub(crate) async fn events(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let id = request_id(&app, &headers, &id).await?;
    app.subject(&headers)?;
    let query = Query::read(raw.as_deref(), &["limit", "cursor"], &[])?;
    let limit = if query.text("limit").is_some() { query.limit()? } else { usize::MAX };
    let (caller, found) = app.identify("events", Scope::Read, &headers, &keys_of(id)).await?;
    visible_request(&found, id, &caller)?;
    let events = app.store.events(id).await.map_err(|error| errors::storage(&error))?;
    Ok(json::answer(StatusCode::OK, &query.page(events, limit, |event| event.seq)?))
}

/// A decision's address opened in any way but by POST changes nothing (P9): link scanners open
/// every link.
pub(crate) async fn decision_by_get(Path((_, verb)): Path<(String, String)>) -> Problem {
    if DECISIONS.contains(&verb.as_str()) || RUNNERS.contains(&verb.as_str()) {
        Problem::method_not_allowed("POST")
    } else {
        Problem::not_found("page")
    }
}
