//! The forms of the pages: the same decisions, and afterwards back to the request's page.

use std::time::Instant;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use countersign_app::Scope;
use countersign_http::Problem;
use countersign_rules::{Bounds, Via};
use countersign_web::form::Form;
use countersign_web::page::{bring_form_to, go_to};
use http::HeaderMap;

use crate::Callback;
use crate::decisions::{Approval, Cancellation, Rejection, SettlementBody, SettlementWord, Start};
use crate::run::run_it;

/// Takes a decision as a form.
pub(crate) async fn decide(
    State(callback): State<Callback>,
    Path((id, verb)): Path<(String, String)>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let began = Instant::now();
    let app = &callback.app;
    let needs = match verb.as_str() {
        "approve" | "reject" => Scope::Decide,
        "cancel" | "run" => Scope::Submit,
        _ => Scope::Manage,
    };
    let mut start = Start::read(app, needs, &headers, &id).await?;
    let form = Form::read(&headers, &bytes)?;
    // Where they came from; who they are says their session.
    if start.caller.via == Via::Console && form.raw("from") == "teams" {
        start.caller.via = Via::Teams;
    }
    let page = format!("/requests/{}", start.id);
    match taken(&callback, start, &verb, &form, began).await {
        Ok(()) => Ok(go_to(&page)),
        // The page says at which field something is wrong, with what was typed. It is `console`'s, so the
        // browser brings the form there.
        Err(problem) if problem.slug() == "invalid" => Ok(bring_form_to(&format!("{page}?refused={verb}"))),
        Err(problem) => Err(problem),
    }
}

async fn taken(
    callback: &Callback,
    start: Start,
    verb: &str,
    form: &Form,
    began: Instant,
) -> Result<(), Problem> {
    let owned = |name: &str| form.text(name).map(str::to_owned);
    match verb {
        "approve" => {
            let minutes = form.number::<u32>("valid_minutes")?;
            let not_after =
                minutes.map(|minutes| callback.app.now().plus_seconds(minutes.saturating_mul(60)));
            let bounds = Bounds { max_rows: form.number("max_rows")?, not_after };
            let approval =
                Approval { digest: owned("digest"), comment: owned("comment"), bounds: Some(bounds) };
            start.approve(callback, approval).await?;
        }
        "reject" => {
            start.reject(callback, Rejection { digest: owned("digest"), reason: owned("reason") }).await?;
        }
        "cancel" => {
            start.cancel(callback, Cancellation { reason: owned("reason") }).await?;
        }
        "settle" => {
            let outcome = match form.raw("outcome") {
                "succeeded" => SettlementWord::Succeeded,
                "failed" => SettlementWord::Failed,
                _ => {
                    return Err(
                        Problem::invalid("say whether it succeeded or failed").at("/outcome", "required")
                    );
                }
            };
            start.settle(callback, SettlementBody { outcome, note: form.raw("note").to_owned() }).await?;
        }
        "run" => {
            run_it(callback, start, began).await?;
        }
        _ => return Err(Problem::not_found("page")),
    }
    Ok(())
}
