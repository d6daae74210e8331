//! Custom webhooks; for admins.

mod check;
pub(crate) mod deliveries;
pub(crate) mod shape;

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use countersign_app::{App, Caller, Scope, app, errors};
use countersign_http::json::List;
use countersign_http::openapi::{
    IdempotencyKey, IfMatch, Invalid, InvalidOrReused, Malformed, NotFound, Paging, PreconditionRequired,
    Signed, Stale, TooManyWebhooks, WithBody,
};
use countersign_http::{Problem, edge, json};
use countersign_notify::endpoint::{MOST_WEBHOOKS, Retiring};
use countersign_notify::sign::{SECRET_BYTES, SigningSecret};
use countersign_notify::{Health, Webhook};
use countersign_rules::{Timestamp, WebhookId};
use countersign_storage::StorageError;
use countersign_storage::people::{Remember, Saved};
use countersign_storage::requests::{Idempotency, Remembered};
use countersign_storage::webhooks::StoredWebhook;
use http::{HeaderMap, StatusCode};

use crate::etag::{if_match, with_etag};
use countersign_app::query::Query;
use shape::{Body, View};

/// What a list answers.
type Page = List<View>;

/// How long a secret that was rotated out still signs: a day, in seconds.
const RETIRES_AFTER_SECONDS: u32 = 24 * 3600;

pub(crate) async fn find(app: &App, id: &str) -> Result<StoredWebhook, Problem> {
    let id: WebhookId = id.parse().map_err(|_| Problem::not_found("webhook"))?;
    let stored = app.store.webhook(id).await.map_err(|error| errors::storage(&error))?;
    stored.ok_or_else(|| Problem::not_found("webhook"))
}

fn answer(
    app: &App,
    status: StatusCode,
    stored: &StoredWebhook,
    secret: bool,
    warnings: Vec<String>,
) -> Response {
    let view = View::new(stored, secret, app.now(), warnings);
    with_etag(json::answer(status, &view), stored.webhook.version)
}

fn fresh_secret() -> Result<SigningSecret, Problem> {
    let mut bytes = [0_u8; SECRET_BYTES];
    getrandom::fill(&mut bytes).map_err(|_| errors::no_randomness())?;
    Ok(SigningSecret::from_random(bytes))
}

/// Lists the webhooks, and how each is doing.
#[utoipa::path(
    get,
    path = "/v1/webhooks",
    operation_id = "list_webhooks",
    tag = "notifications",
    params(Paging),
    responses((status = 200, body = Page, description = "A page."), Malformed, Signed)
)]
pub(crate) async fn list(
    State(app): State<App>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    app.identify_admin("webhooks", Scope::Read, &headers).await?;
    let query = Query::read(raw.as_deref(), &["limit", "cursor"], &[])?;
    let limit = query.limit()?;
    let all = app.store.endpoints().await.map_err(|error| errors::storage(&error))?.webhooks;
    let page = query.page(all, limit, |stored| stored.webhook.id)?;
    let items = page.items.iter().map(|stored| View::new(stored, false, app.now(), Vec::new())).collect();
    Ok(json::answer(StatusCode::OK, &List { items, next_cursor: page.next_cursor }))
}

/// Makes a webhook.
///
/// The secret with which its deliveries are signed (Standard Webhooks) is in this answer only.
#[utoipa::path(
    post,
    path = "/v1/webhooks",
    operation_id = "create_webhook",
    tag = "notifications",
    params(IdempotencyKey),
    request_body = Body,
    responses(
        (status = 201, body = View, description = "It is made.",
            headers(("ETag" = String), ("Idempotency-Replayed" = String, description = "`true` if the key came before."))),
        TooManyWebhooks, InvalidOrReused, WithBody, Signed
    )
)]
pub(crate) async fn create(
    State(app): State<App>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let caller = app.identify_admin("create webhook", Scope::Manage, &headers).await?;
    let app = app.acting(&caller);
    let body: Body = json::body(&headers, &bytes)?;
    let key = edge::idempotency_key(&headers)?;
    let key = key.map(|key| Idempotency::new(caller.user.id, "POST /v1/webhooks", key, &bytes));
    let made = make(&app, &caller, body, key.as_ref()).await?;
    let mut response = answer(&app, StatusCode::CREATED, &made.stored, !made.replayed, made.warnings);
    if made.replayed {
        edge::mark_replayed(&mut response);
    }
    Ok(response)
}

