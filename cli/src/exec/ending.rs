//! How it ended: words for people, an exit code for scripts.

use serde_json::Value;

use super::step::{Ending, State};
use crate::client::{Problem, Request, Status};
use crate::error::exit;
use crate::render::card::count;
use crate::render::moment::{between, rough, stamp};
use crate::render::{Line, Tone, safe, statements};

/// Who and what ended it, from its last event; a request itself does not tell.
#[derive(Default)]
pub(crate) struct Afterword {
    actor: Option<String>,
    via: Option<String>,
    cause: Option<String>,
    reason: Option<String>,
    at: Option<String>,
}

impl Afterword {
    /// Reads it from the audit trail.
    pub(crate) fn read(events: &[Value]) -> Self {
        let Some(last) = events.last() else { return Self::default() };
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(safe::line);
        let actor = last.get("actor");
        let member = |name: &str| actor.and_then(|actor| actor.get(name));
        Self {
            actor: text(member("email").or(member("id"))),
            via: text(last.get("via")),
            cause: text(last.get("data").and_then(|data| data.get("cause"))),
            reason: text(last.get("data").and_then(|data| data.get("reason"))),
            at: text(last.get("at")),
        }
    }

    /// With the cause that the request itself tells, where the events could not be had.
    pub(crate) fn or_cause_of(mut self, request: &Request) -> Self {
        self.cause = self.cause.or_else(|| request.cause.as_deref().map(safe::line));
        self
    }

    fn by(&self) -> String {
        let mut words = String::new();
        if let Some(actor) = &self.actor {
            words.push_str(&format!(" by {actor}"));
            if let Some(via) = self.via.as_deref().filter(|via| *via != "system") {
                words.push_str(&format!(" via {via}"));
            }
        }
        if let Some(at) = &self.at {
            words.push_str(&format!(" at {} UTC", stamp(at)));
        }
        words
    }
}

/// Whether the ending has more to tell than the request itself says.
pub(crate) fn wants_afterword(request: &Request) -> bool {
    matches!(request.status, Status::Cancelled | Status::Unknown)
}

/// The exit code.
pub(crate) fn exit_code(state: &State, ending: &Ending) -> u8 {
    match ending {
        Ending::LostContact => exit::UNREACHABLE,
        Ending::Refused => state.refusal.as_ref().map_or(exit::FAILED, |problem| refusal_code(problem)),
        Ending::Settled => match state.request.status {
            Status::Succeeded => exit::OK,
            Status::Rejected => exit::REJECTED,
            Status::Expired => exit::EXPIRED,
            Status::Blocked => exit::BLOCKED,
            Status::Cancelled => exit::CANCELLED,
            Status::Unknown => exit::UNKNOWN,
            Status::Failed | Status::Pending | Status::Approved | Status::Running | Status::Other(_) => {
                exit::FAILED
            }
        },
    }
}

/// A refusal while a request is followed: exit code 1 would say that the command ran.
pub(crate) fn refusal_code(problem: &Problem) -> u8 {
    match problem.exit_code() {
        exit::FAILED => exit::USAGE,
        code => code,
    }
}

/// The words.
pub(crate) fn lines(state: &State, ending: &Ending, afterword: &Afterword, columns: usize) -> Vec<Line> {
    let request = &state.request;
    let id = safe::line(&request.id);
    let paragraphs = match ending {
        Ending::LostContact => vec![
            Line::of(Tone::Bad, "✘ Lost contact with the service, and the time of this request is over."),
            hint("What became of it is not known here. Once the service is back, look at it:"),
            try_this("requests show", &id),
        ],
        Ending::Refused => {
            let problem = state.refusal.as_ref().map(ToString::to_string).unwrap_or_default();
            let mut lines = problem.lines();
            let first = lines.next().unwrap_or_default();
            std::iter::once(Line::of(Tone::Bad, "✘ ").text(first.to_owned()))
                .chain(lines.map(|line| Line::new().text(line.to_owned())))
                .chain([hint("See how it stands:"), try_this("requests show", &id)])
                .collect()
        }
        Ending::Settled => settled(request, afterword, &id),
    };
    paragraphs.into_iter().flat_map(|line| line.wrap(columns, 2)).collect()
}

fn hint(text: &str) -> Line {
    Line::of(Tone::Faint, format!("  {text}"))
}

/// A command to copy, on a line of its own.
fn try_this(verb: &str, id: &str) -> Line {
    Line::new().text(format!("    countersign {verb} {id}"))
}

fn settled(request: &Request, afterword: &Afterword, id: &str) -> Vec<Line> {
    match &request.status {
        Status::Succeeded => {
            let first = Line::of(Tone::Good, "✔ Succeeded").text(facts(request, "in"));
            std::iter::once(first).chain(statements::lines(request)).collect()
        }
        Status::Failed => failed(request),
        Status::Rejected => rejected(request),
        Status::Expired => expired(request),
        Status::Cancelled => cancelled(afterword),
        Status::Blocked => vec![
            Line::of(Tone::Bad, "✘ Blocked by a guardrail."),
            Line::new().text("  The command was not run."),
        ],
        Status::Unknown => unknown(request, afterword, id),
        Status::Pending | Status::Approved | Status::Running | Status::Other(_) => {
            vec![Line::new().text(format!("It is {}.", request.status.name()))]
        }
    }
}

