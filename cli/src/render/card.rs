//! The card of a request: its code, where it stands, and each group.

use unicode_width::UnicodeWidthStr;

use super::line::{Line, Tone};
use super::moment;
use super::safe;
use crate::client::{Decision, Group, Request, Status};

/// What stands beside the code.
pub(crate) struct Headline {
    /// Where the request stands.
    pub(crate) status: Line,
    /// The time that is left, or that it took.
    pub(crate) time: Line,
}

impl Headline {
    /// For a request that is only shown.
    pub(crate) fn of(request: &Request) -> Self {
        let time = match (&request.status, request.deadline()) {
            (Status::Pending | Status::Approved, Some(_)) => {
                let limit =
                    if request.status == Status::Pending { &request.expires_at } else { &request.run_by };
                let verb = if request.status == Status::Pending { "until" } else { "to be run by" };
                let limit = limit.as_ref().or(request.expires_at.as_ref());
                Line::of(Tone::Faint, format!("{verb} "))
                    .text(moment::clock(limit.map_or("", String::as_str), None))
            }
            _ => outcome_phrase(request),
        };
        Self { status: status_phrase(request), time }
    }
}

/// The code in a frame, with three lines beside it, or below it where there is no room.
pub(crate) fn head(request: &Request, headline: &Headline, columns: usize) -> Vec<Line> {
    let code = safe::line(&request.code);
    let kind =
        if request.kind.is_empty() { String::new() } else { format!(" ({})", safe::line(&request.kind)) };
    let name = Line::of(Tone::Strong, safe::line(&request.connection)).add(Tone::Faint, kind);
    let facts = [name, headline.status.clone(), headline.time.clone()];
    let bar = "─".repeat(code.width() + 6);
    let frame = [
        Line::of(Tone::Faint, format!("  ╭{bar}╮")),
        Line::of(Tone::Faint, "  │   ").add(Tone::Code, &code).add(Tone::Faint, "   │"),
        Line::of(Tone::Faint, format!("  ╰{bar}╯")),
    ];
    let beside = code.width() + 13;
    if facts.iter().all(|fact| beside + fact.width() <= columns) {
        return frame.into_iter().zip(facts).map(|(left, fact)| left.text("   ").join(fact)).collect();
    }
    let mut lines = frame.to_vec();
    for fact in facts.into_iter().filter(|fact| fact.width() > 0) {
        lines.extend(Line::new().text("  ").join(fact).wrap(columns, 4));
    }
    lines
}

/// Each group with what it needs, what it gave, and who; then the connection's bound on rows.
pub(crate) fn groups(request: &Request, columns: usize) -> Vec<Line> {
    let mut lines = approvals_given(request, columns);
    if let Some(rows) = request.max_rows {
        let limit = format!("changes at most {}; more are rolled back", count(rows, "row"));
        lines.extend(Line::of(Tone::Faint, "  ≤ ").text(limit).wrap(columns, 4));
    }
    lines
}

fn approvals_given(request: &Request, columns: usize) -> Vec<Line> {
    if let Some(why) = automatic(request) {
        let mut lines = Line::of(Tone::Good, "  ✔ ").text(why).wrap(columns, 4);
        lines.extend(group_list(request, columns));
        return lines;
    }
    group_list(request, columns)
}

fn group_list(request: &Request, columns: usize) -> Vec<Line> {
    let widest = request.groups.iter().map(|group| group.name().width()).max().unwrap_or(0);
    let room = widest.min(columns / 3);
    request
        .groups
        .iter()
        .filter(|group| group.is_required())
        .flat_map(|group| group_lines(request, group, room, columns))
        .collect()
}

fn group_lines(request: &Request, group: &Group, room: usize, columns: usize) -> Vec<Line> {
    let open = matches!(request.status, Status::Pending | Status::Other(_));
    let rejected = group.decisions.iter().any(|vote| vote.decision == "reject");
    let (mark, tone) = match group.status.as_str() {
        _ if rejected => ("✘", Tone::Bad),
        "REJECTED" => ("✘", Tone::Bad),
        "APPROVED" => ("✔", Tone::Good),
        _ if group.approvals() > 0 => ("◐", Tone::Warn),
        _ => ("○", if open { Tone::Warn } else { Tone::Faint }),
    };
    let name = group.name();
    let indent = 4 + room + 2;
    let mut texts: Vec<Line> = Vec::new();
    let missing = group.missing();
    if missing > 0 && !rejected {
        let need = match (open, group.approvals()) {
            (true, 0) => format!("needs {}", approvals(missing)),
            (true, _) => format!("needs {missing} more of {}", approvals(group.required)),
            (false, 0) => "gave no approval".to_owned(),
            (false, given) => format!("gave {given} of {}", approvals(group.required)),
        };
        let who =
            group.can_approve.as_ref().filter(|_| open).map(|people| format!(" from {}", people.in_words()));
        texts.push(
            Line::of(if open { Tone::Plain } else { Tone::Faint }, need)
                .add(Tone::Faint, who.unwrap_or_default()),
        );
    }
    for decision in &group.decisions {
        texts.push(vote(decision));
        if let Some(comment) = decision.comment.as_deref().filter(|comment| !comment.is_empty()) {
            texts.push(Line::of(Tone::Faint, format!("“{}”", safe::line(comment))));
        }
    }
    let label = Line::new().text("  ").add(tone, mark).text(format!(" {name}"));
    let mut lines = Vec::new();
    let mut first = if name.width() > room {
        lines.extend(label.wrap(columns, 4));
        None
    } else {
        let pad = " ".repeat(indent - 4 - name.width());
        Some(label.text(pad))
    };
    for text in texts {
        let head = first.take().unwrap_or_else(|| Line::new().text(" ".repeat(indent)));
        lines.extend(head.join(text).wrap(columns, indent));
    }
    lines.extend(first);
    lines
}

