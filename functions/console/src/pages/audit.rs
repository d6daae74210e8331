//! The log over all events: its checkpoints, its keys, the changes of settings and people, and how to verify
//! it; for admins and auditors.

use axum::extract::{RawQuery, State};
use axum::response::Response;
use countersign_app::{App, Scope, errors};
use countersign_http::Problem;
use countersign_storage::audit::KINDS;
use countersign_web::Place;
use http::HeaderMap;
use maud::{Markup, html};

use super::changes::{self, Links};
use super::viewer::Viewer;
use super::{audit_files, words};
use crate::audit::{self as api, Changes, Wanted};
use countersign_app::query::Query;

/// What the page may be asked for: checkpoints by their cursor, changes by all else.
const PARAMETERS: [&str; 8] = ["limit", "cursor", "who", "type", "subject", "from", "to", "before"];
/// Kinds of one beginning, and what they are called.
const FAMILIES: [(&str, &str); 11] = [
    ("connection.", "Connections"),
    ("user.", "Accounts"),
    ("token.", "Tokens"),
    ("session.", "Sign-ins and sign-outs"),
    ("webhook.", "Webhooks"),
    ("slack.", "Slack"),
    ("teams.", "Teams"),
    ("decision.", "Refused decisions"),
    ("request.", "Refused requests"),
    ("access.", "Refused calls"),
    ("sign_in.", "Refused sign-ins"),
];

/// Shows it.
pub(crate) async fn page(
    State(app): State<App>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let (viewer, _) = Viewer::see(&app, "audit", Scope::Read, &headers, &[]).await?;
    viewer.caller.must_see_all()?;
    let query = Query::read(raw.as_deref(), &PARAMETERS, &[])?.with_days();
    let wanted = wanted(&query)?;
    let checkpoints = api::checkpoints_of(&app, &query).await?;
    let keys = api::keys(&app).await?;
    let changes = api::changes(&app.store, &wanted).await.map_err(|error| errors::storage(&error))?;
    let known = app.known_for_display().await;
    let links = Links { known: known.as_deref(), is_admin: viewer.caller.is_admin() };
    let newest = checkpoints.items.first();
    let content = html! {
        div.head { h1.grow { "Audit" } }
        p.lead { "Everything that changes is an event in one log. Each minute that has events ends in a signed checkpoint: whoever keeps one can prove later that nothing before it was altered, removed or reordered." }
        section.card.screen aria-labelledby="verify" {
            h2 #verify { "Verify it without trusting this service" }
            ol.steps {
                li { "Keep a checkpoint now and then, somewhere else: " a href="/v1/audit/checkpoints?limit=1" download="checkpoint.json" { "checkpoint.json" } ", the newest one; and the public keys: " a href="/v1/audit/public-key" download="keys.json" { "keys.json" } "." }
                li { "Export the log: " code { "countersign audit export > log.jsonl" } ", or " a href=(audit_files::PATH) { "from here as files" } ", all of it." }
                li { "Verify it offline: " code { "countersign audit verify log.jsonl --checkpoint checkpoint.json --key keys.json" } "." }
            }
            p.hint { "A receipt proves a single request; the page of each request has it." }
        }
        section.card aria-labelledby="keys" {
            h2 #keys { "Public keys" }
            @if keys.is_empty() { p.muted { "None yet: there is no checkpoint." } }
            @for key in &keys {
                dl.facts {
                    dt { "Id" } dd.mono { (key.id) }
                    dt { "Key" } dd.mono.small { (key.public_key) }
                    dt { "Signed from checkpoint" } dd { (key.since) }
                }
            }
        }
        (changed(&changes, &query, &links))
        section.card aria-labelledby="checkpoints" {
            h2 #checkpoints { "Checkpoints" }
            @if let Some(newest) = newest { p { "The newest here covers " strong { (newest.tree_size) } " events." } } @else { p.muted { "None yet: one is made each minute that has events." } }
            @if !checkpoints.items.is_empty() {
                div.wide tabindex="0" role="group" aria-label="Checkpoints" {
                    table {
                        thead { tr { th.num scope="col" { "Number" } th scope="col" { "Made" } th.num scope="col" { "Events" } th scope="col" { "Root" } th scope="col" { "Key" } } }
                        tbody {
                            @for checkpoint in &checkpoints.items {
                                tr {
                                    td.num data-label="Number" { (checkpoint.number) }
                                    td.when data-label="Made" { (made(&checkpoint.at)) }
                                    td.num data-label="Events" { (checkpoint.tree_size) }
                                    td.mono.small data-label="Root" { (checkpoint.root) }
                                    td.mono.small data-label="Key" { (checkpoint.key) }
                                }
                            }
                        }
                    }
                }
            }
            @if let Some(next) = &checkpoints.next_cursor { p.actions { a.button.plain href={ (query.to("/audit", "cursor", next)) "#checkpoints" } { "Older" } } }
        }
    };
    Ok(viewer.page(&app, "Audit", Place::Audit, content))
}

