//! A command as the call that is sent. It is read by the code that analyses it ([`countersign_guardrails::http`]).

use countersign_guardrails::http::parse as parse_request;
use reqwest::Method;

/// One call.
pub(super) struct Call {
    pub(super) method: Method,
    /// With the query; begins with `/`.
    pub(super) path: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Call {
    /// True if HTTP says of the method that it changes nothing.
    pub(super) fn is_safe(&self) -> bool {
        self.method.is_safe() && self.method != Method::TRACE
    }
}

pub(super) fn parse(command: &str) -> Result<Call, String> {
    let request = parse_request(command).map_err(|error| error.to_string())?;
    let method = Method::from_bytes(request.method.as_str().as_bytes()).map_err(|error| error.to_string())?;
    Ok(Call {
        method,
        path: request.target.to_owned(),
        headers: request.headers,
        body: request.body.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_body_is_what_follows_the_empty_line_to_the_last_byte() {
        let call = parse("POST /a?b=c\r\nContent-Type: text/plain\r\n\r\n\r\nx\r\n").unwrap();
        assert_eq!(
            (call.method, call.path.as_str(), call.body.as_str()),
            (Method::POST, "/a?b=c", "\r\nx\r\n")
        );
        assert_eq!(call.headers, [("content-type".to_owned(), "text/plain".to_owned())]);
        let call = parse("GET /").unwrap();
        assert!(call.is_safe() && call.body.is_empty());
        assert!(!parse("DELETE /x\n").unwrap().is_safe());
    }

    #[test]
    fn what_is_not_of_the_form_is_refused() {
        for command in [
            "",
            "GET",
            "get /",
            "TRACE /",
            "CONNECT /",
            "GET x",
            "GET http://x/",
            "GET /a b",
            "GET /a HTTP/1.1",
            "GET /#x",
            "GET /\u{e9}",
            "GET  /",
            "GET /\\x",
            "GET /\nhost: x",
            "GET /\nauthorization: x",
            "GET /\ntransfer-encoding: chunked",
            "GET /\naccept: a\naccept: b",
            "GET /\n broken",
            "GET /\n\nbody",
        ] {
            assert!(parse(command).is_err(), "{command:?}");
        }
    }
}
