//! The list of requests: what waits for whoever looks first.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::{RawQuery, State};
use axum::response::Response;
use countersign_app::directory::Known;
use countersign_app::page::{Filter, GroupFilter};
use countersign_app::view::RequestView;
use countersign_app::{App, Caller, Scope};
use countersign_http::Problem;
use countersign_http::json::List;
use countersign_rules::display::display;
use countersign_rules::{Status, Timestamp, UserId};
use countersign_web::Place;
use http::HeaderMap;
use maud::{Markup, html};

use super::fields::{Wrong, complaint, described, invalid};
use super::viewer::Viewer;
use super::{command, proposal, words};
use countersign_app::query::{FILTERS, Query};

const STATUSES: [Status; 10] = [
    Status::Pending,
    Status::Approved,
    Status::Running,
    Status::Succeeded,
    Status::Failed,
    Status::Rejected,
    Status::Expired,
    Status::Cancelled,
    Status::Blocked,
    Status::Unknown,
];

/// The statuses that are asked for most.
const TABS: [(Status, &str); 6] = [
    (Status::Pending, "Pending"),
    (Status::Approved, "Approved"),
    (Status::Running, "Running"),
    (Status::Failed, "Failed"),
    (Status::Expired, "Expired"),
    (Status::Unknown, "Unknown"),
];

/// Shows requests.
pub(crate) async fn list(
    State(app): State<App>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let (viewer, _) = Viewer::see(&app, "page", Scope::Read, &headers, &[]).await?;
    let query = Query::read(raw.as_deref(), &FILTERS, &["status"])?.with_days();
    let cursor = query.cursor()?;
    let filter = match query.filter() {
        Ok(filter) => filter,
        Err(problem) => return Ok(refused(&app, &viewer, &query, &problem)),
    };
    let known = app.known_for_display().await.unwrap_or_default();
    let limit = if query.text("limit").is_some() { query.limit()? } else { 30 };
    let all = app.list_requests(&headers, &filter, cursor, limit).await?;
    let waiting = if filter == Filter::default() && cursor.is_none() {
        let mine = Filter { group: Some(GroupFilter::Mine), ..Filter::default() };
        Some(app.list_requests(&headers, &mine, None, 30).await?)
    } else {
        None
    };
    let now = app.now();
    let content = html! {
        div.head {
            h1.grow { "Requests" }
            a.button href="/requests/new" { "New request" }
        }
        nav.tabs aria-label="Which requests" {
            (tab("/", "Everything", filter == Filter::default() && cursor.is_none()))
            (tab("/?group=mine", "Waiting for me", filter.group == Some(GroupFilter::Mine)))
            @for (status, name) in TABS {
                (tab(&format!("/?status={status}"), name, filter == only(status) && cursor.is_none()))
            }
            (tab(&format!("/?requester={}", viewer.caller.user.id), "Mine", filter.requester == Some(viewer.caller.user.id)))
        }
        (filters(&query, &filter, &suggested(&viewer.caller, &known, &all.items), &Wrong::default()))
        div data-refresh="8" {
            @if let Some(waiting) = waiting.filter(|waiting| !waiting.items.is_empty()) {
                section.card aria-labelledby="waiting" {
                    h2 #waiting { "Waiting for you " span.badge.pending { (waiting.items.len()) } }
                    (rows(&waiting.items, now, true))
                }
                h2 { "All that you may see" }
                p.hint { "Newest first." }
            }
            @if all.items.is_empty() { (nothing(&filter)) } @else { (rows(&all.items, now, false)) }
        }
        (more(&query, &all, cursor.is_some()))
    };
    Ok(viewer.page(&app, "Requests", Place::Requests, content))
}

/// The filter as it was typed, and what is wrong with it.
fn refused(app: &App, viewer: &Viewer, query: &Query, problem: &Problem) -> Response {
    let wrong = Wrong::about(problem, &FILTERS);
    let filter = Filter { text: Some(String::new()), ..Filter::default() };
    let content = html! {
        div.head { h1.grow { "Requests" } }
        (wrong.notice("This cannot be looked for:"))
        (filters(query, &filter, &suggested(&viewer.caller, &Known::default(), &[]), &wrong))
    };
    let mut response = viewer.page(app, "Requests", Place::Requests, content);
    *response.status_mut() = problem.status();
    response
}

fn only(status: Status) -> Filter {
    Filter { statuses: [status].into(), ..Filter::default() }
}

fn tab(to: &str, name: &str, here: bool) -> Markup {
    html! { a href=(to) aria-current=[here.then_some("true")] { (name) } }
}

/// Requests, a row each.
pub(super) fn rows(items: &[RequestView], now: Timestamp, mine: bool) -> Markup {
    html! {
        ul.list {
            @for item in items {
                li {
                    a.row.mine[mine] href={ "/requests/" (item.id) } {
                        span.first { (words::status(item.status)) }
                        span.middle {
                            span.what { (proposal::in_a_line(item).unwrap_or_else(|| command::one_line(&item.command_display))) }
                            span.meta {
                                @if let Some(risk) = &item.risk { (words::risk(risk.level)) }
                                (item.connection) " · " (item.requester.email)
                                @if let Some(reason) = &item.reason { " · " (command::one_line(&display(reason))) }
                            }
                        }
                        span.end {
                            span.code { (item.code) }
                            (when(item, now))
                        }
                    }
                }
            }
        }
    }
}

