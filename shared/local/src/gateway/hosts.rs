//! Under which names the server answers, and for whose pages.

use super::problem::Problem;
use http::uri::Authority;
use http::{HeaderMap, Request, header};

/// The authorities (`name:port`) that are this server's own.
#[derive(Debug)]
pub(super) struct Hosts {
    own: Vec<String>,
}

impl Hosts {
    /// The given names, each with `port`, and bare where the port is HTTP's own.
    pub(super) fn new(names: &[String], port: u16) -> Self {
        let mut own = Vec::new();
        for name in names {
            let name = name.to_ascii_lowercase();
            own.push(format!("{name}:{port}"));
            if port == 80 {
                own.push(name);
            }
        }
        Self { own }
    }

    /// Refuses a request that was sent to another name (DNS rebinding: 421) or by a page
    /// from elsewhere (403).
    pub(super) fn check(&self, host: &str, headers: &HeaderMap) -> Result<(), Problem> {
        if !self.is_own(host) {
            return Err(Problem::wrong_host());
        }
        for origin in headers.get_all(header::ORIGIN) {
            let allowed = origin
                .to_str()
                .ok()
                .and_then(|origin| origin.strip_prefix("http://"))
                .is_some_and(|authority| self.is_own(authority));
            if !allowed {
                return Err(Problem::wrong_origin());
            }
        }
        Ok(())
    }

    fn is_own(&self, authority: &str) -> bool {
        self.own.iter().any(|own| own.eq_ignore_ascii_case(authority))
    }
}

/// The host that a request names: its `Host` header, exactly one, in the form of an
/// authority. What stands there goes into URLs that functions parse, so nothing else may.
pub(super) fn host_of<B>(request: &Request<B>) -> Result<String, Problem> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => host.to_str().ok(),
        // HTTP/1.0, or an absolute request target.
        (None, _) => request.uri().authority().map(Authority::as_str),
        (Some(_), Some(_)) => None,
    };
    let host = host.filter(|host| !host.contains('@'));
    match host.map(str::parse::<Authority>) {
        Some(Ok(authority)) if plain_host(authority.host()) => Ok(authority.to_string()),
        _ => {
            Err(Problem::bad_request("expected exactly one Host header with a host name and perhaps a port"))
        }
    }
}

/// Names and addresses; not the percent signs and sub-delimiters that RFC 3986 allows too.
fn plain_host(host: &str) -> bool {
    !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._:[]".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::StatusCode;

    fn request(host: &str) -> Request<()> {
        Request::builder().header("host", host).body(()).unwrap()
    }

    fn hosts() -> Hosts {
        Hosts::new(&["127.0.0.1".into(), "localhost".into()], 8700)
    }

    fn refusal(host: &str, origin: Option<&str>) -> Option<StatusCode> {
        let mut headers = HeaderMap::new();
        if let Some(origin) = origin {
            headers.insert("origin", origin.parse().unwrap());
        }
        hosts().check(host, &headers).err().map(|p| p.status())
    }

    #[test]
    fn only_its_own_names_with_its_own_port_reach_the_server() {
        assert_eq!(refusal("localhost:8700", None), None);
        assert_eq!(refusal("LOCALHOST:8700", None), None);
        for host in ["evil.example:8700", "localhost", "localhost:80", "127.0.0.1.nip.io:8700"] {
            assert_eq!(refusal(host, None), Some(StatusCode::MISDIRECTED_REQUEST), "{host}");
        }
    }

    #[test]
    fn pages_from_elsewhere_are_refused_and_its_own_are_not() {
        assert_eq!(refusal("localhost:8700", Some("http://127.0.0.1:8700")), None);
        for origin in
            ["null", "http://evil.example", "https://localhost:8700", "http://localhost:8700.evil.example"]
        {
            assert_eq!(refusal("localhost:8700", Some(origin)), Some(StatusCode::FORBIDDEN), "{origin}");
        }
    }

    #[test]
    fn a_host_that_would_break_a_url_is_refused() {
        assert_eq!(host_of(&request("localhost:8700")).unwrap(), "localhost:8700");
        assert_eq!(host_of(&request("[::1]:8700")).unwrap(), "[::1]:8700");
        for host in ["a b", "a/b", "user@host", "a%2fb", "", "a:b:c"] {
            assert_eq!(host_of(&request(host)).unwrap_err().status(), StatusCode::BAD_REQUEST, "{host}");
        }
    }

    #[test]
    fn two_host_headers_are_refused() {
        let request = Request::builder()
            .header("host", "localhost:8700")
            .header("host", "evil.example")
            .body(())
            .unwrap();
        assert_eq!(host_of(&request).unwrap_err().status(), StatusCode::BAD_REQUEST);
    }
}
