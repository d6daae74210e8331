//! The catalogue of a connection's database: read again on demand.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use countersign_app::Scope;
use countersign_app::catalogue::CatalogueReport;
use countersign_http::openapi::{NotFound, Signed, WithBody};
use countersign_http::{Problem, json};
use countersign_rules::ConnectionName;
use http::{HeaderMap, StatusCode};

use super::find;
use crate::Console;

/// Reads the catalogue of a connection's database again: tables, triggers, foreign keys, functions, types; for admins.
///
/// It is read with `estimate_secret` or `read_secret`, in a read-only transaction. A failure is an answer too: look at
/// `error`.
#[utoipa::path(
    post,
    path = "/v1/connections/{name}/refresh",
    operation_id = "refresh_connection",
    tag = "connections",
    params(("name" = ConnectionName, Path)),
    request_body = json::Nothing,
    responses(
        (status = 200, body = CatalogueReport, description = "The catalogue in numbers."),
        NotFound, WithBody, Signed
    )
)]
pub(crate) async fn refresh(
    State(console): State<Console>,
    Path(name): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let (caller, connection) = find(&console.app, Scope::Manage, &headers, &name).await?;
    caller.must_be_admin()?;
    json::no_body(&headers, &bytes)?;
    let connection = connection.ok_or_else(|| Problem::not_found("connection"))?;
    Ok(json::answer(StatusCode::OK, &console.read_catalogue(connection.name).await?))
}
