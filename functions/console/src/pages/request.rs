//! One request: the whole command, who has to agree, what whoever looks may do.

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use countersign_app::submit::{keys_of, visible_request};
use countersign_app::view::{DecisionView, GroupStatus, RequestView, may_see, may_see_output};
use countersign_app::{App, Caller, errors};
use countersign_http::Problem;
use countersign_rules::command::Ballot;
use countersign_rules::decide::may_run;
use countersign_rules::display::display;
use countersign_rules::event::{Actor, CancelCause, Decision, ExpiryCause, UnknownCause, VoidCause};
use countersign_rules::request::{CONFIGURATION_KIND, RunMode};
use countersign_rules::{Bounds, Command, Event, Fact, Request, RequestId, Status, Timestamp, Via, decide};
use countersign_storage::Key;
use countersign_storage::lists::{Source, Window};
use countersign_web::Place;
use http::HeaderMap;
use maud::{Markup, html};

use super::viewer::Viewer;
use super::{command, diff, output, proposal, words};
use crate::requests::request_id;
use countersign_app::query::Query;

/// How many earlier requests are looked at for one on the same connection.
const LOOK_BACK: usize = 8;

/// Shows a request.
pub(crate) async fn show(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let id = request_id(&app, &headers, &id).await?;
    let (viewer, found) = Viewer::see(&app, "page", &headers, &keys_of(id)).await?;
    let caller = &viewer.caller;
    let request = visible_request(&found, id, caller)?;
    let created = found.created(id).map_err(|error| errors::storage(&error))?;
    let created = created.ok_or_else(|| Problem::not_found("request"))?;
    let now = app.now();
    let known = app.known_for_display().await;
    let view =
        RequestView::new(&request, &created, found.error_text(id), caller, now, &app.config.public_url)
            .with_people(&request, known.as_deref());
    let configuration = request.is_configuration();
    // At once: nobody who waits for a page waits for one after the other.
    let earlier = async { if configuration { None } else { before(&app, &request, caller).await } };
    let output = async {
        match may_see_output(&request, caller) {
            true => output::section(&app, &request).await,
            false => Ok(output::absent(&request)),
        }
    };
    let (events, before, output) = futures::future::join3(app.store.events(id), earlier, output).await;
    let (events, output) = (events.map_err(|error| errors::storage(&error))?, output?);
    let may = May::of(&request, caller, now);
    // Whoever sends links knows what they put behind them.
    let from_teams = Query::read_any(raw.as_deref())?.text("from") == Some("teams");
    let sql = matches!(request.kind.as_str(), "postgres" | "mysql" | "sqlite");
    let content = html! {
        div data-watch=[(!view.status.is_terminal()).then_some(id)] data-version=(view.version) data-status=(view.status) {
            div.head {
                div.grow {
                    p.eyebrow {
                        @if configuration { (view.requester.email) " wants to change the configuration" }
                        @else { (view.requester.email) " wants to run this on " (connection_link(&view, caller)) }
                    }
                    h1 { span.bigcode { (view.code) } " " (words::status(view.status)) }
                }
                (time_left(&view, now))
            }
            (ending(&view))
            div.split {
                div {
                    @if configuration { (proposal::difference(&view.command)) }
                    section.card aria-labelledby="command" {
                        div.card-head {
                            h2 #command { "Command" }
                            span.small.muted { (view.kind) @if view.read_only { " · read-only" } " · " (view.command.len()) " bytes" }
                        }
                        (reason(&view))
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
                    (output)
                }
                div.side {
                    (decisions(&viewer, &view, &may, from_teams))
                    (groups(&view))
                    (facts(&view))
                    (timeline(&events))
                }
            }
        }
    };
    Ok(viewer.page(&app, &format!("{} {}", view.code, view.status), Place::Requests, content))
}

/// What whoever looks may do now; asked of the rules themselves.
struct May {
    approve: bool,
    reject: bool,
    cancel: bool,
    run: bool,
    settle: bool,
}

impl May {
    fn of(request: &Request, caller: &Caller, now: Timestamp) -> Self {
        let person = caller.person();
        let would = |command| decide(request, &command, now).is_ok_and(|facts| !facts.is_empty());
        let vote = |ballot| {
            would(Command::Vote { voter: person.clone(), ballot, digest: request.digest, via: Via::Console })
        };
        Self {
            approve: vote(Ballot::Approve { comment: None, bounds: Bounds::default() }),
            reject: vote(Ballot::Reject { reason: "-".to_owned() }),
            cancel: would(Command::Cancel { by: person.clone(), via: Via::Console }),
            run: request.status_at(now) == Status::Approved && may_run(request, &person, now).is_ok(),
            settle: request.status_at(now) == Status::Unknown
                && person.is_admin()
                && person.human != request.requester.human,
        }
    }
}

/// What the requester asked for on this connection before, if whoever looks may see it. It is worth no
/// error.
async fn before(app: &App, request: &Request, caller: &Caller) -> Option<(RequestId, String)> {
    let mut window = Window::everything(app.now());
    window.before = Some(request.id);
    let page = app.store.list(&Source::Requester(request.requester.user), window, LOOK_BACK).await.ok()?;
    if page.ids.is_empty() {
        return None;
    }
    // Their states first: most are about other connections, and a command may be long.
    let states: Vec<Key> = page.ids.iter().copied().map(Key::State).collect();
    let found = app.store.read("before", &states).await.ok()?;
    let earlier = page.ids.iter().find_map(|id| {
        let earlier = found.request(*id).ok()??;
        (earlier.connection == request.connection && may_see(&earlier, caller)).then_some(*id)
    })?;
    let found = app.store.read("before", &keys_of(earlier)).await.ok()?;
    let created = found.created(earlier).ok()??;
    Some((earlier, created.command))
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

/// What became of it, in a sentence.
fn ending(view: &RequestView) -> Markup {
    use countersign_app::view::Cause;
    let cause = match view.cause {
        Some(Cause::Expired(ExpiryCause::ReviewTimeout)) => {
            "Nobody decided in time. It was not run; submit it again if it is still needed."
        }
        Some(Cause::Expired(ExpiryCause::RunTimeout)) => {
            "It was approved but not run in time. Submit it again if it is still needed."
        }
        Some(Cause::Expired(ExpiryCause::VoteVoid)) => {
            "A vote no longer counted when it was to run, and the time for votes was over."
        }
        Some(Cause::Cancelled(CancelCause::Requester)) => "Its requester called it off.",
        Some(Cause::Cancelled(CancelCause::Revoked)) => "An admin called it off.",
        Some(Cause::Cancelled(CancelCause::ConnectionChanged)) => {
            "The connection was changed after it was submitted: what was approved is no longer what would run."
        }
        Some(Cause::Cancelled(CancelCause::RequesterNotAllowed)) => {
            "Its requester may no longer use the connection."
        }
        Some(Cause::Cancelled(CancelCause::Restored)) => {
            "The service was restored from a backup after it was made."
        }
        Some(Cause::Unknown(UnknownCause::LeaseLapsed)) => {
            "Whoever ran it went silent. It may have run, wholly or partly; it is never run again by itself. An admin who is not its requester finds out and settles it."
        }
        Some(Cause::Unknown(UnknownCause::TargetLost)) => {
            "The target was lost while it ran: nobody can tell whether it took effect. An admin who is not its requester settles it."
        }
        Some(Cause::Unknown(UnknownCause::Restored)) => {
            "The service was restored from a backup: whether it ran is not known. An admin who is not its requester settles it."
        }
        None => "",
    };
    let rejections = view.groups.iter().flat_map(|group| &group.decisions);
    let rejection = rejections.into_iter().find(|decision| decision.decision == Decision::Reject);
    html! {
        @if !cause.is_empty() { p.notice.wait { (cause) } }
        @if let (Some(no), Status::Rejected) = (rejection, view.status) {
            div.notice.bad { strong { (no.user.email) " rejected it" } @if let Some(comment) = &no.comment { ": " (display(comment)) } }
        }
        @if view.status == Status::Running { p.notice { "It is running. This page shows when it has ended; without scripts, load it again." } }
        @if let Some(block) = &view.blocked {
            div.notice.bad { strong { "A guardrail blocked it" } " (" code { (block.rule) } "): " (block.message) }
        }
        @if let Some(error) = &view.execution.error {
            div.notice.bad { strong { "It failed: " } (display(error)) }
        }
        @if let Some(note) = &view.execution.settled_note {
            div.notice { strong { "Settled by an admin: " } (note) }
        }
        @if view.auto_approval.is_some() && view.status != Status::Pending {
            p.notice { (automatic(view)) }
        }
    }
}

fn automatic(view: &RequestView) -> String {
    use countersign_rules::request::AutoCause;
    let Some(auto) = &view.auto_approval else { return String::new() };
    let group = auto.group.as_ref().map(ToString::to_string).unwrap_or_default();
    match auto.cause {
        AutoCause::Admin => {
            format!("Its requester is an admin in {group}: submitting it counted as that approval.")
        }
        AutoCause::Exempt => {
            format!("It needed nobody: its requester is in {group}, which is exempt on this connection.")
        }
        AutoCause::ApprovalsDisabled => {
            "It needed nobody: approvals are switched off on this connection.".to_owned()
        }
        AutoCause::Rule => {
            "It needed nobody: it provably only reads, and the connection lets such commands through."
                .to_owned()
        }
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
            }
            @if !risk.notes.is_empty() { ul.notes { @for note in &risk.notes { li { (words::ticked(note)) } } } }
        }
    }
}

