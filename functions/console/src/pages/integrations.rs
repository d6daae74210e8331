//! Slack, Teams and webhooks: how they are set up, how they are doing, and a test of each; for admins.

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use countersign_app::{App, Scope, errors};
use countersign_http::Problem;
use countersign_notify::endpoint::Health;
use countersign_notify::{EndpointId, SlackSettings, TeamsSettings};
use countersign_storage::webhooks::StoredWebhook;
use countersign_web::Place;
use countersign_web::form::Form;
use countersign_web::page::go_to;
use http::HeaderMap;
use maud::{Markup, html};

use super::fields::{Typed, complaint, described, invalid};
use super::viewer::Viewer;
use super::webhooks::Looked;
use super::{webhooks, words};
use crate::integrations as api;
use crate::webhooks::deliveries::DeliveryView;
use countersign_app::query::Query;

/// How many deliveries are shown of each channel.
const MOST: usize = 5;

/// Shows them.
pub(crate) async fn page(
    State(app): State<App>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let viewer = admin(&app, Scope::Read, &headers).await?;
    let query = Query::read(raw.as_deref(), &["channel"], &[])?;
    show(&app, &viewer, query.text("channel"), &Tried::default()).await
}

/// What was typed into the forms of the page and could not be taken.
#[derive(Default)]
struct Tried<'a> {
    slack: Typed<'a>,
    slack_test: Typed<'a>,
    teams: Typed<'a>,
    teams_test: Typed<'a>,
}

impl Tried<'_> {
    fn all(&self) -> [&Typed<'_>; 4] {
        [&self.slack, &self.slack_test, &self.teams, &self.teams_test]
    }
}

/// The fields that have other ids than what they set, because the page has several forms.
const SLACK_IDS: [(&str, &str); 5] = [
    ("bot_token", "slack_bot_token"),
    ("signing_secret", "slack_signing_secret"),
    ("app_id", "slack_app_id"),
    ("team_id", "slack_team_id"),
    ("default_channels", "slack_channels"),
];

const TEAMS_IDS: [(&str, &str); 1] = [("webhook_url", "teams_url")];

async fn show(
    app: &App,
    viewer: &Viewer,
    channel: Option<&str>,
    tried: &Tried<'_>,
) -> Result<Response, Problem> {
    let read = async { tokio::try_join!(app.store.integrations(), app.store.endpoints()) };
    let (integrations, endpoints) = read.await.map_err(|error| errors::storage(&error))?;
    let slack = integrations.slack.as_ref();
    // The channel that a test went to, else the one to which it would go.
    let channel = channel.map(str::to_owned);
    let channel =
        channel.or_else(|| slack.and_then(|(settings, _)| settings.default_channels.first().cloned()));
    let channel: Option<EndpointId> = channel.and_then(|channel| format!("slack:{channel}").parse().ok());
    let of_slack = match &channel {
        Some(channel) => Some((log(app, channel).await?, endpoints.health(channel))),
        None => None,
    };
    let of_teams = match &integrations.teams {
        Some(_) => Some((log(app, &EndpointId::Teams).await?, endpoints.health(&EndpointId::Teams))),
        None => None,
    };
    let now = app.now();
    let content = html! {
        div.head { h1.grow { "Integrations" } }
        p.lead { "How people are told of requests. Connections say which of these ways they use." }
        @for typed in tried.all() { (typed.wrong.notice("This cannot be:")) }
        section.card aria-labelledby="slack" {
            h2 #slack { "Slack " (state(slack.map(|(settings, _)| settings.enabled), of_slack.as_ref().map(|(_, health)| health))) }
            (slack_form(viewer, slack, &tried.slack, &tried.slack_test))
            @if let (Some(_), Some(channel)) = (slack, &channel) { h3 { "Newest messages to " code { (channel) } } }
            @if let Some((deliveries, health)) = &of_slack { (webhooks::log(viewer, deliveries, "Messages to Slack", &Looked::of(now, health))) }
        }
        section.card aria-labelledby="teams" {
            h2 #teams { "Teams " (state(integrations.teams.as_ref().map(|(settings, _)| settings.enabled), of_teams.as_ref().map(|(_, health)| health))) }
            (teams_form(viewer, integrations.teams.as_ref(), &tried.teams))
            @if let Some((deliveries, health)) = &of_teams {
                h3 { "Newest cards" }
                (webhooks::log(viewer, deliveries, "Cards to Teams", &Looked::of(now, health)))
            }
        }
        section.card aria-labelledby="webhooks" {
            div.card-head {
                h2 #webhooks { "Webhooks" }
                a.button href="/integrations/webhooks/new" { "New webhook" }
            }
            (hooks(&endpoints.webhooks))
        }
    };
    let page = viewer.page(app, "Integrations", Place::Integrations, content);
    Ok(tried.all().iter().fold(page, |page, typed| typed.on(page)))
}

/// The admin who looks.
pub(super) async fn admin(app: &App, needs: Scope, headers: &HeaderMap) -> Result<Viewer, Problem> {
    let (viewer, _) = Viewer::see(app, "integrations", needs, headers, &[]).await?;
    viewer.caller.must_be_admin()?;
    Ok(viewer)
}

