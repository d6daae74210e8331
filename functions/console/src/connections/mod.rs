//! Connections: admins write them, everybody reads what they may use.

mod asked;
pub(crate) mod catalogue;
pub(crate) mod check;
pub(crate) mod dry_run;
pub(crate) mod shape;

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use countersign_app::four_eyes::Proposal;
use countersign_app::probe::TestReport;
use countersign_app::view::RequestView;
use countersign_app::{App, Caller, Scope, errors};
use countersign_http::json::List;
use countersign_http::openapi::{
    Exists, IfMatch, Invalid, Malformed, NotFound, Paging, PreconditionRequired, Signed, Stale, WithBody,
};
use countersign_http::{Problem, json};
use countersign_rules::ConnectionName;
use countersign_storage::{Connection, Key, StorageError};
use http::{HeaderMap, StatusCode};

use crate::Console;
use crate::etag::{if_match, with_etag};
use crate::proposals::{Saved, proposed};
use check::{check_rules, checked, warnings};
use countersign_app::query::Query;
use shape::{Body, View};

/// What a list answers.
type Page = List<View<'static>>;

/// How many connections are written or read at the most in one list.
const MOST: usize = 10_000;

pub(crate) fn may_see(connection: &Connection, caller: &Caller) -> bool {
    let allowed = caller.sees_all() || connection.policy().allows(&caller.user.groups);
    allowed && !connection.is_configuration()
}

/// Lists the connections that you may use.
#[utoipa::path(
    get,
    path = "/v1/connections",
    operation_id = "list_connections",
    tag = "connections",
    params(Paging),
    responses((status = 200, body = Page, description = "A page."), Malformed, Signed)
)]
pub(crate) async fn list(
    State(app): State<App>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let (caller, _) = app.identify("connections", Scope::Read, &headers, &[]).await?;
    let query = Query::read(raw.as_deref(), &["limit", "cursor"], &[])?;
    let limit = query.limit()?;
    let mut after: Option<ConnectionName> = query.parsed("cursor")?;
    let mut items: Vec<Connection> = Vec::new();
    let mut next = None;
    for _ in 0..MOST {
        let page =
            app.store.connections(after.as_ref(), limit).await.map_err(|error| errors::storage(&error))?;
        let last_page = page.len() < limit;
        after = page.last().map(|connection| connection.name.clone());
        items.extend(page.into_iter().filter(|connection| may_see(connection, &caller)));
        if items.len() > limit || (items.len() == limit && !last_page) {
            items.truncate(limit);
            next = items.last().map(|connection| connection.name.to_string());
            break;
        }
        if last_page {
            break;
        }
    }
    let items: Vec<_> = items.iter().map(|connection| View::new(connection, &caller, Vec::new())).collect();
    Ok(json::answer(StatusCode::OK, &List { items, next_cursor: next }))
}

/// Shows one connection.
#[utoipa::path(
    get,
    path = "/v1/connections/{name}",
    operation_id = "show_connection",
    tag = "connections",
    params(("name" = ConnectionName, Path)),
    responses(
        (status = 200, body = View, description = "The connection.", headers(("ETag" = String))),
        NotFound,
        Signed
    )
)]
pub(crate) async fn show(
    State(app): State<App>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (caller, connection) = find(&app, Scope::Read, &headers, &name).await?;
    let connection = connection.filter(|connection| may_see(connection, &caller));
    let connection = connection.ok_or_else(|| Problem::not_found("connection"))?;
    let warnings = warnings(&app, &connection).await;
    Ok(answer(StatusCode::OK, &connection, &caller, warnings))
}

pub(crate) async fn find(
    app: &App,
    needs: Scope,
    headers: &HeaderMap,
    name: &str,
) -> Result<(Caller, Option<Connection>), Problem> {
    match name.parse::<ConnectionName>() {
        Ok(name) => {
            let (caller, found) =
                app.identify("connection", needs, headers, &[Key::Connection(name.clone())]).await?;
            let connection = found.connection(&name).map_err(|error| errors::storage(&error))?;
            // The one of the configuration is nobody's to look at or to change.
            Ok((caller, connection.filter(|connection| !connection.is_configuration())))
        }
        Err(_) => Ok((app.identify("connection", needs, headers, &[]).await?.0, None)),
    }
}

/// Makes or changes a connection; for admins.
///
/// Without `If-Match` it makes one; with it, it changes the one that you looked at.
#[utoipa::path(
    put,
    path = "/v1/connections/{name}",
    operation_id = "put_connection",
    tag = "connections",
    params(("name" = ConnectionName, Path), IfMatch),
    request_body = Body,
    responses(
        (status = 200, body = View, description = "It is changed.", headers(("ETag" = String))),
        (status = 201, body = View, description = "It is made.", headers(("ETag" = String))),
        (status = 202, body = RequestView, description = "It waits for another admin: the request that proposes it.",
            headers(("Location" = String))),
        Exists, Stale, Invalid, WithBody, Signed
    )
)]
pub(crate) async fn put(
    State(app): State<App>,
    Path(name): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let (caller, before) = find(&app, Scope::Manage, &headers, &name).await?;
    caller.must_be_admin()?;
    let name: ConnectionName = name
        .parse()
        .map_err(|error: countersign_rules::ids::InvalidId| Problem::invalid(error.to_string()))?;
    let body: Body = json::body(&headers, &bytes)?;
    let expected = if_match(&headers)?;
    let saved = save(&app, &caller, name, before.as_ref(), body, expected).await?;
    let connection = match saved {
        Saved::Stored(connection) => connection,
        Saved::Proposed(request) => return Ok(proposed(&request)),
    };
    let warnings = warnings(&app, &connection).await;
    let status = if before.is_some() { StatusCode::OK } else { StatusCode::CREATED };
    Ok(answer(status, &connection, &caller, warnings))
}

