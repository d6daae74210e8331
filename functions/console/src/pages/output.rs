//! Masked output as a table, or as text.

use countersign_app::App;
use countersign_http::Problem;
use countersign_rules::Request;
use countersign_rules::display::display;
use countersign_rules::request::Phase;
use countersign_targets::view::{Fate, Page, PageStart, notices as notice_lines, numeric, text};
use countersign_targets::{Column, Record};
use maud::{Markup, html};

use super::words;
use crate::output::read_page;

/// More rows are in the files.
const MOST_ROWS: usize = 200;
/// As text there are fewer.
const MOST_AS_TEXT: usize = 50;
/// More notices are in the files.
const MOST_NOTICES: usize = 50;
/// More of a cell is in the files.
const MOST_CHARACTERS: usize = 2000;

/// The output of a request that is over, for somebody who may see it.
pub(crate) async fn section(app: &App, request: &Request) -> Result<Markup, Problem> {
    let Phase::Finished { outcome, .. } = &request.phase else { return Ok(html! {}) };
    let (page, next) = read_page(app, request, None).await?;
    let file = |format: &str| format!("/v1/requests/{}/output?format={format}", request.id);
    let (tables, cut) = tables(&page);
    Ok(html! {
        section.card aria-labelledby="output" {
            div.card-head {
                h2 #output { "Output" }
                span.small {
                    a href=(file("text")) download { "Text" } " · "
                    a href=(file("csv")) download { "CSV" } " · "
                    a href=(file("json")) download { "JSON" }
                }
            }
            @if !outcome.masked.is_empty() {
                p.hint {
                    "Masked before it was stored: "
                    @for (number, (entity, count)) in outcome.masked.iter().enumerate() {
                        @if number > 0 { ", " } (count) " × " (entity)
                    }
                }
            }
            (notices(&page))
            (tables)
            @if page.records.iter().any(|record| matches!(record, Record::Row(_))) {
                details { summary { "As text" } pre.text tabindex="0" role="group" aria-label="The output as text" { (as_text(&page)) } }
            }
            @if cut || next.is_some() { p.hint { "This is the beginning; the files have all that was kept." } }
            @if outcome.output_cut { p.notice.wait { "The output was cut at the limits of the connection: not everything was kept." } }
        }
    })
}

/// The beginning, as a terminal shows it.
fn as_text(page: &Page) -> String {
    let mut rows = 0;
    let is_near = |record: &&Record| {
        rows += usize::from(matches!(record, Record::Row(_)));
        rows <= MOST_AS_TEXT
    };
    let records = page.records.iter().take_while(is_near).cloned().collect();
    let shown = text(&Page { start: PageStart::First, records, fate: page.fate });
    let more = if rows > MOST_AS_TEXT { "… the files have the rest\n" } else { "" };
    format!("{shown}{more}")
}

/// What the target said beside its results.
fn notices(page: &Page) -> Markup {
    let notices = notice_lines(page);
    let mut lines = notices.lines();
    let shown: Vec<&str> = lines.by_ref().take(MOST_NOTICES).collect();
    let left_out = lines.count();
    html! {
        @if !shown.is_empty() {
            ul.notes { @for line in shown { li { (display(line)) } } }
            @if left_out > 0 { p.hint { (left_out) " more notices are in the JSON." } }
        }
    }
}

/// A table for each statement, and whether something was left out.
fn tables(page: &Page) -> (Markup, bool) {
    let mut shown = 0;
    let mut cut = false;
    let mut sets: Vec<Markup> = Vec::new();
    let mut head: Option<&[Column]> = None;
    let mut rows: Vec<&[Option<String>]> = Vec::new();
    for record in &page.records {
        match record {
            Record::Columns(columns) => {
                sets.extend(head.take().map(|head| table(head, &std::mem::take(&mut rows))));
                head = Some(columns);
            }
            Record::Row(cells) if shown < MOST_ROWS => {
                shown += 1;
                rows.push(cells);
            }
            Record::Row(_) => cut = true,
            // They stand above the tables.
            Record::Notice { .. } => {}
            Record::Truncated { kept_rows, missing_rows, .. } => {
                sets.extend(head.take().map(|head| table(head, &std::mem::take(&mut rows))));
                let missing = missing_rows.map_or("more".to_owned(), |rows| rows.to_string());
                sets.push(html! { p.hint { (kept_rows) " rows were kept, " (missing) " were not." } });
            }
            Record::Done { tag, rows: count } => {
                sets.extend(head.take().map(|head| table(head, &std::mem::take(&mut rows))));
                let count = count.filter(|_| !tag.chars().any(|c| c.is_ascii_digit()));
                let undone = match page.fate {
                    Fate::Stays => None,
                    Fate::RolledBack => Some("rolled back"),
                    Fate::Unknown => Some("outcome unknown"),
                };
                if let Some(undone) = undone {
                    let verb = tag.trim_end_matches(|c: char| c.is_ascii_digit() || c == ' ');
                    sets.push(html! { p.hint { (undone) ": " code { (verb) } } });
                    continue;
                }
                sets.push(html! {
                    p.hint { code { (tag) } @if let Some(count) = count { " · " (count) @if count == 1 { " row" } @else { " rows" } } }
                });
            }
        }
    }
    sets.extend(head.take().map(|head| table(head, &rows)));
    if sets.is_empty() {
        sets.push(html! { p.muted { "It printed nothing." } });
    }
    (html! { @for set in sets { (set) } }, cut)
}

fn table(head: &[Column], rows: &[&[Option<String>]]) -> Markup {
    if rows.is_empty() {
        return html! { p.muted { "No rows." } };
    }
    let right: Vec<bool> = (0..head.len()).map(|place| numeric(head.get(place), rows, place)).collect();
    let is_number = |place: usize| right.get(place).copied().unwrap_or_default();
    html! {
        div.wide tabindex="0" role="group" aria-label="Rows of output" {
            table.output {
                thead { tr { @for (place, column) in head.iter().enumerate() { th.num[is_number(place)] scope="col" { (display(&column.name)) } } } }
                tbody {
                    @for row in rows { tr { @for (place, cell) in row.iter().enumerate() { td.num[is_number(place)] { (value(cell.as_deref())) } } } }
                }
            }
        }
    }
}

fn value(cell: Option<&str>) -> Markup {
    let Some(text) = cell else { return html! { span.null { "null" } } };
    let shown = display(text);
    let short: String = shown.chars().take(MOST_CHARACTERS).collect();
    let left_out = short.len() < shown.len();
    html! { (short) @if left_out { span.null { " … cut here" } } }
}

/// What is said in place of output that could not be read.
pub(crate) fn unreadable() -> Markup {
    html! {
        section.card {
            h2 { "Output" }
            p.notice.bad { "What is stored of its output could not be read just now. Everything else on this page is as it should be; if it stays so when you load it again, tell whoever runs Countersign." }
        }
    }
}

/// What is said in place of output.
pub(crate) fn absent(request: &Request) -> Markup {
    match &request.phase {
        Phase::Finished { at, .. } => html! {
            section.card {
                h2 { "Output" }
                p.muted { "It ran and ended at " (words::at(*at)) ". Reviewers see the command; its output is for the requester, admins and auditors." }
            }
        },
        _ => html! {},
    }
}
