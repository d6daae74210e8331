//! A request of an `http` connection: `METHOD /path` on the first line.

use crate::Dialect;
use crate::analysis::{Analysis, Kind, Statement};
use crate::bounds;

/// Headers by which some servers take another method than the one in front.
const OVERRIDES: [&str; 4] =
    ["x-http-method-override", "x-http-method", "x-method-override", "x-original-method"];

/// Analyses a command.
pub(crate) fn analyse(command: &str) -> Analysis {
    let found = bounds::length(command).and_then(|()| request(command).map_err(str::to_owned));
    match found {
        Ok(statement) => Analysis::understood(Dialect::Http, vec![statement]),
        Err(why) => Analysis::not_understood(Dialect::Http, why),
    }
}

/// Headers that change what is answered, not what is done.
fn is_calm_header(line: &str) -> bool {
    let name = line.split_once(':').map_or("", |(name, _)| name);
    ["accept", "accept-language", "if-none-match"].iter().any(|known| name.eq_ignore_ascii_case(known))
}

fn request(command: &str) -> Result<Statement, &'static str> {
    let (first, rest) = command.split_once('\n').unwrap_or((command, ""));
    let first = first.strip_suffix('\r').unwrap_or(first);
    let mut words = first.split(' ');
    let (Some(method), Some(path), None) = (words.next(), words.next(), words.next()) else {
        return Err("its first line is not a method, a space and a path");
    };
    if method.is_empty() || method.len() > 20 || !method.bytes().all(|b| b.is_ascii_uppercase()) {
        return Err("its method is not a word in capitals");
    }
    if !path.starts_with('/') || path.starts_with("//") || path.contains(['\\', '#']) {
        return Err("its path does not begin with one `/`");
    }
    if !path.bytes().all(|b| b.is_ascii_graphic()) {
        return Err("its path has characters that a path must escape");
    }
    let kind = match method {
        "GET" | "HEAD" | "OPTIONS" => Kind::Read,
        "POST" | "PUT" | "PATCH" | "DELETE" => Kind::Write,
        _ => Kind::Other,
    };
    let mut statement = Statement::new(kind, method);
    if !matches!(method, "GET" | "HEAD") {
        statement.not_read(format!("{method} is not a read"));
    }
    if method == "DELETE" {
        statement.note("deletes by HTTP");
    }
    let lower = rest.to_ascii_lowercase();
    if OVERRIDES.iter().any(|header| lower.contains(header)) || path.to_ascii_lowercase().contains("_method=")
    {
        statement.hides("it asks the server to take another method than its own");
    }
    if kind == Kind::Read && !rest.lines().all(|line| line.is_empty() || is_calm_header(line)) {
        statement.not_read("it has a body, or a header that may make it do more than read");
    }
    Ok(statement)
}
