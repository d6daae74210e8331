//! `callback` takes decisions: `POST /v1/requests/{id}/approve`, `reject`, `cancel`, `settle`, `run`.

mod decisions;
mod refused;
mod run;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::post;
use countersign_app::{App, Invoker};
use countersign_http::{Problem, edge};
use utoipa::OpenApi;

#[derive(Clone)]
struct Callback {
    app: App,
    invoker: Invoker,
    refused: refused::Refused,
}

/// The router of this function.
pub fn router(app: App, invoker: Invoker) -> Router {
    Router::new()
        .route("/v1/requests/{id}/approve", post(decisions::approve).fallback(only_post))
        .route("/v1/requests/{id}/reject", post(decisions::reject).fallback(only_post))
        .route("/v1/requests/{id}/cancel", post(decisions::cancel).fallback(only_post))
        .route("/v1/requests/{id}/settle", post(decisions::settle).fallback(only_post))
        .route("/v1/requests/{id}/run", post(run::run).fallback(only_post))
        .fallback(|| async { Problem::not_found("page") })
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn(edge::finish))
        .with_state(Callback { app, invoker, refused: refused::Refused::default() })
}

/// This function's part of the OpenAPI document.
#[derive(OpenApi)]
#[openapi(paths(decisions::approve, decisions::reject, decisions::cancel, decisions::settle, run::run))]
#[derive(Debug, Clone, Copy)]
pub struct Api;

async fn only_post() -> Problem {
    Problem::method_not_allowed("POST")
}
