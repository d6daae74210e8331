//! What holds for every answer: how it leaves, and what every call may carry.

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::Problem;
use crate::problem::IsProblem;

/// Finishes an answer: security headers on all, `instance` in problems, and a problem in place of
/// whatever a library answered by itself.
pub async fn finish(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let mut response = next.run(request).await;
    let status = response.status();
    // A page says itself what is wrong; no library answers with one.
    if (status.is_client_error() || status.is_server_error()) && !is_page(&response) {
        response = problem_with_instance(response, &path).await;
    }
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    set(header::CACHE_CONTROL, "no-store");
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "no-referrer");
    set(header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'");
    response
}

fn is_page(response: &Response) -> bool {
    let content_type = response.headers().get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    content_type.is_some_and(|media_type| media_type.starts_with(b"text/html"))
}

async fn problem_with_instance(response: Response, path: &str) -> Response {
    let status = response.status();
    let (mut parts, body) = response.into_parts();
    let is_ours = parts.extensions.get::<IsProblem>().is_some();
    if !is_ours {
        return foreign(status, parts.headers.get(header::ALLOW)).with("instance", path).into_response();
    }
    let bytes: Bytes = axum::body::to_bytes(body, 1024 * 1024).await.unwrap_or_default();
    let Ok(mut json) = serde_json::from_slice::<serde_json::Value>(&bytes) else {
        return Response::from_parts(parts, Body::from(bytes));
    };
    if let Some(members) = json.as_object_mut() {
        members.entry("instance").or_insert_with(|| path.into());
    }
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(json.to_string()))
}

fn foreign(status: StatusCode, allow: Option<&HeaderValue>) -> Problem {
    match status {
        StatusCode::NOT_FOUND => Problem::not_found("page"),
        StatusCode::METHOD_NOT_ALLOWED => Problem::method_not_allowed(
            allow.and_then(|value| value.to_str().ok()).unwrap_or("other methods"),
        ),
        StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large("the body is too large"),
        status if status.is_client_error() => Problem::bad_request("the call cannot be understood"),
        _ => Problem::internal(),
    }
}

/// Says in an answer that it was given before, under the same `Idempotency-Key`.
pub fn mark_replayed(response: &mut Response) {
    let name = HeaderName::from_static("idempotency-replayed");
    response.headers_mut().insert(name, HeaderValue::from_static("true"));
}

/// The `Idempotency-Key` of a call, if it has one.
///
/// # Errors
/// 400 if it is no text of 1 to 255 visible characters.
pub fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(value) = headers.get("idempotency-key") else {
        return Ok(None);
    };
    let key = value.to_str().unwrap_or_default();
    if (1..=255).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(Some(key))
    } else {
        Err(Problem::bad_request("`Idempotency-Key` must have 1 to 255 visible ASCII characters"))
    }
}
