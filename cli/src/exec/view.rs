//! What the requester sees while a request is followed.

use std::time::Duration;

use super::step::{Contact, State};
use crate::client::{Group, Request, Status};
use crate::render::card::{self, Headline};
use crate::render::moment::{countdown, rough, stamp};
use crate::render::{Line, Tone, safe, statements};

/// The whole picture, for a terminal of that many columns.
pub(crate) fn picture(state: &State, now: Duration, columns: usize) -> Vec<Line> {
    let request = &state.request;
    let headline = Headline { status: status(state), time: time(state, now) };
    let mut lines = vec![Line::new()];
    lines.extend(card::head(request, &headline, columns));
    lines.extend(
        statements::mode(request)
            .into_iter()
            .flat_map(|line| Line::new().text("  ").join(line).wrap(columns, 2)),
    );
    let groups = card::groups(request, columns);
    if !groups.is_empty() {
        lines.push(Line::new());
        lines.extend(groups);
    }
    if request.status == Status::Pending {
        lines.push(Line::new());
        lines.extend(card::ways_to_review(request, columns));
    }
    if let Contact::Lost { since, why, .. } = &state.contact {
        lines.push(Line::new());
        lines.extend(
            Line::of(Tone::Warn, "  lost contact, retrying")
                .add(Tone::Faint, format!(" (for {}: {why})", whole_seconds(now.saturating_sub(*since))))
                .wrap(columns, 2),
        );
    }
    lines.push(Line::new());
    lines
}

fn status(state: &State) -> Line {
    match state.request.status {
        Status::Approved if state.is_starting() => Line::of(Tone::Good, "approved, starting it"),
        Status::Approved if state.request.run == "on_approval" => {
            Line::of(Tone::Good, "approved, about to run")
        }
        _ => card::status_phrase(&state.request),
    }
}

fn time(state: &State, now: Duration) -> Line {
    let left = state.left(now);
    match (&state.request.status, left) {
        (Status::Pending, Some(left)) if left.is_zero() => Line::of(Tone::Warn, "time is up"),
        (Status::Pending, Some(left)) => {
            let tone = if left < Duration::from_secs(60) { Tone::Warn } else { Tone::Plain };
            Line::of(tone, countdown(left)).add(Tone::Faint, " left")
        }
        (Status::Approved, Some(left)) => {
            Line::new().text(countdown(left)).add(Tone::Faint, " left to run it")
        }
        (Status::Running, _) => {
            Line::of(Tone::Faint, format!("for {}", whole_seconds(now.saturating_sub(state.status_since))))
        }
        // How it went stands below the picture.
        _ => Line::new(),
    }
}

/// In whole seconds, so that a picture changes once a second at most.
fn whole_seconds(duration: Duration) -> String {
    match duration.as_secs() {
        seconds @ 0..=119 => format!("{seconds} s"),
        _ => rough(duration),
    }
}

/// How it stands at the beginning, in plain lines, for a log or a pipe.
pub(crate) fn opening(request: &Request) -> Vec<Line> {
    let id = safe::line(&request.id);
    let status = card::status_phrase(request).paint(false);
    let (connection, code) = (safe::line(&request.connection), safe::line(&request.code));
    let mut lines = vec![Line::new().text(format!("request {id} on {connection}, code {code}: {status}"))];
    lines.extend(card::automatic(request).map(|why| Line::new().text(why)));
    lines.extend(statements::mode(request));
    let mut without_votes = request.clone();
    without_votes.groups.iter_mut().for_each(|group| group.decisions.clear());
    lines.extend(changes(&without_votes, request));
    if request.status == Status::Pending {
        let needs = request.groups.iter().filter(|group| group.missing() > 0);
        let needs: Vec<String> = needs.map(need).collect();
        let until = request.expires_at.as_deref().map(|at| format!(" until {} UTC", stamp(at)));
        lines.push(Line::new().text(format!("needs {}{}", needs.join(", "), until.unwrap_or_default())));
        lines.push(Line::new().text(format!("review: countersign approve {id}")));
        lines.extend(
            request.page.as_deref().map(|page| Line::new().text(format!("page: {}", safe::line(page)))),
        );
    }
    lines
}

/// What a group still has to give, and who could.
fn need(group: &Group) -> String {
    let who = group.can_approve.as_ref().map(|people| format!(" ({})", people.in_words()));
    format!("{} of {}{}", card::approvals(group.missing()), group.name(), who.unwrap_or_default())
}

/// What changed, in plain lines, for a log or a pipe.
pub(crate) fn changes(before: &Request, after: &Request) -> Vec<Line> {
    let mut lines = Vec::new();
    for group in &after.groups {
        let known = before.groups.iter().find(|known| known.name() == group.name());
        let seen = known.map_or(0, |known| known.decisions.len());
        for vote in group.decisions.iter().skip(seen) {
            let count = match group.required {
                0 | 1 => String::new(),
                required => format!(" ({} of {required})", group.approvals()),
            };
            lines.push(Line::new().text(format!("{}: ", group.name())).join(card::vote(vote)).text(count));
            lines.extend(
                vote.comment.as_deref().map(|text| Line::new().text(format!("  “{}”", safe::line(text)))),
            );
        }
    }
    if before.status != after.status {
        match after.status {
            Status::Pending => lines.push(Line::of(Tone::Warn, "an approval became void; waiting again")),
            Status::Approved => lines.push(Line::of(Tone::Good, "approved")),
            Status::Running => lines.push(Line::new().text("running")),
            // The ending has words of its own.
            _ => {}
        }
    }
    lines
}
