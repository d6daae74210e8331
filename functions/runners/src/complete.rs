//! A runner reports how it ended.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use countersign_app::change::Asked;
use countersign_app::{App, errors};
use countersign_http::openapi::{Invalid, NotFound, NotTheRunners, Signed, WithBody};
use countersign_http::{Problem, json};
use countersign_masking::Entity;
use countersign_rules::command::Ending;
use countersign_rules::digest::sha256_hex;
use countersign_rules::event::Outcome;
use countersign_rules::{Command, Request, RequestId, Status};
use countersign_storage::codec;
use countersign_storage::requests::{Aside, ERROR_CHARACTERS, OutputPiece, SoFar};
use countersign_targets::Record;
use countersign_targets::view::PageStart;
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

use crate::review::{Review, columns};
use crate::visit::{Visit, check_nonce};

/// How a program ended.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Report {
    /// The claim's name.
    #[schema(pattern = "^[0-9a-f]{32}$")]
    nonce: String,
    /// How it ended.
    outcome: ReportedOutcome,
    /// The program's exit code, if it exited.
    #[serde(default)]
    exit_code: Option<i32>,
    /// How many pieces of output were handed in.
    #[serde(default)]
    pieces: u32,
    /// How many lines were not, because of the connection's limits.
    #[serde(default)]
    missing_lines: u64,
    /// Nothing of the output may be shown, what was handed in included.
    #[serde(default)]
    withheld: bool,
    /// How many values were masked, by entity.
    #[serde(default)]
    masked: BTreeMap<String, u64>,
    /// Why it failed, masked.
    #[serde(default)]
    #[schema(max_length = 10_000)]
    error: Option<String>,
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum ReportedOutcome {
    /// It exited with 0.
    Succeeded,
    /// It did not, or was not started.
    Failed,
    /// Nobody can tell.
    Lost,
}

/// Where the request stands after a report.
#[derive(Debug, Serialize, ToSchema)]
struct Reported {
    /// Its status.
    status: Status,
}

/// Reports how a program ended. The same report again changes nothing.
#[utoipa::path(
    post,
    path = "/v1/requests/{id}/complete",
    operation_id = "complete_request",
    tag = "runners",
    params(("id" = RequestId, Path)),
    request_body = Report,
    responses(
        (status = 200, body = Reported, description = "It is written down."),
        NotFound, NotTheRunners, Invalid, WithBody, Signed
    )
)]
pub(crate) async fn complete(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let visit = Visit::read(&app, &headers, &id).await?;
    let body: Report = json::body(&headers, &bytes)?;
    let executor = visit.executor(&app)?;
    check_nonce(&body.nonce)?;
    if let Some(name) = body.masked.keys().find(|name| name.parse::<Entity>().is_err()) {
        let detail = format!("`{}` is nothing that is masked", name.chars().take(64).collect::<String>());
        return Err(Problem::invalid(detail.clone()).at("/masked", detail));
    }
    // A runner of another request could otherwise have pieces written before it is found out.
    if !visit.request.claim().is_some_and(|claim| claim.is_held_by(&body.nonce, executor.token())) {
        let refusal = countersign_rules::Refusal::NotTheClaimant;
        return Err(errors::refusal(&refusal, visit.id));
    }
    let (ending, aside) = ended(&app, &visit, &body).await?;
    let ask = |_: &_, _: &Request, _| {
        let (nonce, ending, executor) = (body.nonce.clone(), ending.clone(), executor.clone());
        Ok(Asked { command: Command::Complete { nonce, ending, executor }, aside: aside.clone() })
    };
    let request =
        app.change(visit.id, None, &[], ask).await.map_err(|error| errors::change(&error, visit.id))?;
    Ok(json::answer(StatusCode::OK, &Reported { status: request.status() }))
}

