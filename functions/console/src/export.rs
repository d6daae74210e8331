//! The list of requests as a file, in pages.

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use countersign_app::App;
use countersign_app::view::RequestView;
use countersign_http::Problem;
use countersign_http::openapi::{Malformed, Paging, Signed};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

use countersign_app::query::{FILTERS, Filters, Query};

/// How requests are exported.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[schema(as = ExportFormat)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// A request a line, as JSON.
    #[default]
    Jsonl,
    /// RFC 4180.
    Csv,
}

const COLUMNS: [&str; 14] = [
    "id",
    "status",
    "connection",
    "kind",
    "requester",
    "command",
    "reason",
    "code",
    "digest",
    "run",
    "created_at",
    "decided_at",
    "rows",
    "error",
];

/// Exports requests as a file, in pages.
#[utoipa::path(
    get,
    path = "/v1/requests/export",
    operation_id = "export_requests",
    tag = "requests",
    params(Filters, Paging, ("format" = inline(Option<Format>), Query, description = "`jsonl` by default.")),
    responses(
        (status = 200, description = "A page: a request a line. CSV has its header line on the first page only.",
            content((String = "application/jsonl"), (String = "text/csv")),
            headers(("Countersign-Next-Cursor" = String, description = "The `cursor` of the next page; not there at the end."))),
        Malformed, Signed
    )
)]
pub(crate) async fn export(
    State(app): State<App>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    app.subject(&headers)?;
    let mut known = FILTERS.to_vec();
    known.push("format");
    let query = Query::read(raw.as_deref(), &known, &["status"])?;
    let format = query.word("format")?.unwrap_or_default();
    let page = app.list_requests(&headers, &query.filter()?, query.cursor()?, query.limit()?).await?;
    let (body, content_type) = match format {
        Format::Jsonl => (jsonl(&page.items), "application/jsonl; charset=utf-8"),
        Format::Csv => (csv(&page.items, query.cursor()?.is_none()), "text/csv; charset=utf-8"),
    };
    let mut response = (StatusCode::OK, body).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Some(Ok(cursor)) = page.next_cursor.map(|cursor| HeaderValue::from_str(&cursor)) {
        headers.insert(HeaderName::from_static("countersign-next-cursor"), cursor);
    }
    Ok(response)
}

fn jsonl(items: &[RequestView]) -> String {
    items.iter().filter_map(|item| serde_json::to_string(item).ok()).map(|line| line + "\n").collect()
}

/// RFC 4180; the header line comes with the first page only, so that pages can be joined.
fn csv(items: &[RequestView], with_header: bool) -> String {
    let mut out = String::new();
    if with_header {
        out.push_str(&COLUMNS.join(","));
        out.push_str("\r\n");
    }
    for item in items {
        let or_empty = |text: &Option<String>| text.clone().unwrap_or_default();
        let cells = [
            item.id.to_string(),
            item.status.to_string(),
            item.connection.to_string(),
            item.kind.clone(),
            item.requester.email.clone(),
            item.command.clone(),
            or_empty(&item.reason),
            item.code.clone(),
            item.digest.to_string(),
            item.run.as_str().to_owned(),
            item.created_at.to_string(),
            item.decided_at.map(|at| at.to_string()).unwrap_or_default(),
            item.execution.rows.map(|rows| rows.to_string()).unwrap_or_default(),
            or_empty(&item.execution.error),
        ];
        let quoted: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
        out.push_str(&quoted.join(","));
        out.push_str("\r\n");
    }
    out
}

/// Quoted where needed. A cell that a spreadsheet would take for a formula gets an apostrophe:
/// this file is made for spreadsheets, and its commands are written by requesters.
fn quoted(cell: &str) -> String {
    let defused =
        if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell.to_owned() };
    if defused.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", defused.replace('"', "\"\""))
    } else {
        defused
    }
}
