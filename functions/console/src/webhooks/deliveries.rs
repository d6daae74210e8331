//! What was brought to a webhook: the log, tests, and once more.

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use countersign_app::notify::DeliverEvent;
use countersign_app::{App, Scope, app, errors};
use countersign_http::json::List;
use countersign_http::openapi::{Malformed, NotFound, Paging, Signed, WithBody};
use countersign_http::{Problem, json};
use countersign_notify::delivery::{LastAttempt, State as Stand};
use countersign_notify::{Channel, Delivery, EndpointId};
use countersign_rules::{DeliveryId, RequestId, Timestamp, WebhookId};
use countersign_storage::deliveries::Write;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use super::find;
use countersign_app::query::Query;

/// What a list answers.
type Page = List<DeliveryView>;

/// A delivery as it is shown.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Delivery)]
pub(crate) struct DeliveryView {
    /// Its id: the `webhook-id` of each attempt.
    pub(crate) id: DeliveryId,
    /// Where to: `whe_…`, `slack:C…`, `teams`.
    #[schema(value_type = String)]
    endpoint: EndpointId,
    /// Through what.
    channel: Channel,
    /// The type of the event.
    pub(crate) event: String,
    /// About which request; null for a test.
    #[schema(required = true)]
    pub(crate) request_id: Option<RequestId>,
    /// When the event happened.
    pub(crate) at: Timestamp,
    /// Where it stands.
    pub(crate) state: Stand,
    /// How many attempts there were.
    pub(crate) attempts: u32,
    /// When the next one comes.
    #[schema(required = true)]
    pub(crate) next_attempt_at: Option<Timestamp>,
    /// How the last one went.
    #[schema(required = true)]
    pub(crate) last_attempt: Option<LastAttempt>,
}

impl DeliveryView {
    pub(crate) fn new(delivery: Delivery) -> Self {
        Self {
            channel: delivery.channel(),
            id: delivery.id,
            endpoint: delivery.endpoint,
            event: delivery.event,
            request_id: delivery.request,
            at: delivery.at,
            state: delivery.state,
            attempts: delivery.attempts,
            next_attempt_at: delivery.next_attempt_at,
            last_attempt: delivery.last,
        }
    }
}

/// Stores a delivery and has it attempted at once. For others it is due when that attempt must be over: if
/// the invocation is lost, the sweep finds it then.
pub(crate) async fn attempt_now(app: &App, delivery: Delivery) -> Result<Delivery, Problem> {
    let due = delivery.again(app.now().plus_seconds(app.config.hold_seconds()));
    app.store.put_delivery(&due, Write::Asked).await.map_err(|error| errors::storage(&error))?;
    if let Some(notifier) = &app.notifier {
        let event = DeliverEvent::Delivery { endpoint: due.endpoint.clone(), id: due.id };
        if let Err(error) = notifier.deliver(&event).await {
            tracing::warn!(%error, "invoke");
        }
    }
    Ok(due)
}

/// Says that a delivery is on its way.
pub(crate) fn on_its_way(delivery: Delivery) -> Response {
    json::answer(StatusCode::ACCEPTED, &DeliveryView::new(delivery))
}

/// A test of an endpoint, which is not stored yet.
pub(crate) fn test_of(app: &App, endpoint: &EndpointId) -> Result<Delivery, Problem> {
    let random = app::random().map_err(|_| errors::no_randomness())?;
    Ok(Delivery::of_test(endpoint, DeliveryId::from_parts(app.now(), random)))
}

/// Lists what was brought to a webhook in the last 30 days, newest first.
#[utoipa::path(
    get,
    path = "/v1/webhooks/{id}/deliveries",
    operation_id = "list_deliveries",
    tag = "notifications",
    params(("id" = WebhookId, Path), Paging),
    responses((status = 200, body = Page, description = "A page."), Malformed, NotFound, Signed)
)]
pub(crate) async fn list(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    app.identify_admin("deliveries", Scope::Read, &headers).await?;
    let query = Query::read(raw.as_deref(), &["limit", "cursor"], &[])?;
    let (limit, before) = (query.limit()?, query.parsed::<DeliveryId>("cursor")?);
    let endpoint = EndpointId::Webhook(find(&app, &id).await?.webhook.id);
    let found = app.store.deliveries_to(&endpoint, before, limit).await;
    let (found, more) = found.map_err(|error| errors::storage(&error))?;
    let next_cursor = found.last().filter(|_| more).map(|delivery| delivery.id.to_string());
    let items = found.into_iter().map(DeliveryView::new).collect();
    Ok(json::answer(StatusCode::OK, &List { items, next_cursor }))
}

/// Sends a test to a webhook, also to one that is disabled. Look at its deliveries for what came of it.
#[utoipa::path(
    post,
    path = "/v1/webhooks/{id}/test",
    operation_id = "test_webhook",
    tag = "notifications",
    params(("id" = WebhookId, Path)),
    request_body = json::Nothing,
    responses((status = 202, body = DeliveryView, description = "It is on its way."), NotFound, WithBody, Signed)
)]
pub(crate) async fn test(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    app.identify_admin("test webhook", Scope::Manage, &headers).await?;
    json::no_body(&headers, &bytes)?;
    let endpoint = EndpointId::Webhook(find(&app, &id).await?.webhook.id);
    Ok(on_its_way(attempt_now(&app, test_of(&app, &endpoint)?).await?))
}

/// Sends a delivery once more, at once, with the same id.
#[utoipa::path(
    post,
    path = "/v1/deliveries/{id}/replay",
    operation_id = "replay_delivery",
    tag = "notifications",
    params(("id" = DeliveryId, Path)),
    request_body = json::Nothing,
    responses((status = 202, body = DeliveryView, description = "It is on its way."), NotFound, WithBody, Signed)
)]
pub(crate) async fn replay(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    app.identify_admin("replay", Scope::Manage, &headers).await?;
    json::no_body(&headers, &bytes)?;
    Ok(on_its_way(again(&app, &id).await?))
}

/// Has a delivery attempted once more.
pub(crate) async fn again(app: &App, id: &str) -> Result<Delivery, Problem> {
    let id: DeliveryId = id.parse().map_err(|_| Problem::not_found("delivery"))?;
    // The id does not say to whom, and there are few endpoints: one read of one key for each.
    let audience = countersign_app::notify::Audience::read(&app.store).await;
    let audience = audience.map_err(|error| errors::storage(&error))?;
    let names: Vec<_> = audience.all().into_iter().map(|endpoint| (endpoint, id)).collect();
    let found = app.store.deliveries(&names).await.map_err(|error| errors::storage(&error))?.pop();
    attempt_now(app, found.ok_or_else(|| Problem::not_found("delivery"))?).await
}
