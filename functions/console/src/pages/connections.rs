//! Connections: who uses them, who has to agree, what is blocked and masked there.

pub(crate) mod catalogue;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use countersign_app::probe::{Purpose, TestReport};
use countersign_app::{App, Scope, errors};
use countersign_http::Problem;
use countersign_notify::slack::reminders::Reminders;
use countersign_rules::display::display;
use countersign_rules::{ConnectionName, GroupName};
use countersign_storage::{Connection, Key};
use countersign_web::Place;
use countersign_web::form::Form;
use countersign_web::page::go_to;
use http::{HeaderMap, StatusCode};
use maud::{Markup, html};
use serde_json::Value;

use super::connection_form::{Draft, Outcome, below, form, look, seconds_of, was_seen};
use super::proposal;
use super::viewer::Viewer;
use super::words;
use crate::Console;
use crate::connections::check::warnings;
use crate::connections::{self as api, may_see};
use crate::integrations::save_slack;

/// How many connections are shown at the most.
const MOST: usize = 1000;

/// Shows the connections of whoever looks.
pub(crate) async fn list(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    let (viewer, _) = Viewer::see(&app, "page", Scope::Read, &headers, &[]).await?;
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
    let groups: Vec<&str> = connection.reviewers.iter().map(GroupName::as_str).collect();
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
    let (viewer, connection) = find(&app, Scope::Read, &headers, &name).await?;
    let connection = connection.filter(|connection| may_see(connection, &viewer.caller));
    let connection = connection.ok_or_else(|| Problem::not_found("connection"))?;
    let draft = Draft::of(&connection);
    page(&app, &viewer, Some(&connection), &draft, &Outcome::default(), html! {}).await
}

async fn find(
    app: &App,
    needs: Scope,
    headers: &HeaderMap,
    name: &str,
) -> Result<(Viewer, Option<Connection>), Problem> {
    let name: Option<ConnectionName> = name.parse().ok();
    let keys: Vec<Key> = name.iter().cloned().map(Key::Connection).collect();
    let (viewer, found) = Viewer::see(app, "page", needs, headers, &keys).await?;
    let connection = match name {
        Some(name) => found.connection(&name).map_err(|error| errors::storage(&error))?,
        None => None,
    };
    // The one of the configuration is nobody's to look at or to change.
    Ok((viewer, connection.filter(|connection| !connection.is_configuration())))
}

/// The same for an admin, who may change it.
async fn find_to_change(app: &App, headers: &HeaderMap, name: &str) -> Result<(Viewer, Connection), Problem> {
    let (viewer, connection) = find(app, Scope::Manage, headers, name).await?;
    viewer.caller.must_be_admin()?;
    Ok((viewer, connection.ok_or_else(|| Problem::not_found("connection"))?))
}

/// Shows an empty one to an admin.
pub(crate) async fn new(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    let (viewer, _) = Viewer::see(&app, "page", Scope::Read, &headers, &[]).await?;
    viewer.caller.must_be_admin()?;
    page(&app, &viewer, None, &Draft::default(), &Outcome::default(), html! {}).await
}

async fn page(
    app: &App,
    viewer: &Viewer,
    connection: Option<&Connection>,
    draft: &Draft,
    outcome: &Outcome,
    result: Markup,
) -> Result<Response, Problem> {
    let title = connection.map_or("New connection", |connection| connection.name.as_str());
    let warned = match connection {
        Some(connection) => warnings(app, connection).await,
        None => Vec::new(),
    };
    let is_admin = viewer.caller.is_admin();
    let known = app.known_for_display().await.unwrap_or_default();
    let slack = match connection.filter(|_| is_admin) {
        Some(_) => app.store.integrations().await.map_err(|error| errors::storage(&error))?.slack,
        None => None,
    };
    let content = html! {
        div.head {
            h1.grow { (title) }
            @if let Some(connection) = connection {
                @if is_admin {
                    form method="post" action={ "/connections/" (connection.name) "/test" } {
                        (viewer.csrf())
                        button.plain type="submit" { "Test it" }
                    }
                }
                a.button href={ "/requests/new?connection=" (connection.name) } { "New request on it" }
            }
        }
        @if !warned.is_empty() {
            div.notice.wait { ul { @for warning in &warned { li { (words::ticked(warning)) } } } }
        }
        (result)
        @if let Some(connection) = connection.filter(|_| is_admin) { (catalogue::section(app, viewer, connection).await) }
        @if let Some(wrong) = &outcome.wrong { (wrong.notice("This cannot be saved:")) }
        @if let Some((effects, _)) = &outcome.seen { (effects) }
        @if is_admin {
            (proposal::hint(app, &viewer.caller).await)
            (form(app, viewer, connection, draft, &known, outcome))
            @if let Some(connection) = connection { (below(viewer, connection, slack.as_ref(), outcome)) }
        } @else if let Some(connection) = connection { (facts(connection, viewer)) }
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
                @if connection.approvals && !connection.admin_auto_approve { dt { "Admins" } dd { "their own requests wait for others too" } }
                @if !connection.allowed_groups.is_empty() { dt { "Used by" } dd { (listed(connection.allowed_groups.iter())) } }
                @if connection.auto_approve.is_some() { dt { "Reads" } dd { "commands that provably only read need no approval" } }
                dt { "Time for votes" } dd { @match connection.timeout_seconds { Some(seconds) => (span(seconds)), None => "as the deployment says" } }
                dt { "Time to run" } dd { (span(connection.run_within_seconds)) " once approved" }
                dt { "Reason" } dd { @if connection.require_reason { "required" } @else { "optional" } }
                @if let Some(rows) = connection.max_rows { dt { "Row limit" } dd { (words::row_limit(rows)) } }
                dt { "Guardrails" } dd { @if connection.guardrails.is_empty() { "none" } @for rule in &connection.guardrails { (guardrail(rule)) } }
                dt { "Masking" } dd { (masked(connection)) }
                dt { "Notifications" } dd {
                    @let ways: Vec<String> = connection.notify.iter().filter_map(|way| serde_json::to_value(way).ok()?.as_str().map(str::to_owned)).collect();
                    @if ways.is_empty() { "none" } @else { (ways.join(", ")) }
                    @if !connection.slack_channels.is_empty() { "; in Slack " (display(&connection.slack_channels.join(", "))) }
                }
                @if viewer.caller.sees_all() {
                    @if let Some(target) = connection.target.as_object() {
                        @for (member, value) in target { dt { "Target: " (member.replace('_', " ")) } dd { code { (display(&words::value(value))) } } }
                    }
                    @for (name, secret) in [("Secret", &connection.secret), ("Secret for reading", &connection.read_secret), ("Secret for estimates", &connection.estimate_secret), ("Key for masking", &connection.masking_key)] {
                        @if let Some(secret) = secret { dt { (name) } dd { code { (display(secret)) } } }
                    }
                }
            }
        }
    }
}

