//! The form of the pages.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use countersign_app::submit::{NewRequest, connection_name};
use countersign_app::{App, errors};
use countersign_http::Problem;
use countersign_rules::StatementMode;
use countersign_rules::request::RunMode;
use countersign_storage::Key;
use countersign_storage::requests::Idempotency;
use countersign_web::form::Form;
use countersign_web::page::{bring_form_to, go_to};
use http::HeaderMap;

/// Submits what stands in the form, and goes on to the request's page.
pub(crate) async fn submit(
    State(app): State<App>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let subject = app.subject(&headers)?;
    let form = Form::read(&headers, &bytes)?;
    let name = connection_name(form.raw("connection"));
    let also: Vec<Key> = name.iter().cloned().map(Key::Connection).collect();
    let (submitter, found) = app.identify_submitter(&headers, &also).await?;
    let Ok(name) = name else { return Ok(back_to_the_form()) };
    let connection = found.connection(&name).map_err(|error| errors::storage(&error))?;
    let Ok(minutes) = form.number::<u32>("timeout_minutes") else { return Ok(back_to_the_form()) };
    let timeout_seconds = minutes.map(|minutes| minutes.saturating_mul(60));
    let body = NewRequest {
        connection: form.raw("connection").to_owned(),
        command: form.lines("command"),
        reason: form.text("reason").map(str::to_owned),
        run: Some(if form.raw("run") == "on_approval" { RunMode::OnApproval } else { RunMode::Manual }),
        run_mode: statement_mode(&form),
        timeout_seconds,
    };
    // Pressed twice, it is submitted once.
    let key = form.text("key").map(|key| Idempotency::new(subject, "POST /requests", key, &bytes));
    match app.submit(&submitter, connection, body, key).await {
        Ok(answer) => Ok(go_to(&format!("/requests/{}", answer.request.id))),
        Err(problem) if matches!(problem.slug(), "invalid" | "not-found") => Ok(back_to_the_form()),
        Err(problem) => Err(problem),
    }
}

/// The check box of the form.
fn statement_mode(form: &Form) -> Option<StatementMode> {
    (form.raw("run_mode") == "statement_by_statement").then_some(StatementMode::StatementByStatement)
}

/// The same form to the page that looks at drafts: it says at which field something is wrong, with what was
/// typed. That page is `console`'s, so the browser brings the form there.
fn back_to_the_form() -> Response {
    bring_form_to("/requests/new")
}
