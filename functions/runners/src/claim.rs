//! A runner claims, and says that it is alive.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use countersign_app::claim::{Claimant, Claimed, NotClaimed};
use countersign_app::{App, errors};
use countersign_http::openapi::{DigestMismatch, Invalid, NotFound, NotTheRunners, Signed, WithBody};
use countersign_http::{Problem, json};
use countersign_identity::grant::Granted;
use countersign_rules::request::run_options;
use countersign_rules::{Command, ConnectionName, Digest, Refusal, Request, RequestId, Timestamp, UserId};
use countersign_storage::{Connection, StoredToken};
use countersign_targets::TargetSpec;
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::visit::{Visit, check_nonce, spec_of};

/// A claim of work that was found.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Claim {
    /// The `digest` of the work.
    digest: Digest,
    /// 32 random hexadecimal digits: the claim's name. The same name again is the same claim again, for a
    /// runner that did not hear the answer.
    #[schema(pattern = "^[0-9a-f]{32}$")]
    nonce: String,
}

/// The right to run a command once, and everything that it takes.
#[derive(Debug, Serialize, ToSchema)]
struct Grant {
    /// The request.
    id: RequestId,
    /// The claim's name.
    nonce: String,
    /// The instant from which the runner counts as dead, unless it renews its lease.
    lease_until: Timestamp,
    /// How long a renewed lease is; renew it several times as often.
    silence_seconds: u32,
    /// `v1=` and the HMAC-SHA-256, in hexadecimal digits, of `countersign-grant-v1`, `id`, `digest`, `nonce`
    /// and `lease_until`, joined by line feeds. Its key is the SHA-256, in hexadecimal digits, of the
    /// token's secret: its last 43 characters.
    #[schema(pattern = "^v1=[0-9a-f]{64}$")]
    grant: String,
    /// What was approved.
    digest: Digest,
    /// What the digest covers, beside `id`: compute it anew before anything runs.
    covered: Covered,
    /// What is masked in output, as the connection has it.
    #[schema(value_type = Object)]
    masking: Value,
    /// A reference to the key of the masking style `hash`, for the runner to resolve.
    #[schema(required = true)]
    masking_key: Option<String>,
    /// The connection's guardrails; those for output are the runner's to keep.
    guardrails: Vec<Value>,
}

/// What a digest covers.
#[derive(Debug, Serialize, ToSchema)]
struct Covered {
    connection: ConnectionName,
    kind: String,
    /// The connection's target as it stands there.
    #[schema(value_type = TargetSpec)]
    target: Value,
    /// Empty: runners keep their own secrets.
    secret: String,
    /// The bytes that go into the program's standard input, and nothing else.
    command: String,
    /// How it runs.
    options: String,
    /// The version of the masking rules.
    masking_version: u32,
    requester: UserId,
    policy_version: u64,
}

/// Claims work for a runner: whoever gets this answer may run the command, once.
#[utoipa::path(
    post,
    path = "/v1/requests/{id}/claim",
    operation_id = "claim_request",
    tag = "runners",
    params(("id" = RequestId, Path)),
    request_body = Claim,
    responses(
        (status = 200, body = Grant, description = "It is yours."),
        NotFound, NotTheRunners, DigestMismatch, Invalid, WithBody, Signed
    )
)]
pub(crate) async fn claim(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let visit = Visit::read(&app, &headers, &id).await?;
    let body: Claim = json::body(&headers, &bytes)?;
    let executor = visit.executor(&app)?;
    check_nonce(&body.nonce)?;
    if body.digest != visit.request.digest {
        return Err(errors::refusal(&Refusal::DigestMismatch, visit.id));
    }
    let statement_millis =
        |connection: &Connection| spec_of(connection).map(|spec| spec.caps().statement_timeout_ms);
    let claimant =
        Claimant { executor, nonce: body.nonce, statement_millis: &statement_millis, catalogue: None };
    match app.claim(visit.id, &claimant).await {
        Ok(claimed) => Ok(json::answer(StatusCode::OK, &grant(&app, claimed, visit.token()?)?)),
        Err(NotClaimed::Over(request)) => Err(not_claimed(&app, &request)),
        Err(NotClaimed::Change(error)) => Err(errors::change(&error, visit.id)),
    }
}

fn not_claimed(app: &App, request: &Request) -> Problem {
    let status = request.status_at(app.now());
    let refusal = if request.claim().is_some() { Refusal::AlreadyClaimed } else { Refusal::Wrong(status) };
    errors::refusal(&refusal, request.id).with("status_now", status.as_str())
}

fn grant(app: &App, claimed: Claimed, token: &StoredToken) -> Result<Grant, Problem> {
    let Claimed { state, nonce, lease_until, created, connection } = claimed;
    let grant = sign(&state, &nonce, lease_until, token)?;
    let masking = serde_json::to_value(&connection.masking).map_err(|_| Problem::internal())?;
    Ok(Grant {
        id: state.id,
        lease_until,
        silence_seconds: app.config.lease_margin_sec,
        grant,
        nonce,
        digest: state.digest,
        covered: Covered {
            secret: connection.secret_for(state.read_only).unwrap_or_default().to_owned(),
            connection: connection.name,
            kind: connection.kind,
            target: connection.target,
            command: created.command,
            options: run_options(state.run, state.read_only, state.run_mode, connection.max_rows),
            masking_version: created.masking_version,
            requester: state.requester.user,
            policy_version: state.policy.version,
        },
        masking,
        masking_key: connection.masking_key,
        guardrails: connection.guardrails,
    })
}

fn sign(
    request: &Request,
    nonce: &str,
    lease_until: Timestamp,
    token: &StoredToken,
) -> Result<String, Problem> {
    let granted = Granted { request: request.id, digest: request.digest, nonce, lease_until };
    granted.signed(&token.secret_sha256).ok_or_else(Problem::internal)
}

/// A runner that has claimed is alive.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Renewal {
    /// The claim's name.
    #[schema(pattern = "^[0-9a-f]{32}$")]
    nonce: String,
}

/// A lease that was renewed.
#[derive(Debug, Serialize, ToSchema)]
struct Lease {
    /// The instant from which the runner counts as dead now. Not later than the time limit of the command
    /// allows, however often it is renewed.
    lease_until: Timestamp,
    /// As in the answer to the claim, for the new `lease_until`.
    #[schema(pattern = "^v1=[0-9a-f]{64}$")]
    grant: String,
}

/// Says that the runner is alive, which renews its lease.
#[utoipa::path(
    post,
    path = "/v1/requests/{id}/renew",
    operation_id = "renew_lease",
    tag = "runners",
    params(("id" = RequestId, Path)),
    request_body = Renewal,
    responses(
        (status = 200, body = Lease, description = "The lease as it is now."),
        NotFound, NotTheRunners, Invalid, WithBody, Signed
    )
)]
pub(crate) async fn renew(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let visit = Visit::read(&app, &headers, &id).await?;
    let Renewal { nonce } = json::body(&headers, &bytes)?;
    let runner = visit.runner(&app)?;
    check_nonce(&nonce)?;
    let ask =
        |_: &_, _: &Request, _| Ok(Command::Renew { nonce: nonce.clone(), runner: runner.clone() }.into());
    let request =
        app.change(visit.id, None, &[], ask).await.map_err(|error| errors::change(&error, visit.id))?;
    let lease_until = request.claim().map(|claim| claim.lease_until).ok_or_else(Problem::internal)?;
    let grant = sign(&request, &nonce, lease_until, visit.token()?)?;
    Ok(json::answer(StatusCode::OK, &Lease { lease_until, grant }))
}
