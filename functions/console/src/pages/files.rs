//! The requests of a span as files, all of them: in one where they fit, else in parts by time.
//!
//! How many there are in a part is known from the statistics. A part that does not fit into a file after all
//! leads to narrower ones instead of being cut.

use std::collections::BTreeMap;

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use countersign_app::query::Query;
use countersign_app::{App, Scope, errors};
use countersign_http::Problem;
use countersign_rules::{ConnectionName, Timestamp};
use countersign_web::{Place, page as answer};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use maud::{Markup, html};

use super::viewer::Viewer;
use super::words;
use crate::analytics::{self, Days, PARAMETERS};
use crate::export::{self, Format};
use crate::settled::Settled;

/// The page of the parts.
pub(super) const PATH: &str = "/analytics/requests";
/// A part itself.
pub(super) const FILE: &str = "/analytics/requests/file";

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// At most that many requests in a file: about two seconds of reading.
const MOST_ROWS: usize = 4000;
/// How many are read at once.
const AT_ONCE: usize = 100;
/// How often: some pages of a list are not full.
const MOST_PAGES: usize = 60;
/// Of more days, parts are months.
const MOST_DAYS: i64 = 62;

/// A part of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Part {
    from: Timestamp,
    to: Timestamp,
    /// How many requests the statistics know; none where they are not kept by such short times.
    count: Option<u64>,
}

/// Lists the parts of a span.
pub(crate) async fn page(
    State(app): State<App>,
    State(settled): State<Settled>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let (viewer, _) = Viewer::see(&app, "files", Scope::Read, &headers, &[]).await?;
    viewer.caller.must_see_all()?;
    let query = read(raw.as_deref(), &["split"])?;
    let format: Format = query.word("format")?.unwrap_or_default();
    let connection: Option<ConnectionName> = query.parsed("connection")?;
    let report = analytics::report(&app, &settled, &query, Days::Always).await?;
    // A file may begin and end within an hour, where the statistics do not.
    let from = query.instant("from")?.unwrap_or(report.from);
    let to = query.instant("to")?.unwrap_or(report.to);
    let beginning = app.store.beginning().await.map_err(|error| errors::storage(&error))?;
    let whole = Part { from: from.max(beginning).min(to), to, count: Some(report.counts.submitted) };
    let parts = if query.text("split").is_none() && fits(&whole) {
        vec![whole]
    } else {
        let days = report.by_day.iter().map(|row| (row.day.clone(), row.counts.submitted)).collect();
        split(&app, connection.as_ref(), whole, days, query.text("split").is_none()).await?
    };
    let parts = with_ends(parts, from, to);
    let rows = parts.iter().enumerate().map(|(place, part)| (place + 1, part));
    let content = html! {
        div.head { div.grow {
            h1 { "Requests as files" }
            p.muted {
                "Submitted from " (words::at(from)) " to before " (words::at(to))
                @if let Some(connection) = &connection { ", only on " strong { (connection) } }
                ". " a href=(back(&query)) { "Back to the numbers" }
            }
        } }
        @if query.text("split").is_some() { p.notice { "That did not fit into one file. Here it is in narrower parts, which are whole." } }
        section.card aria-labelledby="parts" {
            h2 #parts { @if parts.len() == 1 { "All of it is one file" } @else { "All of it is in " (parts.len()) " parts, the oldest first" } }
            p.hint { "Each file is whole: it has every request that was submitted in its time, with its whole command. Its name says the time. As CSV, each has a header line." }
            div.wide tabindex="0" role="group" aria-label="Parts" {
                table {
                    thead { tr { th.num scope="col" { "Part" } th scope="col" { "From" } th scope="col" { "To before" } th.num scope="col" { "Requests" } th scope="col" { "File" } } }
                    tbody {
                        @for (number, part) in rows {
                            tr {
                                td.num data-label="Part" { (number) }
                                td data-label="From" { (words::at(part.from)) }
                                td data-label="To before" { (words::at(part.to)) }
                                td.num data-label="Requests" { (part.count.map_or_else(|| "—".to_owned(), |count| count.to_string())) }
                                td data-label="File" { (link(part, &query, format)) }
                            }
                        }
                    }
                }
            }
            p.hint { "How many there are is from the statistics, which the last minutes may not be in; the files have them." }
        }
    };
    Ok(viewer.page(&app, "Requests as files", Place::Analytics, content))
}

fn read(raw: Option<&str>, also: &[&str]) -> Result<Query, Problem> {
    let mut known = PARAMETERS.to_vec();
    known.push("format");
    known.extend(also);
    Ok(Query::read(raw, &known, &[])?.with_days())
}

