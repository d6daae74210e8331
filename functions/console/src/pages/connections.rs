//! Connections: who uses them, who has to agree, what is blocked and masked there.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use countersign_app::probe::{Purpose, TestReport};
use countersign_app::{App, errors};
use countersign_http::Problem;
use countersign_rules::ConnectionName;
use countersign_rules::display::display;
use countersign_storage::{Connection, Key};
use countersign_web::Place;
use countersign_web::form::Form;
use countersign_web::page::go_to;
use http::HeaderMap;
use maud::{Markup, html};

use super::connection_form::{Draft, effects, form};
use super::proposal;
use super::viewer::Viewer;
use crate::Console;
use crate::connections::check::{checked, warnings};
use crate::connections::{self as api, may_see};

/// How many connections are shown at the most.
const MOST: usize = 1000;

/// Shows the connections of whoever looks.
pub(crate) async fn list(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    let (viewer, _) = Viewer::see(&app, "page", &headers, &[]).await?;
    let all = app.store.connections(None, MOST).await.map_err(|error| errors::storage(&error))?;
    let seen: Vec<&Connection> =
        all.iter().filter(|connection| may_see(connection, &viewer.caller)).collect();
    let content = html! {
        div.head {
            h1.grow { "Connections" }
            @if viewer.caller.is_admin() { a.button href="/connections/new" { "New connection" } }
        }
        @if seen.is_empty() {
            div.card.empty {
                strong { "No connection yet" }
                p { "A connection is a target on which commands run, with the people who have to agree." }
            }
        } @else {
            ul.list {
                @for connection in seen {
                    li {
                        a.row href={ "/connections/" (connection.name) } {
                            span.first { span.badge { (connection.kind) } }
                            span.middle { strong { (connection.name) } br; span.meta { (rule(connection)) } }
                            span.end { @if !connection.guardrails.is_empty() { (connection.guardrails.len()) " guardrails" } }
                        }
                    }
                }
            }
        }
    };
    Ok(viewer.page(&app, "Connections", Place::Connections, content))
}

/// Who has to agree, in a sentence.
fn rule(connection: &Connection) -> String {
    if !connection.approvals {
        return "runs at once: approvals are switched off".to_owned();
    }
    let groups: Vec<&str> = connection.reviewers.iter().map(countersign_rules::GroupName::as_str).collect();
    let each = match connection.approvals_per_group {
        1 => String::new(),
        many => format!(", {many} of each"),
    };
    format!("needs {}{each}", groups.join(" and "))
}

/// Shows one: to an admin as a form.
pub(crate) async fn show(
    State(app): State<App>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (viewer, connection) = find(&app, &headers, &name).await?;
    let connection = connection.filter(|connection| may_see(connection, &viewer.caller));
    let connection = connection.ok_or_else(|| Problem::not_found("connection"))?;
    let draft = Draft::of(&connection);
    page(&app, &viewer, Some(&connection), &draft, html! {}).await
}

async fn find(app: &App, headers: &HeaderMap, name: &str) -> Result<(Viewer, Option<Connection>), Problem> {
    let name: Option<ConnectionName> = name.parse().ok();
    let keys: Vec<Key> = name.iter().cloned().map(Key::Connection).collect();
    let (viewer, found) = Viewer::see(app, "page", headers, &keys).await?;
    let connection = match name {
        Some(name) => found.connection(&name).map_err(|error| errors::storage(&error))?,
        None => None,
    };
    // The one of the configuration is nobody's to look at or to change.
    Ok((viewer, connection.filter(|connection| !connection.is_configuration())))
}

/// Shows an empty one to an admin.
pub(crate) async fn new(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    let (viewer, _) = Viewer::see(&app, "page", &headers, &[]).await?;
    viewer.caller.must_be_admin()?;
    page(&app, &viewer, None, &Draft::default(), html! {}).await
}

async fn page(
    app: &App,
    viewer: &Viewer,
    connection: Option<&Connection>,
    draft: &Draft,
    result: Markup,
) -> Result<Response, Problem> {
    let title = connection.map_or("New connection", |connection| connection.name.as_str());
    let warned = match connection {
        Some(connection) => warnings(app, connection).await,
        None => Vec::new(),
    };
    let known = app.known_for_display().await.unwrap_or_default();
    let content = html! {
        div.head {
            h1.grow { (title) }
            @if let Some(connection) = connection {
                @if viewer.caller.is_admin() {
                    form method="post" action={ "/connections/" (connection.name) "/test" } {
                        (viewer.csrf())
                        button.plain type="submit" { "Test it" }
                    }
                }
                a.button href={ "/requests/new?connection=" (connection.name) } { "New request on it" }
            }
        }
        @if !warned.is_empty() {
            div.notice.wait { ul { @for warning in &warned { li { (warning) } } } }
        }
        (result)
        @if viewer.caller.is_admin() { (proposal::hint(app)) (form(viewer, connection, draft, &known)) }
        @else if let Some(connection) = connection { (facts(connection, viewer)) }
    };
    Ok(viewer.page(app, title, Place::Connections, content))
}

fn facts(connection: &Connection, viewer: &Viewer) -> Markup {
    html! {
        section.card aria-labelledby="rules" {
            h2 #rules { "Its rules" }
            dl.facts {
                dt { "Kind" } dd { (connection.kind) }
                dt { "Approval" } dd { (rule(connection)) @if connection.approvals && connection.distinct_reviewers { "; each approval by another person" } }
                @if !connection.exempt_groups.is_empty() { dt { "Exempt" } dd { @for group in &connection.exempt_groups { (group) " " } } }
                dt { "Reason" } dd { @if connection.require_reason { "required" } @else { "welcome" } }
                dt { "Guardrails" } dd { @if connection.guardrails.is_empty() { "none" } @for rule in &connection.guardrails { code { (rule) } " " } }
                dt { "Masking" } dd { @if connection.masking.enabled { "on" } @else { "off" } }
                @if viewer.caller.sees_all() {
                    dt { "Target" } dd { code { (connection.target) } }
                    dt { "Secret" } dd { code { (connection.secret.as_deref().unwrap_or("none")) } }
                }
            }
        }
    }
}

