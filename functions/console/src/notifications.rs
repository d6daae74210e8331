//! Who was to be told of a request, by which way, what happened, and what to do.

use axum::extract::{Path, State};
use axum::response::Response;
use countersign_app::notify::Audience;
use countersign_app::submit::{keys_of, visible_request};
use countersign_app::{App, Caller, Scope, errors};
use countersign_http::openapi::{NotFound, Signed};
use countersign_http::{Problem, json};
use countersign_notify::delivery::EventRef;
use countersign_notify::diagnose::{Finding, finding, of_delivery, of_endpoint};
use countersign_notify::endpoint::Health;
use countersign_notify::{Channel, Delivery, EndpointId};
use countersign_rules::request::AutoCause;
use countersign_rules::{Event, Request, RequestId, Timestamp};
use countersign_storage::items::Channel as Way;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use crate::webhooks::deliveries::DeliveryView;

/// An event that has not arrived for longer than this is not on its way.
const ON_ITS_WAY_SECONDS: u32 = 10;

/// What became of telling people of a request.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Notifications {
    /// By endpoint.
    pub(crate) items: Vec<Told>,
    /// What concerns the request as a whole.
    pub(crate) findings: Vec<Finding>,
    /// Which ways of telling people are set up at all; for the page.
    #[serde(skip)]
    pub(crate) set_up: SetUp,
}

/// Which ways of telling people are set up, used or not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SetUp {
    pub(crate) slack: bool,
    pub(crate) teams: bool,
}

/// What became of telling one endpoint.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Told {
    /// Which: `whe_…`, `slack:C…`, `teams`.
    #[schema(value_type = String)]
    pub(crate) endpoint: EndpointId,
    /// Through what.
    channel: Channel,
    /// Whether it fails just now; for the page.
    #[serde(skip)]
    pub(crate) health: Health,
    /// What it is called.
    pub(crate) name: String,
    /// Its deliveries of this request, in the order of the events. How each attempt was answered is for
    /// admins and auditors.
    pub(crate) deliveries: Vec<DeliveryView>,
    /// What is wrong, if anything.
    pub(crate) findings: Vec<Finding>,
}

/// Says who was to be told of a request, what happened, and what to do.
#[utoipa::path(
    get,
    path = "/v1/requests/{id}/notifications",
    operation_id = "request_notifications",
    tag = "notifications",
    params(("id" = RequestId, Path)),
    responses((status = 200, body = Notifications, description = "By endpoint."), NotFound, Signed)
)]
pub(crate) async fn show(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id = crate::requests::request_id(&app, &headers, &id).await?;
    let (caller, found) = app.identify("notifications", Scope::Read, &headers, &keys_of(id)).await?;
    let request = visible_request(&found, id, &caller)?;
    Ok(json::answer(StatusCode::OK, &of(&app, &request, &caller).await?))
}

/// What became of telling people of a request that the caller may see.
pub(crate) async fn of(app: &App, request: &Request, caller: &Caller) -> Result<Notifications, Problem> {
    let id = request.id;
    let read = async { tokio::try_join!(Audience::read(&app.store), app.store.commits(id)) };
    let (audience, commits) = read.await.map_err(|error| errors::storage(&error))?;
    let now = app.now();
    let mut items = Vec::new();
    for endpoint in endpoints(&audience, request) {
        let expected = expected(&audience, &endpoint, request, &commits);
        let names: Vec<_> = expected.iter().map(|delivery| (endpoint.clone(), delivery.id)).collect();
        let mut stored = app.store.deliveries(&names).await.map_err(|error| errors::storage(&error))?;
        stored.sort_by_key(|delivery| delivery.seq);
        items.push(told(&audience, endpoint, &expected, stored, now, caller.sees_all()));
    }
    let findings = about_the_request(&audience, request);
    let set_up =
        SetUp { slack: audience.integrations.slack.is_some(), teams: audience.integrations.teams.is_some() };
    Ok(Notifications { items, findings, set_up })
}

/// Whoever is told of the connection now, and every webhook that would be, if it were enabled or asked.
fn endpoints(audience: &Audience, request: &Request) -> Vec<EndpointId> {
    let mut all = audience.of(&request.connection);
    if tells(audience, request, Way::Webhooks) {
        all.extend(audience.endpoints.webhooks.iter().map(|stored| EndpointId::Webhook(stored.webhook.id)));
    }
    all.sort();
    all.dedup();
    all
}

fn tells(audience: &Audience, request: &Request, way: Way) -> bool {
    audience.connections.get(&request.connection).is_none_or(|connection| connection.notify.contains(&way))
}

/// The deliveries that an endpoint should have of the request.
fn expected(
    audience: &Audience,
    endpoint: &EndpointId,
    request: &Request,
    commits: &[Vec<Event>],
) -> Vec<Delivery> {
    let event_ref = |version: usize, event: &Event| EventRef {
        request: request.id,
        version: u64::try_from(version).unwrap_or(u64::MAX),
        seq: event.seq,
        kind: event.fact.type_name().to_owned(),
        at: event.at,
    };
    let all =
        || (1..).zip(commits).flat_map(|(version, events)| events.iter().map(move |event| (version, event)));
    match endpoint {
        EndpointId::Webhook(id) => {
            let Some(stored) = audience.webhook(*id) else { return Vec::new() };
            let wanted = all().filter(|(_, event)| {
                event.at >= stored.webhook.created_at
                    && stored.webhook.wants(event.fact.type_name(), &request.connection)
            });
            wanted
                .map(|(version, event)| Delivery::of_event(endpoint, &event_ref(version, event), 1))
                .collect()
        }
        EndpointId::Slack(_) | EndpointId::Teams => {
            let newest = all().last();
            newest
                .into_iter()
                .map(|(version, event)| Delivery::of_request(endpoint, &event_ref(version, event)))
                .collect()
        }
    }
}