/// Stores a connection as an admin wrote it: a new one, or the next state of the version that they
/// looked at. Where another admin has to agree, it is proposed.
pub(crate) async fn save(
    app: &App,
    caller: &Caller,
    name: ConnectionName,
    before: Option<&Connection>,
    body: Body,
    expected: Option<u64>,
) -> Result<Saved<Connection>, Problem> {
    match (before, expected) {
        (Some(_), None) => {
            // The contract: without If-Match a PUT creates.
            return Err(Problem::conflict(
                "exists",
                "a connection of that name exists; send its ETag in If-Match to change it",
            )
            .with("precondition", "If-Match"));
        }
        (None, Some(_)) => return Err(Problem::stale("there is no connection of that name")),
        (Some(before), Some(version)) if before.version != version => {
            return Err(Problem::stale(format!(
                "the connection has version {} now; look at it again",
                before.version
            )));
        }
        (Some(_), Some(_)) | (None, None) => {}
    }
    let connection = checked(app, name, body, before)?;
    check_rules(app, &connection).await?;
    if app.is_proposal_of_connection(before, &connection) {
        let proposal = Proposal::of_connection(before, &connection).map_err(|_| Problem::internal())?;
        let known = app.known_for_display().await.unwrap_or_default();
        let affected = known.affected_by_connection(before, &connection);
        let warned = warnings(app, &connection).await;
        let warned = warned.into_iter().map(|warning| format!("Warning: {warning}."));
        let proposal = proposal.affecting(affected.into_iter().chain(warned));
        return Ok(Saved::Proposed(Box::new(app.propose(caller, &proposal).await?)));
    }
    let kept = app.acting(caller).keep_connection(before.map(|before| before.version), &connection).await;
    kept.map_err(|error| {
        error.problem(match before {
            None => Problem::conflict("exists", "a connection of that name was made just now"),
            Some(_) => Problem::stale("the connection was changed just now; look at it again"),
        })
    })?;
    Ok(Saved::Stored(connection))
}

/// Deletes a connection; for admins.
#[utoipa::path(
    delete,
    path = "/v1/connections/{name}",
    operation_id = "delete_connection",
    tag = "connections",
    params(("name" = ConnectionName, Path), IfMatch),
    responses(
        (status = 204, description = "It is gone."),
        NotFound, Stale, PreconditionRequired, Signed
    )
)]
pub(crate) async fn remove(
    State(app): State<App>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (caller, connection) = find(&app, Scope::Manage, &headers, &name).await?;
    caller.must_be_admin()?;
    let connection = connection.ok_or_else(|| Problem::not_found("connection"))?;
    let expected = if_match(&headers)?;
    let version = expected.ok_or_else(|| {
        Problem::precondition_required(
            "send the ETag of the connection in If-Match, so that you delete what you looked at",
        )
    })?;
    delete(&app, &caller, &connection, version).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Deletes a connection of the version that an admin looked at.
pub(crate) async fn delete(
    app: &App,
    caller: &Caller,
    connection: &Connection,
    version: u64,
) -> Result<(), Problem> {
    if connection.version != version {
        return Err(Problem::stale(format!(
            "the connection has version {} now; look at it again",
            connection.version
        )));
    }
    match app.store_of(caller).remove_connection(connection).await {
        Ok(()) => Ok(()),
        Err(StorageError::Conflict) => {
            Err(Problem::stale("the connection was changed just now; look at it again"))
        }
        Err(error) => Err(errors::storage(&error)),
    }
}

/// Says whether a connection works, and in plain words what is wrong if it does not; for admins.
///
/// Each secret that it names is resolved and used to ask the target who one is there. No command
/// runs. What is found wrong is an answer too: look at `works`.
#[utoipa::path(
    post,
    path = "/v1/connections/{name}/test",
    operation_id = "test_connection",
    tag = "connections",
    params(("name" = ConnectionName, Path)),
    request_body = json::Nothing,
    responses(
        (status = 200, body = TestReport, description = "What was found."),
        NotFound, WithBody, Signed
    )
)]
pub(crate) async fn test(
    State(console): State<Console>,
    Path(name): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let (caller, connection) = find(&console.app, Scope::Manage, &headers, &name).await?;
    caller.must_be_admin()?;
    json::no_body(&headers, &bytes)?;
    let connection = connection.ok_or_else(|| Problem::not_found("connection"))?;
    Ok(json::answer(StatusCode::OK, &console.test(connection.name).await?))
}

fn answer(status: StatusCode, connection: &Connection, caller: &Caller, warnings: Vec<String>) -> Response {
    with_etag(json::answer(status, &View::new(connection, caller, warnings)), connection.version)
}