/// A time of the log, whose texts are what is signed.
fn made(at: &str) -> Markup {
    html! {
        @match countersign_rules::Timestamp::parse_rfc3339(at) {
            Some(at) => (words::at(at)),
            None => (at),
        }
    }
}

fn wanted(query: &Query) -> Result<Wanted, Problem> {
    let text = |name: &str| query.text(name).map(|text| text.trim().to_owned());
    Ok(Wanted {
        who: text("who"),
        kind: text("type"),
        subject: text("subject"),
        from: query.instant("from")?,
        to: query.instant("to")?,
        before: query.parsed("before")?,
    })
}

fn filters(query: &Query) -> Markup {
    let given = |name: &'static str| query.text(name).unwrap_or_default();
    let day = |name: &'static str| given(name).chars().take(10).collect::<String>();
    let is = |kind: &str| given("type") == kind;
    html! {
        form method="get" action="/audit#changes" role="search" {
            div.fields {
                div.field { label for="who" { "Who" } input #who type="text" name="who" placeholder="part of an address, or an id" autocapitalize="off" value=(given("who")); }
                div.field {
                    label for="type" { "What" }
                    select #type name="type" {
                        option value="" { "everything" }
                        @for (kind, said) in FAMILIES { option value=(kind) selected[is(kind)] { (said) } }
                        @for (kind, _) in KINDS { option value=(kind) selected[is(kind)] { (kind) } }
                    }
                }
                div.field { label for="subject" { "Of what" } input #subject type="text" name="subject" placeholder="part of a name, or an id" autocapitalize="off" value=(given("subject")); }
                div.field { label for="from" { "From (UTC)" } input #from type="date" name="from" value=(day("from")); }
                div.field { label for="to" { "Before (UTC)" } input #to type="date" name="to" value=(day("to")); }
                div.field.go { button type="submit" { "Show" } }
            }
        }
    }
}

fn changed(found: &Changes, query: &Query, links: &Links<'_>) -> Markup {
    let further = |next: u64| format!("{}#changes", query.to("/audit", "before", &next.to_string()));
    let is_filtered = ["who", "type", "subject", "from", "to"].iter().any(|name| query.text(name).is_some());
    html! {
        section.card aria-labelledby="changes" {
            h2 #changes { "Changes of connections, people, tokens and integrations, sign-ins and refusals" }
            (filters(query))
            @if found.items.is_empty() {
                p.muted {
                    @match (found.next, found.looked_back_to) {
                        (Some(_), Some(at)) => { "None back to " (words::at(at)) "; older ones were not looked at yet." },
                        (Some(_), None) => "None among the newest events; older ones were not looked at yet.",
                        (None, _) => "None.",
                    }
                }
            } @else { (changes::list(&found.items, links)) }
            p.hint { "As the log has them, newest first: the last minutes are not in it yet." }
            p.actions.screen {
                @if let Some(next) = found.next { a.button.plain href=(further(next)) { @if found.items.is_empty() { "Look further back" } @else { "Older" } } }
                @if query.text("before").is_some() { a.button.plain href={ (query.to("/audit", "before", "")) "#changes" } { "Newest" } }
                @if is_filtered { a.button.plain href="/audit#changes" { "Everything" } }
            }
        }
    }
}
