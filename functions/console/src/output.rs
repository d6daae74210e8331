//! The output of an execution, in pages.

use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use countersign_app::submit::{keys_of, visible_request};
use countersign_app::view::may_see_output;
use countersign_app::{App, Scope, errors};
use countersign_http::Problem;
use countersign_http::openapi::{Malformed, NoOutput, NotFound, Signed};
use countersign_rules::request::Phase;
use countersign_rules::{Request, RequestId};
use countersign_storage::requests::OutputPiece;
use countersign_targets::view::{Page, PageStart, SetView, csv, json, text};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::requests::request_id;
use countersign_app::query::Query;

/// A page ends with the piece that takes it over that many bytes of stored output. Views are
/// larger than what is stored, but stay below the 4 MiB of the contract.
const PAGE_BYTES: usize = 768 * 1024;

/// How output is shown.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[schema(as = OutputFormat)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// A table for people.
    #[default]
    Text,
    /// One object a statement.
    Json,
    /// RFC 4180.
    Csv,
}

/// Gives the output of an execution, in pages of at most 4 MiB.
///
/// For the requester, admins and auditors.
#[utoipa::path(
    get,
    path = "/v1/requests/{id}/output",
    operation_id = "get_output",
    tag = "requests",
    params(
        ("id" = RequestId, Path),
        ("format" = inline(Option<Format>), Query, description = "`text` by default."),
        ("cursor" = Option<u32>, Query, minimum = 1, description = "The `Countersign-Next-Cursor` of the page before.")
    ),
    responses(
        (status = 200, description = "A page.",
            content((String = "text/plain"), (Vec<SetView> = "application/json"), (String = "text/csv")),
            headers(("Countersign-Next-Cursor" = String, description = "The `cursor` of the next page; not there at the end."))),
        Malformed, NotFound, NoOutput, Signed
    )
)]
pub(crate) async fn output(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let id = request_id(&app, &headers, &id).await?;
    let (caller, found) = app.identify("output", Scope::Read, &headers, &keys_of(id)).await?;
    let request = visible_request(&found, id, &caller)?;
    let query = Query::read(raw.as_deref(), &["format", "cursor"], &[])?;
    let (view, content_type): (fn(&Page) -> String, _) = match query.word("format")?.unwrap_or_default() {
        Format::Text => (text, "text/plain; charset=utf-8"),
        Format::Json => (json, "application/json"),
        Format::Csv => (csv, "text/csv; charset=utf-8"),
    };
    if !may_see_output(&request, &caller) {
        return Err(Problem::forbidden(
            "reviewers see the command; its output is for the requester, admins and auditors",
        ));
    }
    let first = query.parsed::<u32>("cursor")?;
    let (page, next) = read_page(&app, &request, first).await?;
    let mut response = (StatusCode::OK, view(&page)).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Some(next) = next {
        headers.insert(HeaderName::from_static("countersign-next-cursor"), HeaderValue::from(next));
    }
    Ok(response)
}

/// A page that begins with piece `first`, and the piece that the next one begins with.
pub(crate) async fn read_page(
    app: &App,
    request: &Request,
    first: Option<u32>,
) -> Result<(Page, Option<u32>), Problem> {
    let Phase::Finished { outcome, .. } = &request.phase else {
        let detail = format!("there is no output while the request is {}", request.status_at(app.now()));
        return Err(
            Problem::conflict("no-output", detail).with("status_now", request.status_at(app.now()).as_str())
        );
    };
    let pieces = outcome.output_pieces;
    if pieces == 0 {
        let piece = piece(app, request, 0).await?.unwrap_or_default();
        return Ok((parse(&piece.context, &piece.bytes)?, None));
    }
    let first = first.unwrap_or(1);
    if !(1..=pieces).contains(&first) {
        return Err(Problem::bad_request(
            "`cursor` must be the `Countersign-Next-Cursor` of the page before",
        ));
    }
    let mut number = first;
    let mut context = String::new();
    let mut bytes = Vec::new();
    while number <= pieces {
        let piece = piece(app, request, number).await?.ok_or_else(|| {
            tracing::error!(request_id = %request.id, number, "a piece of output is missing");
            Problem::internal()
        })?;
        if number == first {
            context = piece.context;
        }
        bytes.extend(piece.bytes);
        number += 1;
        if bytes.len() >= PAGE_BYTES && !piece.goes_on {
            break;
        }
    }
    Ok((parse(&context, &bytes)?, (number <= pieces).then_some(number)))
}

async fn piece(app: &App, request: &Request, number: u32) -> Result<Option<OutputPiece>, Problem> {
    app.store.output(request.id, number, request.version).await.map_err(|error| errors::storage(&error))
}

fn parse(context: &str, bytes: &[u8]) -> Result<Page, Problem> {
    let start = serde_json::from_str::<PageStart>(context).unwrap_or_default();
    let lines = std::str::from_utf8(bytes).map_err(|_| Problem::internal())?;
    Page::parse(lines, start).map_err(|error| {
        tracing::error!(%error, "stored output");
        Problem::internal()
    })
}
