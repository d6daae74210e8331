//! Numbers about requests over any span of whole hours, out of the periods that `seal` keeps.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use countersign_app::{App, Scope, errors};
use countersign_http::openapi::{Malformed, Signed};
use countersign_http::{Problem, json};
use countersign_rules::{ConnectionName, Timestamp};
use countersign_statistics::{Report, Rollup};
use countersign_storage::StorageError;
use countersign_storage::statistics::Length;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};

use countersign_app::query::Query;

use crate::settled::Settled;
use crate::tables::{Format, Table};

const HOUR: i64 = 3_600_000;
/// What is shown if nothing is asked for: 30 days.
const USUAL_HOURS: i64 = 30 * 24;
/// How long a period is over until its numbers are taken for settled: what came late is counted by then.
const SETTLED_AFTER_HOURS: i64 = 1;
/// The longest span: five years.
const MOST_HOURS: i64 = 1830 * 24;
/// More days than that are too many to be read.
const MOST_DAYS: i64 = 62;
/// What may be asked for.
pub(crate) const PARAMETERS: [&str; 3] = ["from", "to", "connection"];

/// Counts and times of requests, by when things happened; for admins and auditors.
///
/// The span is made of whole hours. What happened in the last minutes may not be in it yet. Of each
/// connection, requester, hour, day and month there are the times to decision and the part that was approved;
/// of each group and reviewer those of their votes.
#[utoipa::path(
    get,
    path = "/v1/analytics",
    operation_id = "show_analytics",
    tag = "audit",
    params(
        ("from" = Option<Timestamp>, Query, description = "From the hour of that instant on; 30 days before `to` by default."),
        ("to" = Option<Timestamp>, Query, description = "Up to the end of the hour of that instant; now by default."),
        ("connection" = Option<ConnectionName>, Query, description = "Only on that connection."),
        ("format" = inline(Option<Format>), Query, description = "`json` by default; `csv` is one table."),
        ("by" = inline(Option<Table>), Query, description = "Which table, with `format=csv`; `day` by default.")
    ),
    responses(
        (status = 200, description = "The numbers; as CSV a row of the table a line, with a header line that names its members.",
            content((Report = "application/json"), (String = "text/csv"))),
        Malformed, Signed
    )
)]
pub(crate) async fn show(
    State(app): State<App>,
    State(settled): State<Settled>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let (caller, _) = app.identify("analytics", Scope::Read, &headers, &[]).await?;
    caller.must_see_all()?;
    let mut known = PARAMETERS.to_vec();
    known.extend(["format", "by"]);
    let query = Query::read(raw.as_deref(), &known, &[])?;
    let format: Format = query.word("format")?.unwrap_or_default();
    let table: Option<Table> = query.word("by")?;
    if table.is_some() && format != Format::Csv {
        return Err(Problem::bad_request("`by` chooses a table of `format=csv`; JSON has all of them"));
    }
    let report = report(&app, &settled, &query, Days::Always).await?;
    match format {
        Format::Json => Ok(json::answer(StatusCode::OK, &report)),
        Format::Csv => {
            let text = table.unwrap_or_default().csv(&report).map_err(|error| {
                tracing::error!(%error, "a report has no JSON");
                Problem::internal()
            })?;
            Ok(([(CONTENT_TYPE, "text/csv; charset=utf-8")], text).into_response())
        }
    }
}

/// Whether a report tells days apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Days {
    /// However many they are.
    Always,
    /// Unless they are too many to be read: then months are all there is of them, and a report of years costs
    /// what one of weeks costs.
    IfFew,
}

/// The numbers that a query asks for.
pub(crate) async fn report(
    app: &App,
    settled: &Settled,
    query: &Query,
    days: Days,
) -> Result<Report, Problem> {
    let to = query.instant("to")?.unwrap_or_else(|| app.now());
    let to = hours(to.plus_millis(HOUR - 1));
    let from = query.instant("from")?.map_or(to - USUAL_HOURS, hours);
    if from >= to || to - from > MOST_HOURS {
        return Err(Problem::bad_request(format!(
            "`from` must be before `to`, and at most {} days before it",
            MOST_HOURS / 24
        )));
    }
    let connection: Option<ConnectionName> = query.parsed("connection")?;
    let scope = connection.as_ref().map(ConnectionName::as_str).unwrap_or_default();
    let beginning = app.store.beginning().await.map_err(|error| errors::storage(&error))?;
    let over = hours(app.now()) - SETTLED_AFTER_HOURS;
    let begin = from.max(hours(beginning));
    let by_month = days == Days::IfFew && to - begin > MOST_DAYS * 24;
    let runs = runs(begin, to);
    let (past, recent) = runs.split_at(runs.partition_point(|run| run.end <= over));
    let past = settled_numbers(app, settled, scope, past, by_month);
    let both = futures::future::try_join(past, numbers(app, scope, recent));
    let (past, recent) = both.await.map_err(|error| errors::storage(&error))?;
    let mut whole = Rollup::clone(&past);
    whole.merge(&recent);
    let span = (instant(from), instant(to));
    let mut report = Report::new(whole, span, connection.map(|name| name.to_string()));
    if by_month {
        // Only the latest are still told apart.
        report.by_day.clear();
    }
    Ok(report)
}

