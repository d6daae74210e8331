//! Whether a webhook can be.

use std::time::Duration;

use countersign_app::{App, Config};
use countersign_egress::{FilteredResolver, Policy, blocked_in};
use countersign_http::Problem;
use countersign_notify::payload::TYPES;
use http::{HeaderName, HeaderValue};
use url::{Host, Url};

use super::shape::Body;

const MOST_HEADERS: usize = 20;
const LONGEST_URL: usize = 2048;
const LONGEST_VALUE: usize = 2048;
/// How long a name may take to resolve while a person waits.
const RESOLVE_WITHIN: Duration = Duration::from_secs(3);

/// Headers that a delivery has anyway, or that would change how it travels.
const OURS: [&str; 16] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
];

/// Refuses what cannot be; says what is odd.
pub(super) async fn check(app: &App, body: &Body) -> Result<Vec<String>, Problem> {
    let refuse = |pointer: &str, detail: String| Err(Problem::invalid(detail.clone()).at(pointer, detail));
    if body.name.chars().count() > 100 {
        return refuse("/name", "a webhook's name has at most 100 characters".to_owned());
    }
    if let Some(unknown) = body.events.iter().find(|event| !TYPES.contains(&event.as_str())) {
        let unknown: String = unknown.chars().take(64).collect();
        return refuse("/events", format!("unknown type `{unknown}`, expected some of {}", TYPES.join(", ")));
    }
    if body.headers.len() > MOST_HEADERS {
        return refuse("/headers", format!("at most {MOST_HEADERS} headers"));
    }
    for (name, value) in &body.headers {
        if let Err(why) = check_header(name, value) {
            let shown: String = name.chars().take(64).collect();
            return refuse("/headers", format!("the header `{shown}`: {why}"));
        }
    }
    check_url(app, &body.url).await.or_else(|why| refuse("/url", why))
}

fn check_header(name: &str, value: &str) -> Result<(), &'static str> {
    let parsed: HeaderName = name.parse().map_err(|_| "that is no name of a header")?;
    if OURS.contains(&parsed.as_str()) || parsed.as_str().starts_with("webhook-") {
        return Err("deliveries have it anyway, or it would change how they travel");
    }
    if value.len() > LONGEST_VALUE || HeaderValue::from_str(value).is_err() {
        return Err("expected a value of at most 2048 visible characters");
    }
    Ok(())
}

/// Where webhooks may lead.
pub(super) fn policy(config: &Config) -> Policy {
    Policy { allow: Vec::new(), loopback: config.loopback_webhooks }
}

/// The same filter as when a delivery is sent, now: it is asked again then.
async fn check_url(app: &App, text: &str) -> Result<Vec<String>, String> {
    if text.is_empty() || text.len() > LONGEST_URL || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(format!("expected an `https` URL of at most {LONGEST_URL} visible ASCII characters"));
    }
    let url: Url =
        text.parse().map_err(|_| "expected a URL such as `https://hooks.example.com/x`".to_owned())?;
    if url.fragment().is_some() {
        return Err("a URL with a `#` part is refused: it would not be sent".to_owned());
    }
    let policy = policy(&app.config);
    policy.check_url(&url).map_err(|blocked| blocked.to_string())?;
    let Some(Host::Domain(name)) = url.host() else { return Ok(Vec::new()) };
    let resolver = FilteredResolver::new(policy);
    match tokio::time::timeout(RESOLVE_WITHIN, resolver.lookup(name)).await {
        Ok(Ok(_)) => Ok(Vec::new()),
        Ok(Err(error)) => match blocked_in(&error) {
            Some(blocked) => Err(format!("`{name}` leads where nothing may be sent: {blocked}")),
            None => Ok(vec![format!("`{name}` does not resolve now: deliveries fail until it does")]),
        },
        Err(_) => Ok(vec![format!("`{name}` did not resolve within 3 s: look whether it is right")]),
    }
}
