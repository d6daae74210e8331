//! `intake` takes requests in: `POST /v1/requests`, and the form of the pages at `POST /requests`.

mod form;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use countersign_app::submit::{NewRequest, connection_name};
use countersign_app::view::RequestView;
use countersign_app::{App, errors};
use countersign_http::openapi::{IdempotencyKey, InvalidOrReused, NotFound, NotTakenIn, Signed, WithBody};
use countersign_http::{Problem, edge, json};
use countersign_storage::Key;
use countersign_storage::requests::Idempotency;
use http::header::LOCATION;
use http::{HeaderMap, HeaderValue, StatusCode};
use utoipa::OpenApi;

/// The router of this function.
pub fn router(app: App) -> Router {
    let routes = Router::new()
        .route("/v1/requests", post(submit).fallback(|| async { Problem::method_not_allowed("GET, POST") }))
        .route("/requests", post(form::submit))
        .fallback(|| async { Problem::not_found("page") });
    countersign_web::behind_the_edge(routes, &app).with_state(app)
}

/// This function's part of the OpenAPI document.
#[derive(OpenApi)]
#[openapi(paths(submit))]
#[derive(Debug, Clone, Copy)]
pub struct Api;

/// Submits a command for approval.
///
/// The answer says what it still needs; where nothing is missing it is approved at once.
#[utoipa::path(
    post,
    path = "/v1/requests",
    operation_id = "submit_request",
    tag = "requests",
    params(IdempotencyKey),
    request_body = NewRequest,
    responses(
        (status = 201, body = RequestView, description = "It is submitted.",
            headers(
                ("Location" = String, description = "Where it is."),
                ("Idempotency-Replayed" = String, description = "`true` if the key came before."))),
        NotFound, NotTakenIn, InvalidOrReused, WithBody, Signed
    )
)]
async fn submit(State(app): State<App>, headers: HeaderMap, bytes: Bytes) -> Result<Response, Problem> {
    // Whoever cannot be anybody learns nothing of what the body should look like.
    let subject = app.subject(&headers)?;
    let body: Result<NewRequest, Problem> = json::body(&headers, &bytes);
    let name = body.as_ref().ok().map(|body| connection_name(&body.connection));
    let also: Vec<Key> = name.iter().flatten().cloned().map(Key::Connection).collect();
    let (submitter, found) = app.identify_submitter(&headers, &also).await?;
    let body = body?;
    let connection = match name {
        Some(Ok(name)) => found.connection(&name).map_err(|error| errors::storage(&error))?,
        Some(Err(problem)) => return Err(problem),
        None => None,
    };
    let key = edge::idempotency_key(&headers)?;
    let idempotency = key.map(|key| Idempotency::new(subject, "POST /v1/requests", key, &bytes));
    let answer = app.submit(&submitter, connection, body, idempotency).await?;
    let location = format!("/v1/requests/{}", answer.request.id);
    let mut response = json::answer(StatusCode::CREATED, &answer.request).into_response();
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(LOCATION, location);
    }
    if answer.replayed {
        edge::mark_replayed(&mut response);
    }
    Ok(response)
}
