//! `connections refresh`: the catalogue of a connection's database, read again.

use serde_json::Value;

use crate::client::{Again, Call, Client};
use crate::error::CliError;
use crate::render::columns::text;
use crate::render::{Column, Line, Tone, Ui, safe};

const COLUMNS: &[Column] = &[
    Column::data("read_at"),
    Column::data("server"),
    Column::data("tables"),
    Column::data("functions"),
    Column::data("types"),
    Column::data("left_out"),
    Column::data("error"),
];

/// Has the catalogue read again and prints its numbers.
///
/// # Errors
/// [`CliError`]; [`CliError::Stopped`] if it cannot be read.
pub(super) async fn refresh(client: &Client, ui: &Ui, name: &str) -> Result<(), CliError> {
    let report = client.json(&Call::act(&["connections", name, "refresh"], None, Again::Always)).await?;
    if let Some(error) = report.get("error").and_then(Value::as_str) {
        return Err(CliError::Stopped(format!(
            "the catalogue of {} cannot be read: {}",
            safe::line(name),
            safe::line(error)
        )));
    }
    ui.one(COLUMNS, &report, |columns| {
        let width = columns.unwrap_or(usize::MAX);
        lines(&report).into_iter().flat_map(|line| line.wrap(width, 2)).collect()
    })
}

fn lines(report: &Value) -> Vec<Line> {
    let number = |name: &str| report.get(name).and_then(Value::as_u64).unwrap_or(0);
    let contents = format!(
        " {}: {} tables and views, {} functions, {} types",
        safe::line(text(report, "server")),
        number("tables"),
        number("functions"),
        number("types")
    );
    let mut lines = vec![Line::of(Tone::Good, "✔").text(contents)];
    let left_out = report.get("left_out").and_then(Value::as_array).into_iter().flatten();
    lines.extend(
        left_out
            .filter_map(Value::as_str)
            .map(|part| Line::of(Tone::Warn, format!("  left out: {}", safe::line(part)))),
    );
    lines
}