/// The numbers of runs that are over; they may be a minute old.
async fn settled_numbers(
    app: &App,
    settled: &Settled,
    scope: &str,
    runs: &[Run],
    by_month: bool,
) -> Result<Arc<Rollup>, StorageError> {
    let (Some(first), Some(last)) = (runs.first(), runs.last()) else { return Ok(Arc::default()) };
    // Where a span begins and ends says which runs it is made of.
    let name = format!("{scope} {} {} {by_month}", first.first, last.end);
    if let Some(kept) = settled.get(&name, app.now()) {
        return Ok(kept);
    }
    let mut whole = numbers(app, scope, runs).await?;
    if by_month {
        whole.join_days();
    }
    let whole = Arc::new(whole);
    settled.keep(name, app.now(), Arc::clone(&whole));
    Ok(whole)
}

/// The numbers of runs, in the order of time.
async fn numbers(app: &App, scope: &str, runs: &[Run]) -> Result<Rollup, StorageError> {
    let parts =
        runs.iter().map(|run| app.store.statistics::<Rollup>(run.length, scope, &run.first, &run.last));
    let parts = futures::future::try_join_all(parts).await?;
    let mut whole = Rollup::default();
    parts.iter().flat_map(|part| part.values()).for_each(|part| whole.merge(part));
    Ok(whole)
}

/// How many requests were submitted in each hour of a day, by the name of the hour.
pub(crate) async fn submitted_by_hour(
    app: &App,
    connection: Option<&ConnectionName>,
    day: Timestamp,
) -> Result<BTreeMap<String, u64>, Problem> {
    let scope = connection.map(ConnectionName::as_str).unwrap_or_default();
    let day = Length::Day.name(day);
    let (first, last) = (format!("{day}T00"), format!("{day}T23"));
    let found = app.store.statistics::<Rollup>(Length::Hour, scope, &first, &last).await;
    let found = found.map_err(|error| errors::storage(&error))?;
    Ok(found.into_iter().map(|(hour, rollup)| (hour, rollup.counts.submitted)).collect())
}

fn hours(at: Timestamp) -> i64 {
    at.unix_millis().div_euclid(HOUR)
}

fn instant(hours: i64) -> Timestamp {
    Timestamp::from_unix_millis(hours * HOUR)
}

/// Periods of one length that stand behind each other in one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Run {
    length: Length,
    first: String,
    last: String,
    /// The hour in which it is over.
    end: i64,
}

/// The fewest periods that a span of hours is made of: hours up to a whole day, days up to a whole month.
fn runs(from: i64, to: i64) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    let mut at = from;
    while at < to {
        let (length, end) = longest(at, to);
        let name = length.name(instant(at));
        match runs.last_mut() {
            Some(run) if run.length == length && shares_partition(length, &run.first, &name) => {
                run.last = name;
                run.end = end;
            }
            _ => runs.push(Run { length, first: name.clone(), last: name, end }),
        }
        at = end;
    }
    runs
}

fn longest(at: i64, to: i64) -> (Length, i64) {
    let name = instant(at).rfc3339();
    let starts_day = at.rem_euclid(24) == 0;
    if starts_day && name.get(8..10) == Some("01") {
        // The first of the next month lies 28 to 31 days behind.
        let is_first = |end: &i64| instant(*end).rfc3339().get(8..10) == Some("01");
        if let Some(end) = (28..=31).map(|days| at + days * 24).find(is_first).filter(|end| *end <= to) {
            return (Length::Month, end);
        }
    }
    if starts_day && at + 24 <= to { (Length::Day, at + 24) } else { (Length::Hour, at + 1) }
}

fn shares_partition(length: Length, one: &str, other: &str) -> bool {
    let characters = match length {
        Length::Minute => 13,
        Length::Hour => 10,
        Length::Day => 7,
        Length::Month => 4,
    };
    one.get(..characters) == other.get(..characters)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(text: &str) -> i64 {
        hours(Timestamp::parse_rfc3339(text).unwrap())
    }

    #[test]
    fn a_span_is_made_of_the_longest_periods() {
        let runs = runs(hour("2025-12-30T22:00:00Z"), hour("2026-03-02T01:00:00Z"));
        let texts: Vec<(&str, &str)> =
            runs.iter().map(|run| (run.first.as_str(), run.last.as_str())).collect();
        assert_eq!(
            texts,
            [
                ("2025-12-30T22", "2025-12-30T23"),
                ("2025-12-31", "2025-12-31"),
                ("2026-01", "2026-02"),
                ("2026-03-01", "2026-03-01"),
                ("2026-03-02T00", "2026-03-02T00"),
            ]
        );
    }

    #[test]
    fn five_years_are_a_handful_of_queries() {
        let runs = runs(hour("2021-05-17T07:00:00Z"), hour("2026-05-16T03:00:00Z"));
        assert!(runs.len() <= 11, "{runs:?}");
    }
}
