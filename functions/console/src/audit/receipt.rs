//! The receipt of a request.

use axum::extract::{Path, State};
use axum::response::Response;
use countersign_app::submit::{keys_of, visible_request};
use countersign_app::{App, Scope, errors};
use countersign_audit::{Hash, Receipt, path, tiles};
use countersign_http::openapi::{NotFound, NotSealed, Signed};
use countersign_http::{Problem, json};
use countersign_rules::{Event, RequestId};
use countersign_storage::{StorageError, Store};
use http::{HeaderMap, StatusCode};

use crate::requests::request_id;

/// Gives the receipt of a request: one JSON that proves offline what happened, for whoever sees the request.
///
/// It holds all events, and proves the last one's place in the log under a signed checkpoint; each event
/// carries the hash of the one before.
#[utoipa::path(
    get,
    path = "/v1/requests/{id}/receipt",
    operation_id = "show_receipt",
    tag = "audit",
    params(("id" = RequestId, Path)),
    responses((status = 200, body = Receipt, description = "The receipt."), NotFound, NotSealed, Signed)
)]
pub(crate) async fn receipt(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id = request_id(&app, &headers, &id).await?;
    let (caller, found) = app.identify("receipt", Scope::Read, &headers, &keys_of(id)).await?;
    visible_request(&found, id, &caller)?;
    let receipt = of(&app, id).await?;
    let receipt = receipt.ok_or_else(|| {
        Problem::conflict(
            "not-sealed",
            "the last event of this request is not under a checkpoint yet; one is made each minute, so ask again",
        )
    })?;
    Ok(json::answer(StatusCode::OK, &receipt))
}

/// The receipt of a request that the caller may see; none while its last event is not sealed.
pub(crate) async fn of(app: &App, id: RequestId) -> Result<Option<Receipt>, Problem> {
    let events = app.store.events(id).await.map_err(|error| errors::storage(&error))?;
    made(&app.store, id, &events).await.map_err(|error| errors::storage(&error))
}

/// None if the last event is not sealed yet.
async fn made(store: &Store, id: RequestId, events: &[Event]) -> Result<Option<Receipt>, StorageError> {
    let corrupt = |what: &str| StorageError::Corrupt(what.to_owned());
    let last = events.last().ok_or_else(|| corrupt("a request without events"))?;
    let hash = Hash::parse(&last.hash).ok_or_else(|| corrupt("an event without a hash"))?;
    let Some(place) = store.log_place(last.at, id, hash).await? else { return Ok(None) };
    let head = store.log_head().await?.ok_or_else(|| corrupt("a log without a head"))?;
    let ranges = path::inclusion(place, head.tree.size()).ok_or_else(|| corrupt("a leaf behind the log"))?;
    let known = store.log_tiles(&tiles::needed(&ranges)).await?;
    let proof = tiles::hashes(&ranges, &known).ok_or_else(|| corrupt("the log has holes"))?;
    let checkpoint =
        store.log_checkpoint(head.number).await?.ok_or_else(|| corrupt("a checkpoint is gone"))?;
    let keys = store.log_keys().await?;
    let key = keys.iter().find(|key| key.public_key.id() == checkpoint.key);
    let key = key.ok_or_else(|| corrupt("a checkpoint of an unknown key"))?.public_key;
    let events = events.iter().map(serde_json::to_value).collect::<Result<_, _>>();
    let events = events.map_err(|error| corrupt(&format!("an event cannot be written: {error}")))?;
    Ok(Some(Receipt::new(id.to_string(), events, (place, proof), checkpoint, key)))
}
