//! Numbers and plots, for admins and auditors; to be read on paper too.

use std::collections::BTreeMap;

use axum::extract::{RawQuery, State};
use axum::response::Response;
use countersign_app::{App, Scope};
use countersign_http::Problem;
use countersign_rules::Timestamp;
use countersign_rules::display::display;
use countersign_statistics::report::{DayRow, MonthRow};
use countersign_statistics::times::Durations;
use countersign_statistics::{Counts, Report};
use countersign_web::Place;
use http::HeaderMap;
use maud::{Markup, html};

use super::fields::{Wrong, complaint, described, invalid};
use super::plot::{Part, Tone, bars};
use super::viewer::Viewer;
use super::{command, files, words};
use crate::analytics::{self as api, Days, PARAMETERS};
use crate::settled::Settled;
use crate::tables::Table;
use countersign_app::query::Query;

const DAY: i64 = 86_400_000;

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
    let report = match api::report(&app, &settled, &query, Days::IfFew).await {
        Ok(report) => report,
        Err(problem) if problem.status().is_client_error() => {
            return Ok(refused(&app, &viewer, &query, &problem));
        }
        Err(problem) => return Err(problem),
    };
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
        (filters(&query, &Wrong::default()))
        (sums(&report))
        (by_period(&report))
        (by_hour(&report))
        (why(&report))
        (by_connection(&report))
        (reviewing(&report))
        (asking(&report))
        (shapes(&report))
        (as_files(&query))
    };
    Ok(viewer.page(&app, "Analytics", Place::Analytics, content))
}

/// The form again, with what is wrong with what it asked for.
fn refused(app: &App, viewer: &Viewer, query: &Query, problem: &Problem) -> Response {
    let wrong = Wrong::about(problem, &PARAMETERS);
    let content = html! {
        div.head { h1.grow { "Analytics" } }
        (wrong.notice("This cannot be counted:"))
        (filters(query, &wrong))
    };
    let mut response = viewer.page(app, "Analytics", Place::Analytics, content);
    *response.status_mut() = problem.status();
    response
}

/// Where everything above can be had as a file.
fn as_files(query: &Query) -> Markup {
    let connection = query.text("connection").unwrap_or_default();
    let all = query.to("/v1/analytics", "connection", connection);
    let table = |name: &str| format!("{all}&format=csv&by={name}");
    html! {
        section.card.screen aria-labelledby="files" {
            h2 #files { "As files" }
            p {
                "These numbers: " a href=(all) download="analytics.json" { "all of them as JSON" } ". Each table as CSV: "
                @for (place, (one, said)) in Table::ALL.into_iter().enumerate() {
                    @if place > 0 { " · " }
                    a href=(table(one.name())) download={ "analytics-by-" (one.name()) ".csv" } { (said) }
                }
                "."
            }
            p {
                "The requests themselves, all of the span: "
                a href=(query.to(files::PATH, "format", "csv")) { "as CSV" } " · "
                a href=(query.to(files::PATH, "format", "jsonl")) { "as JSON lines" } "."
            }
        }
    }
}

