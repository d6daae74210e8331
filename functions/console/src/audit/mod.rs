//! The log over all events: checkpoints, keys, the whole of it as a file, and the receipt of a request.

mod changes;
mod export;
mod receipt;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use countersign_app::{App, Scope, errors};
use countersign_audit::{Checkpoint, PublicKey};
use countersign_http::json::List;
use countersign_http::openapi::{Malformed, Paging, Signed};
use countersign_http::{Problem, json};
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

pub(crate) use changes::{Changes, Wanted, changes};
pub(crate) use export::{__path_export, export, part};
pub(crate) use receipt::{__path_receipt, of as receipt_of, receipt};

use countersign_app::query::Query;

/// What a list of checkpoints answers.
type Checkpoints = List<Checkpoint>;
/// What a list of keys answers.
type Keys = List<AuditKey>;

/// Lists signed checkpoints of the log over all events, newest first; for admins and auditors.
#[utoipa::path(
    get,
    path = "/v1/audit/checkpoints",
    operation_id = "list_checkpoints",
    tag = "audit",
    params(Paging),
    responses((status = 200, body = Checkpoints, description = "A page."), Malformed, Signed)
)]
pub(crate) async fn checkpoints(
    State(app): State<App>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let (caller, _) = app.identify("checkpoints", Scope::Read, &headers, &[]).await?;
    caller.must_see_all()?;
    let query = Query::read(raw.as_deref(), &["limit", "cursor"], &[])?;
    Ok(json::answer(StatusCode::OK, &checkpoints_of(&app, &query).await?))
}

/// The page of checkpoints that a query asks for.
pub(crate) async fn checkpoints_of(app: &App, query: &Query) -> Result<Checkpoints, Problem> {
    let limit = u64::try_from(query.limit()?).unwrap_or(200);
    let head = app.store.log_head().await.map_err(|error| errors::storage(&error))?;
    let newest = head.map_or(0, |head| head.number);
    // The cursor is the last one of the page before.
    let last = query.parsed::<u64>("cursor")?.map_or(newest, |cursor| newest.min(cursor.saturating_sub(1)));
    let first = last.saturating_sub(limit) + 1;
    let numbers: Vec<u64> = (first..=last).collect();
    let found = app.store.log_checkpoints(&numbers).await.map_err(|error| errors::storage(&error))?;
    let items: Vec<Checkpoint> = found.into_iter().rev().collect();
    let next_cursor = (first > 1 && last > 0).then(|| first.to_string());
    Ok(List { items, next_cursor })
}

/// A key that signed checkpoints.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct AuditKey {
    /// The first 16 digits of the SHA-256 of the public key.
    pub(crate) id: String,
    /// The key.
    pub(crate) public_key: PublicKey,
    /// The number of the first checkpoint that it signed.
    pub(crate) since: u64,
}

/// Lists the public keys that signed checkpoints, in the order in which they came into use.
#[utoipa::path(
    get,
    path = "/v1/audit/public-key",
    operation_id = "list_audit_keys",
    tag = "audit",
    responses((status = 200, body = Keys, description = "All of them; none before the first checkpoint."), Signed)
)]
pub(crate) async fn public_key(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    app.identify("audit keys", Scope::Read, &headers, &[]).await?;
    let items = keys(&app).await?;
    Ok(json::answer(StatusCode::OK, &List { items, next_cursor: None }))
}

/// The keys that signed, in their order.
pub(crate) async fn keys(app: &App) -> Result<Vec<AuditKey>, Problem> {
    let keys = app.store.log_keys().await.map_err(|error| errors::storage(&error))?;
    let view = |key: countersign_storage::log::LogKey| AuditKey {
        id: key.public_key.id(),
        public_key: key.public_key,
        since: key.since,
    };
    Ok(keys.into_iter().map(view).collect())
}