/// What is written down of a report.
async fn ended(app: &App, visit: &Visit, body: &Report) -> Result<(Ending, Aside), Problem> {
    let error = match &body.error {
        None => None,
        Some(text) => {
            let masked = Review::of(&visit.connection(app).await?)?.message(text)?;
            Some(masked.chars().take(ERROR_CHARACTERS).collect::<String>())
        }
    };
    if body.outcome == ReportedOutcome::Lost {
        return Ok((Ending::Lost(None), Aside { error, ..Aside::default() }));
    }
    let mut outcome = Outcome {
        exit_code: body.exit_code,
        masked: body.masked.clone(),
        output_cut: body.withheld || body.missing_lines > 0,
        error_sha256: error.as_deref().map(|text| sha256_hex(text.as_bytes())),
        reported_by_runner: true,
        ..Outcome::default()
    };
    let mut inline = None;
    if !body.withheld {
        let tail = Tail::after(app, visit, body).await?;
        outcome.rows = Some(tail.so_far.rows.saturating_add(body.missing_lines));
        outcome.bytes = Some(tail.so_far.bytes.saturating_add(tail.text.len() as u64));
        outcome.output_sha256 = Some(tail.sha256.clone());
        if body.pieces == 0 {
            inline = Some(codec::compress(tail.text.as_bytes()).map_err(|error| errors::storage(&error))?);
        } else {
            outcome.output_pieces = tail.keep(app, visit, body.pieces).await?;
        }
    }
    let aside = Aside { error, output: inline, access_version: None };
    match body.outcome {
        ReportedOutcome::Succeeded => Ok((Ending::Succeeded(outcome), aside)),
        ReportedOutcome::Failed | ReportedOutcome::Lost => Ok((Ending::Failed(outcome), aside)),
    }
}

/// What comes after the last piece, and the hash over everything.
struct Tail {
    so_far: SoFar,
    text: String,
    sha256: String,
}

impl Tail {
    /// Reads what was handed in, which is bounded by the connection's limits, and ends it.
    async fn after(app: &App, visit: &Visit, body: &Report) -> Result<Self, Problem> {
        let mut hasher = Sha256::new();
        let mut so_far = SoFar::default();
        for number in 1..=body.pieces {
            let piece = app.store.output(visit.id, number, visit.request.version).await;
            let piece = piece.map_err(|error| errors::storage(&error))?;
            let Some((piece, counted)) = piece.and_then(|piece| piece.so_far.map(|so_far| (piece, so_far)))
            else {
                let detail = format!("piece {number} of the output was not handed in");
                return Err(Problem::invalid(detail.clone()).at("/pieces", detail));
            };
            hasher.update(&piece.bytes);
            so_far = counted;
        }
        let cut = Record::Truncated {
            kept_rows: so_far.rows,
            kept_bytes: so_far.bytes,
            missing_rows: Some(body.missing_lines),
        };
        let cut = (body.missing_lines > 0).then_some(cut);
        let tag = body.exit_code.map_or_else(|| "NO EXIT CODE".to_owned(), |code| format!("EXIT {code}"));
        let rows = (so_far.rows > 0).then(|| so_far.rows.saturating_add(body.missing_lines));
        let text: String = cut.iter().chain([&Record::Done { tag, rows }]).map(Record::to_line).collect();
        hasher.update(text.as_bytes());
        let digest: [u8; 32] = hasher.finalize().into();
        let sha256 = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Self { so_far, text, sha256 })
    }

    /// Keeps it as the last piece, unless this is a report that came before; gives its number.
    async fn keep(self, app: &App, visit: &Visit, pieces: u32) -> Result<u32, Problem> {
        let number = pieces.saturating_add(1);
        if visit.request.status() == Status::Running {
            let piece = OutputPiece {
                bytes: self.text.into_bytes(),
                context: serde_json::to_string(&PageStart::Within(columns())).unwrap_or_default(),
                goes_on: false,
                so_far: None,
            };
            let kept = app.store.put_output(visit.id, number, &piece).await;
            kept.map_err(|error| errors::storage(&error))?;
        }
        Ok(number)
    }
}
