//! What is set in browsers.

use countersign_app::Config;
use http::HeaderValue;

/// A cookie that lasts `max_age` seconds; 0 takes it away.
#[must_use]
pub fn set(config: &Config, name: &str, value: &str, max_age: u32) -> Option<HeaderValue> {
    let secure = if config.is_secure() { "; Secure" } else { "" };
    // Lax: whoever follows a link out of a chat is signed in, a form of another site is not.
    let line = format!("{name}={value}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::from_str(&line).ok()
}

/// The cookie of a session.
#[must_use]
pub fn session(config: &Config, value: &str) -> Option<HeaderValue> {
    set(config, config.session_cookie(), value, countersign_identity::session::LIFETIME_SECONDS)
}

/// Takes the cookie of a session away.
#[must_use]
pub fn no_session(config: &Config) -> Option<HeaderValue> {
    set(config, config.session_cookie(), "", 0)
}

/// The name of the cookie of a sign-in that is under way.
#[must_use]
pub fn sign_in_name(config: &Config) -> &'static str {
    if config.is_secure() { "__Host-countersign-sign-in" } else { "countersign-sign-in" }
}
