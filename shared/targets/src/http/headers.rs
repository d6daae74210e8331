//! Headers: the connection's, the secret's, the command's, and those of the answer that are told.

use crate::message::Scrub;
use crate::output::Meter;
use crate::run::Output;
use crate::spec::HttpSpec;
use crate::{Column, RunError, Secret};
use reqwest::Response;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

/// What nobody sets: the client does, a proxy would be led astray, or the service would take another method or path than
/// those of the command.
const OF_THE_CLIENT: [&str; 20] = [
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "upgrade",
    "te",
    "trailer",
    "expect",
    "proxy-authorization",
    "proxy-connection",
    "forwarded",
    "http2-settings",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-method",
    "x-original-url",
    "x-rewrite-url",
    "x-forwarded-prefix",
];

/// What would be a credential in plain sight.
const CREDENTIALS: [&str; 4] = ["authorization", "cookie", "x-api-key", "x-auth-token"];

/// What an answer's reader may want to know.
const TOLD: [&str; 5] = ["content-type", "etag", "last-modified", "location", "retry-after"];

/// True if a connection may set the header for every call.
pub(crate) fn is_free_header(name: &str, value: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    HeaderName::from_bytes(name.as_bytes()).is_ok()
        && !OF_THE_CLIENT.contains(&lower.as_str())
        && !CREDENTIALS.contains(&lower.as_str())
        && (1..=4096).contains(&value.len())
        && value.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
}

/// The headers of a call. The connection's win over the command's, the secret over both.
pub(super) fn all(
    spec: &HttpSpec,
    secret: Option<&Secret>,
    of_command: &[(String, String)],
) -> Result<HeaderMap, RunError> {
    let mut map = HeaderMap::new();
    for (name, value) in of_command.iter().map(|(name, value)| (name, value)).chain(&spec.headers) {
        let header = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value));
        let (Ok(name), Ok(value)) = header else {
            return Err(RunError::not_started(format!(
                "the header `{name}` has a value that cannot be sent"
            )));
        };
        map.insert(name, value);
    }
    if let Some(secret) = secret {
        let (name, mut value) = of_secret(secret)?;
        value.set_sensitive(true);
        map.insert(name, value);
    }
    Ok(map)
}

/// `Header-Name: value`, or the value of `Authorization` alone. No message quotes it.
fn of_secret(secret: &Secret) -> Result<(HeaderName, HeaderValue), RunError> {
    let wrong = || {
        RunError::not_started(
            "the secret is no header that can be sent: expected `Header-Name: value`, or the value of `Authorization` such as `Bearer …`",
        )
    };
    let text = secret.expose().trim();
    let (name, value) = match text.split_once(": ") {
        Some((name, value)) => (HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?, value.trim()),
        None => (AUTHORIZATION, text),
    };
    if value.is_empty() || OF_THE_CLIENT.contains(&name.as_str()) {
        return Err(wrong());
    }
    Ok((name, HeaderValue::from_str(value).map_err(|_| wrong())?))
}

/// The secret whole, its value, and what follows `Bearer`: no message has any of them.
pub(super) fn scrub(secret: Option<&Secret>) -> Scrub {
    let Some(secret) = secret else { return Scrub::default() };
    let text = secret.expose().trim();
    let value = text.split_once(": ").map_or(text, |(_, value)| value.trim());
    let token = value.rsplit(' ').next().unwrap_or(value);
    Scrub::new([text, value, token].map(str::to_owned))
}

/// The status and the headers that are told, as rows.
pub(super) async fn tell(response: &Response, meter: &mut Meter, output: &mut Output<'_>) {
    let column = |name: &str| Column { name: name.to_owned(), type_name: String::new(), source: None };
    let columns = vec![column("header"), column("value")];
    let mut rows = vec![("status".to_owned(), response.status().as_str().to_owned())];
    rows.extend(TOLD.iter().filter_map(|name| {
        let value = response.headers().get(*name)?;
        Some(((*name).to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
    }));
    if let Some(record) = meter.columns(columns) {
        output.give(record).await;
    }
    for (name, value) in rows {
        if let Some(record) = meter.row(|| vec![Some(name), Some(value)]) {
            output.give(record).await;
        }
    }
    for record in meter.done(format!("HTTP {}", response.status().as_str()), None) {
        output.give(record).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_a_header_or_the_value_of_authorization() {
        let header = |text: &str| {
            of_secret(&Secret::new(text)).map(|(name, value)| format!("{name}={}", value.to_str().unwrap()))
        };
        assert_eq!(header("Bearer abc").unwrap(), "authorization=Bearer abc");
        assert_eq!(header("X-Api-Key: abc\n").unwrap(), "x-api-key=abc");
        for text in ["", "Host: x", "a b: hunter2", "x: hunter2\nHost: y", "Bearer \u{1}hunter2"] {
            let error = header(text).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn no_form_of_the_secret_is_left_in_a_message() {
        let scrub = scrub(Some(&Secret::new("X-Key: Bearer hunter2")));
        assert_eq!(scrub.clean("a hunter2 b"), "a [secret] b");
    }
}