fn decisions(viewer: &Viewer, view: &RequestView, may: &May, from_teams: bool) -> Markup {
    let to = |verb: &str| format!("/requests/{}/{verb}", view.id);
    if !(may.approve || may.reject || may.cancel || may.run || may.settle) {
        return html! {
            @if view.status.is_terminal() && view.kind != CONFIGURATION_KIND {
                p.actions { a.button.plain href={ "/requests/new?copy=" (view.id) } { "Use as a new request" } }
            }
        };
    }
    let digest = html! {
        input type="hidden" name="digest" value=(view.digest);
        @if from_teams { input type="hidden" name="from" value="teams"; }
    };
    html! {
        section.card.decide.short[is_short(&view.command_display)] aria-labelledby="decide" {
            h2 #decide { @if may.approve { "Your decision" } @else { "You may" } }
            @if may.approve || may.reject {
                p.hint { "Compare the code with what you were sent: " span.code { (view.code) } "." }
            }
            @if may.approve {
                form method="post" action=(to("approve")) {
                    (viewer.csrf()) (digest)
                    details {
                        summary { "Comment and limits" }
                        div.field { label for="comment" { "Comment" } input #comment type="text" name="comment" maxlength="2000"; }
                        @if view.risk.as_ref().is_some_and(|risk| risk.no_row_bound.is_none()) {
                            div.field {
                                label for="max_rows" { "At most so many rows changed" }
                                input #max_rows type="number" name="max_rows" min="0" placeholder="no limit";
                                p.hint { "More, and everything is taken back." }
                            }
                        }
                        div.field {
                            label for="valid" { "Good for so many minutes" }
                            input #valid type="number" name="valid_minutes" min="1" placeholder="as the connection says";
                        }
                    }
                    div.actions.thumb {
                        button.approve type="submit" { "Approve " span.code { (view.code) } }
                        @if may.reject { a.a.button.reject.jump href="#why" { "Reject" } }
                    }
                }
            }
            @if may.run {
                form method="post" action=(to("run")) {
                    (viewer.csrf())
                    p { "It is approved. It runs once, exactly as it stands here." }
                    div.actions.thumb { button.approve type="submit" { "Run it now" } }
                }
            }
            @if may.reject {
                form #reject method="post" action=(to("reject")) {
                    (viewer.csrf()) (digest)
                    div.field {
                        label for="why" { "Reason for a rejection" }
                        textarea.prose #why name="reason" rows="2" maxlength="2000" required {}
                        p.hint { "So that the requester knows what to change. A rejection ends the request." }
                    }
                    button.reject type="submit" { "Reject" }
                }
            }
            @if may.settle {
                form method="post" action=(to("settle")) {
                    (viewer.csrf())
                    fieldset {
                        legend { "How did it end?" }
                        label.tick { input type="radio" name="outcome" value="succeeded" required; "It did what it should" }
                        label.tick { input type="radio" name="outcome" value="failed"; "It did not" }
                    }
                    div.field { label for="note" { "How you know" } textarea.prose #note name="note" rows="2" maxlength="2000" required {} }
                    button type="submit" { "Settle it" }
                }
            }
            @if may.cancel {
                form method="post" action=(to("cancel")) {
                    (viewer.csrf())
                    p.actions { button.plain type="submit" { "Cancel the request" } }
                }
            }
        }
    }
}

/// Whether a telephone shows the whole command at once. Then the buttons stay at the thumb; else they come
/// behind the command, so that nobody is offered one above what they have not seen.
fn is_short(shown: &str) -> bool {
    shown.chars().count() <= 400 && shown.lines().count() <= 8
}

fn groups(view: &RequestView) -> Markup {
    let bounded = view.groups.iter().flat_map(|group| &group.decisions);
    let several = bounded.filter(|decision| decision.bounds.is_some()).count() > 1;
    html! {
        @if !view.groups.is_empty() {
            section.card aria-labelledby="groups" {
                h2 #groups { "Who has to agree" }
                ul.votes {
                    @for group in &view.groups {
                        li {
                            strong { (group.group) } " "
                            @match group.status {
                                GroupStatus::Pending => span.badge.pending[view.status == Status::Pending] { (group.decisions.len()) " of " (group.required) },
                                GroupStatus::Approved => span.badge.approved { "approved" },
                                GroupStatus::Rejected => span.badge.rejected { "rejected" },
                                GroupStatus::NotRequired => span.badge { "not needed" },
                            }
                            @for decision in &group.decisions { (vote(decision)) }
                            @if let (Some(can), Status::Pending) = (&group.can_approve, view.status) {
                                span.vote.small.muted {
                                    @if can.count == 0 { "Nobody can: it has no other enabled member." }
                                    @else { (words::people(can.count)) " can: " (can.emails.join(", ")) @if can.count > can.emails.len() { " …" } }
                                }
                            }
                        }
                    }
                }
                @if view.status == Status::Pending { @for warning in view.warnings.iter().flatten() { p.notice.bad { (words::ticked(warning)) } } }
                @if let (Some(bounds), true) = (&view.bounds, several) { span.small { "Of all limits the strictest holds. " } (limits(*bounds)) }
            }
        }
    }
}

fn vote(decision: &DecisionView) -> Markup {
    html! {
        span.vote {
            @match decision.decision { Decision::Approve => "✓ ", Decision::Reject => "✗ " }
            (decision.user.email) " "
            span.small.muted {
                @if decision.automatic { "by submitting" } @else { "through " (words::via(decision.via)) } ", " (words::clock(decision.at))
            }
            @if let Some(comment) = &decision.comment { br; q { (display(comment)) } }
            @if let Some(bounds) = decision.bounds { br; (limits(bounds)) }
        }
    }
}

fn limits(bounds: Bounds) -> Markup {
    html! {
        span.small {
            @if let Some(rows) = bounds.max_rows { "Limit: at most " (rows) " rows changed. " }
            @if let Some(until) = bounds.not_after { "Limit: until " (words::at(until)) "." }
        }
    }
}

fn facts(view: &RequestView) -> Markup {
    let execution = &view.execution;
    html! {
        section.card aria-labelledby="facts" {
            h2 #facts { "Details" }
            dl.facts {
                dt { "Submitted" } dd { (words::at(view.created_at)) }
                @if let Some(at) = view.decided_at { dt { @if matches!(view.status, Status::Blocked | Status::Expired | Status::Cancelled) { "Ended" } @else { "Decided" } } dd { (words::at(at)) } }
                dt { "Runs" } dd { @match view.run { RunMode::Manual => "when its requester presses Run", RunMode::OnApproval => "at once when approved" } }
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
            p.small {
                a href={ "/v1/requests/" (view.id) "/receipt" } download={ (view.id) ".receipt.json" } { "Receipt" }
                span.muted { ": proves offline what happened; there within a minute or two of the last event" }
            }
        }
    }
}

fn timeline(events: &[Event]) -> Markup {
    html! {
        section.card aria-labelledby="timeline" {
            h2 #timeline { "Timeline" }
            ol.timeline { @for event in events { li { (words::clock(event.at)) span { (happened(event)) } } } }
        }
    }
}

fn happened(event: &Event) -> Markup {
    let who = match &event.actor {
        Actor::User { email, .. } => email.clone(),
        Actor::System { .. } => "the service".to_owned(),
    };
    let through = html! { @if event.via != Via::System { " " span.small.muted { "through " (words::via(event.via)) } } };
    match &event.fact {
        Fact::Created(_) => html! { (who) " submitted it" (through) },
        Fact::Blocked(block) => html! { "Blocked by the guardrail " code { (block.rule) } },
        Fact::Vote(vote) => html! {
            (who) @match vote.decision { Decision::Approve => " approved", Decision::Reject => " rejected" }
            @if vote.automatic { " by submitting" } (through)
        },
        Fact::Approved { .. } => html! { "Nothing is missing: approved" },
        Fact::Rejected { reason } => html! { "Rejected: " (display(reason)) },
        Fact::Reopened { void, .. } => html! {
            "Opened again: " (void.len()) " vote" @if void.len() != 1 { "s" } " no longer counted"
            @if let Some(first) = void.first() {
                @match first.cause {
                    VoidCause::Disabled => " (account disabled)",
                    VoidCause::LeftGroup => " (left the group)",
                    VoidCause::NoLongerEntitled => " (no longer entitled)",
                }
            }
        },
        Fact::Estimated { .. } => html! { "The target was asked how many rows it touches" },
        Fact::RunAsked {} => html! { (who) " wants it run" (through) },
        Fact::LeaseRenewed { .. } => html! { "Still running" },
        Fact::Expired { .. } => html! { "Time ran out" },
        Fact::Cancelled { .. } => html! { (who) " called it off" (through) },
        Fact::Running { .. } => html! { "Started" },
        Fact::Succeeded(_) => html! { "Succeeded" },
        Fact::Failed(_) => html! { "Failed" },
        Fact::Unknown { .. } => html! { "Nobody knows how it ended" },
    }
}