/// A webhook that was made, now or with the same key before: then its secret is not shown again.
pub(crate) struct Made {
    pub(crate) stored: StoredWebhook,
    pub(crate) warnings: Vec<String>,
    replayed: bool,
}

/// Makes a webhook.
pub(crate) async fn make(
    app: &App,
    caller: &Caller,
    body: Body,
    key: Option<&Idempotency>,
) -> Result<Made, Problem> {
    if let Some(key) = key {
        // Before anything that may have changed since: a repeated call is answered as it was.
        match app.store.remembered(key).await.map_err(|error| errors::storage(&error))? {
            Remembered::Nothing => {}
            Remembered::OtherBody => return Err(errors::key_reused()),
            Remembered::Made(before) => return replayed(app, caller, body, &before).await,
        }
    }
    let warnings = check::check(app, &body).await?;
    let there = app.store.endpoints().await.map_err(|error| errors::storage(&error))?.webhooks.len();
    if there >= MOST_WEBHOOKS {
        let detail = format!("a deployment has at most {MOST_WEBHOOKS} webhooks; delete one first");
        return Err(Problem::conflict("too-many-webhooks", detail));
    }
    let now = app.now();
    let id = WebhookId::from_parts(now, app::random().map_err(|_| errors::no_randomness())?);
    let webhook = fresh(id, body, caller, now, fresh_secret()?);
    let stored = StoredWebhook { webhook, health: Health::default() };
    let made = id.to_string();
    let remember = key.map(|key| Remember { key, made: &made, now });
    match app.store.put_webhook(None, &stored, remember).await {
        Ok(Saved::Yes) => Ok(Made { stored, warnings, replayed: false }),
        // The same key at the same time.
        Ok(Saved::Before(before)) => Ok(Made { stored: find(app, &before).await?, warnings, replayed: true }),
        Ok(Saved::KeyReused) => Err(errors::key_reused()),
        Ok(Saved::EmailTaken) => Err(Problem::internal()),
        Err(error) => Err(errors::storage(&error)),
    }
}

/// A webhook that was just made.
fn fresh(id: WebhookId, body: Body, caller: &Caller, now: Timestamp, secret: SigningSecret) -> Webhook {
    Webhook {
        id,
        name: body.name,
        url: body.url,
        events: body.events,
        connections: body.connections,
        headers: body.headers,
        enabled: body.enabled,
        secret,
        retiring: None,
        created_at: now,
        created_by: caller.user.id,
        version: 1,
    }
}

/// The first answer, whatever was changed since, as long as the webhook is there.
async fn replayed(app: &App, caller: &Caller, body: Body, before: &str) -> Result<Made, Problem> {
    let there = find(app, before).await?.webhook;
    let webhook = fresh(there.id, body, caller, there.created_at, there.secret);
    let stored = StoredWebhook { webhook, health: Health::default() };
    Ok(Made { stored, warnings: Vec::new(), replayed: true })
}

/// Shows one webhook.
#[utoipa::path(
    get,
    path = "/v1/webhooks/{id}",
    operation_id = "show_webhook",
    tag = "notifications",
    params(("id" = WebhookId, Path)),
    responses(
        (status = 200, body = View, description = "The webhook.", headers(("ETag" = String))),
        NotFound, Signed
    )
)]
pub(crate) async fn show(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    app.identify_admin("webhook", Scope::Read, &headers).await?;
    let stored = find(&app, &id).await?;
    Ok(answer(&app, StatusCode::OK, &stored, false, Vec::new()))
}

/// Changes a webhook. To save it enabled starts it again if it was given up: what waits is delivered.
#[utoipa::path(
    put,
    path = "/v1/webhooks/{id}",
    operation_id = "put_webhook",
    tag = "notifications",
    params(("id" = WebhookId, Path), IfMatch),
    request_body = Body,
    responses(
        (status = 200, body = View, description = "It is changed.", headers(("ETag" = String))),
        NotFound, Stale, Invalid, PreconditionRequired, WithBody, Signed
    )
)]
pub(crate) async fn put(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let app = app.acting(&app.identify_admin("put webhook", Scope::Manage, &headers).await?);
    let body: Body = json::body(&headers, &bytes)?;
    let before = find(&app, &id).await?;
    let (stored, warnings) = change(&app, &before, body, if_match(&headers)?).await?;
    Ok(answer(&app, StatusCode::OK, &stored, false, warnings))
}

