//! One request: the whole command, who has to agree, what whoever looks may do.
//!
//! - [`deciding`]: the forms for what whoever looks may do
//! - [`votes`]: who has to agree, and who did
//! - [`story`]: what happened to it
//! - [`statements`]: what became of its statements
//! - [`earlier`]: what its requester asked for there before
//! - [`receipt`](mod@receipt): the receipt as a file, and the page that waits for it

mod deciding;
mod earlier;
pub(super) mod receipt;
mod statements;
mod story;
mod votes;

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use countersign_app::submit::{keys_of, visible_request};
use countersign_app::view::{RequestView, may_see_output};
use countersign_app::{App, Caller, Scope, errors};
use countersign_http::Problem;
use countersign_rules::display::display;
use countersign_rules::request::RunMode;
use countersign_rules::{StatementMode, Status, Timestamp};
use countersign_web::Place;
use countersign_web::form::Form;
use http::HeaderMap;
use maud::{Markup, html};

use self::deciding::May;
use super::fields::Typed;
use super::viewer::Viewer;
use super::{command, diff, output, proposal, words};
use crate::requests::request_id;
use countersign_app::query::Query;

/// Shows a request.
pub(crate) async fn show(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    page(app, id, headers, raw, &Typed::default()).await
}

/// Shows a request with a decision that could not be taken as it was typed. Writes nothing.
pub(crate) async fn again(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let form = Form::read(&headers, &bytes)?;
    let verb = Query::read_any(raw.as_deref())?.text("refused").unwrap_or_default().to_owned();
    let typed = Typed::refused(&form, deciding::wrong(&verb, &form))?.with_ids(&deciding::IDS);
    page(app, id, headers, raw, &typed).await
}

async fn page(
    app: App,
    id: String,
    headers: HeaderMap,
    raw: Option<String>,
    typed: &Typed<'_>,
) -> Result<Response, Problem> {
    let id = request_id(&app, &headers, &id).await?;
    let (viewer, found) = Viewer::see(&app, "page", Scope::Read, &headers, &keys_of(id)).await?;
    let caller = &viewer.caller;
    let request = visible_request(&found, id, caller)?;
    let created = found.created(id).map_err(|error| errors::storage(&error))?;
    let created = created.ok_or_else(|| Problem::not_found("request"))?;
    let now = app.now();
    let known = app.known_for_display().await;
    let view =
        RequestView::new(&request, &created, found.error_text(id), caller, now, &app.config.public_url)
            .with_people(&request, known.as_deref());
    let exact = app.exact_rows(&request, caller).await;
    let view = view.with_exact_rows(&request, exact, caller);
    let configuration = request.is_configuration();
    // At once: nobody who waits for a page waits for one after the other.
    let earlier = async { if configuration { None } else { earlier::before(&app, &request, caller).await } };
    let output = async {
        match may_see_output(&request, caller) {
            // Whoever decides must not be kept from the rest by what is stored of the output.
            true => output::section(&app, &request).await.unwrap_or_else(|_| output::unreadable()),
            false => output::absent(&request),
        }
    };
    let (events, before, output) = futures::future::join3(app.store.events(id), earlier, output).await;
    let events = events.map_err(|error| errors::storage(&error))?;
    let may = May::of(&request, caller, now);
    // Whoever sends links knows what they put behind them.
    let from_teams = Query::read_any(raw.as_deref())?.text("from") == Some("teams");
    let sql = matches!(request.kind.as_str(), "postgres" | "mysql" | "sqlite");
    let content = html! {
        div data-watch=[(!view.status.is_terminal()).then_some(id)] data-version=(view.version) data-status=(view.status) {
            div.head {
                div.grow {
                    p.eyebrow {
                        @if configuration { (view.requester.email) @if view.status.is_terminal() { " wanted to change the configuration" } @else { " wants to change the configuration" } }
                        @else { (view.requester.email) (asks(view.status)) (connection_link(&view, caller)) }
                    }
                    h1 { span.bigcode { (view.code) } " " (words::status(view.status)) }
                }
                (time_left(&view, now))
            }
            (typed.wrong.notice("This was not taken:"))
            (story::ending(&view, &events))
            div.split {
                div {
                    @if configuration { (proposal::difference(&view)) }
                    section.card aria-labelledby="command" {
                        div.card-head {
                            h2 #command { "Command" }
                            span.small.muted { (view.kind) @if view.read_only { " · read-only" } " · " (view.command.len()) " bytes" }
                        }
                        (reason(&view))
                        @if view.run_mode == StatementMode::StatementByStatement {
                            p.notice.wait { strong { "Statement by statement: " } "each statement commits on its own, and the run stops at the first failure." }
                        }
                        @if view.command_display != view.command {
                            p.notice.wait { "It has characters that cannot be seen, or can be mistaken for others: they are written out, " span.esc { "like this" } "." }
                        }
                        (command::block(&view.command, sql))
                        @if let Some((earlier, text)) = &before {
                            details { summary { "Difference to what " (view.requester.email) " ran or asked for here before" }
                                p.hint { a href={ "/requests/" (earlier) } { "That request" } }
                                (diff::block(text, &view.command))
                            }
                        }
                    }
                    (risk(&view))
                    (statements::section(&view))
                    (output)
                }
                div.side {
                    (deciding::forms(&viewer, &view, &may, from_teams, typed))
                    (votes::groups(&view))
                }
                div.rest {
                    (story::timeline(&events))
                    (facts(&view, events.last().map(|event| now.millis_since(event.at))))
                }
            }
        }
    };
    Ok(typed.on(viewer.page(&app, &format!("{} {}", view.code, view.status), Place::Requests, content)))
}

