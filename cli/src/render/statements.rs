//! What became of the statements of a command.

use super::card::count;
use super::line::{Line, Tone};
use super::safe;
use crate::client::{Request, Statement};

/// The most statements that are listed; `requests show -o json` has more.
const MOST: usize = 25;

/// The result in words, and a line for each statement of several where not all are committed.
pub(crate) fn lines(request: &Request) -> Vec<Line> {
    let Some(transaction) = &request.transaction else { return Vec::new() };
    let committed = transaction.outcome == "committed";
    if transaction.total == 1 && committed {
        return Vec::new();
    }
    let tone = if committed { Tone::Faint } else { Tone::Strong };
    let mut lines = vec![Line::new().text("  ").add(tone, safe::line(&transaction.summary))];
    if committed || transaction.total < 2 {
        return lines;
    }
    // The end of the run says most.
    let end = transaction.statements.iter().rposition(|statement| statement.status != "not_run");
    let first = end.map_or(0, |end| (end + 2).saturating_sub(MOST));
    let shown: Vec<&Statement> = transaction.statements.iter().skip(first).take(MOST).collect();
    let hidden = transaction.left_out
        + u64::try_from(transaction.statements.len().saturating_sub(shown.len())).unwrap_or_default();
    lines.extend(shown.into_iter().map(line));
    if hidden > 0 {
        lines.push(Line::of(Tone::Faint, format!("    {} not listed", count(hidden, "statement"))));
    }
    lines
}

fn line(statement: &Statement) -> Line {
    let mut facts = Vec::new();
    facts.extend(statement.rows.map(|rows| count(rows, "row")));
    facts.extend(statement.duration_ms.map(|millis| format!("{millis} ms")));
    let facts = if facts.is_empty() { String::new() } else { format!(" ({})", facts.join(", ")) };
    let (tone, status) = match statement.status.as_str() {
        "committed" => (Tone::Good, "committed"),
        "rolled_back" => (Tone::Warn, "rolled back"),
        "failed" => (Tone::Bad, "failed"),
        "not_run" => (Tone::Faint, "not run"),
        "unknown" => (Tone::Bad, "unknown"),
        other => (Tone::Plain, other),
    };
    Line::new()
        .text(format!("    {}, line {}: {} ", statement.n, statement.line, safe::line(&statement.verb)))
        .add(tone, safe::line(status))
        .add(Tone::Faint, facts)
}

/// How the statements take effect, where that is not all or none.
pub(crate) fn mode(request: &Request) -> Option<Line> {
    (request.run_mode == "statement_by_statement").then(|| {
        Line::of(Tone::Warn, "statement by statement")
            .text(": each commits on its own, and the run stops at the first failure")
    })
}