fn listed<'a>(groups: impl Iterator<Item = &'a GroupName>) -> String {
    groups.map(GroupName::as_str).collect::<Vec<_>>().join(", ")
}

fn span(seconds: u32) -> String {
    words::span(i64::from(seconds) * 1000)
}

/// A rule that is there by its name, and one of their own with what it denies.
fn guardrail(rule: &Value) -> Markup {
    html! {
        @match (rule.as_str(), rule.get("name").and_then(Value::as_str)) {
            (Some(preset), _) => { code { (preset) } " " },
            (None, Some(name)) => details { summary { (display(name)) } code { (display(&rule.get("deny").or_else(|| rule.get("only")).map(ToString::to_string).unwrap_or_default())) } },
            (None, None) => code { (display(&rule.to_string())) },
        }
    }
}

fn masked(connection: &Connection) -> Markup {
    let policy = &connection.masking;
    let kinds: Vec<&str> = policy.entities.iter().map(|entity| entity.name()).collect();
    html! {
        @if policy.enabled {
            @if kinds.is_empty() { "on, for everything that is known" } @else { "on, for " (kinds.join(", ")) }
            @if !policy.columns.is_empty() { "; whole columns: " (display(&policy.columns.join(", "))) }
            @if !policy.allow.is_empty() { "; never masked: " (display(&policy.allow.join(", "))) }
        } @else { "off" }
    }
}

/// Says what a change would change, and for whom; or adds or removes a row. Writes nothing.
pub(crate) async fn check(
    State(app): State<App>,
    Path(name): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let (viewer, connection) = find_to_change(&app, &headers, &name).await?;
    looked_at(&app, &viewer, Some(&connection), &Form::read(&headers, &bytes)?).await
}

/// The same for one that is not there yet.
pub(crate) async fn check_new(
    State(app): State<App>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let (viewer, _) = Viewer::see(&app, "check", Scope::Manage, &headers, &[]).await?;
    viewer.caller.must_be_admin()?;
    looked_at(&app, &viewer, None, &Form::read(&headers, &bytes)?).await
}

async fn looked_at(
    app: &App,
    viewer: &Viewer,
    before: Option<&Connection>,
    form: &Form,
) -> Result<Response, Problem> {
    let mut draft = Draft::read(form);
    let outcome = match draft.edit(form.raw("do")) {
        true => Outcome::default(),
        false => look(app, before, &draft, form.raw("do") == "try").await,
    };
    page(app, viewer, before, &draft, &outcome, html! {}).await
}

