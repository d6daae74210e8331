//! The settings of Slack and Teams; for admins. Secrets are references and are never read here.

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use countersign_app::four_eyes::Proposal;
use countersign_app::view::RequestView;
use countersign_app::{App, Caller, Scope, errors};
use countersign_http::openapi::{
    IfMatch, Invalid, NotConfigured, PreconditionRequired, Signed, Stale, WithBody,
};
use countersign_http::{Problem, json};
use countersign_notify::{Delivery, EndpointId, SlackSettings, TeamsSettings};
use countersign_storage::StorageError;
use countersign_storage::integrations::Integration;
use countersign_targets::{FileSecrets, SecretRef};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::etag::{if_match, with_etag};
use crate::proposals::{Saved, proposed};
use crate::webhooks::deliveries::{DeliveryView, attempt_now, on_its_way, test_of};

/// Settings as they are shown: null where nothing is configured.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SlackIntegration)]
pub(crate) struct SlackView {
    /// What is configured.
    #[schema(required = true)]
    pub(crate) settings: Option<SlackSettings>,
    /// One more with each change; 0 before the first.
    pub(crate) version: u64,
}

/// Settings as they are shown: null where nothing is configured.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TeamsIntegration)]
pub(crate) struct TeamsView {
    /// What is configured.
    #[schema(required = true)]
    pub(crate) settings: Option<TeamsSettings>,
    /// One more with each change; 0 before the first.
    pub(crate) version: u64,
}

/// Where a test goes.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[schema(as = SlackTest)]
#[serde(deny_unknown_fields)]
pub(crate) struct SlackTest {
    /// The channel's or person's id; the first default channel if there is none.
    #[serde(default)]
    channel: Option<String>,
}

fn check_reference(pointer: &str, reference: &str) -> Result<(), Problem> {
    let parsed = SecretRef::parse(reference, FileSecrets::Allowed);
    parsed.map(|_| ()).map_err(|error| Problem::invalid(error.to_string()).at(pointer, error.to_string()))
}

/// The version of the settings that the caller looked at, and the next one.
fn versions(seen: Option<u64>, now: Option<u64>) -> Result<(Option<u64>, u64), Problem> {
    match (now, seen) {
        (None, None) => Ok((None, 1)),
        (None, Some(_)) => Err(Problem::stale("nothing is configured yet")),
        (Some(_), None) => Err(Problem::precondition_required(
            "send the ETag of the settings in If-Match, so that you change what you looked at",
        )),
        (Some(now), Some(seen)) if now == seen => Ok((Some(now), now + 1)),
        (Some(now), Some(_)) => {
            Err(Problem::stale(format!("the settings have version {now} now; look at them again")))
        }
    }
}

fn saved(result: Result<(), StorageError>) -> Result<(), Problem> {
    match result {
        Ok(()) => Ok(()),
        Err(StorageError::Conflict) => Err(changed()),
        Err(error) => Err(errors::storage(&error)),
    }
}

/// Shows the settings of Slack.
#[utoipa::path(
    get,
    path = "/v1/integrations/slack",
    operation_id = "show_slack",
    tag = "notifications",
    responses((status = 200, body = SlackView, description = "The settings.", headers(("ETag" = String))), Signed)
)]
pub(crate) async fn show_slack(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    app.identify_admin("slack", Scope::Read, &headers).await?;
    let found = app.store.integrations().await.map_err(|error| errors::storage(&error))?;
    let (settings, version) = found.slack.map_or((None, 0), |(settings, version)| (Some(settings), version));
    Ok(with_etag(json::answer(StatusCode::OK, &SlackView { settings, version }), version))
}

