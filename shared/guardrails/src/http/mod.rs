//! A request of an `http` connection. What is analysed is what is sent: [`parse`] is the only reader of a command.
//!
//! A server may normalise a path before it looks at it. A path that can be written in more than one way is therefore
//! not understood, so that no rule sees another path than the server ([`path`]).

mod overrides;
mod path;
mod request;

use crate::Dialect;
use crate::analysis::{Analysis, Kind, Statement};
use crate::bounds;
pub use request::{HEADERS, Method, Request, RequestError, parse};

/// Headers that change what is answered, not what is done.
const CALM_HEADERS: [&str; 3] = ["accept", "accept-language", "if-none-match"];

/// Analyses a command.
pub(crate) fn analyse(command: &str) -> Analysis {
    if let Err(why) = bounds::length(command) {
        return Analysis::not_understood(Dialect::Http, why);
    }
    match parse(command) {
        Ok(request) => Analysis::understood(Dialect::Http, vec![statement(&request)]),
        Err(error) => Analysis::not_understood(Dialect::Http, error.in_command(command)),
    }
}

/// A command as rules about text read it: method, path and query with their percent-encoding undone, and the rest.
pub(crate) fn code(command: &str) -> String {
    match parse(command) {
        Ok(request) => {
            let query = request.query.map(|query| format!("?{}", path::decoded(query))).unwrap_or_default();
            format!("{} {}{query}\n{}", request.method.as_str(), path::decoded(request.path), request.rest)
        }
        Err(_) => command.to_owned(),
    }
}

fn statement(request: &Request<'_>) -> Statement {
    let method = request.method.as_str();
    let kind = if request.method.is_safe() { Kind::Read } else { Kind::Write };
    let mut statement = Statement::new(kind, method);
    if !matches!(request.method, Method::Get | Method::Head) {
        statement.not_read(format!("{method} is not a read"));
    }
    if request.method == Method::Delete {
        statement.note("deletes by HTTP");
    }
    if overrides::in_query(request.query.unwrap_or_default()) || overrides::in_body(request) {
        statement.hides("it asks the server to take another method than its own");
    }
    if kind == Kind::Read && !request.headers.iter().all(|(name, _)| CALM_HEADERS.contains(&name.as_str())) {
        statement.not_read("it has a header that may make it do more than read");
    }
    statement
}
