//! A request as API Gateway's HTTP API hands it to a function (payload format 2.0).

use crate::{ACCOUNT, text};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, header, request};
use serde_json::{Map, Value, json};
use std::net::SocketAddr;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

/// `12/Mar/2020:19:03:58 +0000`, as in the Common Log Format.
const CLF_TIME: &[BorrowedFormatItem<'static>] =
    format_description!("[day]/[month repr:short]/[year]:[hour]:[minute]:[second] +0000");

/// Headers that belong to a connection and not to a request.
const HOP_BY_HOP: [header::HeaderName; 7] = [
    header::CONNECTION,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// What an event is made of.
pub(super) struct Parts<'a> {
    pub(super) head: &'a request::Parts,
    pub(super) body: &'a [u8],
    /// The checked `Host`.
    pub(super) host: &'a str,
    pub(super) peer: SocketAddr,
    /// The port that is listened on.
    pub(super) port: u16,
}

/// Makes the event.
pub(super) fn build(parts: &Parts<'_>) -> Value {
    let head = parts.head;
    let path = head.uri.path();
    let query = head.uri.query().unwrap_or("");
    let now = OffsetDateTime::now_utc();
    let time = now.format(CLF_TIME).unwrap_or_default();
    let source_ip = parts.peer.ip().to_string();
    let mut event = json!({
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers(&head.headers, parts),
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": "local",
            "domainName": parts.host,
            "domainPrefix": parts.host.split(['.', ':']).next().unwrap_or(""),
            "http": {
                "method": head.method.as_str(),
                "path": path,
                "protocol": format!("{:?}", head.version),
                "sourceIp": source_ip,
                "userAgent": text_of(head.headers.get(header::USER_AGENT)),
            },
            "requestId": text::request_id(),
            "routeKey": "$default",
            "stage": "$default",
            "time": time,
            "timeEpoch": text::now_unix_ms(),
        },
        "isBase64Encoded": false,
    });
    let Some(members) = event.as_object_mut() else {
        return event;
    };
    if !query.is_empty() {
        members.insert("queryStringParameters".into(), query_parameters(query));
    }
    let cookies = cookies(&head.headers);
    if !cookies.is_empty() {
        members.insert("cookies".into(), cookies.into());
    }
    if !parts.body.is_empty() {
        let (body, encoded) = body(parts.body, head.headers.get(header::CONTENT_TYPE));
        members.insert("body".into(), body.into());
        members.insert("isBase64Encoded".into(), encoded.into());
    }
    event
}

/// Lower-case names, several values of one name joined by commas, cookies taken out, and
/// what API Gateway adds. What a client claims about the way it came is overwritten.
fn headers(sent: &HeaderMap, parts: &Parts<'_>) -> Value {
    let mut all = Map::new();
    for name in sent.keys() {
        if name == header::COOKIE || HOP_BY_HOP.contains(name) {
            continue;
        }
        let values: Vec<String> = sent.get_all(name).iter().map(|value| text_of(Some(value))).collect();
        all.insert(name.as_str().to_owned(), values.join(",").into());
    }
    let source_ip = parts.peer.ip().to_string();
    let forwarded_for = match all.get("x-forwarded-for").and_then(Value::as_str) {
        Some(earlier) => format!("{earlier}, {source_ip}"),
        None => source_ip,
    };
    all.insert("host".into(), parts.host.into());
    all.insert("x-forwarded-for".into(), forwarded_for.into());
    all.insert("x-forwarded-port".into(), parts.port.to_string().into());
    all.insert("x-forwarded-proto".into(), "http".into());
    all.into()
}

fn text_of(value: Option<&HeaderValue>) -> String {
    value.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).unwrap_or_default()
}

/// `a=1; b=2` as two cookies.
fn cookies(sent: &HeaderMap) -> Vec<String> {
    sent.get_all(header::COOKIE)
        .iter()
        .flat_map(|value| {
            text_of(Some(value)).split(';').map(|cookie| cookie.trim().to_owned()).collect::<Vec<_>>()
        })
        .filter(|cookie| !cookie.is_empty())
        .collect()
}

/// Decoded parameters; several values of one name are joined by commas.
fn query_parameters(query: &str) -> Value {
    let mut all: Map<String, Value> = Map::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let joined = match all.get(name.as_ref()).and_then(Value::as_str) {
            Some(earlier) => format!("{earlier},{value}"),
            None => value.into_owned(),
        };
        all.insert(name.into_owned(), joined.into());
    }
    all.into()
}

/// Text media types travel as text, all else as base64, as in API Gateway.
fn body(bytes: &[u8], content_type: Option<&HeaderValue>) -> (String, bool) {
    match std::str::from_utf8(bytes) {
        Ok(text) if is_text(&text_of(content_type)) => (text.to_owned(), false),
        _ => (STANDARD.encode(bytes), true),
    }
}

fn is_text(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or("").trim();
    let media_type = media_type.to_ascii_lowercase();
    media_type.starts_with("text/")
        || matches!(media_type.as_str(), "application/json" | "application/javascript" | "application/xml")
        || media_type.ends_with("+json")
        || media_type.ends_with("+xml")
}