fn unknown(request: &Request, afterword: &Afterword, id: &str) -> Vec<Line> {
    let mut lines = vec![
            Line::of(Tone::Bad, "✘ Outcome unknown: ").text(match afterword.cause.as_deref() {
                Some("target_lost") => "the connection to the target broke while the command ran.",
                Some("restored") => "the service was restored from a backup while the command ran.",
                _ => "the executor stopped answering while the command ran.",
            }),
            Line::new().text("  It may have taken effect wholly, partly, or not at all. Look at the target before you submit it again."),
            hint("Once that is known, an admin settles it with one of:"),
            try_this("settle", &format!("{id} \\")),
            Line::new().text("      --outcome succeeded --note \"WHY\""),
            try_this("settle", &format!("{id} \\")),
            Line::new().text("      --outcome failed --note \"WHY\""),
        ];
    // Behind the first sentences: what is known limits what has to be looked at.
    lines.splice(2..2, statements::lines(request));
    lines
}

fn facts(request: &Request, took_word: &str) -> String {
    let mut facts = String::new();
    if let Some(execution) = &request.execution {
        if let Some(took) = between(execution.started_at.as_deref(), execution.finished_at.as_deref()) {
            facts.push_str(&format!(" {took_word} {}", rough(took)));
        }
        if let Some(rows) = execution.rows {
            facts.push_str(&format!(", {}", count(rows, "row")));
        }
        let masked: Vec<String> = execution
            .masked
            .iter()
            .flatten()
            .map(|(entity, number)| format!("{number} {}", safe::line(entity)))
            .collect();
        if !masked.is_empty() {
            facts.push_str(&format!(", masked: {}", masked.join(", ")));
        }
        if execution.output_cut {
            facts.push_str(", output cut at its limit");
        }
    }
    facts
}

fn failed(request: &Request) -> Vec<Line> {
    let code = request.execution.as_ref().and_then(|execution| execution.exit_code).filter(|code| *code != 0);
    let code = code.map(|code| format!(" with exit code {code}")).unwrap_or_default();
    let mut lines = vec![Line::of(Tone::Bad, "✘ Failed").text(format!("{code}{}", facts(request, "after")))];
    let error = request.execution.as_ref().and_then(|execution| execution.error.as_deref());
    lines.extend(
        safe::text(error.unwrap_or_default()).lines().map(|line| Line::new().text(format!("  {line}"))),
    );
    lines.extend(statements::lines(request));
    lines
}

fn rejected(request: &Request) -> Vec<Line> {
    let mut lines = match request.rejection() {
        Some((group, vote)) => {
            let via =
                if vote.via.is_empty() { String::new() } else { format!(" via {}", safe::line(&vote.via)) };
            let who = format!(" by {} ({}){via} at {} UTC", vote.user.name(), group.name(), stamp(&vote.at));
            let mut lines = vec![Line::of(Tone::Bad, "✘ Rejected").text(who)];
            if let Some(reason) = vote.comment.as_deref().filter(|reason| !reason.is_empty()) {
                let mut label = "  Reason: ";
                for line in safe::text(reason).lines() {
                    lines.push(Line::of(Tone::Faint, label).add(Tone::Strong, line.to_owned()));
                    label = "          ";
                }
            }
            lines
        }
        None => vec![Line::of(Tone::Bad, "✘ Rejected")],
    };
    lines.push(Line::new().text("  The command was not run."));
    lines
}

fn expired(request: &Request) -> Vec<Line> {
    let at = |text: &Option<String>| {
        text.as_deref().map(|at| format!(" before {} UTC", stamp(at))).unwrap_or_default()
    };
    let first = if request.cause.as_deref() == Some("vote_void") {
        let text = ": an approval became void, and the time for approvals was over.";
        Line::of(Tone::Warn, "✘ Timed out").text(text)
    } else if request.run_by.is_some() {
        let text = format!(": it was approved, but not run{}.", at(&request.run_by));
        Line::of(Tone::Warn, "✘ Timed out").text(text)
    } else {
        let open: Vec<String> = request
            .groups
            .iter()
            .filter(|group| group.missing() > 0)
            .map(crate::client::Group::name)
            .collect();
        let of = if open.is_empty() { String::new() } else { format!(" of {}", open.join(" and ")) };
        let text = format!(" waiting for the approval{of}: it did not come{}.", at(&request.expires_at));
        Line::of(Tone::Warn, "✘ Timed out").text(text)
    };
    vec![first, Line::new().text("  The command was not run. To run it, submit it again.")]
}

fn cancelled(afterword: &Afterword) -> Vec<Line> {
    let by = afterword.by();
    let first = match afterword.cause.as_deref() {
        Some("revoked") => Line::of(Tone::Warn, "✘ Revoked").text(format!("{by}: an admin stopped it.")),
        Some("connection-changed" | "connection_changed") => Line::of(Tone::Warn, "✘ Cancelled")
            .text(": the connection was changed or deleted after the command was submitted."),
        Some("requester-not-allowed" | "requester_not_allowed") => Line::of(Tone::Warn, "✘ Cancelled")
            .text(": the requester is disabled or may no longer use the connection."),
        Some("restored") => {
            Line::of(Tone::Warn, "✘ Cancelled").text(": the service was restored from a backup.")
        }
        _ => Line::of(Tone::Warn, "✘ Cancelled").text(format!("{by}.")),
    };
    let reason = afterword.reason.as_ref().map(|reason| Line::new().text(format!("  Reason: {reason}")));
    std::iter::once(first).chain(reason).chain([Line::new().text("  The command was not run.")]).collect()
}
