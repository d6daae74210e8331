//! Strict JSON: unknown members, duplicate names and trailing bytes are refused.

use std::collections::HashSet;
use std::fmt;

use axum::body::Bytes;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::de::{DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use crate::Problem;
use utoipa::ToSchema;

/// The largest body of a call: a command of 100 KiB, escaped as JSON at its worst, and some room.
pub const MAX_BODY_BYTES: usize = 700 * 1024;

/// Reads a body as `T`, which must deny unknown fields itself.
///
/// # Errors
/// 415 if the content type is not JSON, 413 if it is too large, 400 with a JSON pointer if it is
/// not exactly one `T`.
pub fn body<T: DeserializeOwned>(headers: &HeaderMap, bytes: &Bytes) -> Result<T, Problem> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/json") {
        return Err(Problem::unsupported_media_type());
    }
    if bytes.len() > MAX_BODY_BYTES {
        return Err(Problem::too_large(format!(
            "the body has {} bytes, the most is {MAX_BODY_BYTES}",
            bytes.len()
        )));
    }
    strict(bytes)
}

/// Reads a body that may be empty, which is then `T::default()`.
///
/// # Errors
/// As [`body`].
pub fn optional_body<T: DeserializeOwned + Default>(
    headers: &HeaderMap,
    bytes: &Bytes,
) -> Result<T, Problem> {
    if bytes.is_empty() { Ok(T::default()) } else { body(headers, bytes) }
}

/// Nothing is said beside what is asked for.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// Makes sure that a call brings no body, or an empty object: members that nobody looks at would be taken for
/// granted by who sends them.
///
/// # Errors
/// As [`body`].
pub fn no_body(headers: &HeaderMap, bytes: &Bytes) -> Result<(), Problem> {
    optional_body::<Nothing>(headers, bytes).map(|Nothing {}| ())
}

/// Reads exactly one JSON object as `T`.
///
/// # Errors
/// 400 with a JSON pointer.
pub fn strict<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    if let Err(error) = serde_json::from_slice::<NoDuplicates>(bytes) {
        return Err(malformed("", &error));
    }
    // Serde would also take an array, with the members in their order.
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        return Err(Problem::bad_request("the body must be a JSON object").at("", "expected an object"));
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    serde_path_to_error::deserialize(&mut deserializer)
        .map_err(|error| malformed(&pointer(error.path()), error.inner()))
}

/// Reads a member that is an object: for `deserialize_with`, because serde would also take an array,
/// with the members in their order.
///
/// # Errors
/// If it is no object, or not a `T`.
pub fn object<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<T, D::Error> {
    let members = serde_json::Map::deserialize(deserializer)?;
    T::deserialize(serde_json::Value::Object(members)).map_err(serde::de::Error::custom)
}

fn malformed(pointer: &str, error: &serde_json::Error) -> Problem {
    // Serde says where the object is that lacks a member, or has one twice or too many: the member is meant.
    let text = error.to_string();
    let member = ["missing field `", "duplicate field `", "unknown field `"]
        .iter()
        .find_map(|start| text.strip_prefix(start)?.split_once('`'))
        .map(|(name, _)| format!("/{}", name.replace('~', "~0").replace('/', "~1")));
    let pointer = match &member {
        Some(member) if !pointer.ends_with(member.as_str()) => format!("{pointer}{member}"),
        _ => pointer.to_owned(),
    };
    let pointer = pointer.as_str();
    let place = if pointer.is_empty() { String::new() } else { format!(" at `{pointer}`") };
    // serde_json may quote a value of the body, but only in its expected/unexpected part.
    Problem::bad_request(format!("the body is not the JSON that is expected here{place}: {error}"))
        .at(pointer, error.to_string())
}

/// RFC 6901.
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    let escaped = |name: &str| format!("/{}", name.replace('~', "~0").replace('/', "~1"));
    let segment = |segment: &Segment| match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => escaped(key),
        Segment::Enum { variant } => escaped(variant),
        Segment::Unknown => String::new(),
    };
    path.iter().map(segment).collect()
}

/// Any JSON in which no object names a member twice, at any depth. Keeps nothing.
struct NoDuplicates;

impl<'de> Deserialize<'de> for NoDuplicates {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NoDuplicatesVisitor)
    }
}