/// Changes a webhook of the version that an admin looked at, and starts it again.
pub(crate) async fn change(
    app: &App,
    before: &StoredWebhook,
    body: Body,
    seen: Option<u64>,
) -> Result<(StoredWebhook, Vec<String>), Problem> {
    expect_version(seen, before)?;
    let warnings = check::check(app, &body).await?;
    let webhook = Webhook {
        name: body.name,
        url: body.url,
        events: body.events,
        connections: body.connections,
        headers: body.headers,
        enabled: body.enabled,
        version: before.webhook.version + 1,
        ..before.webhook.clone()
    };
    let stored = StoredWebhook { webhook, health: Health::default() };
    save(app, before, &stored).await?;
    Ok((stored, warnings))
}

fn expect_version(seen: Option<u64>, before: &StoredWebhook) -> Result<(), Problem> {
    let version = seen.ok_or_else(|| {
        Problem::precondition_required(
            "send the ETag of the webhook in If-Match, so that you change what you looked at",
        )
    })?;
    if version == before.webhook.version {
        return Ok(());
    }
    let now = before.webhook.version;
    Err(Problem::stale(format!("the webhook has version {now} now; look at it again")))
}

async fn save(app: &App, before: &StoredWebhook, stored: &StoredWebhook) -> Result<(), Problem> {
    match app.store.put_webhook(Some(before.webhook.version), stored, None).await {
        Ok(_) => Ok(()),
        Err(StorageError::Conflict) => {
            Err(Problem::stale("the webhook was changed just now; look at it again"))
        }
        Err(error) => Err(errors::storage(&error)),
    }
}

/// Deletes a webhook. What waits for it is not delivered any more.
#[utoipa::path(
    delete,
    path = "/v1/webhooks/{id}",
    operation_id = "delete_webhook",
    tag = "notifications",
    params(("id" = WebhookId, Path), IfMatch),
    responses(
        (status = 204, description = "It is gone."),
        NotFound, Stale, PreconditionRequired, Signed
    )
)]
pub(crate) async fn remove(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let app = app.acting(&app.identify_admin("delete webhook", Scope::Manage, &headers).await?);
    let before = find(&app, &id).await?;
    delete(&app, &before, if_match(&headers)?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Deletes a webhook of the version that an admin looked at.
pub(crate) async fn delete(app: &App, before: &StoredWebhook, seen: Option<u64>) -> Result<(), Problem> {
    expect_version(seen, before)?;
    match app.store.delete_webhook(before.webhook.id, before.webhook.version).await {
        Ok(()) => Ok(()),
        Err(StorageError::Conflict) => {
            Err(Problem::stale("the webhook was changed just now; look at it again"))
        }
        Err(error) => Err(errors::storage(&error)),
    }
}

/// Gives a webhook a new secret, which is in this answer only. For a day deliveries are signed with the
/// old one as well.
#[utoipa::path(
    post,
    path = "/v1/webhooks/{id}/rotate-secret",
    operation_id = "rotate_webhook_secret",
    tag = "notifications",
    params(("id" = WebhookId, Path)),
    request_body = json::Nothing,
    responses(
        (status = 200, body = View, description = "It has a new secret.", headers(("ETag" = String))),
        NotFound, WithBody, Signed
    )
)]
pub(crate) async fn rotate_secret(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let app = app.acting(&app.identify_admin("rotate secret", Scope::Manage, &headers).await?);
    json::no_body(&headers, &bytes)?;
    let stored = rotated(&app, &find(&app, &id).await?).await?;
    Ok(answer(&app, StatusCode::OK, &stored, true, Vec::new()))
}

/// Gives a webhook a new secret.
pub(crate) async fn rotated(app: &App, before: &StoredWebhook) -> Result<StoredWebhook, Problem> {
    let until = app.now().plus_seconds(RETIRES_AFTER_SECONDS);
    let webhook = Webhook {
        secret: fresh_secret()?,
        retiring: Some(Retiring { secret: before.webhook.secret.clone(), until }),
        version: before.webhook.version + 1,
        ..before.webhook.clone()
    };
    let stored = StoredWebhook { webhook, health: before.health.clone() };
    save(app, before, &stored).await?;
    Ok(stored)
}
