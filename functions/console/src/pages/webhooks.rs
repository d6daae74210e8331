//! One webhook: what it is told, its secret once, what was brought to it; for admins.

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use countersign_app::{App, Scope, errors};
use countersign_http::Problem;
use countersign_notify::delivery::State as Stand;
use countersign_notify::endpoint::Health;
use countersign_notify::payload::TYPES;
use countersign_notify::{EndpointId, Webhook};
use countersign_rules::display::display;
use countersign_rules::{DeliveryId, Timestamp};
use countersign_storage::webhooks::StoredWebhook;
use countersign_web::Place;
use countersign_web::form::Form;
use countersign_web::page::go_to;
use http::HeaderMap;
use maud::{Markup, html};
use serde_json::{Map, Value, json};

use super::fields::{Field, Typed, area, complaint, line};
use super::integrations::{admin, condition};
use super::viewer::Viewer;
use super::words;
use crate::webhooks::deliveries::{self, DeliveryView};
use crate::webhooks::{self as api, shape::Body};
use countersign_app::query::Query;

/// How many deliveries a page has.
const PAGE: usize = 30;

/// What a webhook is called.
pub(super) fn name(webhook: &Webhook) -> &str {
    if webhook.name.is_empty() { "webhook" } else { &webhook.name }
}

/// What stands in a field with commas or spaces between.
pub(super) fn listed(text: &str) -> Vec<String> {
    text.split([',', ' ', '\n']).map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned).collect()
}

/// Shows an empty one.
pub(crate) async fn new(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    let viewer = admin(&app, Scope::Read, &headers).await?;
    Ok(empty(&app, &viewer, &Typed::default()))
}

fn empty(app: &App, viewer: &Viewer, typed: &Typed<'_>) -> Response {
    let content = html! {
        div.head { h1.grow { "New webhook" } }
        p.lead { "It is told of each event by a POST that is signed as Standard Webhooks says." }
        (typed.wrong.notice("This cannot be made:"))
        section.card { (form(viewer, None, typed)) }
    };
    typed.on(viewer.page(app, "New webhook", Place::Integrations, content))
}

/// Shows one with its log.
pub(crate) async fn show(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let viewer = admin(&app, Scope::Read, &headers).await?;
    let query = Query::read(raw.as_deref(), &["cursor"], &[])?;
    let stored = api::find(&app, &id).await?;
    page(&app, &viewer, &stored, query.parsed("cursor")?, html! {}, &Typed::default()).await
}

async fn page(
    app: &App,
    viewer: &Viewer,
    stored: &StoredWebhook,
    before: Option<DeliveryId>,
    note: Markup,
    typed: &Typed<'_>,
) -> Result<Response, Problem> {
    let webhook = &stored.webhook;
    let found = app.store.deliveries_to(&EndpointId::Webhook(webhook.id), before, PAGE).await;
    let (found, more) = found.map_err(|error| errors::storage(&error))?;
    let next = found.last().filter(|_| more).map(|delivery| delivery.id);
    let found: Vec<DeliveryView> = found.into_iter().map(DeliveryView::new).collect();
    let to = format!("/integrations/webhooks/{}", webhook.id);
    let content = html! {
        div.head {
            div.grow {
                p.eyebrow { a href="/integrations" { "Integrations" } }
                h1 { (name(webhook)) " " (condition(webhook.enabled, &stored.health)) }
            }
            form method="post" action={ (to) "/test" } { (viewer.csrf()) button type="submit" { "Send a test" } }
        }
        (note)
        (typed.wrong.notice("This cannot be saved:"))
        (trouble(stored))
        section.card aria-labelledby="log" {
            h2 #log { "Deliveries of the last 30 days" }
            div data-refresh="4" {
                @if found.is_empty() { p.muted { "None yet." } }
                @else { (self::log(viewer, &found, "Deliveries", &Looked::of(app.now(), &stored.health))) }
            }
            @if let Some(next) = next { p.actions { a.button.plain href={ (to) "?cursor=" (next) } { "Older" } } }
        }
        section.card aria-labelledby="settings" {
            h2 #settings { "Settings" }
            (self::form(viewer, Some(webhook), typed))
        }
        section.card aria-labelledby="secret" {
            h2 #secret { "Secret" }
            p { "Deliveries are signed with it. A new one is shown once; for a day the old one signs too." }
            @if let Some(retiring) = webhook.retiring.as_ref().filter(|retiring| app.now() < retiring.until) {
                p.hint { "The secret before signs until " (words::at(retiring.until)) "." }
            }
            form method="post" action={ (to) "/rotate" } { (viewer.csrf()) button.plain type="submit" { "Make a new secret" } }
        }
        details.box {
            summary { "Delete this webhook" }
            form method="post" action={ (to) "/delete" } {
                (viewer.csrf())
                input type="hidden" name="version" value=(webhook.version);
                p.hint { "What waits for it is not delivered any more." }
                button.reject type="submit" { "Delete" }
            }
        }
    };
    Ok(typed.on(viewer.page(app, name(webhook), Place::Integrations, content)))
}

