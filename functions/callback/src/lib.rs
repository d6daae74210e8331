//! `callback` takes decisions: `POST /v1/requests/{id}/approve`, `reject`, `cancel`, `settle`, `run`,
//! the forms of the pages at the same addresses without `/v1`, and what people do in Slack.

mod decisions;
mod forms;
mod refused;
mod run;
mod slack;

use axum::Router;
use axum::routing::post;
use countersign_app::{App, Invoker};
use countersign_http::Problem;
use utoipa::OpenApi;

pub use slack::Slack;

#[derive(Clone)]
struct Callback {
    app: App,
    invoker: Invoker,
    slack: Slack,
}

/// The router of this function.
pub fn router(app: App, invoker: Invoker, slack: Slack) -> Router {
    let routes = Router::new()
        .route("/v1/requests/{id}/approve", post(decisions::approve).fallback(only_post))
        .route("/v1/requests/{id}/reject", post(decisions::reject).fallback(only_post))
        .route("/v1/requests/{id}/cancel", post(decisions::cancel).fallback(only_post))
        .route("/v1/requests/{id}/settle", post(decisions::settle).fallback(only_post))
        .route("/v1/requests/{id}/run", post(run::run).fallback(only_post))
        .route("/slack/interactions", post(slack::interactions::interaction).fallback(only_post))
        .route("/slack/commands", post(slack::commands::command).fallback(only_post))
        .route("/requests/{id}/{verb}", post(forms::decide).fallback(only_post))
        .fallback(|| async { Problem::not_found("page") });
    countersign_web::behind_the_edge(routes, &app).with_state(Callback { app, invoker, slack })
}

/// This function's part of the OpenAPI document.
#[derive(OpenApi)]
#[openapi(paths(
    decisions::approve,
    decisions::reject,
    decisions::cancel,
    decisions::settle,
    run::run,
    slack::interactions::interaction,
    slack::commands::command,
))]
#[derive(Debug, Clone, Copy)]
pub struct Api;

async fn only_post() -> Problem {
    Problem::method_not_allowed("POST")
}