struct NoDuplicatesVisitor;

impl<'de> Visitor<'de> for NoDuplicatesVisitor {
    type Value = NoDuplicates;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<NoDuplicates, E> {
        Ok(NoDuplicates)
    }
    fn visit_i64<E>(self, _: i64) -> Result<NoDuplicates, E> {
        Ok(NoDuplicates)
    }
    fn visit_u64<E>(self, _: u64) -> Result<NoDuplicates, E> {
        Ok(NoDuplicates)
    }
    fn visit_f64<E>(self, _: f64) -> Result<NoDuplicates, E> {
        Ok(NoDuplicates)
    }
    fn visit_str<E>(self, _: &str) -> Result<NoDuplicates, E> {
        Ok(NoDuplicates)
    }
    fn visit_unit<E>(self) -> Result<NoDuplicates, E> {
        Ok(NoDuplicates)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<NoDuplicates, A::Error> {
        while items.next_element::<NoDuplicates>()?.is_some() {}
        Ok(NoDuplicates)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<NoDuplicates, A::Error> {
        let mut seen = HashSet::new();
        while let Some(name) = members.next_key::<String>()? {
            if seen.contains(&name) {
                return Err(serde::de::Error::custom(format!("the member `{name}` is named twice")));
            }
            seen.insert(name);
            members.next_value::<NoDuplicates>()?;
        }
        Ok(NoDuplicates)
    }
}

/// A list in an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct List<T> {
    /// What is on this page.
    pub items: Vec<T>,
    /// The `cursor` of the next page; null at the end.
    pub next_cursor: Option<String>,
}

/// An answer with a JSON body.
#[must_use]
pub fn answer<T: Serialize>(status: StatusCode, value: &T) -> Response {
    match serde_json::to_vec(value) {
        Ok(bytes) => {
            let json = HeaderValue::from_static("application/json");
            (status, [(CONTENT_TYPE, json)], bytes).into_response()
        }
        Err(_) => Problem::internal().into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only parsed")]
    struct Small {
        a: u8,
        #[serde(default)]
        b: Option<serde_json::Value>,
        #[serde(default, deserialize_with = "object")]
        c: Option<Smaller>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only parsed")]
    struct Smaller {
        d: u8,
    }

    #[test]
    fn exactly_one_json_text_without_surprises_is_accepted() {
        assert!(strict::<Small>(br#" {"a":1,"b":{"c":[1,null,"x",true,-1,1.5]},"c":{"d":1}} "#).is_ok());
        for bad in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"b":{"c":1,"c":2}}"#,
            r#"{"a":1}x"#,
            r#"{"a":1}{"a":1}"#,
            r#"{"a":1,"z":1}"#,
            r#"{"a":300}"#,
            r#"{"a":"1"}"#,
            r"",
            r#"{"a":1"#,
            r"[1]",
            r"null",
            r#"{"a":1,"c":[1]}"#,
            "{\"a\":1,\"b\":\"\u{0}\"}",
        ] {
            let problem = strict::<Small>(bad.as_bytes()).expect_err(bad);
            assert_eq!(problem.status(), StatusCode::BAD_REQUEST, "{bad}");
        }
        assert!(strict::<Small>(b"{\"a\":1,\"b\":\"\xff\"}").is_err());
    }

    #[test]
    fn the_problem_points_at_the_member() {
        #[derive(Debug, Deserialize)]
        #[expect(dead_code, reason = "only parsed")]
        struct Outer {
            inner: Vec<Small>,
        }
        let problem = strict::<Outer>(br#"{"inner":[{"a":1},{"a":"x"}]}"#).expect_err("a text is no number");
        assert_eq!(problem.body()["errors"][0]["pointer"], "/inner/1/a");
        for (body, pointer) in [
            (r#"{"inner":[{}]}"#, "/inner/0/a"),
            (r#"{"inner":[{"a":1,"z":1}]}"#, "/inner/0/z"),
            ("{}", "/inner"),
            ("{", ""),
        ] {
            let problem = strict::<Outer>(body.as_bytes()).expect_err(body);
            assert_eq!(problem.body()["errors"][0]["pointer"], pointer, "{body}");
        }
    }
}
