//! The list of requests as a file, in pages.

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use countersign_app::App;
use countersign_app::page::Filter;
use countersign_app::view::RequestView;
use countersign_http::Problem;
use countersign_http::openapi::{Malformed, Paging, Signed};
use countersign_rules::RequestId;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

use countersign_app::query::{FILTERS, Filters, Query};

use crate::csv;

/// An answer ends before the request that would make it longer than that: one may have 6 MB.
pub(crate) const MOST_BYTES: usize = 4 * 1024 * 1024;

/// How requests are exported.
#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[schema(as = ExportFormat)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// A request a line, as JSON.
    #[default]
    Jsonl,
    /// RFC 4180.
    Csv,
}

impl Format {
    /// What files of it are called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Csv => "csv",
        }
    }

    /// Its media type.
    pub(crate) fn media_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Jsonl => "application/jsonl; charset=utf-8",
            Self::Csv => "text/csv; charset=utf-8",
        })
    }

    /// What stands before the first request.
    pub(crate) fn head(self) -> String {
        match self {
            Self::Jsonl => String::new(),
            Self::Csv => csv::line(&COLUMNS),
        }
    }

    fn line(self, request: &RequestView) -> Result<String, Problem> {
        match self {
            Self::Jsonl => match serde_json::to_string(request) {
                Ok(line) => Ok(line + "\n"),
                Err(error) => {
                    tracing::error!(%error, id = %request.id, "a request cannot be written");
                    Err(Problem::internal())
                }
            },
            Self::Csv => Ok(csv::line(&cells(request))),
        }
    }
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

fn cells(request: &RequestView) -> [String; COLUMNS.len()] {
    let or_empty = |text: &Option<String>| text.clone().unwrap_or_default();
    [
        request.id.to_string(),
        request.status.to_string(),
        request.connection.to_string(),
        request.kind.clone(),
        request.requester.email.clone(),
        request.command.clone(),
        or_empty(&request.reason),
        request.code.clone(),
        request.digest.to_string(),
        request.run.as_str().to_owned(),
        request.created_at.to_string(),
        request.decided_at.map(|at| at.to_string()).unwrap_or_default(),
        request.execution.rows.map(|rows| rows.to_string()).unwrap_or_default(),
        or_empty(&request.execution.error),
    ]
}

/// Exports requests as a file, in pages, with whole commands.
#[utoipa::path(
    get,
    path = "/v1/requests/export",
    operation_id = "export_requests",
    tag = "requests",
    params(Filters, Paging, ("format" = inline(Option<Format>), Query, description = "`jsonl` by default.")),
    responses(
        (status = 200, description = "A page: a request a line, fewer than `limit` where their commands are long. CSV has its header line on the first page only, so that the pages behind each other are one file.",
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
    let format: Format = query.word("format")?.unwrap_or_default();
    let (filter, cursor, limit) = (query.filter()?, query.cursor()?, query.limit()?);
    let mut text = if cursor.is_none() { format.head() } else { String::new() };
    let next = page(&app, &headers, (&filter, cursor, limit), format, &mut text).await?;
    let mut response = (StatusCode::OK, text).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, format.media_type());
    if let Some(Ok(cursor)) = next.map(|cursor| HeaderValue::from_str(&cursor.to_string())) {
        headers.insert(HeaderName::from_static("countersign-next-cursor"), cursor);
    }
    Ok(response)
}

/// Writes a page behind `text`, as far as it fits. Gives the cursor of what is left.
pub(crate) async fn page(
    app: &App,
    headers: &HeaderMap,
    (filter, cursor, limit): (&Filter, Option<RequestId>, usize),
    format: Format,
    text: &mut String,
) -> Result<Option<RequestId>, Problem> {
    let page = app.whole_requests(headers, filter, cursor, limit).await?;
    let mut last = cursor;
    for request in &page.items {
        let line = format.line(request)?;
        // One fits always: a command has at most 100 KiB.
        if text.len() + line.len() > MOST_BYTES {
            return Ok(last);
        }
        *text += &line;
        last = Some(request.id);
    }
    page.next_cursor.map(|next| next.parse().map_err(|_| Problem::internal())).transpose()
}
