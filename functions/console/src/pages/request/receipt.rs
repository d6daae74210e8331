//! The receipt of a request as a file, and the page that waits for it.

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use countersign_app::App;
use countersign_app::query::Query;
use countersign_app::submit::{keys_of, visible_request};
use countersign_http::{Problem, json};
use countersign_rules::RequestId;
use countersign_web::Place;
use countersign_web::page::as_file;
use http::header::REFRESH;
use http::{HeaderMap, HeaderValue, StatusCode};
use maud::html;

use crate::audit::receipt_of;
use crate::pages::viewer::Viewer;
use crate::requests::request_id;

/// Gives the file. While the last event is not sealed it says so and looks again, because a browser says of a
/// file that is not there yet only that it could not be had.
pub(crate) async fn page(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let id = request_id(&app, &headers, &id).await?;
    let (viewer, found) =
        Viewer::see(&app, "receipt", countersign_app::Scope::Read, &headers, &keys_of(id)).await?;
    visible_request(&found, id, &viewer.caller)?;
    let waited = Query::read(raw.as_deref(), &["waited"], &[])?.text("waited").is_some();
    let receipt = receipt_of(&app, id).await?;
    match receipt {
        Some(receipt) if !waited => {
            Ok(as_file(json::answer(StatusCode::OK, &receipt), &format!("{id}.receipt.json")))
        }
        Some(_) => Ok(shown(&app, &viewer, id, true)),
        None => {
            let mut response = shown(&app, &viewer, id, false);
            if let Ok(again) = HeaderValue::from_str(&format!("5;url=/requests/{id}/receipt?waited=yes")) {
                response.headers_mut().insert(REFRESH, again);
            }
            Ok(response)
        }
    }
}

fn shown(app: &App, viewer: &Viewer, id: RequestId, ready: bool) -> Response {
    let content = html! {
        section.sign-in {
            p.eyebrow { a href={ "/requests/" (id) } { "The request" } }
            h1 { "Receipt" }
            div role="status" {
                @if ready {
                    p.lead { "It is ready: one file that proves offline what happened." }
                    p.actions { a.button href={ "/requests/" (id) "/receipt" } { "Save the receipt" } }
                } @else {
                    p.lead { "It is not ready yet: the last event of this request is not sealed. That is done once a minute." }
                    p.hint { "This page looks again every few seconds." }
                }
            }
        }
    };
    viewer.page(app, "Receipt", Place::Requests, content)
}
