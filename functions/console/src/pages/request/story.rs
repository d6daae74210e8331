//! What happened to a request: how it ended, and step by step.

use countersign_app::view::{Cause, RequestView};
use countersign_rules::display::display;
use countersign_rules::event::{Actor, CancelCause, Decision, ExpiryCause, UnknownCause, VoidCause};
use countersign_rules::request::AutoCause;
use countersign_rules::{Event, Fact, Status, Via};
use maud::{Markup, html};

use crate::pages::words;

/// What became of it, in a sentence.
pub(super) fn ending(view: &RequestView, events: &[Event]) -> Markup {
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
    let why = events.iter().rev().find_map(|event| {
        if let Fact::Cancelled { reason, .. } = &event.fact { reason.as_deref() } else { None }
    });
    let rejections = view.groups.iter().flat_map(|group| &group.decisions);
    let rejection = rejections.into_iter().find(|decision| decision.decision == Decision::Reject);
    html! {
        @if !cause.is_empty() { p.notice.wait { (cause) @if let Some(why) = why { " " strong { "Why: " } (display(why)) } } }
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

pub(super) fn timeline(events: &[Event]) -> Markup {
    html! {
        section.card aria-labelledby="timeline" {
            h2 #timeline { "Timeline" }
            @for day in events.chunk_by(|one, next| words::day(one.at) == words::day(next.at)) {
                @if let Some(first) = day.first() { h3.day { (words::day(first.at)) } }
                ol.timeline { @for event in day { li { (words::clock(event.at)) span { (happened(event)) } } } }
            }
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
        Fact::Cancelled { reason, .. } => {
            html! { (who) " called it off" (through) @if let Some(reason) = reason { ": " (display(reason)) } }
        }
        Fact::Running { .. } => html! { "Started" },
        Fact::Succeeded(_) => html! { "Succeeded" },
        Fact::Failed(_) => html! { "Failed" },
        Fact::Unknown { .. } => html! { "Nobody knows how it ended" },
    }
}
