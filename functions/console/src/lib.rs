//! `console` answers everything that is read or administered: requests and their output,
//! connections, people, groups, tokens, `me`, analytics, audit, health, and the OpenAPI document. Pages will be here too.

mod analytics;
mod audit;
mod connections;
mod etag;
mod export;
mod groups;
mod health;
mod long_poll;
pub mod openapi;
mod output;
mod query;
mod requests;
mod tokens;
mod users;

use axum::extract::DefaultBodyLimit;
use axum::routing::{MethodRouter, delete, get};
use axum::{Router, middleware};
use countersign_app::App;
use countersign_http::{Problem, edge};

/// The router of this function.
pub fn router(app: App) -> Router {
    Router::new()
        .route("/healthz", only(get(health::health), "GET, HEAD"))
        .route("/v1/openapi.json", only(get(openapi::document), "GET, HEAD"))
        .route("/v1/requests", only(get(requests::list), "GET, HEAD, POST"))
        .route("/v1/requests/export", only(get(export::export), "GET, HEAD"))
        .route("/v1/requests/{id}", only(get(requests::show), "GET, HEAD"))
        .route("/v1/requests/{id}/events", only(get(requests::events), "GET, HEAD"))
        .route("/v1/requests/{id}/output", only(get(output::output), "GET, HEAD"))
        .route("/v1/requests/{id}/receipt", only(get(audit::receipt), "GET, HEAD"))
        .route("/v1/requests/{id}/{verb}", axum::routing::any(requests::decision_by_get))
        .route("/v1/connections", only(get(connections::list), "GET, HEAD"))
        .route(
            "/v1/connections/{name}",
            only(
                get(connections::show).put(connections::put).delete(connections::remove),
                "GET, HEAD, PUT, DELETE",
            ),
        )
        .route("/v1/users", only(get(users::list), "GET, HEAD"))
        .route("/v1/users/{id}", only(get(users::show).put(users::put), "GET, HEAD, PUT"))
        .route("/v1/groups", only(get(groups::list), "GET, HEAD"))
        .route("/v1/me", only(get(users::me), "GET, HEAD"))
        .route("/v1/tokens", only(get(tokens::list).post(tokens::create), "GET, HEAD, POST"))
        .route("/v1/tokens/{id}", only(delete(tokens::revoke), "DELETE"))
        .route("/v1/analytics", only(get(analytics::show), "GET, HEAD"))
        .route("/v1/audit/checkpoints", only(get(audit::checkpoints), "GET, HEAD"))
        .route("/v1/audit/export", only(get(audit::export), "GET, HEAD"))
        .route("/v1/audit/public-key", only(get(audit::public_key), "GET, HEAD"))
        .fallback(|| async { Problem::not_found("page") })
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn(edge::finish))
        .with_state(app)
}

/// The methods of a resource, and a 405 that names them for all others.
fn only(methods: MethodRouter<App>, allow: &'static str) -> MethodRouter<App> {
    methods.fallback(move || async move { Problem::method_not_allowed(allow) })
}
