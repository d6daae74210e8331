//! A function's answer (payload format 2.0) as an HTTP response.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::{Map, Value};

/// Headers that this server sets itself, whatever the function said.
const OWN: [HeaderName; 3] = [header::CONNECTION, header::TRANSFER_ENCODING, header::UPGRADE];

/// Makes the response; `None` where the answer does not say what it should.
///
/// An answer without `statusCode` is, as in API Gateway, the body of a 200 in JSON.
/// `head` says that the request was a HEAD: then the function's `content-length` stands.
pub(super) fn build(answer: Value, head: bool) -> Option<Response<Bytes>> {
    let Value::Object(mut answer) = answer else {
        return bare(&answer);
    };
    let Some(status) = answer.get("statusCode") else {
        return bare(&Value::Object(answer));
    };
    let status = u16::try_from(status.as_u64()?).ok()?;
    let status = StatusCode::from_u16(status).ok()?;
    let body = body(&mut answer)?;
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers(&answer, head)?;
    Some(response)
}

fn bare(answer: &Value) -> Option<Response<Bytes>> {
    let body = match answer {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    Response::builder().header(header::CONTENT_TYPE, "application/json").body(body.into()).ok()
}

fn body(answer: &mut Map<String, Value>) -> Option<Bytes> {
    let encoded = answer.get("isBase64Encoded").and_then(Value::as_bool).unwrap_or(false);
    match answer.remove("body") {
        None | Some(Value::Null) => Some(Bytes::new()),
        Some(Value::String(text)) if encoded => STANDARD.decode(text).ok().map(Bytes::from),
        Some(Value::String(text)) => Some(text.into()),
        Some(_) => None,
    }
}

/// `headers`, then `multiValueHeaders` (a name that stands there replaces the single value,
/// which repeats one of them), then a `set-cookie` for each of `cookies`.
fn headers(answer: &Map<String, Value>, head: bool) -> Option<HeaderMap> {
    let mut all = HeaderMap::new();
    for (name, value) in members(answer.get("headers"))? {
        all.insert(header_name(name)?, header_value(value)?);
    }
    for (name, values) in members(answer.get("multiValueHeaders"))? {
        let name = header_name(name)?;
        all.remove(&name);
        for value in values.as_array()? {
            all.append(name.clone(), header_value(value)?);
        }
    }
    if let Some(Value::Array(cookies)) = answer.get("cookies") {
        for cookie in cookies {
            all.append(header::SET_COOKIE, header_value(cookie)?);
        }
    }
    for name in OWN {
        all.remove(name);
    }
    if !head {
        // hyper counts the body itself.
        all.remove(header::CONTENT_LENGTH);
    }
    Some(all)
}

type Members<'a> = Box<dyn Iterator<Item = (&'a String, &'a Value)> + 'a>;

fn members(value: Option<&Value>) -> Option<Members<'_>> {
    match value {
        None | Some(Value::Null) => Some(Box::new(std::iter::empty())),
        Some(Value::Object(members)) => Some(Box::new(members.iter())),
        Some(_) => None,
    }
}

fn header_name(name: &str) -> Option<HeaderName> {
    HeaderName::from_bytes(name.as_bytes()).ok()
}

fn header_value(value: &Value) -> Option<HeaderValue> {
    match value {
        Value::String(text) => HeaderValue::from_bytes(text.as_bytes()).ok(),
        Value::Number(_) | Value::Bool(_) => HeaderValue::from_str(&value.to_string()).ok(),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_header_in_both_places_is_sent_once_with_all_its_values() {
        let response = build(
            json!({"statusCode": 200, "headers": {"vary": "accept"},
                   "multiValueHeaders": {"vary": ["accept", "origin"]}}),
            false,
        )
        .unwrap();
        let values: Vec<_> = response.headers().get_all("vary").iter().collect();
        assert_eq!(values, ["accept", "origin"]);
    }

    #[test]
    fn an_answer_that_is_no_response_is_not_made_into_one() {
        for answer in [
            json!({"statusCode": 99999}),
            json!({"statusCode": "200"}),
            json!({"statusCode": 200, "headers": {"a b": "c"}}),
            json!({"statusCode": 200, "headers": {"a": "b\r\nc: d"}}),
            json!({"statusCode": 200, "body": {"a": 1}}),
            json!({"statusCode": 200, "body": "%%%", "isBase64Encoded": true}),
        ] {
            assert!(build(answer.clone(), false).is_none(), "{answer}");
        }
    }

    #[test]
    fn an_answer_without_a_status_is_the_body_of_a_200() {
        let response = build(json!({"hello": "world"}), false).unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "application/json");
    }

    #[test]
    fn only_a_head_request_keeps_the_functions_content_length() {
        let answer = json!({"statusCode": 200, "headers": {"content-length": "7"}});
        assert!(!build(answer.clone(), false).unwrap().headers().contains_key("content-length"));
        assert_eq!(build(answer, true).unwrap().headers()["content-length"], "7");
    }
}