fn filters(query: &Query, wrong: &Wrong) -> Markup {
    let day = |name: &str| query.text(name).unwrap_or_default().chars().take(10).collect::<String>();
    html! {
        form.card method="get" action="/analytics" role="search" {
            div.fields {
                div.field { label for="from" { "From (UTC)" } input #from type="date" name="from" value=(day("from")) aria-describedby=[described("from", false, wrong)] aria-invalid=[invalid("from", wrong)]; (complaint("from", wrong)) }
                div.field { label for="to" { "Before (UTC)" } input #to type="date" name="to" value=(day("to")) aria-describedby=[described("to", false, wrong)] aria-invalid=[invalid("to", wrong)]; (complaint("to", wrong)) }
                div.field { label for="connection" { "Connection" } input #connection type="text" name="connection" placeholder="all of them" autocapitalize="off" value=(query.text("connection").unwrap_or_default()) aria-describedby=[described("connection", false, wrong)] aria-invalid=[invalid("connection", wrong)]; (complaint("connection", wrong)) }
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

/// What a row of a table tells of a part of the span.
struct Outcome {
    name: String,
    counts: Counts,
    rate: Option<f64>,
    times: Durations,
}

impl Outcome {
    fn new(name: impl Into<String>, counts: &Counts, rate: Option<f64>, times: &Durations) -> Self {
        Self { name: name.into(), counts: *counts, rate, times: times.clone() }
    }

    /// Of a part in which nothing happened.
    fn nothing(name: String) -> Self {
        Self { name, counts: Counts::default(), rate: None, times: Durations::default() }
    }
}

/// Days, or months if the span has too many days to be read; what the numbers are by. Those in which nothing
/// happened are there as well, from the first on in which something did.
fn periods(report: &Report) -> (&'static str, Vec<Outcome>) {
    if report.by_month.is_empty() {
        return ("day", Vec::new());
    }
    let last = report.to.plus_millis(-1);
    let (unit, names, mut found): (_, Vec<String>, BTreeMap<&str, Outcome>) = if report.by_day.is_empty() {
        let row =
            |row: &MonthRow| Outcome::new(&row.month, &row.counts, row.approval_rate, &row.time_to_decision);
        let found = report.by_month.iter().map(|one| (one.month.as_str(), row(one))).collect();
        let first = report.by_month.first().map(|row| row.month.as_str()).unwrap_or_default();
        ("month", months(first, &day_of(last)), found)
    } else {
        let row =
            |row: &DayRow| Outcome::new(&row.day, &row.counts, row.approval_rate, &row.time_to_decision);
        let found = report.by_day.iter().map(|one| (one.day.as_str(), row(one))).collect();
        let first = report.by_day.first().map(|row| row.day.as_str()).unwrap_or_default();
        let begin = Timestamp::parse_rfc3339(&format!("{first}T00:00:00Z")).unwrap_or(last);
        let days = std::iter::successors(Some(begin), |day| Some(day.plus_millis(DAY)));
        ("day", days.take_while(|day| *day <= last).map(day_of).collect(), found)
    };
    let row = |name: String| found.remove(name.as_str()).unwrap_or_else(|| Outcome::nothing(name));
    (unit, names.into_iter().map(row).collect())
}

fn day_of(at: Timestamp) -> String {
    at.rfc3339().chars().take(10).collect()
}

/// The months from that of the one day or month to that of the other.
fn months(first: &str, last: &str) -> Vec<String> {
    let number = |day: &str| {
        let mut parts = day.split('-').map(str::parse::<u32>);
        let (year, month) = (parts.next()?.ok()?, parts.next()?.ok()?);
        Some(year * 12 + month.checked_sub(1)?)
    };
    let (Some(first), Some(last)) = (number(first), number(last)) else { return Vec::new() };
    (first..=last).map(|month| format!("{}-{:02}", month / 12, month % 12 + 1)).collect()
}

fn by_period(report: &Report) -> Markup {
    let (unit, periods) = periods(report);
    // The year of a day is said above.
    let label = |period: &Outcome| {
        if unit == "month" { period.name.clone() } else { period.name.chars().skip(5).collect() }
    };
    let labels: Vec<String> = periods.iter().map(label).collect();
    let part = |name, tone, of: fn(&Counts) -> u64| Part {
        name,
        tone,
        values: periods.iter().map(|period| of(&period.counts)).collect(),
    };
    let parts = [
        part("approved", Tone::Good, |counts| counts.approved),
        part("rejected", Tone::Bad, |counts| counts.rejected),
        part("expired", Tone::Wait, |counts| counts.expired),
    ];
    html! {
        section.card aria-labelledby="days" {
            h2 #days { "Decisions by " (unit) }
            @if periods.is_empty() { p.muted { "Nothing happened." } } @else {
                (bars(&format!("Decisions by {unit}: approved, rejected, expired. The numbers are in the table."), &labels, &parts))
                details.plotted {
                    summary { "The numbers" }
                    (outcomes(&format!("By {unit}"), if unit == "month" { "Month" } else { "Day" }, periods.into_iter()))
                    @if unit == "month" { p.hint { "By day they are in the files at the end of this page." } }
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
        let name = format!("{hour:02}:00");
        match report.by_hour.iter().find(|row| row.hour == hour) {
            Some(row) => Outcome::new(name, &row.counts, row.approval_rate, &row.time_to_decision),
            None => Outcome::nothing(name),
        }
    };
    let hours: Vec<Outcome> = (0..24).map(of).collect();
    let labels: Vec<String> = (0..24).map(|hour| format!("{hour:02}")).collect();
    let submitted: Vec<u64> = hours.iter().map(|hour| hour.counts.submitted).collect();
    let parts = [Part { name: "submitted", tone: Tone::Neutral, values: submitted }];
    html! {
        section.card aria-labelledby="hours" {
            h2 #hours { "Submitted by hour of the day (UTC)" }
            (bars("Requests that were submitted by hour of the day. The numbers are in the table.", &labels, &parts))
            details.plotted { summary { "The numbers" } (outcomes("By hour", "Hour", hours.into_iter())) p.hint { "Each thing stands in the hour in which it happened: a decision in that of the decision." } }
        }
    }
}

fn outcomes(label: &str, first: &str, rows: impl Iterator<Item = Outcome>) -> Markup {
    let head = [
        first,
        "Submitted",
        "Approved",
        "Rejected",
        "Expired",
        "Rate",
        "Mean",
        "p50",
        "p90",
        "p99",
        "Blocked",
        "Cancelled",
        "Ran well",
        "Failed",
    ];
    table(
        label,
        &head,
        rows.map(|Outcome { name, counts, rate, times }| {
            let Counts {
                submitted, blocked, approved, rejected, expired, cancelled, succeeded, failed, ..
            } = counts;
            let mut cells: Vec<String> =
                [submitted, approved, rejected, expired].iter().map(u64::to_string).collect();
            cells.extend(rate_and_times(rate, &times));
            cells.extend([blocked, cancelled, succeeded, failed].iter().map(u64::to_string));
            (name, cells)
        }),
    )
}

fn rate_and_times(rate: Option<f64>, times: &Durations) -> [String; 5] {
    [
        rate.map_or_else(|| "—".to_owned(), percent),
        time(times.mean_seconds),
        time(times.p50_seconds),
        time(times.p90_seconds),
        time(times.p99_seconds),
    ]
}

/// A table of numbers behind names.
fn table(label: &str, head: &[&str], rows: impl Iterator<Item = (String, Vec<String>)>) -> Markup {
    html! {
        div.wide tabindex="0" role="group" aria-label=(label) {
            table.dense[head.len() > 9] {
                thead { tr { @for (place, name) in head.iter().enumerate() { th.num[place > 0] scope="col" { (name) } } } }
                tbody {
                    @for (name, cells) in rows {
                        tr { th scope="row" { (name) } @for (cell, name) in cells.iter().zip(head.iter().skip(1)) { td.num data-label=(name) { (cell) } } }
                    }
                }
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
                p.hint { "Of what people decided or let expire, the rate is what they approved. Times are from the submission to their decision." }
                (outcomes("By connection", "Connection", report.by_connection.iter().map(|row| Outcome::new(&row.connection, &row.counts, row.approval_rate, &row.time_to_decision))))
            }
        }
    }
}

fn reviewing(report: &Report) -> Markup {
    let cells = |approvals: u64, rejections: u64, rate: Option<f64>, times: &Durations| {
        let mut cells: Vec<String> =
            [approvals + rejections, approvals, rejections].iter().map(u64::to_string).collect();
        cells.extend(rate_and_times(rate, times));
        cells
    };
    let head = |first| [first, "Votes", "For", "Against", "Rate", "Mean", "p50", "p90", "p99"];
    html! {
        @if !report.by_group.is_empty() {
            section.card aria-labelledby="groups" {
                h2 #groups { "By group" }
                p.hint { "The rate is approvals of all votes; times are from the submission to the vote." }
                (table("By group", &head("Group"), report.by_group.iter().map(|row| (row.group.clone(), cells(row.approvals, row.rejections, row.approval_rate, &row.time_to_vote)))))
            }
        }
        @if !report.reviewers.is_empty() {
            section.card aria-labelledby="reviewers" {
                h2 #reviewers { "Load by reviewer" }
                (table("By reviewer", &head("Reviewer"), report.reviewers.iter().map(|row| (row.user.email.clone(), cells(row.approvals, row.rejections, row.approval_rate, &row.time_to_vote)))))
            }
        }
    }
}

fn asking(report: &Report) -> Markup {
    html! {
        @if !report.top_requesters.is_empty() {
            section.card aria-labelledby="requesters" {
                h2 #requesters { "By requester" }
                (outcomes("By requester", "Requester", report.top_requesters.iter().map(|row| Outcome::new(&row.user.email, &row.counts, row.approval_rate, &row.time_to_decision))))
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
                        tbody { @for row in &report.common_commands { tr { td.num data-label="How often" { (row.count) } td data-label="Kind" { (row.kind) } td data-label="Shape" { code { (command::one_line(&display(&row.shape))) } } } } }
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

    #[test]
    fn months_go_over_the_turn_of_the_year() {
        assert_eq!(months("2025-11-30", "2026-02-01"), ["2025-11", "2025-12", "2026-01", "2026-02"]);
        assert_eq!(months("2026-02", "2026-02-28"), ["2026-02"]);
        assert!(months("", "2026-02-28").is_empty());
    }
}
