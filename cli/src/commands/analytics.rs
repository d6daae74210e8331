//! `analytics`: numbers about requests.

use clap::Args;
use serde_json::Value;

use crate::client::{Call, Client};
use crate::error::CliError;
use crate::render::columns::text;
use crate::render::{Column, Format, Line, Tone, Ui, safe};

/// What `analytics` takes.
#[derive(Args)]
pub(crate) struct AnalyticsArgs {
    /// From the hour of that instant on [default: 30 days before --to]
    #[arg(long, value_name = "INSTANT")]
    from: Option<String>,
    /// Up to the end of the hour of that instant [default: now]
    #[arg(long, value_name = "INSTANT")]
    to: Option<String>,
    /// Only on that connection
    #[arg(long, value_name = "NAME")]
    connection: Option<String>,
}

/// What a CSV holds: a day a line.
const BY_DAY: &[Column] = &[
    Column::data("day"),
    Column::data("counts.submitted"),
    Column::data("counts.blocked"),
    Column::data("counts.approved"),
    Column::data("counts.automatic"),
    Column::data("counts.rejected"),
    Column::data("counts.expired"),
    Column::data("counts.cancelled"),
    Column::data("counts.succeeded"),
    Column::data("counts.failed"),
    Column::data("counts.unknown"),
];

/// Prints the numbers of a span: as a CSV its days, else everything.
///
/// # Errors
/// [`CliError`].
pub(crate) async fn analytics(client: &Client, ui: &Ui, args: &AnalyticsArgs) -> Result<(), CliError> {
    let call = Call::get(&["analytics"])
        .with_some("from", args.from.clone())
        .with_some("to", args.to.clone())
        .with_some("connection", args.connection.clone());
    let report = client.json(&call).await?;
    if ui.format == Format::Csv {
        let days = report.get("by_day").and_then(Value::as_array).cloned().unwrap_or_default();
        return ui.csv(BY_DAY, &days, true);
    }
    ui.one(BY_DAY, &report, |columns| drawn(&report, columns))
}

fn drawn(report: &Value, columns: Option<usize>) -> Vec<Line> {
    let count = |name: &str| report.pointer(&format!("/counts/{name}")).and_then(Value::as_u64).unwrap_or(0);
    let mut lines = vec![Line::of(
        Tone::Faint,
        format!("{} to {}, by when things happened", text(report, "from"), text(report, "to")),
    )];
    let counts = ["submitted", "approved", "automatic", "rejected", "expired", "cancelled", "blocked"];
    let outcomes = ["succeeded", "failed", "unknown"];
    for names in [&counts[..], &outcomes[..]] {
        let parts: Vec<String> = names.iter().map(|name| format!("{} {name}", count(name))).collect();
        lines.push(Line::new().text(parts.join(", ")));
    }
    let rate = report.get("approval_rate").and_then(Value::as_f64);
    lines.push(Line::new().text(match rate {
        Some(rate) => format!("approved of what people decided: {:.1} %", rate * 100.0),
        None => "nobody decided anything".to_owned(),
    }));
    lines.push(Line::new().text(format!("time to decision: {}", times(report.get("time_to_decision")))));
    let mut section = |title: &str, name: &str, row: &dyn Fn(&Value) -> String| {
        let rows = report.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        if !rows.is_empty() {
            lines.push(Line::new());
            lines.push(Line::of(Tone::Faint, title.to_owned()));
        }
        for item in rows.iter().take(10) {
            let line = Line::new().text(safe::line(&row(item)));
            lines.push(columns.map_or(line.clone(), |columns| line.cut(columns)));
        }
    };
    let number = |item: &Value, pointer: &str| item.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
    let asked = |item: &Value| {
        format!(
            "{:>6} submitted, {} approved",
            number(item, "/counts/submitted"),
            number(item, "/counts/approved")
        )
    };
    let voted = |item: &Value| {
        let times = times(item.get("time_to_vote"));
        format!("{:>6} for, {} against, {times}", number(item, "/approvals"), number(item, "/rejections"))
    };
    let email =
        |item: &Value| item.pointer("/user/email").and_then(Value::as_str).unwrap_or_default().to_owned();
    section("connections", "by_connection", &|item| format!("{}  {}", asked(item), text(item, "connection")));
    section("requesters", "top_requesters", &|item| format!("{}  {}", asked(item), email(item)));
    section("reviewers", "reviewers", &|item| format!("{}  {}", voted(item), email(item)));
    section("groups", "by_group", &|item| format!("{}  {}", voted(item), text(item, "group")));
    section("commands, by shape", "common_commands", &|item| {
        format!("{:>6}  {}: {}", number(item, "/count"), text(item, "kind"), text(item, "shape"))
    });
    lines
}

fn times(times: Option<&Value>) -> String {
    let of = |name: &str| times.and_then(|times| times.get(name)?.as_f64());
    match (of("mean_seconds"), of("p50_seconds"), of("p90_seconds"), of("p99_seconds")) {
        (Some(mean), Some(half), Some(most), Some(nearly_all)) => {
            format!("mean {mean:.1} s, p50 {half:.1} s, p90 {most:.1} s, p99 {nearly_all:.1} s")
        }
        _ => "none".to_owned(),
    }
}
