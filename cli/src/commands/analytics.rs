//! `analytics`: numbers about requests.

use clap::Args;
use serde_json::Value;

use super::values::instant;
use crate::client::{Call, Client};
use crate::error::CliError;
use crate::render::columns::text;
use crate::render::ui::write_out;
use crate::render::{Format, Line, Tone, Ui, safe};

/// Arguments of `analytics`.
#[derive(Args)]
pub(crate) struct AnalyticsArgs {
    /// Start, rounded down to the hour: an RFC 3339 instant or an age such as `7d` [default: 30 days before --to]
    #[arg(long, value_name = "TIME", value_parser = instant)]
    from: Option<String>,
    /// End, rounded up to the hour [default: now]
    #[arg(long, value_name = "TIME", value_parser = instant)]
    to: Option<String>,
    /// Only this connection
    #[arg(long, value_name = "NAME")]
    connection: Option<String>,
    /// Table to print with `-o csv`
    #[arg(long, value_name = "TABLE", default_value = "day", value_parser = ["day", "month", "hour", "connection", "group", "requester", "reviewer", "command"])]
    by: String,
}

/// Prints the numbers of a span: as a CSV one table of them, else everything.
///
/// # Errors
/// [`CliError`].
pub(crate) async fn analytics(client: &Client, ui: &Ui, args: &AnalyticsArgs) -> Result<(), CliError> {
    let call = Call::get(&["analytics"])
        .with_some("from", args.from.clone())
        .with_some("to", args.to.clone())
        .with_some("connection", args.connection.clone());
    if ui.format == Format::Csv {
        let table = client.send(&call.with("format", "csv").with("by", args.by.clone())).await?;
        // Line ends as in every other CSV of this program.
        let table = String::from_utf8_lossy(&table.body).replace("\r\n", "\n");
        return write_out(if ui.out.is_terminal { safe::output(&table) } else { table }.as_bytes());
    }
    let report = client.json(&call).await?;
    ui.one(&[], &report, |columns| drawn(&report, columns))
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
    let mut section = |title: &str, most: usize, name: &str, row: &dyn Fn(&Value) -> String| {
        let rows = report.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        if !rows.is_empty() {
            lines.push(Line::new());
            lines.push(Line::of(Tone::Faint, title.to_owned()));
        }
        for item in rows.iter().take(most) {
            let line = Line::new().text(safe::line(&row(item)));
            lines.extend(line.wrap(columns.unwrap_or(usize::MAX), 4));
        }
    };
    let number = |item: &Value, pointer: &str| item.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
    let rate = |item: &Value| match item.get("approval_rate").and_then(Value::as_f64) {
        Some(rate) => format!("{:.1} %", rate * 100.0),
        None => "—".to_owned(),
    };
    let asked = |item: &Value| {
        let (submitted, approved) = (number(item, "/counts/submitted"), number(item, "/counts/approved"));
        let times = times(item.get("time_to_decision"));
        format!("{submitted} submitted, {approved} approved, rate {}, {times}", rate(item))
    };
    let voted = |item: &Value| {
        let (approvals, rejections) = (number(item, "/approvals"), number(item, "/rejections"));
        let times = times(item.get("time_to_vote"));
        format!("{approvals} for, {rejections} against, rate {}, {times}", rate(item))
    };
    let email =
        |item: &Value| item.pointer("/user/email").and_then(Value::as_str).unwrap_or_default().to_owned();
    section("connections", 10, "by_connection", &|item| {
        format!("{}: {}", text(item, "connection"), asked(item))
    });
    section("requesters", 10, "top_requesters", &|item| format!("{}: {}", email(item), asked(item)));
    section("reviewers", 10, "reviewers", &|item| format!("{}: {}", email(item), voted(item)));
    section("groups", 10, "by_group", &|item| format!("{}: {}", text(item, "group"), voted(item)));
    section("hours of the day (UTC)", 24, "by_hour", &|item| {
        format!("{:02}:00: {}", number(item, "/hour"), asked(item))
    });
    section("commands, by shape", 10, "common_commands", &|item| {
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
