//! The log over all events: its checkpoints, its keys, the newest changes of settings, and how to verify
//! it; for admins and auditors.

use axum::extract::{RawQuery, State};
use axum::response::Response;
use countersign_app::{App, Scope, errors};
use countersign_audit::tiles::WIDTH;
use countersign_http::Problem;
use countersign_rules::event::Actor;
use countersign_rules::{Timestamp, Via};
use countersign_storage::audit::AuditEvent;
use countersign_storage::feed::{Entry, Recorded};
use countersign_storage::{StorageError, Store};
use countersign_web::Place;
use http::HeaderMap;
use maud::{Markup, html};

use super::viewer::Viewer;
use super::words;
use crate::audit as api;
use countersign_app::query::Query;

/// How many changes are shown at the most.
const MOST_CHANGES: usize = 40;
/// Of how many that are read: sign-ins are among them, and are not shown.
const MOST_READ: usize = 200;
/// In how many of the newest tiles they are looked for: a page costs the same however long the log is.
const TILES: u64 = 4;

/// Shows it.
pub(crate) async fn page(
    State(app): State<App>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let (viewer, _) = Viewer::see(&app, "audit", Scope::Read, &headers, &[]).await?;
    viewer.caller.must_see_all()?;
    let query = Query::read(raw.as_deref(), &["limit", "cursor"], &[])?;
    let checkpoints = api::checkpoints_of(&app, &query).await?;
    let keys = api::keys(&app).await?;
    let changes = changes(&app.store).await.map_err(|error| errors::storage(&error))?;
    let newest = checkpoints.items.first();
    let content = html! {
        div.head { h1.grow { "Audit" } }
        p.lead { "Everything that changes is an event in one log. Each minute that has events ends in a signed checkpoint: whoever keeps one can prove later that nothing before it was altered, removed or reordered." }
        section.card aria-labelledby="verify" {
            h2 #verify { "Verify it without trusting this service" }
            ol.steps {
                li { "Keep a checkpoint now and then, somewhere else: " a href="/v1/audit/checkpoints?limit=1" download="checkpoint.json" { "the newest one" } ", and " a href="/v1/audit/public-key" download="keys.json" { "the public keys" } "." }
                li { "Export the log: " code { "countersign audit export > log.jsonl" } ". " span.muted { "In the browser, " a href="/v1/audit/export" download="log.jsonl" { "its first 2 MB" } ", which is all of a short log." } }
                li { "Verify it offline: " code { "countersign audit verify log.jsonl --checkpoint kept.json --key KEY" } "." }
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
        (changed(&changes))
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
                                    td.num { (checkpoint.number) }
                                    td.when { (checkpoint.at.get(..16).unwrap_or(&checkpoint.at).replace('T', " ")) " UTC" }
                                    td.num { (checkpoint.tree_size) }
                                    td.mono.small { (checkpoint.root) }
                                    td.mono.small { (checkpoint.key) }
                                }
                            }
                        }
                    }
                }
            }
            @if let Some(next) = &checkpoints.next_cursor { p.actions { a.button.plain href=(query.to("/audit", "cursor", next)) { "Older" } } }
        }
    };
    Ok(viewer.page(&app, "Audit", Place::Audit, content))
}

/// The changes of something else than requests among the newest events of the log, newest first.
async fn changes(store: &Store) -> Result<Vec<AuditEvent>, StorageError> {
    let size = store.log_head().await?.map_or(0, |head| head.tree.size());
    let newest = size.saturating_sub(1) / WIDTH;
    let tiles = store.leaf_tiles((newest.saturating_sub(TILES - 1)..=newest).collect()).await?;
    let leaves = tiles.into_values().rev().flat_map(|tile| tile.leaves.into_iter().rev());
    let entry = |leaf: countersign_storage::log::Leaf| Entry {
        at: Timestamp::from_unix_millis(0),
        pk: leaf.pk,
        sk: leaf.sk,
    };
    let entries: Vec<Entry> =
        leaves.filter(countersign_storage::log::Leaf::is_change).take(MOST_READ).map(entry).collect();
    let found = store.recorded_at(&entries).await?;
    let change = |recorded| match recorded {
        Recorded::Change(event) => Some(*event).filter(|event| !event.kind.starts_with("session.")),
        Recorded::Commit(..) => None,
    };
    Ok(found.into_iter().filter_map(change).take(MOST_CHANGES).collect())
}

fn changed(changes: &[AuditEvent]) -> Markup {
    html! {
        section.card aria-labelledby="changes" {
            h2 #changes { "Changes of connections, people, tokens and integrations" }
            p.hint { "At most " (MOST_CHANGES) ", of the newest events of the log; an export has all of them, and sign-ins too." }
            @if changes.is_empty() { p.muted { "None among them." } } @else {
                div.wide tabindex="0" role="group" aria-label="Changes" {
                    table {
                        thead { tr { th scope="col" { "When" } th scope="col" { "Who" } th scope="col" { "What" } th scope="col" { "Of" } th scope="col" { "Difference" } } }
                        tbody {
                            @for event in changes {
                                tr {
                                    td { (words::at(event.at)) }
                                    td { (actor(&event.actor)) @if event.via != Via::System { br; span.small.muted { "through " (words::via(event.via)) } } }
                                    td { code { (event.kind) } }
                                    td.small { (event.subject) }
                                    td { details { summary { "Show" } pre.text.small tabindex="0" { (serde_json::to_string_pretty(&event.data).unwrap_or_default()) } } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn actor(actor: &Actor) -> String {
    match actor {
        Actor::User { email, .. } => email.clone(),
        Actor::System { .. } => "the service".to_owned(),
    }
}
