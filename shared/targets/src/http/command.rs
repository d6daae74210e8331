//! The form of a command: a request line, headers, an empty line, the body.
//!
//! ```text
//! POST /v1/users?dry_run=true
//! content-type: application/json
//!
//! {"name": "Ada"}
//! ```

use super::headers::OF_A_COMMAND;
use reqwest::Method;

const METHODS: [Method; 7] =
    [Method::GET, Method::HEAD, Method::OPTIONS, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

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
    let mut rest = command;
    let first = line(&mut rest).unwrap_or_default();
    let form = "the first line must be a method and a path, such as `GET /v1/users?active=true`";
    let (method, path) = first.split_once(' ').ok_or(form)?;
    let method = METHODS.into_iter().find(|known| known.as_str() == method).ok_or_else(|| {
        "the method must be GET, HEAD, OPTIONS, POST, PUT, PATCH or DELETE, in capitals".to_owned()
    })?;
    if !path.starts_with('/')
        || path.contains(['#', '\\'])
        || !path.bytes().all(|byte| byte.is_ascii_graphic())
    {
        return Err(format!(
            "{form}; the path begins with `/`, has no `#`, and what is not ASCII is percent-encoded"
        ));
    }
    let mut headers: Vec<(String, String)> = Vec::new();
    while let Some(header) = line(&mut rest).filter(|header| !header.is_empty()) {
        let (name, value) =
            header.split_once(':').ok_or("a header line must be `name: value`; an empty line ends them")?;
        let name = name.to_ascii_lowercase();
        if !OF_A_COMMAND.contains(&name.as_str()) {
            return Err(format!(
                "a command may set the headers `{}` only; others belong to the connection",
                OF_A_COMMAND.join("`, `")
            ));
        }
        if headers.iter().any(|(known, _)| *known == name) {
            return Err(format!("the header `{name}` is there twice"));
        }
        headers.push((name, value.trim().to_owned()));
    }
    let path = path.to_owned();
    if !rest.is_empty() && matches!(method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Err(format!("a `{method}` has no body"));
    }
    Ok(Call { method, path, headers, body: rest.to_owned() })
}

/// Takes the next line, with `\n` or `\r\n` at its end.
fn line<'a>(rest: &mut &'a str) -> Option<&'a str> {
    if rest.is_empty() {
        return None;
    }
    let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
    *rest = after;
    Some(line.strip_suffix('\r').unwrap_or(line))
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
