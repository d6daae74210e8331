//! Numbers and plots, for admins and auditors; to be read on paper too.

use std::collections::BTreeMap;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use countersign_app::{App, Scope};
use countersign_http::Problem;
use countersign_rules::display::display;
use countersign_statistics::times::Durations;
use countersign_statistics::{Counts, Report};
use countersign_web::Place;
use http::HeaderMap;
use maud::{Markup, html};

use super::plot::{Part, Tone, bars};
use super::viewer::Viewer;
use super::{command, words};
use crate::analytics::{self as api, PARAMETERS};
use crate::settled::Settled;
use countersign_app::query::Query;

const DAY: i64 = 86_400_000;
/// Of more days, months are plotted.
const MOST_DAYS: usize = 62;

/// Shows them.
pub(crate) async fn page(
    State(app): State<App>,
    State(settled): State<Settled>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let (viewer, _) = Viewer::see(&app, "analytics", Scope::Read, &headers, &[]).await?;
    viewer.caller.must_see_all()?;
    let query = Query::read(raw.as_deref(), &PARAMETERS, &[])?.with_days();
    let report = api::report(&app, &settled, &query).await?;
    let content = html! {
        div.head {
            div.grow {
                h1 { "Analytics" }
                p.muted {
                    (words::at(report.from)) " to " (words::at(report.to))
                    @if let Some(connection) = &report.connection { ", only " strong { (connection) } }
                    ". By when things happened; the last minutes may not be in it yet."
                }
            }
        }
        (filters(&query))
        (sums(&report))
        (by_period(&report))
        (by_hour(&report))
        (why(&report))
        (by_connection(&report))
        (reviewing(&report))
        (asking(&report))
        (shapes(&report))
        section.card.screen aria-labelledby="files" {
            h2 #files { "As files" }
            p {
                a href=(query.to("/v1/analytics", "connection", query.text("connection").unwrap_or_default())) download="analytics.json" { "These numbers as JSON" } " · requests as "
                a href=(export(&query, "csv")) download="requests.csv" { "CSV" } " or "
                a href=(export(&query, "jsonl")) download="requests.jsonl" { "JSON lines" }
            }
            p.hint { "A file of requests has the newest 200 of the span; its header " code { "Countersign-Next-Cursor" } " is the " code { "cursor" } " of the next. " a href="/api#export_requests" { "How to go on" } "." }
        }
    };
    Ok(viewer.page(&app, "Analytics", Place::Analytics, content))
}

fn export(query: &Query, format: &str) -> String {
    format!("{}&limit=200", query.to("/v1/requests/export", "format", format))
}

