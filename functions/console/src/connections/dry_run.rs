//! Dry runs: what would become of a command, and of each statement of a file.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use countersign_app::assess::{Assess, AssessedStatement};
use countersign_app::corpus::{MAX_CORPUS_BYTES, MAX_STATEMENTS};
use countersign_app::dry_run::{Check, CheckOutcome, NewCheck, SourceError, submittable};
use countersign_app::{App, Caller, Scope};
use countersign_http::openapi::{Invalid, NotFound, Signed, WithBody};
use countersign_http::{Problem, json};
use countersign_rules::ConnectionName;
use countersign_rules::risk::{Block, Verdict};
use countersign_rules::submit::{Outlook, needs_votes, outlook};
use countersign_storage::Connection;
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::check::complaint_of;
use super::find;

/// Says what would become of a command if you submitted it now.
///
/// Nothing is recorded, nobody is notified and nothing runs. A target with a secret for estimates plans the command.
/// At most 60 dry runs a minute and person.
#[utoipa::path(
    post,
    path = "/v1/connections/{name}/check",
    operation_id = "check_command",
    tag = "connections",
    params(("name" = ConnectionName, Path)),
    request_body = NewCheck,
    responses(
        (status = 200, body = Check, description = "What would become of it."),
        NotFound, Invalid, WithBody, Signed
    )
)]
pub(crate) async fn check(
    State(app): State<App>,
    Path(name): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let (caller, connection, body) = begin::<NewCheck>(&app, &name, &headers, &bytes).await?;
    Ok(json::answer(StatusCode::OK, &app.dry_run(&caller, connection, &body).await?))
}

/// Who calls, a connection on which they may submit, and what they sent. Authenticated before the body is parsed.
async fn begin<T: DeserializeOwned>(
    app: &App,
    name: &str,
    headers: &HeaderMap,
    bytes: &Bytes,
) -> Result<(Caller, Connection, T), Problem> {
    let (caller, connection) = find(app, Scope::Submit, headers, name).await?;
    let connection = submittable(connection, &caller.person())?;
    Ok((caller, connection, json::body(headers, bytes)?))
}

/// A file of statements to try.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GuardrailTest {
    /// The statements, at most 512 KiB and 1,000 of them. SQL is cut as when it runs; for runners and HTTP each line
    /// is a command. A comment before a statement says what it should do: `-- expect: blocked by no-drop`.
    #[schema(min_length = 1, max_length = 524_288)]
    statements: String,
    /// The rules to test, in the place of the connection's own.
    #[serde(default)]
    #[schema(max_items = 50)]
    guardrails: Option<Vec<Value>>,
}

/// What would become of each statement.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct GuardrailTestResult {
    /// The statements, in the order of the file.
    items: Vec<TestedStatement>,
    /// How many are blocked.
    blocked: usize,
    /// How many did not do what their comment expects.
    unexpected: usize,
}

/// What would become of one statement.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TestedStatement {
    /// The line on which it begins, from 1.
    #[schema(minimum = 1)]
    line: usize,
    /// The column in characters, from 1.
    #[schema(minimum = 1)]
    column: usize,
    /// The beginning of its first line.
    statement: String,
    /// What would become of it.
    outcome: CheckOutcome,
    /// The rule that blocks or approves it.
    #[schema(required = true)]
    rule: Option<String>,
    /// Why it is blocked.
    #[schema(required = true)]
    message: Option<String>,
    /// Where it could not be understood, as a place in the file.
    errors: Vec<SourceError>,
    /// What its comment expects.
    #[schema(required = true)]
    expected: Option<String>,
    /// Whether it does what its comment expects; null without a comment.
    #[schema(required = true)]
    as_expected: Option<bool>,
}

/// Says what the guardrails make of each statement of a file, so that rules can be tested before they are saved.
///
/// Nothing is recorded and nothing runs. It counts as one dry run.
#[utoipa::path(
    post,
    path = "/v1/connections/{name}/guardrails/test",
    operation_id = "test_guardrails",
    tag = "connections",
    params(("name" = ConnectionName, Path)),
    request_body = GuardrailTest,
    responses(
        (status = 200, body = GuardrailTestResult, description = "What would become of each statement."),
        NotFound, Invalid, WithBody, Signed
    )
)]
pub(crate) async fn test_guardrails(
    State(app): State<App>,
    Path(name): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let (caller, mut connection, body) = begin::<GuardrailTest>(&app, &name, &headers, &bytes).await?;
    app.count_dry_run(&caller.person()).await?;
    if body.statements.len() > MAX_CORPUS_BYTES {
        let detail =
            format!("the file has {} bytes, at most {MAX_CORPUS_BYTES} are possible", body.statements.len());
        return Err(Problem::too_large(detail).at("/statements", "too long"));
    }
    if let Some(rules) = body.guardrails {
        connection.guardrails = rules;
    }
    let items = tested(&app, &caller, connection, body.statements).await?;
    let result = GuardrailTestResult {
        blocked: items.iter().filter(|item| item.outcome == CheckOutcome::Blocked).count(),
        unexpected: items.iter().filter(|item| item.as_expected == Some(false)).count(),
        items,
    };
    Ok(json::answer(StatusCode::OK, &result))
}

async fn tested(
    app: &App,
    caller: &Caller,
    connection: Connection,
    file: String,
) -> Result<Vec<TestedStatement>, Problem> {
    let (policy, person) = (connection.policy(), caller.person());
    let assess = Assess {
        needs_votes: needs_votes(&policy, &person),
        connection,
        command: None,
        text: None,
        statements: Some(file),
    };
    let assessment = app.assess(assess).await?;
    if let Some(complaint) = &assessment.complaint {
        return Err(complaint_of(complaint));
    }
    if let Some(error) = assessment.errors.first() {
        let place = match (error.line, error.column) {
            (Some(line), Some(column)) => format!("line {line}, column {column}: "),
            _ => String::new(),
        };
        let detail = format!("the file cannot be cut into statements: {place}{}", error.message);
        return Err(Problem::invalid(detail.clone()).at("/statements", detail));
    }
    if assessment.statements.is_empty() {
        let detail = format!("the file has no statement; expected 1 to {MAX_STATEMENTS}");
        return Err(Problem::invalid(detail.clone()).at("/statements", detail));
    }
    let result = |statement: AssessedStatement| {
        let verdict = Verdict { block: statement.block, ease: statement.ease, ..Verdict::default() };
        let (outcome, rule, message) = match outlook(&policy, &person, &verdict) {
            Outlook::Blocked(Block { rule, message }) => (CheckOutcome::Blocked, Some(rule), Some(message)),
            Outlook::AutoApproved(approval) => (CheckOutcome::AutoApproved, approval.rule, None),
            Outlook::NeedsApproval { .. } => (CheckOutcome::NeedsApproval, None, None),
        };
        let expectation = statement.expectation;
        TestedStatement {
            line: statement.line,
            column: statement.column,
            statement: statement.start,
            as_expected: expectation.as_ref().map(|wish| wish.is_met(outcome, rule.as_deref())),
            expected: expectation.map(|wish| wish.in_words()),
            outcome,
            rule,
            message,
            errors: statement.error.into_iter().collect(),
        }
    };
    Ok(assessment.statements.into_iter().map(result).collect())
}
