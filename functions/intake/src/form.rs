//! The form of the pages.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use countersign_app::submit::{NewRequest, connection_name};
use countersign_app::{App, errors};
use countersign_http::Problem;
use countersign_rules::request::RunMode;
use countersign_storage::Key;
use countersign_storage::requests::Idempotency;
use countersign_web::form::Form;
use countersign_web::page::go_to;
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
    let connection = found.connection(&name?).map_err(|error| errors::storage(&error))?;
    let timeout_seconds = form.number::<u32>("timeout_minutes")?.map(|minutes| minutes.saturating_mul(60));
    let body = NewRequest {
        connection: form.raw("connection").to_owned(),
        command: form.lines("command"),
        reason: form.text("reason").map(str::to_owned),
        run: Some(if form.raw("run") == "on_approval" { RunMode::OnApproval } else { RunMode::Manual }),
        timeout_seconds,
    };
    // Pressed twice, it is submitted once.
    let key = form.text("key").map(|key| Idempotency::new(subject, "POST /requests", key, &bytes));
    let answer = app.submit(&submitter, connection, body, key).await?;
    Ok(go_to(&format!("/requests/{}", answer.request.id)))
}