fn filters(query: &Query) -> Markup {
    let day = |name: &str| query.text(name).unwrap_or_default().chars().take(10).collect::<String>();
    html! {
        form.card method="get" action="/analytics" role="search" {
            div.fields {
                div.field { label for="from" { "From (UTC)" } input #from type="date" name="from" value=(day("from")); }
                div.field { label for="to" { "Before (UTC)" } input #to type="date" name="to" value=(day("to")); }
                div.field { label for="connection" { "Connection" } input #connection type="text" name="connection" placeholder="all of them" autocapitalize="off" value=(query.text("connection").unwrap_or_default()); }
                div.field.go { button type="submit" { "Show" } }
            }
        }
    }
}

/// A part of one, in percent.
fn percent(part: f64) -> String {
    format!("{:.1} %", part * 100.0)
}

/// A time as people say it.
fn time(seconds: Option<f64>) -> String {
    match seconds {
        None => "—".to_owned(),
        Some(seconds) if seconds < 90.0 => format!("{seconds:.1} s"),
        Some(seconds) if seconds < 5400.0 => format!("{:.1} min", seconds / 60.0),
        Some(seconds) if seconds < 172_800.0 => format!("{:.1} h", seconds / 3600.0),
        Some(seconds) => format!("{:.1} days", seconds / 86_400.0),
    }
}

fn sums(report: &Report) -> Markup {
    let Counts { submitted, blocked, approved, automatic, rejected, expired, cancelled, .. } = report.counts;
    let Counts { succeeded, failed, unknown, reopened, .. } = report.counts;
    let decision: &Durations = &report.time_to_decision;
    let counted = [
        ("submitted", submitted),
        ("blocked by a guardrail", blocked),
        ("approved", approved),
        ("of them without anybody else", automatic),
        ("rejected", rejected),
        ("expired", expired),
        ("cancelled", cancelled),
        ("opened again", reopened),
        ("ran well", succeeded),
        ("failed", failed),
        ("nobody knows", unknown),
    ];
    html! {
        div.figures {
            section.card aria-labelledby="rate" {
                h2 #rate { "Approval rate" }
                p.figure { (report.approval_rate.map_or_else(|| "—".to_owned(), percent)) }
                p.hint { "of what people decided or let expire" }
            }
            section.card aria-labelledby="time" {
                h2 #time { "Time to decision" }
                p.figure { (time(decision.p50_seconds)) }
                dl.facts.numbers {
                    dt { "Median (p50)" } dd { (time(decision.p50_seconds)) }
                    dt { "p90" } dd { (time(decision.p90_seconds)) }
                    dt { "p99" } dd { (time(decision.p99_seconds)) }
                    dt { "Mean" } dd { (time(decision.mean_seconds)) }
                    dt { "Decisions" } dd { (decision.count) }
                }
            }
            section.card aria-labelledby="counts" {
                h2 #counts { "Requests" }
                p.figure { (submitted) }
                dl.facts.numbers { @for (name, count) in counted { dt { (name) } dd { (count) } } }
            }
        }
    }
}

/// Days, or months if the span has too many days to be read; what the numbers are by.
fn periods(report: &Report) -> (&'static str, BTreeMap<String, Counts>) {
    let mut days: BTreeMap<String, Counts> = BTreeMap::new();
    // Days on which nothing happened are shown as well, from the first on which something did.
    let first = report.by_day.first().map(|row| row.day.as_str()).unwrap_or_default();
    let mut at = report.from;
    while at < report.to {
        let day: String = at.rfc3339().chars().take(10).collect();
        if !first.is_empty() && day.as_str() >= first {
            days.entry(day).or_default();
        }
        at = at.plus_millis(DAY);
    }
    for row in &report.by_day {
        days.entry(row.day.clone()).or_default().merge(&row.counts);
    }
    if days.len() <= MOST_DAYS {
        return ("day", days);
    }
    let mut months: BTreeMap<String, Counts> = BTreeMap::new();
    for (day, counts) in &days {
        months.entry(day.chars().take(7).collect()).or_default().merge(counts);
    }
    ("month", months)
}

fn by_period(report: &Report) -> Markup {
    let (unit, periods) = periods(report);
    // The year of a day is said above.
    let label =
        |period: &String| if unit == "month" { period.clone() } else { period.chars().skip(5).collect() };
    let labels: Vec<String> = periods.keys().map(label).collect();
    let part =
        |name, tone, of: fn(&Counts) -> u64| Part { name, tone, values: periods.values().map(of).collect() };
    let parts = [
        part("approved", Tone::Good, |counts| counts.approved),
        part("rejected", Tone::Bad, |counts| counts.rejected),
        part("expired", Tone::Wait, |counts| counts.expired),
    ];
    html! {
        section.card aria-labelledby="days" {
            h2 #days { "Decisions by " (unit) }
            @if report.by_day.is_empty() { p.muted { "Nothing happened." } } @else {
                (bars(&format!("Decisions by {unit}: approved, rejected, expired. The numbers are in the table."), &labels, &parts))
                details {
                    summary { "The numbers" }
                    (counts_table(&format!("By {unit}"), if unit == "month" { "Month" } else { "Day" }, periods.iter().map(|(name, counts)| (name.clone(), counts))))
                    @if unit == "month" { p.hint { "By day they are in the file of these numbers, at the end of this page." } }
                }
            }
        }
    }
}

fn by_hour(report: &Report) -> Markup {
    if report.by_hour.is_empty() {
        return html! {};
    }
    let of = |hour: u8| {
        report.by_hour.iter().find(|row| row.hour == hour).map(|row| row.counts).unwrap_or_default()
    };
    let labels: Vec<String> = (0..24).map(|hour| format!("{hour:02}")).collect();
    let submitted: Vec<u64> = (0..24).map(|hour| of(hour).submitted).collect();
    let parts = [Part { name: "submitted", tone: Tone::Neutral, values: submitted }];
    let hours = report.by_hour.iter().map(|row| (format!("{:02}:00", row.hour), &row.counts));
    html! {
        section.card aria-labelledby="hours" {
            h2 #hours { "Submitted by hour of the day (UTC)" }
            (bars("Requests that were submitted by hour of the day. The numbers are in the table.", &labels, &parts))
            details { summary { "The numbers" } (counts_table("By hour", "Hour", hours)) }
        }
    }
}

fn counts_table<'a>(label: &str, first: &str, rows: impl Iterator<Item = (String, &'a Counts)>) -> Markup {
    table(
        label,
        &[
            first,
            "Submitted",
            "Blocked",
            "Approved",
            "Rejected",
            "Expired",
            "Cancelled",
            "Ran well",
            "Failed",
        ],
        rows.map(|(name, counts)| {
            let Counts {
                submitted, blocked, approved, rejected, expired, cancelled, succeeded, failed, ..
            } = *counts;
            let numbers = [submitted, blocked, approved, rejected, expired, cancelled, succeeded, failed];
            (name, numbers.map(|number| number.to_string()).into())
        }),
    )
}

/// A table of numbers behind names.
fn table(label: &str, head: &[&str], rows: impl Iterator<Item = (String, Vec<String>)>) -> Markup {
    html! {
        div.wide tabindex="0" role="group" aria-label=(label) {
            table {
                thead { tr { @for (place, name) in head.iter().enumerate() { th.num[place > 0] scope="col" { (name) } } } }
                tbody { @for (name, cells) in rows { tr { th scope="row" { (name) } @for cell in cells { td.num { (cell) } } } } }
            }
        }
    }
}

fn cause(code: &str) -> String {
    let said = match code {
        "review_timeout" => "nobody decided in time",
        "run_timeout" => "approved, but not run in time",
        "vote_void" => "a vote no longer counted, and it was too late for another",
        other => return other.replace('_', " "),
    };
    said.to_owned()
}

fn why(report: &Report) -> Markup {
    let list = |name: &str, counts: &BTreeMap<String, u64>| {
        html! {
            @if !counts.is_empty() {
                h3 { (name) }
                dl.facts.numbers { @for (code, count) in counts { dt { (cause(code)) } dd { (count) } } }
            }
        }
    };
    let Report { expiries, cancellations, automatic_approvals, .. } = report;
    html! {
        @if !(expiries.is_empty() && cancellations.is_empty() && automatic_approvals.is_empty()) {
            section.card aria-labelledby="why" {
                h2 #why { "Why" }
                (list("Expired", expiries))
                (list("Cancelled", cancellations))
                (list("Approved without anybody else", automatic_approvals))
            }
        }
    }
}

fn by_connection(report: &Report) -> Markup {
    html! {
        @if !report.by_connection.is_empty() {
            section.card aria-labelledby="connections" {
                h2 #connections { "By connection" }
                (counts_table("By connection", "Connection", report.by_connection.iter().map(|row| (row.connection.clone(), &row.counts))))
            }
        }
    }
}

fn reviewing(report: &Report) -> Markup {
    let cells = |approvals: u64, rejections: u64, times: &Durations| {
        vec![
            (approvals + rejections).to_string(),
            approvals.to_string(),
            rejections.to_string(),
            time(times.p50_seconds),
            time(times.p90_seconds),
            time(times.p99_seconds),
        ]
    };
    let head = |first| [first, "Votes", "For", "Against", "p50", "p90", "p99"];
    html! {
        @if !report.by_group.is_empty() {
            section.card aria-labelledby="groups" {
                h2 #groups { "By group" }
                p.hint { "Times are from the submission to the vote." }
                (table("By group", &head("Group"), report.by_group.iter().map(|row| (row.group.clone(), cells(row.approvals, row.rejections, &row.time_to_vote)))))
            }
        }
        @if !report.reviewers.is_empty() {
            section.card aria-labelledby="reviewers" {
                h2 #reviewers { "Load by reviewer" }
                (table("By reviewer", &head("Reviewer"), report.reviewers.iter().map(|row| (row.user.email.clone(), cells(row.approvals, row.rejections, &row.time_to_vote)))))
            }
        }
    }
}

fn asking(report: &Report) -> Markup {
    html! {
        @if !report.top_requesters.is_empty() {
            section.card aria-labelledby="requesters" {
                h2 #requesters { "By requester" }
                (counts_table("By requester", "Requester", report.top_requesters.iter().map(|row| (row.user.email.clone(), &row.counts))))
            }
        }
    }
}

fn shapes(report: &Report) -> Markup {
    html! {
        @if !report.common_commands.is_empty() {
            section.card aria-labelledby="shapes" {
                h2 #shapes { "Common commands by shape" }
                p.hint { "Literals are replaced and lists made short: no value of a command is here." }
                div.wide tabindex="0" role="group" aria-label="Common commands" {
                    table {
                        thead { tr { th.num scope="col" { "How often" } th scope="col" { "Kind" } th scope="col" { "Shape" } } }
                        tbody { @for row in &report.common_commands { tr { td.num { (row.count) } td { (row.kind) } td { code { (command::one_line(&display(&row.shape))) } } } } }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_in_the_unit_that_fits() {
        let said = [(None, "—"), (Some(1.25), "1.2 s"), (Some(120.0), "2.0 min"), (Some(7200.0), "2.0 h")];
        for (seconds, text) in said {
            assert_eq!(time(seconds), text);
        }
    }
}