/// Has it tested: its secrets are resolved, and the target is asked who one is there. No command runs.
pub(crate) async fn test(
    State(console): State<Console>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let app = &console.app;
    let (viewer, connection) = find_to_change(app, &headers, &name).await?;
    let report = console.test(connection.name.clone()).await?;
    let (draft, nothing) = (Draft::of(&connection), Outcome::default());
    page(app, &viewer, Some(&connection), &draft, &nothing, found(&report)).await
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

/// Saves a change.
pub(crate) async fn save(
    State(app): State<App>,
    Path(name): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let (viewer, before) = find_to_change(&app, &headers, &name).await?;
    save_what_was_seen(&app, &viewer, Some(&before), &Form::read(&headers, &bytes)?).await
}

/// Saves a new one.
pub(crate) async fn save_new(
    State(app): State<App>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let (viewer, _) = Viewer::see(&app, "save", Scope::Manage, &headers, &[]).await?;
    viewer.caller.must_be_admin()?;
    save_what_was_seen(&app, &viewer, None, &Form::read(&headers, &bytes)?).await
}

/// Saves what stands in the form, if whoever pressed Save was shown what that means; else shows it.
async fn save_what_was_seen(
    app: &App,
    viewer: &Viewer,
    before: Option<&Connection>,
    form: &Form,
) -> Result<Response, Problem> {
    let draft = Draft::read(form);
    let expected: Option<u64> = form.number("version")?;
    let is_current = before.is_none_or(|before| expected == Some(before.version));
    let again = async |status: StatusCode, outcome: Outcome, said: Markup| {
        let mut response = page(app, viewer, before, &draft, &outcome, said).await?;
        *response.status_mut() = status;
        Ok::<Response, Problem>(response)
    };
    if is_current && was_seen(app, before, &draft, form.raw("seen")) {
        let (name, body) = (draft.name()?, draft.body(before)?);
        return match api::save(app, &viewer.caller, name.clone(), before, body, expected).await {
            Ok(saved) => Ok(go_to(&saved.page(|_| format!("/connections/{name}")))),
            Err(problem) => again(problem.status(), Outcome::wrong(&problem), html! {}).await,
        };
    }
    let outcome = look(app, before, &draft, false).await;
    if outcome.wrong.is_some() {
        return again(StatusCode::UNPROCESSABLE_ENTITY, outcome, html! {}).await;
    }
    if !is_current {
        let said = html! {
            p.notice.bad role="alert" { strong { "Somebody else has saved this connection meanwhile." } " What you typed stands below; what it would change of theirs is this." }
        };
        return again(StatusCode::PRECONDITION_FAILED, outcome, said).await;
    }
    let said = html! {
        @if !form.raw("seen").is_empty() { p.notice.wait role="alert" { strong { "You have changed more since you looked." } " This is what it changes now." } }
    };
    again(StatusCode::OK, outcome, said).await
}

/// Saves how reviewers of a connection are asked again, which is a setting of Slack.
pub(crate) async fn save_reminders(
    State(app): State<App>,
    Path(name): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let (viewer, connection) = find_to_change(&app, &headers, &name).await?;
    let form = Form::read(&headers, &bytes)?;
    let found = app.store.integrations().await.map_err(|error| errors::storage(&error))?;
    let (mut settings, _) = found.slack.ok_or_else(|| Problem::not_found("integration"))?;
    match reminders(&form) {
        Ok(Some(reminders)) => settings.reminders.insert(connection.name.clone(), reminders),
        Ok(None) => settings.reminders.remove(&connection.name),
        Err(problem) => {
            let (draft, outcome) = (Draft::of(&connection), Outcome::wrong(&problem));
            let mut response = page(&app, &viewer, Some(&connection), &draft, &outcome, html! {}).await?;
            *response.status_mut() = problem.status();
            return Ok(response);
        }
    };
    // Nobody else has to agree to how often people are reminded.
    save_slack(&app, &viewer.caller, settings, form.number("version")?).await?;
    Ok(go_to(&format!("/connections/{}#reminders", connection.name)))
}

/// What was written of reminders; nothing if it shall be as everywhere.
fn reminders(form: &Form) -> Result<Option<Reminders>, Problem> {
    const MOST: u32 = 20;
    if form.raw("do") == "as-everywhere" {
        return Ok(None);
    }
    let refuse = |field: &str, detail: &str| Problem::invalid(detail).at(field, detail);
    let first = seconds_of(form.raw("first_minutes"), "first_minutes")?.filter(|first| *first > 0);
    let first_seconds = first.ok_or_else(|| refuse("/first_minutes", "expected minutes, such as `15`"))?;
    let most: Option<u32> = form.number("most_reminders")?;
    let most = most.filter(|most| *most <= MOST);
    let most = most.ok_or_else(|| refuse("/most_reminders", "expected a number from 0 to 20"))?;
    Ok(Some(Reminders { first_seconds, most }))
}

/// Deletes one.
pub(crate) async fn delete(
    State(app): State<App>,
    Path(name): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let (viewer, connection) = find_to_change(&app, &headers, &name).await?;
    let form = Form::read(&headers, &bytes)?;
    if form.text("name_again") != Some(connection.name.as_str()) {
        let detail = "write the name of the connection to delete it";
        let outcome = Outcome::wrong(&Problem::invalid(detail).at("/name_again", detail));
        let draft = Draft::of(&connection);
        let mut response = page(&app, &viewer, Some(&connection), &draft, &outcome, html! {}).await?;
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(response);
    }
    let version = form.number("version")?;
    let version = version.ok_or_else(|| Problem::precondition_required("open the page again"))?;
    api::delete(&app, &viewer.caller, &connection, version).await?;
    app.forget_directory();
    Ok(go_to("/connections"))
}