/// Says what a change would change, and for whom. Writes nothing.
pub(crate) async fn check(
    State(app): State<App>,
    Path(name): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let (viewer, connection) = find(&app, &headers, &name).await?;
    viewer.caller.must_be_admin()?;
    let connection = connection.ok_or_else(|| Problem::not_found("connection"))?;
    let draft = Draft::read(&Form::read(&headers, &bytes)?)?;
    let result = said(&app, Some(&connection), &draft).await;
    page(&app, &viewer, Some(&connection), &draft, result).await
}

/// The same for one that is not there yet.
pub(crate) async fn check_new(
    State(app): State<App>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let (viewer, _) = Viewer::see(&app, "check", &headers, &[]).await?;
    viewer.caller.must_be_admin()?;
    let draft = Draft::read(&Form::read(&headers, &bytes)?)?;
    let result = said(&app, None, &draft).await;
    page(&app, &viewer, None, &draft, result).await
}

/// Has it tested: its secrets are resolved, and the target is asked who one is there. No command runs.
pub(crate) async fn test(
    State(console): State<Console>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let app = &console.app;
    let (viewer, connection) = find(app, &headers, &name).await?;
    viewer.caller.must_be_admin()?;
    let connection = connection.ok_or_else(|| Problem::not_found("connection"))?;
    let report = api::tested(&console, connection.name.clone()).await?;
    page(app, &viewer, Some(&connection), &Draft::of(&connection), found(&report)).await
}

/// What a test found.
fn found(report: &TestReport) -> Markup {
    html! {
        section.card role="status" aria-labelledby="tested" {
            h2 #tested { @if report.works { "It works" } @else { "It does not work" } }
            @for check in &report.checks {
                div.notice.good[check.works].bad[!check.works] {
                    strong { (purpose(check.purpose)) ": " }
                    @match &check.message { Some(message) => (display(message)), None => (check.server.as_deref().map_or_else(|| "fine".to_owned(), display)) }
                    @if let Some(user) = &check.user { ", as " code { (display(user)) } }
                    @if let Some(database) = &check.database { " in " code { (display(database)) } }
                    @if let Some(encrypted) = check.encrypted { @if encrypted { ", encrypted" } @else { ", not encrypted" } }
                    @if let Some(may_write) = check.may_write { @if may_write { ", may write" } @else { ", may only read" } }
                    @if !check.notes.is_empty() { ul { @for note in &check.notes { li { (note) } } } }
                }
            }
        }
    }
}

fn purpose(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Run => "To run commands",
        Purpose::Read => "To read",
        Purpose::Estimate => "To estimate",
        Purpose::MaskingKey => "The key for masking",
    }
}

async fn said(app: &App, before: Option<&Connection>, draft: &Draft) -> Markup {
    let made = draft.name().and_then(|name| checked(app, name, draft.body()?, before));
    match made {
        Ok(connection) => {
            let warnings = warnings(app, &connection).await;
            let known = app.known_for_display().await.unwrap_or_default();
            effects(before, &connection, draft, &known, &warnings)
        }
        Err(problem) => {
            let body = problem.body();
            let detail = body.get("detail").and_then(|detail| detail.as_str()).unwrap_or_default();
            html! { div.notice.bad role="status" { strong { "This cannot be saved: " } (detail) } }
        }
    }
}

/// Saves a change.
pub(crate) async fn save(
    State(app): State<App>,
    Path(name): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let (viewer, before) = find(&app, &headers, &name).await?;
    viewer.caller.must_be_admin()?;
    let before = before.ok_or_else(|| Problem::not_found("connection"))?;
    let form = Form::read(&headers, &bytes)?;
    let draft = Draft::read(&form)?;
    let expected = form.number("version")?;
    let name = before.name.clone();
    let saved = api::save(&app, &viewer.caller, name, Some(&before), draft.body()?, expected).await?;
    Ok(go_to(&saved.page(|connection| format!("/connections/{}", connection.name))))
}

/// Saves a new one.
pub(crate) async fn save_new(
    State(app): State<App>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let form = Form::read(&headers, &bytes)?;
    let draft = Draft::read(&form)?;
    let (viewer, before) = find(&app, &headers, &draft.name).await?;
    viewer.caller.must_be_admin()?;
    let name = draft.name()?;
    let saved = api::save(&app, &viewer.caller, name, before.as_ref(), draft.body()?, None).await?;
    Ok(go_to(&saved.page(|connection| format!("/connections/{}", connection.name))))
}

/// Deletes one.
pub(crate) async fn delete(
    State(app): State<App>,
    Path(name): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let (viewer, connection) = find(&app, &headers, &name).await?;
    viewer.caller.must_be_admin()?;
    let connection = connection.ok_or_else(|| Problem::not_found("connection"))?;
    let form = Form::read(&headers, &bytes)?;
    if form.text("name_again") != Some(connection.name.as_str()) {
        return Err(Problem::invalid("write the name of the connection to delete it")
            .at("/name_again", "another name"));
    }
    let version = form.number("version")?;
    let version = version.ok_or_else(|| Problem::precondition_required("open the page again"))?;
    api::delete(&app, &viewer.caller, &connection, version).await?;
    app.forget_directory();
    Ok(go_to("/connections"))
}