fn trouble(stored: &StoredWebhook) -> Markup {
    let health = &stored.health;
    html! {
        @if let Some(disabled) = &health.disabled {
            p.notice.bad { "It was given up at " (words::at(disabled.at)) ": " (display(&disabled.why)) ". Saving it enabled starts it again, with what waits." }
        } @else if let Some(since) = health.failing_since {
            p.notice.wait { "Nothing has arrived since " (words::at(since)) "; " (health.failures) " attempts have failed." }
        }
    }
}

/// What was brought to an endpoint, and once more.
pub(super) fn log(viewer: &Viewer, all: &[DeliveryView], label: &str, looked: &Looked) -> Markup {
    html! {
        @if !all.is_empty() {
            div.wide tabindex="0" role="group" aria-label=(label) {
                table {
                    thead { tr { th scope="col" { "When" } th scope="col" { "What" } th scope="col" { "State" } th scope="col" { "Last answer" } th scope="col" { span.hidden-text { "Replay" } } } }
                    tbody {
                        @for delivery in all {
                            tr {
                                td data-label="When" { (words::at(delivery.at)) }
                                td data-label="What" {
                                    code { (delivery.event) }
                                    @if let Some(request) = delivery.request_id { " " a.small href={ "/requests/" (request) } { "request" } }
                                }
                                td data-label="State" { (stand(delivery)) }
                                td.small data-label="Last answer" { (answer(delivery, looked)) }
                                td.act data-label="" { (replay_form(viewer, delivery)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The button that sends a delivery once more.
pub(super) fn replay_form(viewer: &Viewer, delivery: &DeliveryView) -> Markup {
    html! {
        form method="post" action={ "/integrations/deliveries/" (delivery.id) "/replay" } {
            (viewer.csrf())
            button.plain type="submit" aria-label={ "Replay " (delivery.event) " of " (delivery.at) } { "Replay" }
        }
    }
}

/// When a log is looked at, and whether its endpoint fails.
pub(super) struct Looked {
    now: Timestamp,
    fails: bool,
}

impl Looked {
    pub(super) fn of(now: Timestamp, health: &Health) -> Self {
        Self { now, fails: health.failing_since.is_some() }
    }
}

/// Where a delivery stands.
pub(super) fn stand(delivery: &DeliveryView) -> Markup {
    html! {
        @match delivery.state {
            Stand::Delivered => span.badge.approved { "delivered" },
            Stand::Waiting => span.badge.pending { "waiting" },
            Stand::Failed => span.badge.failed { "given up" },
        }
        @if delivery.attempts > 1 { " " span.small.muted { (delivery.attempts) " attempts" } }
    }
}

/// How the last attempt was answered.
pub(super) fn answer(delivery: &DeliveryView, looked: &Looked) -> Markup {
    html! {
        @if let Some(last) = &delivery.last_attempt {
            @if let Some(status) = last.status { strong { (status) } " " }
            (display(&last.answer.chars().take(200).collect::<String>()))
            " " span.muted { (last.duration_ms) " ms" }
        }
        @if let (Stand::Waiting, Some(next)) = (delivery.state, delivery.next_attempt_at) {
            " " span.muted {
                @if next > looked.now { @if looked.fails { "· held back while this endpoint fails; tried again about " } @else { "· next attempt at " } (words::at(next)) }
                @else { "· the next attempt is due" @if looked.fails { ": held back while this endpoint fails" } }
            }
        }
    }
}

fn form(viewer: &Viewer, webhook: Option<&Webhook>, typed: &Typed<'_>) -> Markup {
    let to = webhook.map_or_else(
        || "/integrations/webhooks".to_owned(),
        |webhook| format!("/integrations/webhooks/{}/save", webhook.id),
    );
    let connections: Vec<&str> =
        webhook.iter().flat_map(|webhook| &webhook.connections).map(|name| name.as_str()).collect();
    let text = |of: fn(&Webhook) -> &String| webhook.map(of).map(String::as_str).unwrap_or_default();
    let headers: String = webhook
        .iter()
        .flat_map(|webhook| &webhook.headers)
        .map(|(name, value)| format!("{name}: {value}\n"))
        .collect();
    let wrong = &typed.wrong;
    html! {
        form method="post" action=(to) {
            (viewer.csrf())
            @if let Some(webhook) = webhook { input type="hidden" name="version" value=(typed.text("version", webhook.version.to_string())); }
            label.tick { input type="checkbox" name="enabled" checked[typed.ticked("enabled", webhook.is_none_or(|webhook| webhook.enabled))]; "It is told of events" }
            (line(wrong, Field { id: "name", label: "Name", value: &typed.text("name", text(|webhook| &webhook.name)), ..Field::default() }))
            (line(wrong, Field { id: "url", label: "Address", value: &typed.text("url", text(|webhook| &webhook.url)), example: "https://hooks.example.com/countersign", ..Field::default() }))
            fieldset {
                legend { "Events" }
                p.hint { "None ticked: all of them." }
                div.picks {
                    @for event in TYPES {
                        label.tick { input type="checkbox" name="event" value=(event) checked[typed.has("event", event, webhook.is_some_and(|webhook| webhook.events.contains(event)))]; (event) }
                    }
                }
                (complaint("events", wrong))
            }
            (line(wrong, Field { id: "connections", label: "Connections", hint: "Names with commas between them. Empty: all of them.", value: &typed.text("connections", connections.join(", ")), ..Field::default() }))
            (area(wrong, Field { id: "headers", label: "Headers that are sent along", hint: "One on each line, as Name: value.", value: &typed.lines("headers", headers), ..Field::default() }, 2))
            button type="submit" { @if webhook.is_some() { "Save" } @else { "Make it" } }
        }
    }
}

/// The same as the API would be sent it.
fn body(form: &Form) -> Result<Body, Problem> {
    let mut headers = Map::new();
    let lines = form.lines("headers");
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').ok_or_else(|| {
            Problem::invalid("each line of the headers is `Name: value`").at("/headers", "a line without `:`")
        })?;
        headers.insert(name.trim().to_owned(), value.trim().into());
    }
    let events: Vec<&str> = form.all("event").collect();
    let body = json!({
        "name": form.text("name").unwrap_or_default(),
        "url": form.text("url").unwrap_or_default(),
        "events": events,
        "connections": listed(form.raw("connections")),
        "headers": Value::Object(headers),
        "enabled": form.is_ticked("enabled"),
    });
    // Whatever else there is has been read as it is; only a connection's name can be none.
    serde_json::from_value(body).map_err(|error| {
        let detail = format!("this cannot be: {error}");
        Problem::invalid(detail.clone()).at("/connections", detail)
    })
}

/// The secret, this once, and what is odd.
fn shown_once(stored: &StoredWebhook, warnings: &[String]) -> Markup {
    html! {
        div.notice.good role="status" {
            strong { "This is its secret. It is shown this once:" }
            pre.text tabindex="0" { (stored.webhook.secret.reveal()) }
        }
        @for warning in warnings { p.notice.wait { (words::ticked(warning)) } }
    }
}

/// Makes one.
pub(crate) async fn create(
    State(app): State<App>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let viewer = admin(&app, Scope::Manage, &headers).await?;
    let app = app.acting(&viewer.caller);
    let form = Form::read(&headers, &bytes)?;
    let made = async { api::make(&app, &viewer.caller, body(&form)?, None).await };
    match made.await {
        Ok(made) => {
            let note = shown_once(&made.stored, &made.warnings);
            page(&app, &viewer, &made.stored, None, note, &Typed::default()).await
        }
        Err(problem) => Ok(empty(&app, &viewer, &Typed::refused(&form, problem)?)),
    }
}

/// Changes one.
pub(crate) async fn save(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let viewer = admin(&app, Scope::Manage, &headers).await?;
    let app = app.acting(&viewer.caller);
    let form = Form::read(&headers, &bytes)?;
    let before = api::find(&app, &id).await?;
    let changed = async { api::change(&app, &before, body(&form)?, form.number("version")?).await };
    let (stored, warnings) = match changed.await {
        Ok(changed) => changed,
        Err(problem) => {
            let typed = Typed::refused(&form, problem)?;
            return page(&app, &viewer, &before, None, html! {}, &typed).await;
        }
    };
    if warnings.is_empty() {
        return Ok(go_to(&format!("/integrations/webhooks/{}", stored.webhook.id)));
    }
    let note = html! { @for warning in &warnings { p.notice.wait role="status" { "It is saved. " (words::ticked(warning)) } } };
    page(&app, &viewer, &stored, None, note, &Typed::default()).await
}

/// Sends a test.
pub(crate) async fn test(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    admin(&app, Scope::Manage, &headers).await?;
    let endpoint = EndpointId::Webhook(api::find(&app, &id).await?.webhook.id);
    deliveries::attempt_now(&app, deliveries::test_of(&app, &endpoint)?).await?;
    Ok(go_to(&format!("/integrations/webhooks/{endpoint}")))
}

/// Gives one a new secret, and shows it this once.
pub(crate) async fn rotate(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let viewer = admin(&app, Scope::Manage, &headers).await?;
    let app = app.acting(&viewer.caller);
    let stored = api::rotated(&app, &api::find(&app, &id).await?).await?;
    page(&app, &viewer, &stored, None, shown_once(&stored, &[]), &Typed::default()).await
}

/// Deletes one.
pub(crate) async fn delete(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let app = app.acting(&admin(&app, Scope::Manage, &headers).await?.caller);
    let form = Form::read(&headers, &bytes)?;
    api::delete(&app, &api::find(&app, &id).await?, form.number("version")?).await?;
    Ok(go_to("/integrations"))
}

/// Sends a delivery once more.
pub(crate) async fn replay(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    admin(&app, Scope::Manage, &headers).await?;
    let sent = deliveries::again(&app, &id).await?;
    Ok(go_to(&match sent.endpoint {
        EndpointId::Webhook(id) => format!("/integrations/webhooks/{id}"),
        EndpointId::Slack(_) | EndpointId::Teams => "/integrations".to_owned(),
    }))
}
