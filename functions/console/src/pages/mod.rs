//! The pages: rendered on the server, read and decided on without script.
//!
//! A page is a function from what was read to markup; its handler reads, asks the same use cases as the
//! API, and never changes anything on GET. What forms change is changed by the code behind the API.

mod account;
mod analytics;
mod api;
mod audit;
mod audit_files;
mod changes;
mod cli_sign_in;
mod command;
mod connection_form;
mod connections;
mod diff;
mod dry_run;
mod fields;
mod files;
mod integrations;
mod new_request;
mod notifications;
mod output;
mod people;
mod person;
mod plot;
mod proposal;
mod request;
mod requests;
mod sessions;
mod sign_in;
mod slack_link;
mod tokens;
mod viewer;
mod webhooks;
mod words;

use axum::Router;
use axum::extract::Path;
use axum::middleware::from_fn;
use axum::response::Response;
use axum::routing::{get, post};
use countersign_http::Problem;
use countersign_web::statics;

use crate::{Console, only};

/// The pages' routes.
pub(crate) fn routes() -> Router<Console> {
    let page = |methods| only(methods, "GET, HEAD");
    let form = |methods| only(methods, "POST");
    Router::new()
        .route("/", page(get(requests::list)))
        .route("/requests", only(get(requests::list), "GET, HEAD, POST"))
        .route("/requests/new", only(get(new_request::page).post(new_request::check), "GET, HEAD, POST"))
        .route("/requests/{id}", only(get(request::show).post(request::again), "GET, HEAD, POST"))
        .route("/requests/{id}/receipt", page(get(request::receipt::page)))
        .route("/requests/{id}/notifications", page(get(notifications::page)))
        .route("/requests/{id}/{verb}", axum::routing::any(crate::requests::decision_by_get))
        .route("/connections", page(get(connections::list)))
        .route("/connections/new", page(get(connections::new)))
        .route("/connections/new/check", form(post(connections::check_new)))
        .route("/connections/new/save", form(post(connections::save_new)))
        .route("/connections/{name}", page(get(connections::show)))
        .route("/connections/{name}/check", form(post(connections::check)))
        .route("/connections/{name}/save", form(post(connections::save)))
        .route("/connections/{name}/delete", form(post(connections::delete)))
        .route("/connections/{name}/test", form(post(connections::test)))
        .route("/connections/{name}/refresh", form(post(connections::catalogue::refresh)))
        .route("/connections/{name}/reminders", form(post(connections::save_reminders)))
        .route("/integrations", page(get(integrations::page)))
        .route("/integrations/slack", form(post(integrations::save_slack)))
        .route("/integrations/slack/test", form(post(integrations::test_slack)))
        .route("/integrations/teams", form(post(integrations::save_teams)))
        .route("/integrations/teams/test", form(post(integrations::test_teams)))
        .route("/integrations/webhooks", form(post(webhooks::create)))
        .route("/integrations/webhooks/new", page(get(webhooks::new)))
        .route("/integrations/webhooks/{id}", page(get(webhooks::show)))
        .route("/integrations/webhooks/{id}/save", form(post(webhooks::save)))
        .route("/integrations/webhooks/{id}/test", form(post(webhooks::test)))
        .route("/integrations/webhooks/{id}/rotate", form(post(webhooks::rotate)))
        .route("/integrations/webhooks/{id}/delete", form(post(webhooks::delete)))
        .route("/integrations/deliveries/{id}/replay", form(post(webhooks::replay)))
        .route("/analytics", page(get(analytics::page)))
        .route(files::PATH, page(get(files::page)))
        .route(files::FILE, page(get(files::file)))
        .route("/audit", page(get(audit::page)))
        .route(audit_files::PATH, page(get(audit_files::page)))
        .route(audit_files::FILE, page(get(audit_files::file)))
        .route("/api", page(get(api::page)))
        .route("/people", page(get(people::list)))
        .route("/people/new", page(get(person::new)))
        .route("/people/{id}", page(get(person::show)))
        .route("/people/{id}/save", form(post(person::save)))
        .route("/people/{id}/tokens", form(post(person::create_token)))
        .route("/people/{id}/tokens/{token}/revoke", form(post(person::revoke_token)))
        .route("/people/{id}/slack/remove", form(post(person::unlink_slack)))
        .route("/people/{id}/sessions/end", form(post(person::end_sessions)))
        .route("/people/{id}/sessions/{session}/end", form(post(person::end_session)))
        .route("/account", page(get(account::page)))
        .route("/account/tokens", form(post(account::create_token)))
        .route("/account/tokens/{id}/revoke", form(post(account::revoke_token)))
        .route("/account/sessions/end", form(post(account::end_sessions)))
        .route("/account/sessions/{session}/end", form(post(account::end_session)))
        .route("/sign-in", page(get(sign_in::page)))
        .route("/sign-in/demo", form(post(sign_in::as_demo_person)))
        .route("/sign-in/oidc", form(post(sign_in::begin)))
        .route("/sign-in/callback", page(get(sign_in::finish)))
        .route("/sign-out", form(post(sign_in::sign_out)))
        .route("/cli", page(get(cli_sign_in::page)))
        .route("/cli/allow", form(post(cli_sign_in::allow)))
        .route("/cli/token", form(post(cli_sign_in::token)))
        .route("/slack/link", only(get(slack_link::page).post(slack_link::create), "GET, HEAD, POST"))
        .route("/slack/link/remove", form(post(slack_link::remove)))
        .route("/static/{file}", page(get(file)))
        .layer(from_fn(viewer::carry_session))
}

async fn file(Path(file): Path<String>) -> Result<Response, Problem> {
    statics::file(&format!("/static/{file}"))
}
