//! Versions as `ETag` and `If-Match`.

use axum::response::Response;
use countersign_http::Problem;
use http::header::{ETAG, IF_MATCH};
use http::{HeaderMap, HeaderValue};

/// The version in `If-Match`, if it is there.
pub(crate) fn if_match(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(value) = headers.get(IF_MATCH) else {
        return Ok(None);
    };
    let tag = value.to_str().unwrap_or_default().trim();
    let version =
        tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).and_then(|tag| tag.parse().ok());
    version.map(Some).ok_or_else(|| Problem::stale("If-Match must be the ETag of the last answer"))
}

pub(crate) fn with_etag(mut response: Response, version: u64) -> Response {
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{version}\"")) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}
