//! A runner hands in output, piece by piece, while the program runs.

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use countersign_app::{App, errors};
use countersign_http::openapi::{NotFound, NotTheRunners, OutputWithheld, Signed, WithBody};
use countersign_http::{Problem, json};
use countersign_rules::decide::may_report;
use countersign_rules::{Request, RequestId};
use countersign_storage::requests::{OutputPiece, PIECE_BYTES, SoFar};
use countersign_storage::{Connection, StorageError};
use countersign_targets::view::PageStart;
use countersign_targets::{Caps, Record};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::review::{Review, columns};
use crate::visit::{Visit, check_nonce, spec_of};

/// How often a piece whose request has changed meanwhile (its lease was renewed) is tried again.
const ROUNDS: u32 = 10;
/// The highest number of a piece that may be: it is the bytes that count.
const MOST_PIECES: u32 = 99_000;

/// A piece of output.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OutputPart {
    /// The claim's name.
    #[schema(pattern = "^[0-9a-f]{32}$")]
    nonce: String,
    /// Lines of output, masked, in their order: at most 256 KiB as they are kept.
    #[schema(min_items = 1)]
    lines: Vec<OutputLine>,
}

/// A line of output.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OutputLine {
    /// Where the program wrote it.
    stream: OutputStream,
    /// What, without its line end.
    text: String,
}

/// Where a program writes.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum OutputStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    piece: u32,
}

/// Takes the next piece of output of a runner. The same piece again changes nothing.
#[utoipa::path(
    post,
    path = "/v1/requests/{id}/output",
    operation_id = "put_output",
    tag = "runners",
    params(
        ("id" = RequestId, Path),
        ("piece" = u32, Query, minimum = 1, description = "Its number: 1, then one more each.")
    ),
    request_body = OutputPart,
    responses(
        (status = 204, description = "It is kept."),
        NotFound, NotTheRunners, OutputWithheld, WithBody, Signed
    )
)]
pub(crate) async fn output(
    State(app): State<App>,
    Path(id): Path<String>,
    RawQuery(raw): RawQuery,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let visit = Visit::read(&app, &headers, &id).await?;
    let body: OutputPart = json::body(&headers, &bytes)?;
    let number = piece_number(raw.as_deref())?;
    let token = visit.token()?.id;
    check_nonce(&body.nonce)?;
    let connection = visit.connection(&app).await?;
    let refuse = |refusal| errors::refusal(&refusal, visit.id);
    may_report(&visit.request, &body.nonce, token, app.now()).map_err(refuse)?;
    let mut review = Review::of(&connection)?;
    let mut records = Vec::with_capacity(body.lines.len() + 1);
    for OutputLine { stream, text } in body.lines {
        let stream = match stream {
            OutputStream::Stdout => "stdout",
            OutputStream::Stderr => "stderr",
        };
        records.push(Record::Row(review.row(stream, text)?));
    }
    if !review.found.is_empty() {
        let found = review.found.to_map();
        tracing::warn!(request_id = %visit.id, ?found, "a runner handed in what it should have masked");
    }
    let mut request = visit.request;
    for _ in 0..ROUNDS {
        match keep(&app, &request, &connection, number, &records).await {
            Ok(()) => return Ok(StatusCode::NO_CONTENT.into_response()),
            Err(Kept::Refused(problem)) => return Err(*problem),
            Err(Kept::Storage(StorageError::Conflict)) => {}
            Err(Kept::Storage(error)) => return Err(errors::storage(&error)),
        }
        let found = app.store.load(visit.id).await.map_err(|error| errors::storage(&error))?;
        request = found.ok_or_else(|| Problem::not_found("request"))?;
        may_report(&request, &body.nonce, token, app.now()).map_err(refuse)?;
    }
    Err(errors::storage(&StorageError::Contended))
}

fn piece_number(raw: Option<&str>) -> Result<u32, Problem> {
    let query = serde_urlencoded::from_str::<Query>(raw.unwrap_or_default()).ok();
    let number = query.map(|query| query.piece).filter(|number| (1..=MOST_PIECES).contains(number));
    number.ok_or_else(|| Problem::bad_request("say which piece it is: `?piece=1`, then one more each"))
}

/// Why a piece was not kept.
enum Kept {
    Refused(Box<Problem>),
    Storage(StorageError),
}

impl From<StorageError> for Kept {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

impl From<Problem> for Kept {
    fn from(problem: Problem) -> Self {
        Self::Refused(Box::new(problem))
    }
}

/// Keeps a piece if it is the next one, and fits.
async fn keep(
    app: &App,
    request: &Request,
    connection: &Connection,
    number: u32,
    rows: &[Record],
) -> Result<(), Kept> {
    let start = if number == 1 { PageStart::First } else { PageStart::Within(columns()) };
    let before = match number {
        1 => SoFar::default(),
        _ => before(app, request, number - 1).await?,
    };
    let head = (number == 1).then(|| Record::Columns(columns()));
    let text: String = head.iter().chain(rows).map(Record::to_line).collect();
    if text.len() > PIECE_BYTES {
        let (got, most) = (text.len(), PIECE_BYTES);
        return Err(Problem::too_large(format!("the piece has {got} bytes, the most is {most}")).into());
    }
    let so_far = SoFar {
        rows: before.rows.saturating_add(rows.len() as u64),
        bytes: before.bytes.saturating_add(text.len() as u64),
    };
    let caps = spec_of(connection).map_or_else(Caps::default, |spec| spec.caps());
    if so_far.rows > caps.max_rows || so_far.bytes > caps.max_bytes {
        let detail = format!(
            "the connection keeps {} rows and {} bytes at the most; report how much is missing",
            caps.max_rows, caps.max_bytes
        );
        return Err(Problem::too_large(detail).into());
    }
    let piece = OutputPiece {
        bytes: text.into_bytes(),
        context: serde_json::to_string(&start).unwrap_or_default(),
        goes_on: false,
        so_far: Some(so_far),
    };
    match app.store.output(request.id, number, request.version).await? {
        Some(kept) if kept == piece => Ok(()),
        Some(_) => {
            let detail = format!("piece {number} came before, with other lines");
            Err(Problem::conflict("conflict", detail).into())
        }
        None => Ok(app.store.put_output_while(request.id, number, &piece, request.version).await?),
    }
}

async fn before(app: &App, request: &Request, number: u32) -> Result<SoFar, Kept> {
    let piece = app.store.output(request.id, number, request.version).await?;
    let so_far = piece.and_then(|piece| piece.so_far);
    so_far.ok_or_else(|| {
        let detail = format!("piece {number} has not come yet: pieces come in their order");
        Problem::conflict("conflict", detail).into()
    })
}