/// Configures Slack.
#[utoipa::path(
    put,
    path = "/v1/integrations/slack",
    operation_id = "put_slack",
    tag = "notifications",
    params(IfMatch),
    request_body = SlackSettings,
    responses(
        (status = 200, body = SlackView, description = "It is configured.", headers(("ETag" = String))),
        (status = 202, body = RequestView, description = "It waits for another admin: the request that proposes it.",
            headers(("Location" = String))),
        Stale, Invalid, PreconditionRequired, WithBody, Signed
    )
)]
pub(crate) async fn put_slack(
    State(app): State<App>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let caller = app.identify_admin("put slack", Scope::Manage, &headers).await?;
    let settings: SlackSettings = json::body(&headers, &bytes)?;
    match save_slack(&app, &caller, settings, if_match(&headers)?).await? {
        Saved::Stored(view) => Ok(with_etag(json::answer(StatusCode::OK, &view), view.version)),
        Saved::Proposed(request) => Ok(proposed(&request)),
    }
}

/// Refuses settings that cannot be.
fn check_slack(settings: &SlackSettings) -> Result<(), Problem> {
    check_reference("/bot_token", &settings.bot_token)?;
    check_reference("/signing_secret", &settings.signing_secret)?;
    for (pointer, id, first) in [("/app_id", &settings.app_id, 'A'), ("/team_id", &settings.team_id, 'T')] {
        let rest_is_plain = id.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        if !id.starts_with(first) || id.len() < 2 || id.len() > 32 || !rest_is_plain {
            let detail = format!("expected an id of Slack such as `{first}0123ABCD`");
            return Err(Problem::invalid(detail.clone()).at(pointer, detail));
        }
    }
    for channel in &settings.default_channels {
        if format!("slack:{channel}").parse::<EndpointId>().is_err() {
            let detail = "expected ids of channels such as `C0123ABCD`";
            return Err(Problem::invalid(detail).at("/default_channels", detail));
        }
    }
    Ok(())
}

/// Stores settings of Slack over the version that an admin looked at. Where another admin has to agree, they
/// are proposed.
pub(crate) async fn save_slack(
    app: &App,
    caller: &Caller,
    settings: SlackSettings,
    seen: Option<u64>,
) -> Result<Saved<SlackView>, Problem> {
    check_slack(&settings)?;
    let found = app.store.integrations().await.map_err(|error| errors::storage(&error))?.slack;
    let (before, version) = versions(seen, found.as_ref().map(|(_, version)| *version))?;
    let was = found.as_ref().map(|(settings, version)| (settings, *version));
    if app.is_proposal_of_slack(was.map(|(settings, _)| settings), &settings) {
        let proposal = Proposal::of_slack(was, &settings).map_err(|_| Problem::internal())?;
        let affected =
            "Votes from Slack are believed if they are signed with this secret, from this workspace.";
        let proposal = proposal.affecting([affected.to_owned()]);
        return Ok(Saved::Proposed(Box::new(app.propose(caller, &proposal).await?)));
    }
    let kept = app.acting(caller).keep_slack(before, version, &settings).await;
    kept.map_err(|error| error.problem(changed()))?;
    Ok(Saved::Stored(SlackView { settings: Some(settings), version }))
}

fn changed() -> Problem {
    Problem::stale("the settings were changed just now; look at them again")
}

/// Sends a test through Slack. Look at the delivery for what came of it.
#[utoipa::path(
    post,
    path = "/v1/integrations/slack/test",
    operation_id = "test_slack",
    tag = "notifications",
    request_body = SlackTest,
    responses(
        (status = 202, body = DeliveryView, description = "It is on its way."),
        NotConfigured, Invalid, WithBody, Signed
    )
)]
pub(crate) async fn test_slack(
    State(app): State<App>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    app.identify_admin("test slack", Scope::Manage, &headers).await?;
    let body: SlackTest = json::optional_body(&headers, &bytes)?;
    Ok(on_its_way(send_slack_test(&app, body.channel).await?))
}

