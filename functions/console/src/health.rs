//! Whether the service is there at all.

use axum::response::Response;
use countersign_http::json;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

/// The service is there.
#[derive(Serialize, ToSchema)]
struct Health {
    /// Always `ok`.
    status: &'static str,
    /// The service's version.
    version: &'static str,
}

/// Says that the service is there; asks nobody who they are.
#[utoipa::path(
    get,
    path = "/healthz",
    operation_id = "health",
    tag = "service",
    security(()),
    responses((status = 200, body = Health, description = "It is there."))
)]
pub(crate) async fn health() -> Response {
    json::answer(StatusCode::OK, &Health { status: "ok", version: env!("CARGO_PKG_VERSION") })
}
