//! An answer out of a page.

use axum::response::{IntoResponse as _, Response};
use countersign_app::Config;
use http::header::{
    CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use maud::Markup;

/// A page.
#[must_use]
pub fn answer(config: &Config, status: StatusCode, page: Markup) -> Response {
    answer_with_forms_to(config, status, page, &[])
}

/// A page whose forms may lead to these origins too.
#[must_use]
pub fn answer_with_forms_to(config: &Config, status: StatusCode, page: Markup, origins: &[&str]) -> Response {
    let mut response = (status, page.into_string()).into_response();
    headers(response.headers_mut(), config, origins);
    response
}

/// What a page is sent with.
pub(crate) fn headers(headers: &mut HeaderMap, config: &Config, forms_to: &[&str]) {
    let forms_to: String = forms_to.iter().map(|origin| format!(" {origin}")).collect();
    let policy = format!(
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
         form-action 'self'{forms_to}; base-uri 'none'; frame-ancestors 'none'"
    );
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    // Not `no-referrer`: under it browsers send forms with `Origin: null`, which nobody can tell from a
    // page from elsewhere.
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    let mut set = |name, value| {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    };
    set("x-frame-options", "DENY");
    set("cross-origin-opener-policy", "same-origin");
    set("cross-origin-resource-policy", "same-origin");
    set("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()");
    if config.is_secure() {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000"));
    }
}

/// The same form to another page, which looks at it again: the browser brings it there.
#[must_use]
pub fn bring_form_to(path: &str) -> Response {
    let mut response = go_to(path);
    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    response
}

/// An answer that a browser saves as a file of that name.
#[must_use]
pub fn as_file(mut response: Response, name: &str) -> Response {
    if let Ok(disposition) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        response.headers_mut().insert(CONTENT_DISPOSITION, disposition);
    }
    response
}

/// The way to another page, after a form was taken.
#[must_use]
pub fn go_to(path: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    if let Ok(to) = HeaderValue::from_str(path) {
        response.headers_mut().insert(LOCATION, to);
    }
    response
}
