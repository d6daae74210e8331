//! The whole log as files: in one where it fits, else in numbered parts that make the export when they are
//! put behind each other.

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use countersign_app::query::Query;
use countersign_app::{App, Scope, errors};
use countersign_audit::Checkpoint;
use countersign_http::Problem;
use countersign_web::{Place, page as answer};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use maud::html;

use super::viewer::Viewer;
use crate::audit as api;
use crate::export::Format;

/// The page of the parts.
pub(super) const PATH: &str = "/audit/files";
/// A part itself.
pub(super) const FILE: &str = "/audit/files/part";

/// How many events a part has: a megabyte or two, if commands are short.
const EVENTS: u64 = 2048;
/// At most that many parts on a page; there, larger ones lead to pages of their own.
const MOST_PARTS: u64 = 64;
/// So few events fit whatever they hold.
const FEWEST: u64 = 16;
const PARAMETERS: [&str; 4] = ["log", "from", "to", "split"];

/// Some events of the log as it was under a checkpoint.
struct Range {
    latest: Checkpoint,
    origin: String,
    from: u64,
    to: u64,
}

/// Reads which; without parameters, the whole log as it is now. None if there is no log yet.
async fn range(app: &App, query: &Query) -> Result<Option<Range>, Problem> {
    let head = app.store.log_head().await.map_err(|error| errors::storage(&error))?;
    let Some(head) = head.filter(|head| head.number > 0) else { return Ok(None) };
    let number: u64 = query.parsed("log")?.unwrap_or(head.number);
    let latest = app.store.log_checkpoint(number).await.map_err(|error| errors::storage(&error))?;
    let latest = latest.ok_or_else(|| Problem::bad_request("`log` must be the number of a checkpoint"))?;
    let from: u64 = query.parsed("from")?.unwrap_or(0);
    let to: u64 = query.parsed("to")?.unwrap_or(latest.tree_size);
    if from >= to || to > latest.tree_size {
        return Err(Problem::bad_request(format!(
            "`from` must be before `to`, and `to` at most {}, the events under that checkpoint",
            latest.tree_size
        )));
    }
    Ok(Some(Range { latest, origin: head.origin, from, to }))
}

/// Lists the parts.
pub(crate) async fn page(
    State(app): State<App>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let (viewer, _) = Viewer::see(&app, "audit files", Scope::Read, &headers, &[]).await?;
    viewer.caller.must_see_all()?;
    let query = Query::read(raw.as_deref(), &PARAMETERS, &[])?;
    let split = query.text("split").is_some();
    let range = range(&app, &query).await?;
    let content = html! {
        div.head { div.grow { h1 { "The log as files" } p.muted { a href="/audit" { "Back to the audit" } } } }
        @match &range {
            None => p.notice { "There is no checkpoint yet: one is made each minute that has events." },
            Some(range) => {
                @let parts = parts(range.from, range.to, split);
                @let is_all = range.from == 0 && range.to == range.latest.tree_size;
                @if split { p.notice { "That did not fit into one file. Here it is in smaller parts, which are whole." } }
                section.card aria-labelledby="parts" {
                    h2 #parts {
                        @if is_all { "All " (range.to) " events" } @else { "The events " (range.from) " to " (range.to - 1) " of " (range.latest.tree_size) }
                        " under checkpoint " (range.latest.number)
                        @if parts.len() == 1 { ", in one file" } @else { ", in " (parts.len()) " parts" }
                    }
                    p.hint {
                        "Put behind each other in the order of their names, all parts are the export: " code { "cat log_*.jsonl > log.jsonl" }
                        ". " code { "countersign audit verify log.jsonl --key keys.json" } " says if one is missing. These links stay as they are while the log grows."
                    }
                    div.wide tabindex="0" role="group" aria-label="Parts" {
                        table {
                            thead { tr { th.num scope="col" { "Part" } th.num scope="col" { "From event" } th.num scope="col" { "To event" } th scope="col" { "File" } } }
                            tbody {
                                @for (number, (from, to)) in (1..).zip(parts) {
                                    tr {
                                        td.num data-label="Part" { (number) }
                                        td.num data-label="From event" { (from) }
                                        td.num data-label="To event" { (to - 1) }
                                        td data-label="File" {
                                            @if to - from <= EVENTS { a href=(address(FILE, range.latest.number, (from, to), false)) { (name(from, to)) } }
                                            @else { a href=(address(PATH, range.latest.number, (from, to), false)) { "in smaller parts" } }
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    };
    Ok(viewer.page(&app, "The log as files", Place::Audit, content))
}

fn name(from: u64, to: u64) -> String {
    format!("log_{from:012}_{:012}.jsonl", to - 1)
}

fn address(path: &str, number: u64, (from, to): (u64, u64), split: bool) -> String {
    let split = if split { "&split=1" } else { "" };
    format!("{path}?log={number}&from={from}&to={to}{split}")
}

/// The parts of a range, which all begin at a multiple of their length.
fn parts(from: u64, to: u64, split: bool) -> Vec<(u64, u64)> {
    let length = to - from;
    let mut unit = EVENTS;
    if split {
        unit = (length / 16).max(FEWEST);
    }
    while length.div_ceil(unit) > MOST_PARTS {
        unit *= MOST_PARTS;
    }
    let mut parts = Vec::new();
    let mut at = from;
    while at < to {
        let end = ((at / unit + 1) * unit).min(to);
        parts.push((at, end));
        at = end;
    }
    parts
}

/// A part as a file, or the way to smaller ones.
pub(crate) async fn file(
    State(app): State<App>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let (viewer, _) = Viewer::see(&app, "audit part", Scope::Read, &headers, &[]).await?;
    viewer.caller.must_see_all()?;
    let query = Query::read(raw.as_deref(), &PARAMETERS, &[])?;
    let Some(Range { latest, origin, from, to }) = range(&app, &query).await? else {
        return Err(Problem::not_found("log"));
    };
    let is_small = to - from <= EVENTS;
    let text = if is_small {
        api::part(&app.store, &origin, &latest, (from, to)).await.map_err(|error| errors::storage(&error))?
    } else {
        None
    };
    let Some(text) = text else {
        return Ok(answer::go_to(&address(PATH, latest.number, (from, to), is_small)));
    };
    let response = ([(CONTENT_TYPE, Format::Jsonl.media_type())], text).into_response();
    Ok(answer::as_file(response, &name(from, to)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_stand_behind_each_other_and_are_never_too_many() {
        for (from, to, split) in
            [(0, 5, false), (0, 2049, false), (0, 5_000_000, false), (2048, 4096, true), (7, 40, true)]
        {
            let parts = parts(from, to, split);
            assert_eq!((parts[0].0, parts[parts.len() - 1].1), (from, to));
            assert!(parts.windows(2).all(|two| two[0].1 == two[1].0));
            assert!(parts.len() <= 66, "{from} {to}: {}", parts.len());
        }
        assert_eq!(parts(0, 5, false), [(0, 5)]);
        assert_eq!(parts(2048, 4096, true).len(), 16, "what did not fit is made smaller");
        assert_eq!(name(0, 2048), "log_000000000000_000000002047.jsonl");
    }
}
