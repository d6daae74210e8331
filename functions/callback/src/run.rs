//! The requester has an approved request executed.

use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use countersign_app::app::ExecuteEvent;
use countersign_app::looks::Looks;
use countersign_app::view::{RequestView, may_see_output};
use countersign_app::{App, Scope, errors};
use countersign_http::openapi::{NotFound, Signed, WithBody, WrongStatus};
use countersign_http::{Problem, json};
use countersign_rules::decide::may_run;
use countersign_rules::{Command, Request, RequestId, Status};
use countersign_storage::Key;
use http::{HeaderMap, StatusCode};

use crate::decisions::Start;
use crate::{Callback, refused};

/// How long a call waits at the most. The gateway in front lets nobody wait for longer than 30 s.
const AT_MOST_SECONDS: u32 = 20;
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
    request_body = json::Nothing,
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
    let began = Instant::now();
    let start = Start::read(&callback.app, Scope::Submit, &headers, &id).await?;
    json::no_body(&headers, &bytes)?;
    run_it(&callback, start, began).await
}

/// Has it executed, and looks at it until it is over or the time is up.
pub(crate) async fn run_it(callback: &Callback, start: Start, began: Instant) -> Result<Response, Problem> {
    let Callback { app, invoker, .. } = callback;
    let caller = &start.caller;
    if let Err(refusal) = may_run(&start.request, &caller.person(), app.now()) {
        refused::note(app, caller, start.id, &refusal).await;
        return Err(errors::refusal(&refusal, start.id));
    }
    if start.request.is_for_runners() {
        start.ask_for_run(app).await?;
    } else if start.request.status() == Status::Approved {
        let event = ExecuteEvent { request_id: start.id, requested_by: Some(caller.user.id) };
        if let Err(error) = invoker.execute(&event).await {
            tracing::error!(%error, request_id = %start.id, "invoke");
            return Err(Problem::unavailable(2).with("request_id", start.id.to_string()));
        }
    }
    let (request, error_text) = wait(app, &start, began).await?;
    let now = app.now();
    let error_text = error_text.filter(|_| may_see_output(&request, caller));
    let view = RequestView::new(&request, &start.created, error_text, caller, now, &app.config.public_url);
    let finished = !matches!(request.status_at(now), Status::Pending | Status::Approved | Status::Running);
    Ok(json::answer(if finished { StatusCode::OK } else { StatusCode::ACCEPTED }, &view))
}

impl Start {
    /// Lets a runner come for it. Whoever asked for a run that has begun meanwhile is as well off.
    async fn ask_for_run(&self, app: &App) -> Result<(), Problem> {
        let (person, via) = (self.caller.person(), self.caller.via);
        let ask = |_: &_, _: &Request, _| Ok(Command::AskRun { by: person.clone(), via }.into());
        let asked = app.change(self.id, None, &[], ask).await;
        asked.map(|_| ()).map_err(|error| errors::change(&error, self.id))
    }
}

/// Waits until the execution is over, or for as long as the deployment lets a call wait.
async fn wait(app: &App, start: &Start, began: Instant) -> Result<(Request, Option<String>), Problem> {
    let at_most = Duration::from_secs(app.config.max_wait_seconds.min(AT_MOST_SECONDS).into());
    let mut looks = Looks::new(&app.stopping, began, at_most, FIRST_PAUSE, LONGEST_PAUSE);
    let mut known = start.request.version;
    loop {
        looks.begin();
        let found =
            app.store.read("wait", &[Key::State(start.id)]).await.map_err(|error| errors::storage(&error))?;
        let request = found.request(start.id).map_err(|error| errors::storage(&error))?;
        let request = request.ok_or_else(|| Problem::not_found("request"))?;
        let over = match request.status_at(app.now()) {
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
        if request.version > known {
            known = request.version;
            looks.closely();
        }
        if over || !looks.again().await {
            return Ok((request, found.error_text(start.id)));
        }
    }
}