fn back(query: &Query) -> String {
    let kept = PARAMETERS.into_iter().filter_map(|name| Some((name, query.text(name)?)));
    format!("/analytics?{}", serde_urlencoded::to_string(kept.collect::<Vec<_>>()).unwrap_or_default())
}

/// The address of a part, as a file or as a page of narrower parts.
fn address(path: &str, part: &Part, query: &Query, format: Format, split: bool) -> String {
    let (from, to) = (part.from.rfc3339(), part.to.rfc3339());
    let mut pairs = vec![("from", from.as_str()), ("to", to.as_str()), ("format", format.name())];
    pairs.extend(query.text("connection").map(|connection| ("connection", connection)));
    pairs.extend(split.then_some(("split", "1")));
    format!("{path}?{}", serde_urlencoded::to_string(pairs).unwrap_or_default())
}

fn link(part: &Part, query: &Query, format: Format) -> Markup {
    html! {
        @if fits(part) {
            a href=(address(FILE, part, query, format, false)) { (file_name(part, format)) }
        } @else {
            a href=(address(PATH, part, query, format, true)) { "in narrower parts" }
        }
    }
}

fn fits(part: &Part) -> bool {
    part.count.is_none_or(|count| usize::try_from(count).is_ok_and(|count| count <= MOST_ROWS))
}

/// Its time in its name, without what file systems do not like.
fn file_name(part: &Part, format: Format) -> String {
    let short = |at: Timestamp| {
        let text = at.rfc3339().replace(':', "");
        let text = text.split('.').next().unwrap_or_default().trim_end_matches('Z').to_owned();
        text.strip_suffix("T000000").map(str::to_owned).unwrap_or(text)
    };
    format!("requests_{}_to_{}.{}", short(part.from), short(part.to), format.name())
}

/// The parts of a span, by units that are shorter than it. Units beside each other may be one part as long as
/// they fit into a file, but for what was found not to fit: there each part has to be shorter than the span.
async fn split(
    app: &App,
    connection: Option<&ConnectionName>,
    whole: Part,
    days: BTreeMap<String, u64>,
    may_join: bool,
) -> Result<Vec<Part>, Problem> {
    let Part { from, to, .. } = whole;
    let length = to.millis_since(from);
    if length > HOUR {
        let counts = if length > DAY { days } else { hours(app, connection, from, to).await? };
        let by_month = length > MOST_DAYS * DAY;
        let unit = if length > DAY { DAY } else { HOUR };
        let named = |at: Timestamp| -> String {
            at.rfc3339().chars().take(if unit == DAY { 10 } else { 13 }).collect()
        };
        let count = |at: Timestamp| counts.get(&named(at)).copied().unwrap_or_default();
        return Ok(joined(steps(from, to, unit), (by_month, may_join), count));
    }
    let unit = if length > 10 * MINUTE { 10 * MINUTE } else { MINUTE };
    Ok(steps(from, to, unit).into_iter().map(|(from, to)| Part { from, to, count: None }).collect())
}

/// What was submitted in each hour from `from` to `to`, which are at most a day apart.
async fn hours(
    app: &App,
    connection: Option<&ConnectionName>,
    from: Timestamp,
    to: Timestamp,
) -> Result<BTreeMap<String, u64>, Problem> {
    let one = analytics::submitted_by_hour(app, connection, from);
    let other = analytics::submitted_by_hour(app, connection, to.plus_millis(-1));
    let (mut one, other) = futures::future::try_join(one, other).await?;
    one.extend(other);
    Ok(one)
}

/// The whole units that a span touches, cut to it.
fn steps(from: Timestamp, to: Timestamp, unit: i64) -> Vec<(Timestamp, Timestamp)> {
    let mut steps = Vec::new();
    let mut at = from;
    while at < to {
        let end = Timestamp::from_unix_millis((at.unix_millis().div_euclid(unit) + 1) * unit).min(to);
        steps.push((at, end));
        at = end;
    }
    steps
}

/// All steps of a month as one part, if it is by month; and parts beside each other as one, if they may be
/// joined, as long as it fits into a file.
fn joined(
    steps: Vec<(Timestamp, Timestamp)>,
    (by_month, may_join): (bool, bool),
    count: impl Fn(Timestamp) -> u64,
) -> Vec<Part> {
    let month = |at: Timestamp| -> String { at.rfc3339().chars().take(7).collect() };
    let mut months: Vec<Part> = Vec::new();
    let mut parts: Vec<Part> = Vec::new();
    for (from, to) in steps {
        let part = Part { from, to, count: Some(count(from)) };
        match months.last_mut() {
            Some(last) if by_month && month(last.from) == month(from) => *last = both(*last, part),
            _ => months.push(part),
        }
    }
    for part in months {
        match parts.last_mut() {
            Some(last) if may_join && fits(&both(*last, part)) => *last = both(*last, part),
            _ => parts.push(part),
        }
    }
    parts
}