fn told(
    audience: &Audience,
    endpoint: EndpointId,
    expected: &[Delivery],
    stored: Vec<Delivery>,
    now: Timestamp,
    sees_all: bool,
) -> Told {
    let mut findings: Vec<Finding> = Vec::new();
    let webhook = match &endpoint {
        EndpointId::Webhook(id) => audience.webhook(*id),
        EndpointId::Slack(_) | EndpointId::Teams => None,
    };
    let enabled = webhook.is_none_or(|stored| stored.webhook.enabled);
    let health = audience.endpoints.health(&endpoint);
    findings.extend(of_endpoint(enabled, &health));
    if expected.is_empty() {
        findings.push(finding("not-subscribed", "it asked for nothing that happened to this request"));
    }
    let late = |delivery: &&Delivery| {
        let arrived =
            stored.iter().any(|stored| stored.id == delivery.id && stored.version >= delivery.version);
        !arrived && now > delivery.at.plus_seconds(ON_ITS_WAY_SECONDS)
    };
    if !audience.is_disabled(&endpoint)
        && let Some(lost) = expected.iter().find(late)
    {
        findings.push(finding(
            "not-on-its-way",
            format!("`{}` of {} was not attempted yet", lost.event, lost.at),
        ));
    }
    let mut of_deliveries: Vec<Finding> =
        stored.iter().filter_map(|delivery| of_delivery(delivery, now)).collect();
    of_deliveries.dedup();
    if !sees_all {
        // What an endpoint answered is for those who administer it.
        for one in &mut of_deliveries {
            one.message = "it has not arrived yet".to_owned();
        }
        of_deliveries.dedup();
    }
    findings.extend(of_deliveries);
    let name = match (&endpoint, webhook) {
        (_, Some(stored)) if !stored.webhook.name.is_empty() => stored.webhook.name.clone(),
        (EndpointId::Webhook(_), _) => "webhook".to_owned(),
        (EndpointId::Slack(target), _) => format!("Slack, {target}"),
        (EndpointId::Teams, _) => "Teams".to_owned(),
    };
    let shown = |mut delivery: Delivery| {
        if !sees_all {
            delivery.last = None;
        }
        DeliveryView::new(delivery)
    };
    Told {
        channel: endpoint.channel(),
        endpoint,
        health,
        name,
        deliveries: stored.into_iter().map(shown).collect(),
        findings,
    }
}

/// What concerns all: nobody is told, or nobody needed to be.
fn about_the_request(audience: &Audience, request: &Request) -> Vec<Finding> {
    let mut findings = Vec::new();
    let name = &request.connection;
    let connection = audience.connections.get(name);
    if connection.is_some_and(|connection| connection.notify.is_empty()) {
        findings.push(finding("notifies-nobody", format!("`{name}` names no way by which anybody is told")));
    }
    if tells(audience, request, Way::Webhooks) && audience.endpoints.webhooks.is_empty() {
        findings.push(finding("no-webhook", format!("`{name}` tells webhooks, and there is none")));
    }
    if tells(audience, request, Way::Slack) {
        match &audience.integrations.slack {
            Some((slack, _)) if slack.enabled => {
                let own = connection.is_some_and(|connection| !connection.slack_channels.is_empty());
                if !own && slack.default_channels.is_empty() {
                    findings
                        .push(finding("slack-no-channel", format!("no channel of Slack hears of `{name}`")));
                }
            }
            Some(_) => findings.push(finding("slack-not-configured", "Slack is switched off")),
            None => findings.push(finding(
                "slack-not-configured",
                format!("`{name}` tells Slack, which is not configured"),
            )),
        }
    }
    if tells(audience, request, Way::Teams) {
        match &audience.integrations.teams {
            Some((teams, _)) if teams.enabled => {}
            Some(_) => findings.push(finding("teams-not-configured", "Teams is switched off")),
            None => findings.push(finding(
                "teams-not-configured",
                format!("`{name}` tells Teams, which is not configured"),
            )),
        }
    }
    if let Some(automatic) = &request.auto_approval {
        let through = automatic.group.as_ref().map(|group| format!(" through `{group}`")).unwrap_or_default();
        let cause = match automatic.cause {
            AutoCause::Admin => format!("an admin's own request counts as their approval{through}"),
            AutoCause::Exempt => format!("the requester is in an exempt group{through}"),
            AutoCause::ApprovalsDisabled => format!("approvals are switched off on `{name}`"),
            AutoCause::Rule => {
                let rule = automatic.rule.as_deref().unwrap_or("a rule");
                format!("the rule `{rule}` of `{name}` lets such commands through")
            }
        };
        findings.push(finding("approved-by-itself", format!("nobody was asked: {cause}")));
    }
    findings
}
