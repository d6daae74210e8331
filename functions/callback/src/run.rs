//! The requester has an approved request executed.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use countersign_app::app::ExecuteEvent;
use countersign_app::errors;
use countersign_app::view::{RequestView, may_see_output};
use countersign_http::openapi::{NotFound, Signed, WithBody, WrongStatus};
use countersign_http::{Problem, json};
use countersign_rules::decide::may_run;
use countersign_rules::{Request, RequestId, Status};
use countersign_storage::Key;
use http::{HeaderMap, StatusCode};

use crate::Callback;
use crate::decisions::{Nothing, Start};

/// Between two looks at the request: short at first, because most commands are.
const FIRST_PAUSE: Duration = Duration::from_millis(25);
const LONGEST_PAUSE: Duration = Duration::from_millis(1000);

/// Has an approved request executed, and waits for its end for at most 20 seconds: its requester.
#[utoipa::path(
    post,
    path = "/v1/requests/{id}/run",
    operation_id = "run_request",
    tag = "decisions",
    params(("id" = RequestId, Path)),
    request_body = Nothing,
    responses(
        (status = 200, body = RequestView, description = "The request, over."),
        (status = 202, body = RequestView, description = "The request as it stands: look again."),
        NotFound, WrongStatus, WithBody, Signed
    )
)]
pub(crate) async fn run(
    State(callback): State<Callback>,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let Callback { app, invoker } = &callback;
    let start = Start::read(app, &headers, &id).await?;
    let Nothing {} = json::optional_body(&headers, &bytes)?;
    let caller = &start.caller;
    may_run(&start.request, &caller.person(), app.now())
        .map_err(|refusal| errors::refusal(&refusal, start.id))?;
    if start.request.status() == Status::Approved {
        let event = ExecuteEvent { request_id: start.id, requested_by: Some(caller.user.id) };
        if let Err(error) = invoker.execute(&event).await {
            tracing::error!(%error, request_id = %start.id, "invoke");
            return Err(Problem::unavailable(2).with("request_id", start.id.to_string()));
        }
    }
    let (request, error_text) = wait(&callback, &start).await?;
    let now = app.now();
    let error_text = error_text.filter(|_| may_see_output(&request, caller));
    let view = RequestView::new(&request, &start.created, error_text, caller, now, &app.config.public_url);
    let finished = !matches!(request.status_at(now), Status::Pending | Status::Approved | Status::Running);
    Ok(json::answer(if finished { StatusCode::OK } else { StatusCode::ACCEPTED }, &view))
}

/// Waits until the execution is over, or for as long as the deployment lets a call wait.
async fn wait(callback: &Callback, start: &Start) -> Result<(Request, Option<String>), Problem> {
    let app = &callback.app;
    let give_up_at = app.now().plus_seconds(app.config.max_wait_seconds.min(20));
    let mut pause = FIRST_PAUSE;
    let mut reopened_from = start.request.version;
    loop {
        let found =
            app.store.read("wait", &[Key::State(start.id)]).await.map_err(|error| errors::storage(&error))?;
        let request = found.request(start.id).map_err(|error| errors::storage(&error))?;
        let request = request.ok_or_else(|| Problem::not_found("request"))?;
        let now = app.now();
        let over = match request.status_at(now) {
            Status::Approved | Status::Running => false,
            // Reopened: a vote was void at the claim.
            Status::Pending
            | Status::Succeeded
            | Status::Failed
            | Status::Blocked
            | Status::Rejected
            | Status::Expired
            | Status::Cancelled
            | Status::Unknown => true,
        };
        if over || now >= give_up_at {
            return Ok((request, found.error_text(start.id)));
        }
        if request.version > reopened_from {
            // Something happens: look closely again.
            reopened_from = request.version;
            pause = FIRST_PAUSE;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