fn when(item: &RequestView, now: Timestamp) -> Markup {
    match (item.status, item.run_by) {
        (Status::Pending, _) => words::left(item.expires_at, now),
        (Status::Approved, Some(run_by)) => html! { "to run: " (words::left(run_by, now)) },
        _ => words::ago(item.created_at, now),
    }
}

/// What a filter could be set to.
#[derive(Default)]
struct Suggested {
    connections: BTreeSet<String>,
    groups: BTreeSet<String>,
    requesters: BTreeMap<UserId, String>,
}

/// Whoever sees all is offered all; others what stands in the list and what they are in. It is read nowhere
/// else.
fn suggested(caller: &Caller, known: &Known, items: &[RequestView]) -> Suggested {
    let mut suggested = Suggested::default();
    suggested.groups.extend(caller.user.groups.iter().map(ToString::to_string));
    suggested.requesters.insert(caller.user.id, caller.user.email.clone());
    for item in items {
        suggested.connections.insert(item.connection.to_string());
        suggested.groups.extend(item.groups.iter().map(|group| group.group.to_string()));
        suggested.requesters.insert(item.requester.id, item.requester.email.clone());
    }
    if caller.sees_all() {
        suggested.connections.extend(known.reviewers.keys().map(ToString::to_string));
        suggested.groups.extend(known.reviewers.values().flatten().map(ToString::to_string));
        let accounts = known.accounts.iter().map(|(id, account)| (*id, account.email.clone()));
        suggested.requesters.extend(accounts);
    }
    suggested
}

fn options(id: &str, values: &BTreeSet<String>) -> Markup {
    html! { datalist id=(id) { @for value in values { option value=(value) {} } } }
}

fn filters(query: &Query, filter: &Filter, suggested: &Suggested, wrong: &Wrong) -> Markup {
    let set = *filter != Filter::default();
    let text = |name: &str| query.text(name).unwrap_or_default().to_owned();
    let day = |name: &str| text(name).chars().take(10).collect::<String>();
    html! {
        details.box open[set] {
            summary { "Filter" }
            form method="get" action="/" role="search" {
                div.fields {
                    div.field {
                        label for="q" { "Text" }
                        input #q type="search" name="q" value=(text("q")) placeholder="command, reason or code";
                    }
                    div.field {
                        label for="status" { "Status" }
                        select #status name="status" {
                            option value="" { "any" }
                            @for status in STATUSES {
                                option value=(status) selected[filter.statuses.contains(&status)] { (status) }
                            }
                        }
                    }
                    div.field {
                        label for="connection" { "Connection" }
                        input #connection type="text" name="connection" list="connections" autocomplete="off" autocapitalize="off" value=(text("connection")) aria-describedby=[described("connection", false, wrong)] aria-invalid=[invalid("connection", wrong)];
                        (complaint("connection", wrong))
                        (options("connections", &suggested.connections))
                    }
                    div.field {
                        label for="group" { "Reviewer group" }
                        input #group type="text" name="group" list="groups" autocomplete="off" autocapitalize="off" value=(text("group")) placeholder="mine, or a name" aria-describedby=[described("group", false, wrong)] aria-invalid=[invalid("group", wrong)];
                        (complaint("group", wrong))
                        (options("groups", &suggested.groups))
                    }
                    div.field {
                        label for="requester" { "Requester" }
                        select #requester name="requester" {
                            option value="" { "anybody" }
                            @for (id, email) in &suggested.requesters {
                                option value=(id) selected[filter.requester == Some(*id)] { (email) }
                            }
                            @if let Some(id) = filter.requester.filter(|id| !suggested.requesters.contains_key(id)) { option value=(id) selected { (id) } }
                        }
                    }
                    div.field { label for="from" { "From (UTC)" } input #from type="date" name="from" value=(day("from")); }
                    div.field { label for="to" { "Before (UTC)" } input #to type="date" name="to" value=(day("to")); }
                }
                button type="submit" { "Show" }
                @if set { " " a.button.plain href="/" { "Show everything" } }
            }
        }
    }
}

fn nothing(filter: &Filter) -> Markup {
    html! {
        div.card.empty {
            @if *filter == Filter::default() {
                strong { "No requests yet" }
                p { "A request is a command that somebody wants to run. Yours and those that you review appear here." }
                p.actions { a.button href="/requests/new" { "New request" } }
            } @else if filter.group == Some(GroupFilter::Mine) {
                strong { "Nothing waits for you" }
                p { "You will find here what your groups have to decide." }
            } @else {
                strong { "Nothing matches" }
                p { "No request that you may see fits this filter." }
                p { a href="/" { "Show everything" } }
            }
        }
    }
}

fn more(query: &Query, page: &List<RequestView>, is_older: bool) -> Markup {
    let next = page.next_cursor.as_deref().map(|cursor| query.to("/", "cursor", cursor));
    html! {
        @if is_older || next.is_some() {
            p.actions {
                @if is_older { a.button.plain href=(query.without("/", "cursor")) { "Newest" } }
                @if let Some(next) = next { a.button.plain href=(next) { "Older" } }
            }
        }
    }
}
