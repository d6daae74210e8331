//! Who was told of a request, by which way, what came of it, and what to do.

use axum::extract::{Path, State};
use axum::response::Response;
use countersign_app::submit::{keys_of, visible_request};
use countersign_app::{App, Scope};
use countersign_http::Problem;
use countersign_notify::EndpointId;
use countersign_notify::diagnose::Finding;
use countersign_rules::display::display;
use countersign_rules::{ConnectionName, Timestamp};
use countersign_web::Place;
use http::HeaderMap;
use maud::{Markup, html};

use super::viewer::Viewer;
use super::webhooks::Looked;
use super::{webhooks, words};
use crate::notifications::{self as api, Told};
use crate::requests::request_id;

/// A page of its own: it reads much that the page of the request does not need.
pub(crate) async fn page(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id = request_id(&app, &headers, &id).await?;
    let (viewer, found) = Viewer::see(&app, "notifications", Scope::Read, &headers, &keys_of(id)).await?;
    let request = visible_request(&found, id, &viewer.caller)?;
    let told = api::of(&app, &request, &viewer.caller).await?;
    let now = app.now();
    let about = About { is_admin: viewer.caller.is_admin(), connection: &request.connection, endpoint: None };
    // What is set up nowhere is missed by nobody.
    let is_missed = |finding: &&Finding| match finding.code {
        "slack-not-configured" => told.set_up.slack,
        "teams-not-configured" => told.set_up.teams,
        _ => true,
    };
    let of_all: Vec<&Finding> = told.findings.iter().filter(is_missed).collect();
    let content = html! {
        div.head {
            div.grow {
                p.eyebrow { a href={ "/requests/" (id) } { "The request" } " on " (request.connection) }
                h1 { "Who was told" }
            }
        }
        (findings(&of_all, &about))
        @if told.items.is_empty() {
            div.card.empty { strong { "Nobody" } p { "No webhook, no channel of Slack and no channel of Teams hears of this connection." } }
        }
        @for one in &told.items { (endpoint(&viewer, one, &request.connection, now)) }
    };
    Ok(viewer.page(&app, "Who was told", Place::Requests, content))
}

/// What a finding is about, and who reads it.
struct About<'a> {
    is_admin: bool,
    connection: &'a ConnectionName,
    endpoint: Option<&'a EndpointId>,
}

fn endpoint(viewer: &Viewer, told: &Told, connection: &ConnectionName, now: Timestamp) -> Markup {
    let about = About { is_admin: viewer.caller.is_admin(), connection, endpoint: Some(&told.endpoint) };
    let looked = Looked::of(now, &told.health);
    let mut of_it: Vec<&Finding> = told.findings.iter().collect();
    // The table says of each delivery what these say of it.
    of_it.retain(|finding| finding.code != "waiting" || told.deliveries.is_empty());
    html! {
        section.card {
            h2 {
                @match &told.endpoint {
                    EndpointId::Webhook(id) if about.is_admin => a href={ "/integrations/webhooks/" (id) } { (told.name) },
                    EndpointId::Webhook(_) | EndpointId::Slack(_) | EndpointId::Teams => (told.name),
                }
            }
            (findings(&of_it, &about))
            @if told.deliveries.is_empty() { p.muted { "Nothing was brought to it." } } @else {
                div.wide tabindex="0" role="group" aria-label={ "Deliveries to " (told.name) } {
                    table {
                        thead { tr {
                            th scope="col" { "When" } th scope="col" { "What" } th scope="col" { "State" } th scope="col" { "Last answer" }
                            @if about.is_admin { th scope="col" { span.hidden-text { "Replay" } } }
                        } }
                        tbody {
                            @for delivery in &told.deliveries {
                                tr {
                                    td data-label="When" { (words::at(delivery.at)) }
                                    td data-label="What" { code { (delivery.event) } }
                                    td data-label="State" { (webhooks::stand(delivery)) }
                                    td.small data-label="Last answer" { (webhooks::answer(delivery, &looked)) }
                                    @if about.is_admin { td.act data-label="" { (webhooks::replay_form(viewer, delivery)) } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn findings(all: &[&Finding], about: &About<'_>) -> Markup {
    html! {
        @for finding in all {
            div.notice.wait {
                (words::dated(&words::sentence(&display(&finding.message)))) " " span.small.muted { "(" (finding.code) ")" }
                br; span.small { (advice(finding, about)) }
            }
        }
    }
}

/// What to do, for whoever has a browser before them and not a command line.
fn advice(finding: &Finding, about: &About<'_>) -> Markup {
    let connection = html! { a href={ "/connections/" (about.connection) "#notify" } { (about.connection) } };
    let integrations = html! { a href="/integrations" { "Integrations" } };
    let endpoint = match about.endpoint {
        Some(EndpointId::Webhook(id)) => html! { a href={ "/integrations/webhooks/" (id) } { "its page" } },
        Some(EndpointId::Slack(_) | EndpointId::Teams) | None => integrations.clone(),
    };
    if !about.is_admin {
        return match finding.code {
            "no-account-linked" => {
                html! { "Link your account with your Slack user " a href="/slack/link" { "here" } "." }
            }
            "waiting" | "not-subscribed" | "approved-by-itself" => html! { "There is nothing to do." },
            _ => html! { "Tell an admin: they can mend it." },
        };
    }
    match finding.code {
        "notifies-nobody" => html! { "Choose a way under Notifications of " (connection) "." },
        "no-webhook" => {
            html! { "Make one under " (integrations) ", or take webhooks out of the notifications of " (connection) "." }
        }
        "slack-not-configured" | "teams-not-configured" => {
            html! { "Set it up under " (integrations) ", or take it out of the notifications of " (connection) "." }
        }
        "slack-no-channel" => {
            html! { "Name a channel at " (connection) ", or a default one under " (integrations) "." }
        }
        "not-subscribed" => {
            html! { "Nothing, if that is wanted; else change its events and connections on " (endpoint) "." }
        }
        "endpoint-disabled" => {
            html! { "Mend the endpoint, then save it enabled on " (endpoint) ": what waits is delivered." }
        }
        "gave-up" => html! { "Look at the last answer, mend the endpoint, then press Replay." },
        "waiting" => html! { "Wait for the next attempt, or press Replay for one at once." },
        "slack-token" => {
            html! { "The bot's token is refused: put a new one where its reference under " (integrations) " points." }
        }
        "approved-by-itself" => {
            html! { "See the cause; the page of " a href={ "/connections/" (about.connection) } { (about.connection) } " has the setting that allows it." }
        }
        // These speak of the endpoint itself and of no command.
        _ => html! { (words::ticked(&words::sentence(&finding.advice))) },
    }
}
