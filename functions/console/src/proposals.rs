//! What came of a change that may have to wait for another admin.

use axum::response::Response;
use countersign_app::view::RequestView;
use countersign_http::json;
use http::header::LOCATION;
use http::{HeaderValue, StatusCode};

/// What came of a change.
pub(crate) enum Saved<T> {
    /// It is done.
    Stored(T),
    /// It waits for another admin.
    Proposed(Box<RequestView>),
}

/// 202: look at the request for what becomes of it.
pub(crate) fn proposed(request: &RequestView) -> Response {
    let mut response = json::answer(StatusCode::ACCEPTED, request);
    if let Ok(location) = HeaderValue::from_str(&format!("/v1/requests/{}", request.id)) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

impl<T> Saved<T> {
    /// The page that whoever saved it is led to: `done` if it is done, else the request's.
    pub(crate) fn page(&self, done: impl FnOnce(&T) -> String) -> String {
        match self {
            Self::Stored(thing) => done(thing),
            Self::Proposed(request) => format!("/requests/{}", request.id),
        }
    }
}
