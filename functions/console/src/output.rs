//! The output of an execution, in pages.

use std::fmt;
use std::str::FromStr;

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
use countersign_targets::view::{Fate, Page, PageStart, SetView, csv, json, notices, text};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::requests::request_id;
use countersign_app::query::Query;

/// A page ends with the piece that takes it over that many bytes of stored output.
const PAGE_BYTES: usize = 768 * 1024;
/// What a page may be at the most, by the contract. Views may be many times what is stored: JSON repeats the
/// names of columns in each row, text pads.
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// Where a page begins: with a record behind the beginning of a piece. Written `3`, or `3.250`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor {
    piece: u32,
    record: usize,
}

impl Cursor {
    const FIRST: Self = Self { piece: 1, record: 0 };
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.record {
            0 => write!(f, "{}", self.piece),
            record => write!(f, "{}.{record}", self.piece),
        }
    }
}

impl FromStr for Cursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (piece, record) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(piece) || !digits(record) {
            return Err(());
        }
        let (piece, record) = (piece.parse().map_err(drop)?, record.parse().map_err(drop)?);
        Ok(Self { piece, record })
    }
}

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
    /// The notices and warnings of the target alone, a line each.
    Notices,
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
        ("cursor" = Option<String>, Query, pattern = "^[0-9]+([.][0-9]+)?$", description = "The `Countersign-Next-Cursor` of the page before.")
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
        Format::Notices => (notices, "text/plain; charset=utf-8"),
    };
    if !may_see_output(&request, &caller) {
        return Err(Problem::forbidden(
            "reviewers see the command; its output is for the requester, admins and auditors",
        ));
    }
    let from = query.text("cursor").map(str::parse).transpose().map_err(|()| no_cursor())?;
    let (page, next) = read_page(&app, &request, from).await?;
    let (body, next) = fitting(page, from.unwrap_or(Cursor::FIRST), next, view);
    let mut response = (StatusCode::OK, body).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Some(next) = next.and_then(|next| HeaderValue::from_str(&next.to_string()).ok()) {
        headers.insert(HeaderName::from_static("countersign-next-cursor"), next);
    }
    Ok(response)
}

/// A page as it is shown, and where the next one begins: the page is halved until what is shown of it is no
/// more than a page may be. A single record always fits: `execute` cuts rows.
fn fitting(
    mut page: Page,
    from: Cursor,
    mut next: Option<Cursor>,
    view: fn(&Page) -> String,
) -> (String, Option<Cursor>) {
    loop {
        let body = view(&page);
        let kept = page.records.len() / 2;
        if body.len() <= MOST_BYTES || kept == 0 {
            return (body, next);
        }
        page.records.truncate(kept);
        next = Some(Cursor { piece: from.piece, record: from.record + kept });
    }
}

fn no_cursor() -> Problem {
    Problem::bad_request("`cursor` must be the `Countersign-Next-Cursor` of the page before")
}

/// What is stored from `from` on, and where the page behind it begins.
pub(crate) async fn read_page(
    app: &App,
    request: &Request,
    from: Option<Cursor>,
) -> Result<(Page, Option<Cursor>), Problem> {
    let Phase::Finished { outcome, .. } = &request.phase else {
        let detail = format!("there is no output while the request is {}", request.status_at(app.now()));
        return Err(
            Problem::conflict("no-output", detail).with("status_now", request.status_at(app.now()).as_str())
        );
    };
    let pieces = outcome.output_pieces;
    let fate = Fate::of(outcome.transaction.as_deref());
    let Cursor { piece: first, record } = from.unwrap_or(Cursor::FIRST);
    // Small output stands with the outcome, as if it were the first piece.
    if !(1..=pieces.max(1)).contains(&first) {
        return Err(no_cursor());
    }
    if pieces == 0 {
        let piece = piece(app, request, 0).await?.unwrap_or_default();
        let page = parse(&piece.context, &piece.bytes)?.behind(record).ok_or_else(no_cursor)?;
        return Ok((page.with_fate(fate), None));
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
    let page = parse(&context, &bytes)?.behind(record).ok_or_else(no_cursor)?;
    Ok((page.with_fate(fate), (number <= pieces).then_some(Cursor { piece: number, record: 0 })))
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

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_targets::{Column, Record};

    #[test]
    fn a_cursor_is_what_it_was_written_as_and_nothing_else() {
        for text in ["1", "3", "3.250"] {
            assert_eq!(text.parse::<Cursor>().map(|cursor| cursor.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "+1", "1.", ".1", "1.2.3", "-1", "x", "99999999999"] {
            assert_eq!(text.parse::<Cursor>(), Err(()), "{text}");
        }
    }

    /// As many rows as a piece holds, of columns whose names are long: JSON repeats them in each row.
    fn wide() -> Page {
        let column = |number: usize| Column {
            name: format!("{}{number}", "c".repeat(120)),
            type_name: String::new(),
            source: None,
        };
        let row =
            |number: usize| Record::Row((0..20).map(|cell| Some((number + cell).to_string())).collect());
        let columns = std::iter::once(Record::Columns((0..20).map(column).collect()));
        let done = std::iter::once(Record::Done { tag: "SELECT 9000".to_owned(), rows: Some(9000) });
        let records = columns.chain((0..9000).map(row)).chain(done).collect();
        Page { records, ..Page::default() }
    }

    #[test]
    fn no_page_is_larger_than_the_contract_says_and_together_they_are_all() {
        for view in [json, text, csv] {
            let whole = wide();
            let (mut rows, mut from) = (Vec::new(), Cursor::FIRST);
            for _ in 0..100 {
                let page = whole.clone().behind(from.record).unwrap();
                let (body, next) = fitting(page.clone(), from, None, view);
                assert!(body.len() <= MOST_BYTES, "{}", body.len());
                let shown = next.map_or(page.records.len(), |next| next.record - from.record);
                rows.extend(page.records.into_iter().take(shown));
                let Some(next) = next else { break };
                from = next;
            }
            assert_eq!(rows, whole.records);
        }
    }

    #[test]
    fn a_page_that_begins_within_rows_knows_their_columns() {
        let page = wide().behind(5000).unwrap();
        assert!(matches!(&page.start, PageStart::Within(columns) if columns.len() == 20));
        let sets: serde_json::Value = serde_json::from_str(&json(&page)).unwrap();
        assert_eq!((&sets[0]["continued"], &sets[0]["complete"]), (&true.into(), &true.into()));
        assert!(wide().behind(9003).is_none(), "there are not so many");
    }
}
