//! Who has to agree, and who did.

use countersign_app::view::{DecisionView, GroupStatus, RequestView};
use countersign_rules::display::display;
use countersign_rules::event::Decision;
use countersign_rules::{Bounds, Status};
use maud::{Markup, html};

use crate::pages::words;

pub(super) fn groups(view: &RequestView) -> Markup {
    let bounded = view.groups.iter().flat_map(|group| &group.decisions);
    let several = bounded.filter(|decision| decision.bounds.is_some()).count()
        + usize::from(view.max_rows.is_some())
        > 1;
    html! {
        @if !view.groups.is_empty() {
            section.card aria-labelledby="groups" {
                h2 #groups { @if view.status == Status::Pending { "Who has to agree" } @else { "Who had to agree" } }
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
                @if decision.automatic { "by submitting" } @else { "through " (words::via(decision.via)) } ", " (words::at(decision.at))
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
