//! Ways to ask a server for another method than that of the request line.

use super::path;
use super::request::Request;

/// Names of parameters by which servers take another method, without signs and in small letters.
const NAMES: [&str; 11] = [
    "httpmethod",
    "httpmethodoverride",
    "httpverb",
    "method",
    "methodoverride",
    "overridemethod",
    "requestmethod",
    "xhttpmethod",
    "xhttpmethodoverride",
    "xmethodoverride",
    "xoriginalmethod",
];

/// Methods that are no reads.
const METHODS: [&str; 10] =
    ["CONNECT", "COPY", "DELETE", "LOCK", "MERGE", "MKCOL", "MOVE", "PATCH", "POST", "PUT"];

/// Whether a parameter of a query or a form asks for another method.
pub(super) fn in_query(query: &str) -> bool {
    query.split(['&', ';']).any(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let (name, value) = (twice_decoded(name), twice_decoded(value));
        let letters: String =
            name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
        let mutates = letters == "query" && value.trim_start().to_ascii_lowercase().starts_with("mutation");
        mutates
            || NAMES.contains(&letters.as_str())
            || METHODS.contains(&value.trim().to_uppercase().as_str())
    })
}

/// Whether a body does. Forms are read as a query is; in other bodies the names are looked for.
pub(super) fn in_body(request: &Request<'_>) -> bool {
    let is_form = request
        .headers
        .iter()
        .any(|(name, value)| name == "content-type" && value.to_ascii_lowercase().contains("urlencoded"));
    let lower = request.body.to_ascii_lowercase();
    (is_form && in_query(request.body))
        || ["_method", "http-method", "method-override", "methodoverride"]
            .iter()
            .any(|name| lower.contains(name))
}

fn twice_decoded(text: &str) -> String {
    path::decoded(&path::decoded(&text.replace('+', " ")))
}

#[cfg(test)]
mod tests {
    use super::in_query;

    #[test]
    fn a_parameter_may_ask_for_another_method() {
        for query in [
            "_method=DELETE",
            "_METHOD=delete",
            "a=b&_method=put",
            "a=b;_method=put",
            "%5fmethod=x",
            "%255Fmethod=x",
            "X-HTTP-Method-Override=DELETE",
            "x_http_method=x",
            "a%5B_method%5D=x&b=PATCH",
            "op=DELETE",
            "op=%44ELETE",
            "_method",
            "query=mutation%20%7Bx%7D",
        ] {
            assert!(in_query(query), "{query}");
        }
        for query in ["", "payment_method=card", "page=2&sort=name", "query=%7Busers%7D", "q=delete%20me"] {
            assert!(!in_query(query), "{query}");
        }
    }
}
