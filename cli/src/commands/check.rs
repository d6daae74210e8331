//! `check`: what would become of a command, without submitting it.

use clap::Args;
use serde_json::Value;

use super::input::CommandArgs;
use crate::client::{Again, Call, Client};
use crate::error::{CliError, exit};
use crate::render::card::count;
use crate::render::columns::text;
use crate::render::{Column, Line, Tone, Ui, safe};

/// Arguments of `check`.
#[derive(Args)]
pub(crate) struct CheckArgs {
    #[command(flatten)]
    command: CommandArgs,
    /// Check a limit of this number of changed rows
    #[arg(long, value_name = "N")]
    max_rows: Option<u64>,
}

const COLUMNS: &[Column] = &[
    Column::data("outcome"),
    Column::data("rule"),
    Column::data("message"),
    Column::data("satisfiable"),
    Column::data("risk.level"),
    Column::data("risk.statements"),
    Column::data("risk.tables"),
    Column::data("estimate"),
    Column::data("row_bound.possible"),
    Column::data("row_bound.max_rows"),
    Column::data("warnings"),
];

/// Has a command checked and prints what would become of it. Gives the exit code.
///
/// # Errors
/// [`CliError`] if it could not be checked.
pub(crate) async fn check(client: &Client, ui: &Ui, args: CheckArgs) -> Result<u8, CliError> {
    let (connection, mut body) = args.command.read()?;
    body.extend(args.max_rows.map(|rows| ("max_rows".to_owned(), rows.into())));
    let path = ["connections", connection.as_str(), "check"];
    let checked = client.json(&Call::act(&path, Some(Value::Object(body)), Again::Always)).await?;
    super::warn(ui, &checked);
    ui.one(COLUMNS, &checked, |columns| {
        let lines = card(&checked);
        lines
            .into_iter()
            .flat_map(|(line, indent)| line.wrap(columns.unwrap_or(usize::MAX), indent))
            .collect()
    })?;
    Ok(exit_code(&checked))
}

fn exit_code(checked: &Value) -> u8 {
    if text(checked, "outcome") == "blocked" { exit::BLOCKED } else { exit::OK }
}

/// The result for people: lines, and how far their continuations are indented.
fn card(checked: &Value) -> Vec<(Line, usize)> {
    let mut lines = vec![(outcome(checked), 2)];
    let groups = checked.get("groups").and_then(Value::as_array);
    lines.extend(groups.into_iter().flatten().map(|group| (group_line(group), 6)));
    let errors = checked.get("errors").and_then(Value::as_array);
    lines.extend(errors.into_iter().flatten().map(|error| (error_line(error), 2)));
    let mut fact = |name: &str, line: Line| {
        lines.push((Line::of(Tone::Faint, format!("  {name:<10}")).join(line), 12));
    };
    if let Some(risk) = risk(checked) {
        fact("Risk", risk);
    }
    let errors = checked.get("errors").and_then(Value::as_array);
    let errors: Vec<&str> = errors.into_iter().flatten().map(|error| text(error, "message")).collect();
    let is_told = |note: &str| errors.iter().any(|message| note.contains(message));
    let notes = checked.get("risk").and_then(|risk| risk.get("notes")).and_then(Value::as_array);
    for note in notes.into_iter().flatten().filter_map(Value::as_str).filter(|note| !is_told(note)) {
        fact("Note", Line::new().text(safe::line(note)));
    }
    fact("Row limit", row_bound(checked));
    if let Some(estimate) = checked.get("estimate").and_then(Value::as_str) {
        fact("Estimate", Line::new().text(safe::line(estimate)));
    }
    lines
}

fn outcome(checked: &Value) -> Line {
    let rule = safe::line(text(checked, "rule"));
    match text(checked, "outcome") {
        "blocked" => Line::of(Tone::Bad, "✘ Blocked")
            .text(format!(" by {rule}: {}", safe::line(text(checked, "message")))),
        "auto_approved" => Line::of(Tone::Good, "✔ No approval needed").text(automatic(checked, &rule)),
        "needs_approval" if checked.get("satisfiable") == Some(&Value::Bool(false)) => {
            Line::of(Tone::Bad, "✘ Needs approval, and cannot get it now")
        }
        "needs_approval" => Line::of(Tone::Warn, "○ Needs approval"),
        other => Line::new().text(safe::line(other)),
    }
}

/// Why no approval is needed.
fn automatic(checked: &Value, rule: &str) -> String {
    let approval = checked.get("auto_approval").unwrap_or(&Value::Null);
    let group = safe::line(text(approval, "group"));
    match text(approval, "cause") {
        "rule" => format!(": the rule {rule} lets it through, read-only"),
        "exempt" => format!(": you are in the exempt group {group}"),
        "admin" => format!(": you are an admin in {group}"),
        "approvals_disabled" => ": approvals are switched off on this connection".to_owned(),
        _ => String::new(),
    }
}

