//! The form of a command: a request line, headers, an empty line, the body.
//!
//! ```text
//! POST /v1/users?dry_run=true
//! content-type: application/json
//!
//! {"name": "Ada"}
//! ```

use super::path;
use crate::analysis::NotUnderstood;

/// Headers that a command may set. Others belong to the connection.
pub const HEADERS: [&str; 6] =
    ["accept", "accept-language", "content-type", "idempotency-key", "if-match", "if-none-match"];

/// A method that a command may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// GET
    Get,
    /// HEAD
    Head,
    /// OPTIONS
    Options,
    /// POST
    Post,
    /// PUT
    Put,
    /// PATCH
    Patch,
    /// DELETE
    Delete,
}

impl Method {
    const ALL: [Self; 7] =
        [Self::Get, Self::Head, Self::Options, Self::Post, Self::Put, Self::Patch, Self::Delete];

    /// Its name, in capitals.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Options => "OPTIONS",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// Whether HTTP says of it that it changes nothing (RFC 9110, 9.2.1).
    #[must_use]
    pub fn is_safe(self) -> bool {
        matches!(self, Self::Get | Self::Head | Self::Options)
    }
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request<'a> {
    /// Its method.
    pub method: Method,
    /// The path, which begins with `/`, as it is sent.
    pub path: &'a str,
    /// What is behind the first `?`, as it is sent.
    pub query: Option<&'a str>,
    /// Path and query, as they are sent.
    pub target: &'a str,
    /// Names in small letters, each once, of [`HEADERS`], with their values.
    pub headers: Vec<(String, String)>,
    /// All bytes behind the empty line.
    pub body: &'a str,
    /// What is behind the first line.
    pub(super) rest: &'a str,
}

/// Why a command is no request that can be sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct RequestError {
    why: String,
    at: usize,
}

impl RequestError {
    pub(super) fn in_command(&self, command: &str) -> NotUnderstood {
        NotUnderstood::at(command, self.at, self.why.as_str())
    }
}

/// Reads a command.
///
/// # Errors
/// What is not of the form, or can be read in more than one way.
pub fn parse(command: &str) -> Result<Request<'_>, RequestError> {
    let refuse = |at: usize, why: &str| RequestError { why: why.to_owned(), at };
    let (first, rest) = line(command);
    let form = "expected a method and a path in the first line, such as `GET /v1/users?active=true`";
    let (method, target) = first.split_once(' ').ok_or_else(|| refuse(0, form))?;
    let method = Method::ALL.into_iter().find(|known| known.as_str() == method).ok_or_else(|| {
        refuse(0, "expected the method GET, HEAD, OPTIONS, POST, PUT, PATCH or DELETE, in capitals")
    })?;
    let start = method.as_str().len() + 1;
    let (path, query) = target.split_once('?').map_or((target, None), |(path, query)| (path, Some(query)));
    path::check(path).map_err(|(at, why)| refuse(start + at, why))?;
    if let Some(query) = query {
        path::check_query(query).map_err(|(at, why)| refuse(start + path.len() + 1 + at, why))?;
    }
    let mut headers: Vec<(String, String)> = Vec::new();
    let mut body = rest;
    while !body.is_empty() {
        let at = command.len() - body.len();
        let (header, after) = line(body);
        body = after;
        if header.is_empty() {
            break;
        }
        headers.push(self::header(header, &headers).map_err(|why| RequestError { why, at })?);
    }
    if !body.is_empty() && method.is_safe() {
        return Err(refuse(command.len() - body.len(), &format!("a {} has no body", method.as_str())));
    }
    Ok(Request { method, path, query, target, headers, body, rest })
}

fn header(line: &str, others: &[(String, String)]) -> Result<(String, String), String> {
    let (name, value) =
        line.split_once(':').ok_or("expected a header `name: value`; an empty line ends the headers")?;
    let name = name.to_ascii_lowercase();
    if !HEADERS.contains(&name.as_str()) {
        return Err(format!(
            "a command may set the headers `{}` only; others belong to the connection",
            HEADERS.join("`, `")
        ));
    }
    if others.iter().any(|(known, _)| *known == name) {
        return Err(format!("the header `{name}` is there twice"));
    }
    let value = value.trim_matches([' ', '\t']);
    if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ') {
        return Err(format!("expected printable ASCII characters in the header `{name}`"));
    }
    Ok((name, value.to_owned()))
}

/// The next line without its end (`\n` or `\r\n`), and what follows.
fn line(text: &str) -> (&str, &str) {
    let (line, rest) = text.split_once('\n').unwrap_or((text, ""));
    (line.strip_suffix('\r').unwrap_or(line), rest)
}