/// Has a test sent to a channel, or to the first default one.
pub(crate) async fn send_slack_test(app: &App, channel: Option<String>) -> Result<Delivery, Problem> {
    let found = app.store.integrations().await.map_err(|error| errors::storage(&error))?;
    let (settings, _) = found.slack.ok_or_else(|| not_configured("Slack"))?;
    let channel = channel.or_else(|| settings.default_channels.first().cloned());
    let endpoint = channel.and_then(|channel| format!("slack:{channel}").parse().ok());
    let endpoint: EndpointId = endpoint.ok_or_else(|| {
        let detail = "name a channel by its id, such as `C0123ABCD`: there is no default one";
        Problem::invalid(detail).at("/channel", detail)
    })?;
    attempt_now(app, test_of(app, &endpoint)?).await
}

/// Shows the settings of Teams.
#[utoipa::path(
    get,
    path = "/v1/integrations/teams",
    operation_id = "show_teams",
    tag = "notifications",
    responses((status = 200, body = TeamsView, description = "The settings.", headers(("ETag" = String))), Signed)
)]
pub(crate) async fn show_teams(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    app.identify_admin("teams", Scope::Read, &headers).await?;
    let found = app.store.integrations().await.map_err(|error| errors::storage(&error))?;
    let (settings, version) = found.teams.map_or((None, 0), |(settings, version)| (Some(settings), version));
    Ok(with_etag(json::answer(StatusCode::OK, &TeamsView { settings, version }), version))
}

/// Configures Teams. To save the settings starts it again if it was given up.
#[utoipa::path(
    put,
    path = "/v1/integrations/teams",
    operation_id = "put_teams",
    tag = "notifications",
    params(IfMatch),
    request_body = TeamsSettings,
    responses(
        (status = 200, body = TeamsView, description = "It is configured.", headers(("ETag" = String))),
        Stale, Invalid, PreconditionRequired, WithBody, Signed
    )
)]
pub(crate) async fn put_teams(
    State(app): State<App>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let app = app.acting(&app.identify_admin("put teams", Scope::Manage, &headers).await?);
    let settings: TeamsSettings = json::body(&headers, &bytes)?;
    let view = save_teams(&app, settings, if_match(&headers)?).await?;
    let version = view.version;
    Ok(with_etag(json::answer(StatusCode::OK, &view), version))
}

/// Stores settings of Teams over the version that an admin looked at, and starts it again.
pub(crate) async fn save_teams(
    app: &App,
    settings: TeamsSettings,
    seen: Option<u64>,
) -> Result<TeamsView, Problem> {
    check_reference("/webhook_url", &settings.webhook_url)?;
    let found = app.store.integrations().await.map_err(|error| errors::storage(&error))?;
    let (before, version) = versions(seen, found.teams.map(|(_, version)| version))?;
    saved(app.store.put_integration(Integration::Teams, before, version, &settings).await)?;
    app.store.forget_health(&EndpointId::Teams).await.map_err(|error| errors::storage(&error))?;
    Ok(TeamsView { settings: Some(settings), version })
}

/// Sends a test through Teams. Look at the delivery for what came of it.
#[utoipa::path(
    post,
    path = "/v1/integrations/teams/test",
    operation_id = "test_teams",
    tag = "notifications",
    request_body = json::Nothing,
    responses((status = 202, body = DeliveryView, description = "It is on its way."), NotConfigured, WithBody, Signed)
)]
pub(crate) async fn test_teams(
    State(app): State<App>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    app.identify_admin("test teams", Scope::Manage, &headers).await?;
    json::no_body(&headers, &bytes)?;
    Ok(on_its_way(send_teams_test(&app).await?))
}

/// Has a test sent through Teams.
pub(crate) async fn send_teams_test(app: &App) -> Result<Delivery, Problem> {
    let found = app.store.integrations().await.map_err(|error| errors::storage(&error))?;
    found.teams.ok_or_else(|| not_configured("Teams"))?;
    attempt_now(app, test_of(app, &EndpointId::Teams)?).await
}

fn not_configured(what: &str) -> Problem {
    Problem::conflict("not-configured", format!("{what} is not configured: put its settings first"))
}
