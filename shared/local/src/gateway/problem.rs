//! What the gateway itself refuses, as problem+json (RFC 9457).

use crate::http_server;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::json;
use std::time::Duration;

/// A refusal.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    slug: &'static str,
    title: &'static str,
    detail: String,
    /// Seconds after which trying again makes sense.
    retry_after: Option<&'static str>,
    /// The rest of the connection cannot be trusted to be a request.
    close: bool,
}

impl Problem {
    fn new(status: StatusCode, slug: &'static str, title: &'static str, detail: String) -> Self {
        Self { status, slug, title, detail, retry_after: None, close: false }
    }

    pub(super) fn bad_request(detail: &str) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "bad-request",
            "The request cannot be understood",
            detail.to_owned(),
        )
    }

    pub(super) fn body_too_large(limit_bytes: usize) -> Self {
        let mut problem = Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "payload-too-large",
            "The body is too large",
            format!("a body may have at most {limit_bytes} bytes"),
        );
        problem.close = true;
        problem
    }

    pub(super) fn head_too_large(limit_bytes: usize) -> Self {
        let mut problem = Self::new(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "headers-too-large",
            "The headers are too large",
            format!("the request line and the headers may have at most {limit_bytes} bytes together"),
        );
        problem.close = true;
        problem
    }

    pub(super) fn too_slow() -> Self {
        let mut problem = Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "request-timeout",
            "The body did not arrive in time",
            "send the request again".to_owned(),
        );
        problem.close = true;
        problem
    }

    pub(super) fn wrong_host() -> Self {
        Self::new(
            StatusCode::MISDIRECTED_REQUEST,
            "host-not-allowed",
            "This server does not answer under that host name",
            "use the address that the server printed when it started".to_owned(),
        )
    }

    pub(super) fn wrong_origin() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "origin-not-allowed",
            "Pages from elsewhere may not call this server",
            "open the server's own pages at the address that it printed when it started".to_owned(),
        )
    }

    pub(super) fn busy() -> Self {
        let mut problem = Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "busy",
            "Too many requests are being handled",
            "try again in a moment".to_owned(),
        );
        problem.retry_after = Some("1");
        problem
    }

    pub(super) fn stopping() -> Self {
        let mut problem = Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "stopping",
            "The server is stopping",
            "try again when it has been started again".to_owned(),
        );
        problem.retry_after = Some("5");
        problem
    }

    pub(super) fn timed_out(after: Duration) -> Self {
        Self::new(
            StatusCode::GATEWAY_TIMEOUT,
            "timed-out",
            "The answer took too long",
            format!(
                "no answer within {} seconds; what was asked for may still happen, look before \
                 you ask again",
                after.as_secs()
            ),
        )
    }

    /// A function failed: why is in its log, never in the answer.
    pub(super) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Something went wrong here",
            "the cause is in the server's log".to_owned(),
        )
    }

    #[cfg(test)]
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    pub(super) fn into_response(self, path: &str) -> Response<Bytes> {
        let body = json!({
            "type": format!("https://countersign.dev/problems/{}", self.slug),
            "title": self.title,
            "status": self.status.as_u16(),
            "detail": self.detail,
            "instance": path,
        });
        let mut response = http_server::answer(self.status, "application/problem+json", body.to_string());
        let headers = response.headers_mut();
        headers
            .insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(seconds));
        }
        if self.close {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
