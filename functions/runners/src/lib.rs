//! `runners` answers runners and nobody else: `GET /v1/runner/work` finds what one could claim, and
//! `POST /v1/requests/{id}/claim`, `renew`, `output` and `complete` are what it does about a request.
//!
//! It is apart from `callback` because it asks the guardrails again and looks at output again: parsers
//! and recognisers that nobody who decides has to wait for.

mod claim;
mod complete;
mod output;
mod review;
mod visit;
mod work;

use axum::Router;
use axum::routing::{get, post};
use countersign_app::App;
use countersign_http::Problem;
use utoipa::OpenApi;

/// The router of this function.
pub fn router(app: App) -> Router {
    let routes = Router::new()
        .route(
            "/v1/runner/work",
            get(work::work).fallback(|| async { Problem::method_not_allowed("GET, HEAD") }),
        )
        .route("/v1/requests/{id}/claim", post(claim::claim).fallback(only_post))
        .route("/v1/requests/{id}/renew", post(claim::renew).fallback(only_post))
        .route("/v1/requests/{id}/output", post(output::output).fallback(only_post))
        .route("/v1/requests/{id}/complete", post(complete::complete).fallback(only_post))
        .fallback(|| async { Problem::not_found("page") });
    countersign_web::behind_the_edge(routes, &app).with_state(app)
}

/// This function's part of the OpenAPI document.
#[derive(OpenApi)]
#[openapi(paths(work::work, claim::claim, claim::renew, output::output, complete::complete))]
#[derive(Debug, Clone, Copy)]
pub struct Api;

async fn only_post() -> Problem {
    Problem::method_not_allowed("POST")
}
