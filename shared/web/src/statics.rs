//! The one stylesheet, the one script, the one icon. They change with the program, so their addresses
//! carry its build's hash and they may be kept for ever.

use std::sync::OnceLock;

use axum::response::{IntoResponse as _, Response};
use countersign_http::Problem;
use countersign_rules::digest::sha256_hex;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};

const CSS: &str = include_str!("../static/console.css");
const JS: &str = include_str!("../static/console.js");
const ICON: &str = include_str!("../static/icon.svg");

/// The address of the stylesheet.
pub fn css() -> &'static str {
    static ADDRESS: OnceLock<String> = OnceLock::new();
    ADDRESS.get_or_init(|| address("console", CSS, "css"))
}

/// The address of the script.
pub fn js() -> &'static str {
    static ADDRESS: OnceLock<String> = OnceLock::new();
    ADDRESS.get_or_init(|| address("console", JS, "js"))
}

/// The address of the icon.
pub fn icon() -> &'static str {
    static ADDRESS: OnceLock<String> = OnceLock::new();
    ADDRESS.get_or_init(|| address("icon", ICON, "svg"))
}

fn address(name: &str, content: &str, extension: &str) -> String {
    let hash: String = sha256_hex(content.as_bytes()).chars().take(12).collect();
    format!("/static/{name}.{hash}.{extension}")
}

/// Gives the file at an address.
///
/// # Errors
/// 404.
pub fn file(path: &str) -> Result<Response, Problem> {
    let (content, media_type) = if path == css() {
        (CSS, "text/css; charset=utf-8")
    } else if path == js() {
        (JS, "text/javascript; charset=utf-8")
    } else if path == icon() {
        (ICON, "image/svg+xml")
    } else {
        return Err(Problem::not_found("file"));
    };
    let kept = "public, max-age=31536000, immutable";
    Ok((StatusCode::OK, [(CONTENT_TYPE, media_type), (CACHE_CONTROL, kept)], content).into_response())
}
