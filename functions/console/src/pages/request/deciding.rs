//! What whoever looks may do, and the forms for it.

use countersign_app::Caller;
use countersign_app::view::RequestView;
use countersign_rules::command::Ballot;
use countersign_rules::decide::may_run;
use countersign_rules::request::CONFIGURATION_KIND;
use countersign_rules::{Bounds, Command, Request, Status, Timestamp, Via, decide};
use maud::{Markup, html};

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

/// The forms for what whoever looks may do.
pub(super) fn forms(viewer: &Viewer, view: &RequestView, may: &May, from_teams: bool) -> Markup {
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
            @if may.approve { (approve(view, may, &vote)) }
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
            @if may.reject { (reject(view, &vote)) }
            @if may.settle { (settle(view, &csrf)) }
            @if may.cancel { (cancel(view, may, &csrf)) }
        }
    }
}

/// Where a form goes.
fn to(view: &RequestView, verb: &str) -> String {
    format!("/requests/{}/{verb}", view.id)
}

fn approve(view: &RequestView, may: &May, vote: &Markup) -> Markup {
    html! {
        form method="post" action=(to(view, "approve")) {
            (vote)
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
                @if may.reject { a.button.reject.jump href="#reject" { "Reject" } }
            }
        }
    }
}

fn reject(view: &RequestView, vote: &Markup) -> Markup {
    html! {
        form #reject method="post" action=(to(view, "reject")) {
            (vote)
            div.field {
                label for="why" { "Reason for a rejection" }
                textarea.prose #why name="reason" rows="2" maxlength="2000" required {}
                p.hint { "So that the requester knows what to change. A rejection ends the request." }
            }
            button.reject type="submit" { "Reject" }
        }
    }
}

fn cancel(view: &RequestView, may: &May, csrf: &Markup) -> Markup {
    html! {
        form method="post" action=(to(view, "cancel")) {
            (csrf)
            @if may.revoke {
                div.field {
                    label for="revoke_reason" { "Why you revoke it" }
                    input #revoke_reason type="text" name="reason" maxlength="2000" aria-describedby="revoke_reason-hint";
                    p.hint #revoke_reason-hint { "You may leave it empty. It ends the request of " (view.requester.email) ": the emergency stop of admins." }
                }
                button.revoke type="submit" { "Revoke the request" }
            } @else {
                p.actions { button.plain type="submit" { "Cancel the request" } }
            }
        }
    }
}

fn settle(view: &RequestView, csrf: &Markup) -> Markup {
    html! {
        form method="post" action=(to(view, "settle")) {
            (csrf)
            fieldset {
                legend { "How did it end?" }
                label.tick { input type="radio" name="outcome" value="succeeded" required; "It did what it should" }
                label.tick { input type="radio" name="outcome" value="failed"; "It did not" }
            }
            div.field { label for="note" { "How you know" } textarea.prose #note name="note" rows="2" maxlength="2000" required {} }
            button type="submit" { "Settle it" }
        }
    }
}

/// Whether a telephone shows the whole command at once. Then the buttons stay at the thumb; else they come
/// behind the command, so that nobody is offered one above what they have not seen.
fn is_short(shown: &str) -> bool {
    shown.chars().count() <= 400 && shown.lines().count() <= 8
}