/// Between who asked and where.
fn asks(status: Status) -> &'static str {
    match status {
        Status::Pending | Status::Approved => " wants to run this on ",
        Status::Running => " runs this on ",
        Status::Succeeded | Status::Failed => " ran this on ",
        Status::Unknown | Status::Rejected | Status::Expired | Status::Cancelled | Status::Blocked => {
            " asked to run this on "
        }
    }
}

fn connection_link(view: &RequestView, caller: &Caller) -> Markup {
    html! {
        @if caller.sees_all() { a href={ "/connections/" (view.connection) } { (view.connection) } }
        @else { strong { (view.connection) } }
    }
}

fn time_left(view: &RequestView, now: Timestamp) -> Markup {
    match (view.status, view.run_by) {
        (Status::Pending, _) => html! {
            p { "To decide: " (words::left(view.expires_at, now)) br; span.hint { "until " (words::at(view.expires_at)) } }
        },
        (Status::Approved, Some(run_by)) => html! {
            p { "To run: " (words::left(run_by, now)) br; span.hint { "until " (words::at(run_by)) } }
        },
        _ => html! {},
    }
}

fn reason(view: &RequestView) -> Markup {
    html! {
        @match &view.reason {
            Some(reason) => p.reason { strong { "Reason: " } (display(reason)) },
            None => p.reason.muted { "No reason was given." },
        }
    }
}

fn risk(view: &RequestView) -> Markup {
    let Some(risk) = &view.risk else { return html! {} };
    html! {
        section.card aria-labelledby="risk" {
            h2 #risk { "What it does " (words::risk(risk.level)) }
            dl.facts {
                dt { "Statements" } dd { @if risk.statements.is_empty() { "could not be told" } @else { (risk.statements.join(", ")) } }
                @if !risk.tables.is_empty() { dt { "Tables" } dd { (risk.tables.join(", ")) } }
                @if let Some(estimate) = &risk.estimate { dt { "Estimate" } dd { (estimate) span.hint { " as the target guessed before it ran" } } }
                @if let Some(rows) = view.max_rows { dt { "Row limit" } dd { (words::row_limit(rows)) span.hint { " on this connection" } } }
                @if let Some(exact) = &view.exact_rows {
                    dt { "Exact count" }
                    dd { (exact.rows) " of " code { (display(&exact.table)) } span.hint { " at " (words::at(exact.at)) ", for reviewers only" } }
                }
            }
            @if !risk.notes.is_empty() { ul.notes { @for note in &risk.notes { li { (words::ticked(note)) } } } }
        }
    }
}

/// Since its last event an event is sealed by then, if all goes well.
const SEALED_MILLIS: i64 = 150_000;

/// The receipt, or when there will be one. Whether the last event is sealed is not asked of the log here: how
/// long ago it was tells it well enough, and the link leads to a page that waits.
fn receipt_link(view: &RequestView, since_last: Option<i64>) -> Markup {
    let to = format!("/requests/{}/receipt", view.id);
    html! {
        p.small {
            @if since_last.is_some_and(|since| since >= SEALED_MILLIS) {
                a href=(to) { "Receipt" } span.muted { ": proves offline what happened" }
            } @else {
                span.muted { "Receipt: ready about a minute after the last event. " } a href=(to) { "Wait for the receipt" }
            }
        }
    }
}

fn facts(view: &RequestView, since_last: Option<i64>) -> Markup {
    let execution = &view.execution;
    html! {
        section.card aria-labelledby="facts" {
            h2 #facts { "Details" }
            dl.facts {
                dt { "Submitted" } dd { (words::at(view.created_at)) }
                @if let Some(at) = view.decided_at { dt { @if matches!(view.status, Status::Blocked | Status::Expired | Status::Cancelled) { "Ended" } @else { "Decided" } } dd { (words::at(at)) } }
                @if matches!(view.status, Status::Pending | Status::Approved) {
                    dt { "Runs" } dd { @match view.run { RunMode::Manual => "when its requester presses Run", RunMode::OnApproval => "at once when approved" } }
                }
                @if let Some(at) = execution.started_at { dt { "Started" } dd { (words::at(at)) } }
                @if let (Some(from), Some(to)) = (execution.started_at, execution.finished_at) {
                    dt { "Took" } dd { (to.millis_since(from)) " ms" }
                }
                @if let Some(rows) = execution.rows { dt { "Rows" } dd { (rows) } }
                @if let Some(code) = execution.exit_code { dt { "Exit code" } dd { (code) } }
                @if execution.reported_by_runner { dt { "Reported by" } dd { "its runner: the service has not seen it itself" } }
                dt { "Id" } dd.mono.small { (view.id) }
                dt { "Digest" } dd.mono.small { (view.digest) }
            }
            p.small { a href={ "/requests/" (view.id) "/notifications" } { "Who was told" } }
            p.small { a href={ "/v1/requests/" (view.id) "/events" } { "Audit trail as JSON" } }
            (receipt_link(view, since_last))
        }
    }
}