/// One vote: who did what, through what, and when.
pub(crate) fn vote(vote: &Decision) -> Line {
    let (verb, tone) = match vote.decision.as_str() {
        "approve" => ("approved".to_owned(), Tone::Good),
        "reject" => ("rejected".to_owned(), Tone::Bad),
        other => (safe::line(other), Tone::Plain),
    };
    if vote.automatic {
        let who = format!(" by itself: {} is an admin in this group", vote.user.name());
        return Line::of(tone, verb).text(who);
    }
    let via = if vote.via.is_empty() { String::new() } else { format!(" via {}", safe::line(&vote.via)) };
    let at = if vote.at.is_empty() { String::new() } else { format!(", {}", time_of_day(&vote.at)) };
    let bounds = vote.bounds.as_ref().map(|bounds| format!(" ({})", bounds.in_words())).unwrap_or_default();
    Line::of(tone, verb)
        .text(format!(" by {}{bounds}", vote.user.name()))
        .add(Tone::Faint, format!("{via}{at}"))
}

fn time_of_day(rfc3339: &str) -> String {
    let stamp = moment::stamp(rfc3339);
    match stamp.split_once(' ') {
        Some((_, clock)) => format!("{clock} UTC"),
        None => stamp,
    }
}

/// Why no vote was needed, in words.
pub(crate) fn automatic(request: &Request) -> Option<String> {
    let auto = request.auto_approval.as_ref()?;
    if request.has_automatic_vote() {
        // The vote itself says so, in its group.
        return None;
    }
    let group = auto.group.as_deref().map(safe::line);
    Some(match (auto.cause.as_str(), group) {
        ("approvals_disabled", _) => {
            "no approval needed: approvals are switched off for this connection".to_owned()
        }
        ("rule", _) => match auto.rule.as_deref().map(safe::line) {
            Some(rule) => format!("no approval needed: the rule {rule} lets it through, read-only"),
            None => "no approval needed: a rule lets it through, read-only".to_owned(),
        },
        ("exempt", Some(group)) => {
            format!("no approval needed: the requester is in the exempt group {group}")
        }
        ("exempt", None) => "no approval needed: the requester is in an exempt group".to_owned(),
        ("admin", Some(group)) => format!("approved by itself: the requester is an admin in {group}"),
        ("admin", None) => "approved by itself: the requester is an admin".to_owned(),
        (cause, _) => format!("approved by itself ({})", safe::line(cause)),
    })
}

/// Where the request stands, in words.
pub(crate) fn status_phrase(request: &Request) -> Line {
    match &request.status {
        Status::Pending => match request.missing() {
            0 => Line::of(Tone::Warn, "waiting"),
            missing => Line::of(Tone::Warn, format!("waiting for {}", approvals(missing))),
        },
        Status::Approved => Line::of(Tone::Good, "approved, not run yet"),
        Status::Running => Line::of(Tone::Good, "running"),
        Status::Succeeded => Line::of(Tone::Good, "succeeded"),
        Status::Failed => Line::of(Tone::Bad, "failed"),
        Status::Blocked => Line::of(Tone::Bad, "blocked by a guardrail"),
        Status::Rejected => Line::of(Tone::Bad, "rejected"),
        Status::Expired => Line::of(Tone::Warn, "expired, was not run"),
        Status::Cancelled => Line::of(Tone::Warn, "cancelled, was not run"),
        Status::Unknown => Line::of(Tone::Bad, "outcome unknown"),
        Status::Other(name) => Line::of(Tone::Plain, name.to_lowercase()),
    }
}

/// How it went: rows and time, where it ran.
pub(crate) fn outcome_phrase(request: &Request) -> Line {
    let Some(execution) = &request.execution else { return Line::new() };
    let took = moment::between(execution.started_at.as_deref(), execution.finished_at.as_deref());
    let mut facts = Vec::new();
    facts.extend(execution.rows.map(|rows| count(rows, "row")));
    facts.extend(execution.exit_code.filter(|code| *code != 0).map(|code| format!("exit code {code}")));
    facts.extend(took.map(|took| format!("in {}", moment::rough(took))));
    Line::of(Tone::Faint, facts.join(", "))
}

/// How a reviewer gets to the request.
pub(crate) fn ways_to_review(request: &Request, columns: usize) -> Vec<Line> {
    let id = safe::line(&request.id);
    let mut lines =
        Line::of(Tone::Faint, "  Review  ").text(format!("countersign approve {id}")).wrap(columns, 10);
    if let Some(page) = &request.page {
        lines.extend(Line::of(Tone::Faint, "          ").text(safe::line(page)).wrap(columns, 10));
    }
    lines
}

/// `1 approval`, `2 approvals`.
pub(crate) fn approvals(number: usize) -> String {
    count(u64::try_from(number).unwrap_or(u64::MAX), "approval")
}

/// A number and its noun.
pub(crate) fn count(number: u64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}
