//! The OpenAPI document.
//!
//! It is made from the code of all functions by `cargo run -p countersign-openapi` and stands here
//! as a file, so that serving it costs no start-up time and no function holds another's types. A test
//! of `tests/openapi` fails when the file is not what the code says.

use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use utoipa::OpenApi;

pub(crate) const DOCUMENT: &str = include_str!("../openapi.json");

/// This function's part of the document.
#[derive(OpenApi)]
#[openapi(paths(
    crate::health::health,
    document,
    crate::requests::list,
    crate::requests::show,
    crate::requests::events,
    crate::output::output,
    crate::export::export,
    crate::connections::list,
    crate::connections::show,
    crate::connections::put,
    crate::connections::remove,
    crate::connections::test,
    crate::connections::dry_run::check,
    crate::connections::dry_run::test_guardrails,
    crate::connections::catalogue::refresh,
    crate::users::list,
    crate::users::show,
    crate::users::put,
    crate::users::me,
    crate::sessions::list,
    crate::sessions::end,
    crate::slack_links::create,
    crate::slack_links::remove,
    crate::slack_links::remove_of,
    crate::groups::list,
    crate::tokens::list,
    crate::tokens::create,
    crate::tokens::revoke,
    crate::webhooks::list,
    crate::webhooks::create,
    crate::webhooks::show,
    crate::webhooks::put,
    crate::webhooks::remove,
    crate::webhooks::rotate_secret,
    crate::webhooks::deliveries::list,
    crate::webhooks::deliveries::test,
    crate::webhooks::deliveries::replay,
    crate::notifications::show,
    crate::integrations::show_slack,
    crate::integrations::put_slack,
    crate::integrations::test_slack,
    crate::integrations::show_teams,
    crate::integrations::put_teams,
    crate::integrations::test_teams,
    crate::analytics::show,
    crate::audit::checkpoints,
    crate::audit::export,
    crate::audit::public_key,
    crate::audit::receipt,
))]
#[derive(Debug, Clone, Copy)]
pub struct Api;

/// Gives this document; asks nobody who they are.
#[utoipa::path(
    get,
    path = "/v1/openapi.json",
    operation_id = "openapi_document",
    tag = "service",
    security(()),
    responses((status = 200, description = "OpenAPI 3.1.", content_type = "application/json", body = Object))
)]
pub(crate) async fn document() -> Response {
    (StatusCode::OK, [(CONTENT_TYPE, "application/json")], DOCUMENT).into_response()
}
