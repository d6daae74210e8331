//! `connections test`: whether a connection works, and what is wrong if it does not.

use serde_json::Value;

use crate::client::{Again, Call, Client};
use crate::error::CliError;
use crate::render::columns::text;
use crate::render::{Column, Format, Line, Tone, Ui, safe};

const COLUMNS: &[Column] = &[
    Column::data("purpose"),
    Column::data("works"),
    Column::data("server"),
    Column::data("database"),
    Column::data("user"),
    Column::data("encrypted"),
    Column::data("may_write"),
    Column::data("problem"),
    Column::data("message"),
    Column::data("notes"),
];

/// Has a connection tested and prints what was found.
///
/// # Errors
/// [`CliError`]; [`CliError::Stopped`] if it does not work.
pub(super) async fn test(client: &Client, ui: &Ui, name: &str) -> Result<(), CliError> {
    let report = client.json(&Call::act(&["connections", name, "test"], None, Again::Always)).await?;
    let checks = report.get("checks").and_then(Value::as_array).cloned().unwrap_or_default();
    match ui.format {
        Format::Csv => ui.list(COLUMNS, &checks)?,
        Format::Table | Format::Json | Format::Jsonl => ui.one(COLUMNS, &report, |columns| {
            let lines = checks.iter().flat_map(card);
            lines.flat_map(|line| line.wrap(columns.unwrap_or(usize::MAX), 2)).collect()
        })?,
    }
    if flag(&report, "works") == Some(true) {
        return Ok(());
    }
    Err(CliError::Stopped(format!("the connection {} does not work", safe::line(name))))
}

fn flag(value: &Value, name: &str) -> Option<bool> {
    value.get(name).and_then(Value::as_bool)
}

/// One check for people.
fn card(check: &Value) -> Vec<Line> {
    let works = flag(check, "works") == Some(true);
    let (tone, mark) = if works { (Tone::Good, "✔") } else { (Tone::Bad, "✘") };
    let mut lines = vec![Line::of(tone, mark).text(format!(" {}", purpose(text(check, "purpose"))))];
    let found = found(check);
    if !found.is_empty() {
        lines.push(Line::new().text(format!("  {found}")));
    }
    if let Some(message) = check.get("message").and_then(Value::as_str) {
        lines.push(Line::new().text(format!("  {}", safe::line(message))));
    }
    let notes = check.get("notes").and_then(Value::as_array).into_iter().flatten();
    lines.extend(
        notes
            .filter_map(Value::as_str)
            .map(|note| Line::of(Tone::Warn, format!("  note: {}", safe::line(note)))),
    );
    lines
}

/// What a secret is for, in words.
fn purpose(word: &str) -> String {
    match word {
        "run" => "commands run".to_owned(),
        "read" => "`read_secret`: reads that need no votes run".to_owned(),
        "estimate" => "`estimate_secret`: the impact is estimated".to_owned(),
        "masking_key" => "`masking_key`: the key of the style `hash`".to_owned(),
        other => safe::line(other),
    }
}

/// Where it leads, in words: `PostgreSQL 15.18, database shop, user app, encrypted, may write`.
fn found(check: &Value) -> String {
    let named = |label: &str, name: &str| {
        let value = check.get(name).and_then(Value::as_str)?;
        Some(format!("{label}{}", safe::line(value)))
    };
    let told = |name: &str, yes: &str, no: &str| {
        flag(check, name).map(|is| if is { yes.to_owned() } else { no.to_owned() })
    };
    let parts = [
        named("", "server"),
        named("database ", "database"),
        named("user ", "user"),
        told("encrypted", "encrypted", "not encrypted"),
        told("may_write", "may write", "may only read"),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