fn both(one: Part, next: Part) -> Part {
    let count = one.count.zip(next.count).map(|(one, next)| one + next);
    Part { from: one.from, to: next.to, count }
}

/// The first part begins where the span does, though nothing was there yet, and the last one ends with it.
fn with_ends(mut parts: Vec<Part>, from: Timestamp, to: Timestamp) -> Vec<Part> {
    if let Some(first) = parts.first_mut() {
        first.from = from;
    }
    if let Some(last) = parts.last_mut() {
        last.to = to;
    }
    parts
}

/// All requests of a span as a file, or the way to narrower ones.
pub(crate) async fn file(
    State(app): State<App>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let (viewer, _) = Viewer::see(&app, "file", Scope::Read, &headers, &[]).await?;
    viewer.caller.must_see_all()?;
    let query = read(raw.as_deref(), &[])?;
    let format: Format = query.word("format")?.unwrap_or_default();
    let mut filter = query.filter()?;
    let (Some(from), Some(to)) = (filter.from, filter.to) else {
        return Err(Problem::bad_request("`from` and `to` are missing"));
    };
    let part = Part { from, to, count: None };
    // Nothing is submitted tomorrow.
    filter.to = Some(to.min(app.now().plus_millis(MINUTE)));
    let mut text = format.head();
    let (mut cursor, mut whole) = (None, false);
    for _ in 0..MOST_PAGES {
        let page = (&filter, cursor, AT_ONCE);
        let next = export::page(&app, &headers, page, format, &mut text).await?;
        whole = next.is_none();
        // Where the next request does not fit any more, it goes on where it began.
        if whole || next == cursor {
            break;
        }
        cursor = next;
    }
    if !whole {
        if to.millis_since(from) > MINUTE {
            return Ok(answer::go_to(&address(PATH, &part, &query, format, true)));
        }
        return Err(Problem::bad_request(
            "more was submitted in that minute than a file takes; `GET /v1/requests/export` pages through it",
        ));
    }
    let response = ([(CONTENT_TYPE, format.media_type())], text).into_response();
    Ok(answer::as_file(response, &file_name(&part, format)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_rfc3339(text).unwrap()
    }

    fn covers(parts: &[Part], from: Timestamp, to: Timestamp) {
        assert_eq!((parts[0].from, parts[parts.len() - 1].to), (from, to));
        assert!(parts.windows(2).all(|two| two[0].to == two[1].from), "{parts:?}");
    }

    #[test]
    fn parts_stand_behind_each_other_and_are_as_few_as_fit_into_files() {
        let (from, to) = (at("2026-01-10T05:00:00Z"), at("2026-01-20T07:00:00Z"));
        let parts = joined(steps(from, to, DAY), (false, true), |_| 1000);
        covers(&parts, from, to);
        assert_eq!(parts.iter().map(|part| part.count.unwrap()).collect::<Vec<_>>(), [4000, 4000, 3000]);
        let busy = joined(steps(from, to, DAY), (false, true), |_| 5000);
        assert_eq!(busy.len(), 11);
        assert!(!fits(&busy[0]), "it is shown in narrower parts");
        let narrower = joined(steps(from, to, DAY), (false, false), |_| 0);
        assert_eq!(narrower.len(), 11, "what did not fit is in shorter parts, whatever is known of it");
    }

    #[test]
    fn five_years_are_at_most_sixty_one_months() {
        let (from, to) = (at("2021-05-17T07:00:00Z"), at("2026-05-16T03:00:00Z"));
        let parts = joined(steps(from, to, DAY), (true, true), |_| 1000);
        covers(&parts, from, to);
        assert_eq!(parts.len(), 61);
        assert_eq!(joined(steps(from, to, DAY), (true, true), |_| 1).len(), 1, "so few fit into one file");
    }

    #[test]
    fn the_name_of_a_file_says_its_time() {
        let part = |from, to| Part { from: at(from), to: at(to), count: None };
        let name = file_name(&part("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"), Format::Csv);
        assert_eq!(name, "requests_2026-11-01_to_2026-12-01.csv");
        let name = file_name(&part("2026-11-01T05:00:00Z", "2026-11-01T05:10:00Z"), Format::Jsonl);
        assert_eq!(name, "requests_2026-11-01T050000_to_2026-11-01T051000.jsonl");
    }
}
