//! `console` answers everything that is read or administered: requests and their output,
//! connections, people, groups, tokens, `me`, webhooks and other ways of telling people, analytics, audit,
//! health, and the OpenAPI document; and the pages.

mod analytics;
mod audit;
mod connections;
mod csv;
mod etag;
mod export;
mod groups;
mod health;
mod integrations;
mod long_poll;
mod notifications;
pub mod openapi;
mod output;
mod pages;
mod proposals;
mod requests;
mod sessions;
mod settled;
mod slack_links;
mod tables;
mod tokens;
mod users;
mod webhooks;

use axum::Router;
use axum::extract::FromRef;
use axum::routing::{MethodRouter, delete, get, post};
use countersign_app::{App, Invoker};
use countersign_http::Problem;

use crate::settled::Settled;

#[derive(Clone)]
struct Console {
    app: App,
    invoker: Invoker,
    settled: Settled,
}

impl FromRef<Console> for Settled {
    fn from_ref(console: &Console) -> Self {
        console.settled.clone()
    }
}

impl FromRef<Console> for App {
    fn from_ref(console: &Console) -> Self {
        console.app.clone()
    }
}

/// The router of this function; `invoker` reaches the one function that knows secrets.
pub fn router(app: App, invoker: Invoker) -> Router {
    let routes = Router::new()
        .route("/healthz", only(get(health::health), "GET, HEAD"))
        .route("/v1/openapi.json", only(get(openapi::document), "GET, HEAD"))
        .route("/v1/requests", only(get(requests::list), "GET, HEAD, POST"))
        .route("/v1/requests/export", only(get(export::export), "GET, HEAD"))
        .route("/v1/requests/{id}", only(get(requests::show), "GET, HEAD"))
        .route("/v1/requests/{id}/events", only(get(requests::events), "GET, HEAD"))
        .route("/v1/requests/{id}/output", only(get(output::output), "GET, HEAD, POST"))
        .route("/v1/requests/{id}/notifications", only(get(notifications::show), "GET, HEAD"))
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
        .route("/v1/connections/{name}/test", only(post(connections::test), "POST"))
        .route("/v1/connections/{name}/check", only(post(connections::dry_run::check), "POST"))
        .route(
            "/v1/connections/{name}/guardrails/test",
            only(post(connections::dry_run::test_guardrails), "POST"),
        )
        .route("/v1/connections/{name}/refresh", only(post(connections::catalogue::refresh), "POST"))
        .route("/v1/users", only(get(users::list), "GET, HEAD"))
        .route("/v1/users/{id}", only(get(users::show).put(users::put), "GET, HEAD, PUT"))
        .route("/v1/users/{id}/sessions", only(get(sessions::list), "GET, HEAD"))
        .route("/v1/users/{id}/sessions/{session}", only(delete(sessions::end), "DELETE"))
        .route("/v1/users/{id}/slack-link", only(delete(slack_links::remove_of), "DELETE"))
        .route("/v1/groups", only(get(groups::list), "GET, HEAD"))
        .route("/v1/me", only(get(users::me), "GET, HEAD"))
        .route(
            "/v1/me/slack-links",
            only(post(slack_links::create).delete(slack_links::remove), "POST, DELETE"),
        )
        // Slack posts there, to `callback`.
        .route("/slack/interactions", only(MethodRouter::new(), "POST"))
        .route("/slack/commands", only(MethodRouter::new(), "POST"))
        .route("/v1/tokens", only(get(tokens::list).post(tokens::create), "GET, HEAD, POST"))
        .route("/v1/tokens/{id}", only(delete(tokens::revoke), "DELETE"))
        .route("/v1/webhooks", only(get(webhooks::list).post(webhooks::create), "GET, HEAD, POST"))
        .route(
            "/v1/webhooks/{id}",
            only(get(webhooks::show).put(webhooks::put).delete(webhooks::remove), "GET, HEAD, PUT, DELETE"),
        )
        .route("/v1/webhooks/{id}/test", only(post(webhooks::deliveries::test), "POST"))
        .route("/v1/webhooks/{id}/rotate-secret", only(post(webhooks::rotate_secret), "POST"))
        .route("/v1/webhooks/{id}/deliveries", only(get(webhooks::deliveries::list), "GET, HEAD"))
        .route("/v1/deliveries/{id}/replay", only(post(webhooks::deliveries::replay), "POST"))
        .route(
            "/v1/integrations/slack",
            only(get(integrations::show_slack).put(integrations::put_slack), "GET, HEAD, PUT"),
        )
        .route("/v1/integrations/slack/test", only(post(integrations::test_slack), "POST"))
        .route(
            "/v1/integrations/teams",
            only(get(integrations::show_teams).put(integrations::put_teams), "GET, HEAD, PUT"),
        )
        .route("/v1/integrations/teams/test", only(post(integrations::test_teams), "POST"))
        .route("/v1/analytics", only(get(analytics::show), "GET, HEAD"))
        .route("/v1/audit/checkpoints", only(get(audit::checkpoints), "GET, HEAD"))
        .route("/v1/audit/export", only(get(audit::export), "GET, HEAD"))
        .route("/v1/audit/public-key", only(get(audit::public_key), "GET, HEAD"))
        .merge(pages::routes())
        .fallback(|| async { Problem::not_found("page") });
    let app = app.asking(invoker.clone());
    countersign_web::behind_the_edge(routes, &app).with_state(Console {
        app,
        invoker,
        settled: Settled::default(),
    })
}

/// The methods of a resource, and a 405 that names them for all others.
fn only(methods: MethodRouter<Console>, allow: &'static str) -> MethodRouter<Console> {
    methods.fallback(move || async move { Problem::method_not_allowed(allow) })
}
