//! What whoever looks may do, and the forms for it.

use countersign_app::Caller;
use countersign_app::submit::check_text;
use countersign_app::view::RequestView;
use countersign_http::Problem;
use countersign_rules::command::Ballot;
use countersign_rules::decide::may_run;
use countersign_rules::request::CONFIGURATION_KIND;
use countersign_rules::{Bounds, Command, Request, Status, Timestamp, Via, decide};
use countersign_web::form::Form;
use maud::{Markup, html};

use crate::pages::fields::{Typed, complaint, described, invalid};
use crate::pages::viewer::Viewer;

/// What whoever looks may do now; asked of the rules themselves.
pub(super) struct May {
    approve: bool,
    reject: bool,
    cancel: bool,
    /// Whether calling it off is somebody else's emergency stop.
    revoke: bool,
    run: bool,
    settle: bool,
    has_approved: bool,
}

impl May {
    pub(super) fn of(request: &Request, caller: &Caller, now: Timestamp) -> Self {
        let person = caller.person();
        let would = |command| decide(request, &command, now).is_ok_and(|facts| !facts.is_empty());
        let vote = |ballot| {
            would(Command::Vote { voter: person.clone(), ballot, digest: request.digest, via: Via::Console })
        };
        Self {
            approve: vote(Ballot::Approve { comment: None, bounds: Bounds::default() }),
            reject: vote(Ballot::Reject { reason: "-".to_owned() }),
            cancel: would(Command::Cancel { by: person.clone(), reason: None, via: Via::Console }),
            revoke: person.human != request.requester.human,
            has_approved: request.approvals().any(|vote| vote.human == person.human),
            run: request.status_at(now) == Status::Approved && may_run(request, &person, now).is_ok(),
            settle: request.status_at(now) == Status::Unknown
                && person.is_admin()
                && person.human != request.requester.human,
        }
    }
}

/// The fields that have other ids than what they say.
pub(super) const IDS: [(&str, &str); 2] = [("reason", "why"), ("valid_minutes", "valid")];

/// What is wrong with a decision, as far as the form tells.
pub(super) fn wrong(verb: &str, form: &Form) -> Problem {
    let at = |field: &str, detail: &str| Problem::invalid(detail).at(&format!("/{field}"), detail);
    let long = |field: &str, name: &str| {
        let problem = check_text(&format!("/{field}"), form.raw(name)).err();
        problem.unwrap_or_else(|| Problem::invalid("look at what you wrote: it could not be taken"))
    };
    let is_empty = |name: &str| form.text(name).is_none();
    match verb {
        "approve" => {
            let minutes = form.number::<u32>("valid_minutes");
            match (minutes, form.number::<u64>("max_rows")) {
                (Err(problem), _) | (_, Err(problem)) => problem,
                (Ok(Some(0)), _) => at("valid_minutes", "expected at least one minute"),
                (Ok(_), Ok(_)) => long("comment", "comment"),
            }
        }
        "reject" if is_empty("reason") => at("reason", "say why, so that the requester knows what to change"),
        "settle" if is_empty("outcome") => at("outcome", "say whether it succeeded or failed"),
        "settle" if is_empty("note") => at("note", "say how you know"),
        "settle" => long("note", "note"),
        "cancel" => long("revoke_reason", "reason"),
        _ => long("reason", "reason"),
    }
}

/// The forms for what whoever looks may do.
pub(super) fn forms(
    viewer: &Viewer,
    view: &RequestView,
    may: &May,
    from_teams: bool,
    typed: &Typed<'_>,
) -> Markup {
    if !(may.approve || may.reject || may.cancel || may.run || may.settle) {
        return html! {
            @if view.status.is_terminal() && view.kind != CONFIGURATION_KIND {
                p.actions { a.button.plain href={ "/requests/new?copy=" (view.id) } { "Use as a new request" } }
            }
        };
    }
    // What each form says besides its own fields.
    let csrf = viewer.csrf();
    let vote = html! {
        (csrf)
        input type="hidden" name="digest" value=(view.digest);
        @if from_teams { input type="hidden" name="from" value="teams"; }
    };
    html! {
        section.card.decide.short[is_short(&view.command_display)] aria-labelledby="decide" {
            h2 #decide { @if may.approve { "Your decision" } @else { "You may" } }
            @if may.approve || may.reject {
                p.hint { "Compare the code with what you were sent: " span.code { (view.code) } "." }
            }
            @if may.approve { (approve(view, may, &vote, typed)) }
            @if may.run {
                form method="post" action=(to(view, "run")) {
                    (csrf)
                    p { "It is approved. It runs once, exactly as it stands here." }
                    div.actions.thumb { button.approve type="submit" { "Run it now" } }
                }
            }
            @if may.reject && !may.approve {
                p { @if may.has_approved { "You have approved." } @else { "Your group has approved." } " You can still end it by rejecting." }
            }
            @if may.reject { (reject(view, &vote, typed)) }
            @if may.settle { (settle(view, &csrf, typed)) }
            @if may.cancel { (cancel(view, may, &csrf, typed)) }
        }
    }
}