async fn log(app: &App, endpoint: &EndpointId) -> Result<Vec<DeliveryView>, Problem> {
    let found = app.store.deliveries_to(endpoint, None, MOST).await;
    let (found, _) = found.map_err(|error| errors::storage(&error))?;
    Ok(found.into_iter().map(DeliveryView::new).collect())
}

fn state(enabled: Option<bool>, health: Option<&Health>) -> Markup {
    html! {
        @match enabled {
            None => span.badge { "not set up" },
            Some(false) => span.badge { "switched off" },
            Some(true) => @match health {
                Some(health) => (condition(true, health)),
                None => span.badge.approved { "on" },
            },
        }
    }
}

/// How an endpoint is doing.
pub(super) fn condition(enabled: bool, health: &Health) -> Markup {
    html! {
        @if health.disabled.is_some() { span.badge.failed { "given up" } }
        @else if !enabled { span.badge { "switched off" } }
        @else if health.failing_since.is_some() { span.badge.pending { "failing" } }
        @else { span.badge.approved { "on" } }
    }
}

fn hooks(all: &[StoredWebhook]) -> Markup {
    html! {
        @if all.is_empty() { p.muted { "None. A webhook is told of each event by a signed POST." } }
        @else {
            ul.list {
                @for stored in all {
                    li {
                        a.row href={ "/integrations/webhooks/" (stored.webhook.id) } {
                            span.first { (condition(stored.webhook.enabled, &stored.health)) }
                            span.middle {
                                strong { (webhooks::name(&stored.webhook)) } br;
                                span.what { (stored.webhook.url) }
                            }
                            span.end {
                                @if let Some(since) = stored.health.failing_since { (stored.health.failures) " failed since " (words::at(since)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn slack_form(
    viewer: &Viewer,
    now: Option<&(SlackSettings, u64)>,
    typed: &Typed<'_>,
    tested: &Typed<'_>,
) -> Markup {
    let settings = now.map(|(settings, _)| settings);
    let text = |of: fn(&SlackSettings) -> &String| settings.map(of).map(String::as_str).unwrap_or_default();
    let (wrong, tested_wrong) = (&typed.wrong, &tested.wrong);
    let reference = |name: &str, label: &str, value: &str, example: &str| {
        let id = format!("slack_{name}");
        html! {
            div.field {
                label for=(id) { (label) }
                input id=(id) type="text" name=(name) required value=(typed.text(name, value)) placeholder=(example) autocapitalize="off" spellcheck="false" autocomplete="off" aria-describedby=[described(&id, false, wrong)] aria-invalid=[invalid(&id, wrong)];
                (complaint(&id, wrong))
            }
        }
    };
    let channels = settings.map(|settings| settings.default_channels.join(", ")).unwrap_or_default();
    html! {
        details.box open[settings.is_none() || typed.is_refused()] {
            summary { "Settings of Slack" }
            p.hint { "Secrets are given by reference, such as " code { "env:SLACK_BOT_TOKEN" } "; never the secret itself." }
            form method="post" action="/integrations/slack" {
                (viewer.csrf())
                input type="hidden" name="version" value=(typed.text("version", now.map_or(0, |(_, version)| *version).to_string()));
                label.tick { input type="checkbox" name="enabled" checked[typed.ticked("enabled", settings.is_none_or(|settings| settings.enabled))]; "People are told through Slack" }
                div.fields {
                    (reference("bot_token", "Reference to the bot's token", text(|settings| &settings.bot_token), "env:SLACK_BOT_TOKEN"))
                    (reference("signing_secret", "Reference to the signing secret", text(|settings| &settings.signing_secret), "env:SLACK_SIGNING_SECRET"))
                    (reference("app_id", "App's id", text(|settings| &settings.app_id), "A0123ABCD"))
                    (reference("team_id", "Workspace's id", text(|settings| &settings.team_id), "T0123ABCD"))
                }
                div.field {
                    label for="slack_channels" { "Default channels" }
                    p.hint #slack_channels-hint { "Ids with commas between them. They hear of connections that name no channel." }
                    input #slack_channels type="text" name="default_channels" placeholder="C0123ABCD" autocapitalize="off" value=(typed.text("default_channels", channels)) aria-describedby=[described("slack_channels", true, wrong)] aria-invalid=[invalid("slack_channels", wrong)];
                    (complaint("slack_channels", wrong))
                }
                button type="submit" { "Save Slack" }
            }
        }
        @if settings.is_some() {
            form method="post" action="/integrations/slack/test" {
                (viewer.csrf())
                div.field {
                    label for="slack_test" { "Channel of a test" }
                    input #slack_test type="text" name="channel" placeholder="the first default one" autocapitalize="off" value=(tested.text("channel", "")) aria-describedby=[described("slack_test", false, tested_wrong)] aria-invalid=[invalid("slack_test", tested_wrong)];
                    (complaint("slack_test", tested_wrong))
                }
                button.plain type="submit" { "Test Slack" }
            }
        }
    }
}

fn teams_form(viewer: &Viewer, now: Option<&(TeamsSettings, u64)>, typed: &Typed<'_>) -> Markup {
    let settings = now.map(|(settings, _)| settings);
    let wrong = &typed.wrong;
    let url = settings.map(|settings| settings.webhook_url.as_str()).unwrap_or_default();
    html! {
        details.box open[settings.is_none() || typed.is_refused()] {
            summary { "Settings of Teams" }
            form method="post" action="/integrations/teams" {
                (viewer.csrf())
                input type="hidden" name="version" value=(typed.text("version", now.map_or(0, |(_, version)| *version).to_string()));
                label.tick { input type="checkbox" name="enabled" checked[typed.ticked("enabled", settings.is_none_or(|settings| settings.enabled))]; "People are told through Teams" }
                div.field {
                    label for="teams_url" { "Reference to the workflow's address" }
                    p.hint #teams_url-hint { "The address holds a secret, so it is given by reference." }
                    input #teams_url type="text" name="webhook_url" required placeholder="env:TEAMS_WEBHOOK_URL" autocapitalize="off" spellcheck="false" autocomplete="off" value=(typed.text("webhook_url", url)) aria-describedby=[described("teams_url", true, wrong)] aria-invalid=[invalid("teams_url", wrong)];
                    (complaint("teams_url", wrong))
                }
                button type="submit" { "Save Teams" }
            }
        }
        @if settings.is_some() {
            form method="post" action="/integrations/teams/test" {
                (viewer.csrf())
                button.plain type="submit" { "Test Teams" }
            }
        }
    }
}

/// The version that stood in the form; none before the first.
fn seen(form: &Form) -> Result<Option<u64>, Problem> {
    let version: Option<u64> = form.number("version")?;
    Ok(version.filter(|version| *version > 0))
}

/// Sets Slack up.
pub(crate) async fn save_slack(
    State(app): State<App>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let viewer = admin(&app, Scope::Manage, &headers).await?;
    let form = Form::read(&headers, &bytes)?;
    let text = |name: &str| form.text(name).unwrap_or_default().to_owned();
    let found = app.store.integrations().await.map_err(|error| errors::storage(&error))?;
    let settings = SlackSettings {
        enabled: form.is_ticked("enabled"),
        bot_token: text("bot_token"),
        signing_secret: text("signing_secret"),
        app_id: text("app_id"),
        team_id: text("team_id"),
        default_channels: webhooks::listed(form.raw("default_channels")),
        // The form does not have them, so they stay.
        reminders: found.slack.map(|(settings, _)| settings.reminders).unwrap_or_default(),
    };
    let saved = async { api::save_slack(&app, &viewer.caller, settings, seen(&form)?).await };
    match saved.await {
        Ok(saved) => Ok(go_to(&saved.page(|_| "/integrations".to_owned()))),
        Err(problem) => {
            let slack = Typed::refused(&form, problem)?.with_ids(&SLACK_IDS);
            show(&app, &viewer, None, &Tried { slack, ..Tried::default() }).await
        }
    }
}

/// Sends a test through Slack.
pub(crate) async fn test_slack(
    State(app): State<App>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let viewer = admin(&app, Scope::Manage, &headers).await?;
    let form = Form::read(&headers, &bytes)?;
    let sent = match api::send_slack_test(&app, form.text("channel").map(str::to_owned)).await {
        Ok(sent) => sent,
        Err(problem) => {
            let slack_test = Typed::refused(&form, problem)?.with_ids(&[("channel", "slack_test")]);
            return show(&app, &viewer, None, &Tried { slack_test, ..Tried::default() }).await;
        }
    };
    let channel = sent.endpoint.to_string();
    let query = serde_urlencoded::to_string([("channel", channel.trim_start_matches("slack:"))]);
    Ok(go_to(&format!("/integrations?{}", query.unwrap_or_default())))
}

/// Sets Teams up.
pub(crate) async fn save_teams(
    State(app): State<App>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let viewer = admin(&app, Scope::Manage, &headers).await?;
    let app = app.acting(&viewer.caller);
    let form = Form::read(&headers, &bytes)?;
    let settings = TeamsSettings {
        enabled: form.is_ticked("enabled"),
        webhook_url: form.text("webhook_url").unwrap_or_default().to_owned(),
    };
    let saved = async { api::save_teams(&app, settings, seen(&form)?).await };
    match saved.await {
        Ok(_) => Ok(go_to("/integrations")),
        Err(problem) => {
            let teams = Typed::refused(&form, problem)?.with_ids(&TEAMS_IDS);
            show(&app, &viewer, None, &Tried { teams, ..Tried::default() }).await
        }
    }
}

/// Sends a test through Teams.
pub(crate) async fn test_teams(
    State(app): State<App>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let viewer = admin(&app, Scope::Manage, &headers).await?;
    let form = Form::read(&headers, &bytes)?;
    match api::send_teams_test(&app).await {
        Ok(_) => Ok(go_to("/integrations")),
        Err(problem) => {
            let teams_test = Typed::refused(&form, problem)?;
            show(&app, &viewer, None, &Tried { teams_test, ..Tried::default() }).await
        }
    }
}
