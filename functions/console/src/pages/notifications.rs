//! Who was told of a request, by which way, what came of it, and what to do.

use axum::extract::{Path, State};
use axum::response::Response;
use countersign_app::submit::{keys_of, visible_request};
use countersign_app::{App, Scope};
use countersign_http::Problem;
use countersign_notify::diagnose::Finding;
use countersign_rules::display::display;
use countersign_web::Place;
use http::HeaderMap;
use maud::{Markup, html};

use super::viewer::Viewer;
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
    let content = html! {
        div.head {
            div.grow {
                p.eyebrow { a href={ "/requests/" (id) } { "The request" } " on " (request.connection) }
                h1 { "Who was told" }
            }
        }
        (findings(&told.findings))
        @if told.items.is_empty() {
            div.card.empty { strong { "Nobody" } p { "No webhook, no channel of Slack and no channel of Teams hears of this connection." } }
        }
        @for one in &told.items { (endpoint(one)) }
    };
    Ok(viewer.page(&app, "Who was told", Place::Requests, content))
}

fn endpoint(told: &Told) -> Markup {
    html! {
        section.card {
            h2 { (told.name) }
            (findings(&told.findings))
            @if told.deliveries.is_empty() { p.muted { "Nothing was brought to it." } } @else {
                div.wide tabindex="0" role="group" aria-label={ "Deliveries to " (told.name) } {
                    table {
                        thead { tr { th scope="col" { "When" } th scope="col" { "What" } th scope="col" { "State" } th scope="col" { "Last answer" } } }
                        tbody {
                            @for delivery in &told.deliveries {
                                tr {
                                    td { (words::at(delivery.at)) }
                                    td { code { (delivery.event) } }
                                    td { (webhooks::stand(delivery)) }
                                    td.small { (webhooks::answer(delivery)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn findings(all: &[Finding]) -> Markup {
    html! {
        @for finding in all {
            div.notice.wait { (words::ticked(&display(&finding.message))) " " code { (finding.code) } br; span.small { "What to do: " (words::ticked(&finding.advice)) } }
        }
    }
}