/// Where a form goes.
fn to(view: &RequestView, verb: &str) -> String {
    format!("/requests/{}/{verb}", view.id)
}

fn approve(view: &RequestView, may: &May, vote: &Markup, typed: &Typed<'_>) -> Markup {
    let wrong = &typed.wrong;
    let is_wrong = ["comment", "max_rows", "valid"].iter().any(|id| wrong.at(id).is_some());
    html! {
        form method="post" action=(to(view, "approve")) {
            (vote)
            details open[is_wrong] {
                summary { "Comment and limits" }
                div.field { label for="comment" { "Comment" } input #comment type="text" name="comment" maxlength="2000" value=(typed.text("comment", "")) aria-describedby=[described("comment", false, wrong)] aria-invalid=[invalid("comment", wrong)]; (complaint("comment", wrong)) }
                @if view.risk.as_ref().is_some_and(|risk| risk.no_row_bound.is_none()) {
                    div.field {
                        label for="max_rows" { "At most so many rows changed" }
                        input #max_rows type="number" name="max_rows" min="0" placeholder=(view.max_rows.map_or_else(|| "no limit".to_owned(), |rows| rows.to_string())) value=(typed.text("max_rows", "")) aria-describedby=[described("max_rows", false, wrong)] aria-invalid=[invalid("max_rows", wrong)];
                        (complaint("max_rows", wrong))
                        p.hint { "More, and everything is taken back." }
                    }
                }
                div.field {
                    label for="valid" { "Good for so many minutes" }
                    input #valid type="number" name="valid_minutes" min="1" placeholder="as the connection says" value=(typed.text("valid_minutes", "")) aria-describedby=[described("valid", false, wrong)] aria-invalid=[invalid("valid", wrong)];
                    (complaint("valid", wrong))
                }
            }
            div.actions.thumb {
                button.approve type="submit" { "Approve " span.code { (view.code) } }
                @if may.reject { a.button.reject.jump href="#reject" { "Reject" } }
            }
        }
    }
}

fn reject(view: &RequestView, vote: &Markup, typed: &Typed<'_>) -> Markup {
    let wrong = &typed.wrong;
    html! {
        form #reject method="post" action=(to(view, "reject")) {
            (vote)
            div.field {
                label for="why" { "Reason for a rejection" }
                textarea.prose #why name="reason" rows="2" maxlength="2000" required aria-describedby=[described("why", true, wrong)] aria-invalid=[invalid("why", wrong)] { (typed.lines("reason", "")) }
                (complaint("why", wrong))
                p.hint #why-hint { "So that the requester knows what to change. A rejection ends the request." }
            }
            button.reject type="submit" { "Reject" }
        }
    }
}

fn cancel(view: &RequestView, may: &May, csrf: &Markup, typed: &Typed<'_>) -> Markup {
    let wrong = &typed.wrong;
    html! {
        form method="post" action=(to(view, "cancel")) {
            (csrf)
            @if may.revoke {
                div.field {
                    label for="revoke_reason" { "Why you revoke it" }
                    input #revoke_reason type="text" name="reason" maxlength="2000" value=(if wrong.at("revoke_reason").is_some() { typed.text("reason", "") } else { String::new() }) aria-describedby=[described("revoke_reason", true, wrong)] aria-invalid=[invalid("revoke_reason", wrong)];
                    (complaint("revoke_reason", wrong))
                    p.hint #revoke_reason-hint { "You may leave it empty. It ends the request of " (view.requester.email) ": the emergency stop of admins." }
                }
                button.revoke type="submit" { "Revoke the request" }
            } @else {
                p.actions { button.plain type="submit" { "Cancel the request" } }
            }
        }
    }
}

fn settle(view: &RequestView, csrf: &Markup, typed: &Typed<'_>) -> Markup {
    let wrong = &typed.wrong;
    html! {
        form method="post" action=(to(view, "settle")) {
            (csrf)
            fieldset {
                legend { "How did it end?" }
                label.tick { input #outcome type="radio" name="outcome" value="succeeded" required checked[typed.has("outcome", "succeeded", false)]; "It did what it should" }
                label.tick { input type="radio" name="outcome" value="failed" checked[typed.has("outcome", "failed", false)]; "It did not" }
                (complaint("outcome", wrong))
            }
            div.field { label for="note" { "How you know" } textarea.prose #note name="note" rows="2" maxlength="2000" required aria-describedby=[described("note", false, wrong)] aria-invalid=[invalid("note", wrong)] { (typed.lines("note", "")) } (complaint("note", wrong)) }
            button type="submit" { "Settle it" }
        }
    }
}

/// Whether a telephone shows the whole command at once. Then the buttons stay at the thumb; else they come
/// behind the command, so that nobody is offered one above what they have not seen.
fn is_short(shown: &str) -> bool {
    shown.chars().count() <= 400 && shown.lines().count() <= 8
}
