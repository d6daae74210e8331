//! Errors that a client can see: RFC 9457 problem details.

use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::{Map, Value, json};

/// The base of the `type` of every problem; a slug follows.
pub const TYPE_BASE: &str = "https://countersign.dev/problems/";

/// A problem: what went wrong, in words that help.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    status: StatusCode,
    slug: &'static str,
    title: &'static str,
    detail: String,
    members: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
    noted: bool,
}

impl Problem {
    /// A problem of that status, slug and title; `detail` is for this occurrence.
    #[must_use]
    pub fn new(
        status: StatusCode,
        slug: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        let (members, headers) = (Map::new(), Vec::new());
        Self { status, slug, title, detail: detail.into(), members, headers, noted: false }
    }

    /// With a member that helps.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// With one entry of `errors`: where in the body, and what.
    #[must_use]
    pub fn at(self, pointer: &str, message: impl Into<String>) -> Self {
        let entry = json!({ "pointer": pointer, "message": message.into() });
        self.with("errors", Value::Array(vec![entry]))
    }

    /// Says that the audit trail has it already: it is a [`Refused`] for nobody any more.
    #[must_use]
    pub fn noted(mut self) -> Self {
        self.noted = true;
        self
    }

    fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// What happened this time, in words.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The last part of its `type`.
    #[must_use]
    pub fn slug(&self) -> &'static str {
        self.slug
    }

    /// 400: what came is not what the contract says.
    #[must_use]
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", "The request is malformed", detail)
    }

    /// 401: who are you?
    #[must_use]
    pub fn unauthenticated(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", "Sign in first", detail)
            .header(WWW_AUTHENTICATE, "Bearer realm=\"countersign\"")
    }

    /// 403: you may not.
    #[must_use]
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "You may not do this", detail)
    }

    /// 404: it is not there, for you.
    #[must_use]
    pub fn not_found(what: &str) -> Self {
        let detail = format!("there is no such {what}, or you may not see it");
        Self::new(StatusCode::NOT_FOUND, "not-found", "Not found", detail)
    }

    /// 405, with the methods that there are.
    #[must_use]
    pub fn method_not_allowed(allow: &str) -> Self {
        let detail = format!("this resource knows {allow}");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed", detail)
            .header(ALLOW, allow)
    }

    /// 409: the thing is in another state than you think.
    #[must_use]
    pub fn conflict(slug: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, slug, "Not possible in this state", detail)
    }

    /// 412: you looked at something else.
    #[must_use]
    pub fn stale(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::PRECONDITION_FAILED, "stale", "It has changed", detail)
    }

    /// 413: too large.
    #[must_use]
    pub fn too_large(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "Too large", detail)
    }

    /// 415: not JSON.
    #[must_use]
    pub fn unsupported_media_type() -> Self {
        let detail = "send `content-type: application/json`";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "Send JSON", detail)
    }

    /// 422: well-formed, but it cannot be.
    #[must_use]
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "This cannot be", detail)
    }

    /// 428: say what you looked at.
    #[must_use]
    pub fn precondition_required(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::PRECONDITION_REQUIRED,
            "precondition-required",
            "Say what you looked at",
            detail,
        )
    }

    /// 429 with the seconds to wait.
    #[must_use]
    pub fn too_many(detail: impl Into<String>, retry_after_seconds: u32) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-requests", "Slow down", detail)
            .header(RETRY_AFTER, &retry_after_seconds.to_string())
    }

    /// 429 of a limit that has a name of its own.
    #[must_use]
    pub fn too_many_of(slug: &'static str, detail: impl Into<String>, retry_after_seconds: u32) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, slug, "Slow down", detail)
            .header(RETRY_AFTER, &retry_after_seconds.to_string())
    }

    /// 500: our fault. The detail says nothing of the inside.
    #[must_use]
    pub fn internal() -> Self {
        let detail =
            "something went wrong on our side; nothing of yours was changed by this call as far as we know";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error", detail)
    }

    /// 503 with the seconds to wait: it may have happened, ask again with the same key.
    #[must_use]
    pub fn unavailable(retry_after_seconds: u32) -> Self {
        let detail =
            "the store did not answer in time; look again or repeat the call with the same Idempotency-Key";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Try again", detail)
            .header(RETRY_AFTER, &retry_after_seconds.to_string())
    }

    /// The JSON of the answer.
    #[must_use]
    pub fn body(&self) -> Value {
        let mut body = self.members.clone();
        body.insert("type".to_owned(), format!("{TYPE_BASE}{}", self.slug).into());
        body.insert("title".to_owned(), self.title.into());
        body.insert("status".to_owned(), self.status.as_u16().into());
        body.insert("detail".to_owned(), self.detail.clone().into());
        Value::Object(body)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.body().to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        for (name, value) in self.headers {
            headers.insert(name, value);
        }
        response.extensions_mut().insert(IsProblem);
        if self.status == StatusCode::FORBIDDEN && !self.noted {
            response.extensions_mut().insert(Refused { slug: self.slug, detail: self.detail });
        }
        response
    }
}

/// Marks a response as a 403 that is not in the audit trail yet, so that whoever stands at the edge notes it.
#[derive(Debug, Clone)]
pub struct Refused {
    /// The last part of the problem's `type`.
    pub slug: &'static str,
    /// Why, in words.
    pub detail: String,
}

/// Marks a response as a problem, so that the edge can add `instance`.
#[derive(Debug, Clone, Copy)]
pub struct IsProblem;