fn group_line(group: &Value) -> Line {
    let number = |name: &str| group.get(name).and_then(Value::as_u64).unwrap_or_default();
    let name = safe::line(text(group, "group"));
    if text(group, "status") == "APPROVED" {
        return Line::of(Tone::Good, "  ✔ ").text(format!("{name}  approved by you"));
    }
    let (required, eligible) = (number("required"), number("eligible"));
    let (mark, tone) = if eligible < required { ("  ✘ ", Tone::Bad) } else { ("  ○ ", Tone::Warn) };
    let emails = group.get("emails").and_then(Value::as_array).into_iter().flatten();
    let emails: Vec<String> = emails.filter_map(Value::as_str).map(safe::line).collect();
    let people = match eligible {
        0 => "nobody can give it now".to_owned(),
        1 => "1 person can".to_owned(),
        many => format!("{many} people can"),
    };
    let line = Line::of(tone, mark).text(format!("{name}  needs {}; {people}", count(required, "approval")));
    if emails.is_empty() { line } else { line.add(Tone::Faint, format!(": {}", emails.join(", "))) }
}

fn error_line(error: &Value) -> Line {
    let number = |name: &str| error.get(name).and_then(Value::as_u64);
    let place = match (number("line"), number("column")) {
        (Some(line), Some(column)) => format!(" at line {line}, column {column}"),
        _ => String::new(),
    };
    Line::of(Tone::Bad, "✘ Not understood").text(format!("{place}: {}", safe::line(text(error, "message"))))
}

fn risk(checked: &Value) -> Option<Line> {
    let risk = checked.get("risk").filter(|risk| !risk.is_null())?;
    let level = safe::line(text(risk, "level"));
    let tone = match level.as_str() {
        "low" => Tone::Good,
        "medium" => Tone::Warn,
        _ => Tone::Bad,
    };
    let list = |name: &str| crate::render::columns::names(risk, name);
    let mut line = Line::of(tone, level);
    if !list("statements").is_empty() {
        line = line.text(format!(": {}", list("statements")));
    }
    if !list("tables").is_empty() {
        line = line.text(format!(" on {}", list("tables")));
    }
    Some(line)
}

fn row_bound(checked: &Value) -> Line {
    let bound = checked.get("row_bound").unwrap_or(&Value::Null);
    let rows = bound.get("max_rows").and_then(Value::as_u64);
    match (bound.get("possible").and_then(Value::as_bool), rows) {
        (Some(true), Some(rows)) => Line::new().text(format!("at most {} changed", count(rows, "row"))),
        (Some(true), None) => Line::new().text("possible"),
        _ if checked.get("errors").and_then(Value::as_array).is_some_and(|errors| !errors.is_empty()) => {
            Line::of(Tone::Warn, "not possible")
        }
        _ => Line::of(Tone::Warn, "not possible").text(format!(": {}", safe::line(text(bound, "why")))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn picture(checked: &Value) -> String {
        let lines = card(checked).into_iter().flat_map(|(line, indent)| line.wrap(70, indent));
        lines.map(|line| line.paint(false)).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_command_that_needs_approval_shows_who_can_give_it() {
        let checked = json!({
            "outcome": "needs_approval", "rule": null, "message": null, "auto_approval": null,
            "groups": [
                { "group": "dba-team", "required": 1, "eligible": 2, "emails": ["dana@example.com", "rita@example.com"], "status": "PENDING" },
                { "group": "security-team", "required": 2, "eligible": 0, "emails": [], "status": "PENDING" },
                { "group": "ops", "required": 1, "eligible": 0, "emails": [], "status": "APPROVED" }
            ],
            "satisfiable": false,
            "risk": { "level": "medium", "statements": ["DELETE"], "tables": ["orders"], "notes": ["cascades to items"] },
            "estimate": "about 3,000 rows of orders", "masked_columns": null,
            "row_bound": { "possible": true, "why": null, "max_rows": 50 }, "errors": [], "warnings": []
        });
        insta::assert_snapshot!(picture(&checked));
        assert_eq!(exit_code(&checked), 0);
    }

    #[test]
    fn a_blocked_command_shows_the_rule_and_the_place_of_the_error() {
        let checked = json!({
            "outcome": "blocked", "rule": "no-drop", "message": "a statement could not be understood",
            "auto_approval": null, "groups": [], "satisfiable": false, "risk": { "level": "high", "statements": [], "tables": [], "notes": [] },
            "estimate": null, "masked_columns": null,
            "row_bound": { "possible": false, "why": "the command could not be understood", "max_rows": null },
            "errors": [{ "line": 2, "column": 3, "message": "expected a statement" }], "warnings": []
        });
        insta::assert_snapshot!(picture(&checked));
        assert_eq!(exit_code(&checked), 12);
    }
}
