//! Requests: lists, one, its events.

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use countersign_app::submit::{keys_of, visible_request};
use countersign_app::{App, errors};
use countersign_http::routes::DECISIONS;
use countersign_http::{Problem, json};
use countersign_rules::RequestId;
use http::{HeaderMap, StatusCode};
use serde_json::json;

use crate::long_poll::{self, Wait};
use crate::query::{FILTERS, Query};

/// Reads an id out of a path. One that is none is not found, after the caller has proved who they
/// are.
pub(crate) async fn request_id(app: &App, headers: &HeaderMap, text: &str) -> Result<RequestId, Problem> {
    match text.parse() {
        Ok(id) => Ok(id),
        Err(_) => {
            app.identify("show", headers, &[]).await?;
            Err(Problem::not_found("request"))
        }
    }
}

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
    let (caller, found) = app.identify("show", &headers, &keys_of(id)).await?;
    let request = visible_request(&found, id, &caller)?;
    let created = found.created(id).map_err(|error| errors::storage(&error))?;
    let created = created.ok_or_else(|| Problem::not_found("request"))?;
    long_poll::answer(&app, &caller, (request, found.error_text(id)), &created, wait).await
}

pub(crate) async fn events(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let id = request_id(&app, &headers, &id).await?;
    let _ = Query::read(raw.as_deref(), &[], &[])?;
    let (caller, found) = app.identify("events", &headers, &keys_of(id)).await?;
    visible_request(&found, id, &caller)?;
    let events = app.store.events(id).await.map_err(|error| errors::storage(&error))?;
    Ok(json::answer(StatusCode::OK, &json!({ "items": events, "next_cursor": null })))
}

/// A decision's address opened in any way but by POST changes nothing (P9): link scanners open
/// every link.
pub(crate) async fn decision_by_get(Path((_, verb)): Path<(String, String)>) -> Problem {
    if DECISIONS.contains(&verb.as_str()) {
        Problem::method_not_allowed("POST")
    } else {
        Problem::not_found("page")
    }
}
