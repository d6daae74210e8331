//! Which function serves which route. `infra/template.yaml` says the same; a test compares them.

use http::Method;

/// A function that answers HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HttpFunction {
    /// Takes requests in.
    Intake,
    /// Takes decisions.
    Callback,
    /// Answers runners.
    Runners,
    /// Everything else: reads, administration, pages.
    Console,
}

impl HttpFunction {
    /// The name of the function, as the template has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Intake => "intake",
            Self::Callback => "callback",
            Self::Runners => "runners",
            Self::Console => "console",
        }
    }
}

/// The verbs of `POST /v1/requests/{id}/…` that change a request; the forms of the pages are sent to the
/// same without `/v1`.
pub const DECISIONS: [&str; 5] = ["approve", "reject", "cancel", "settle", "run"];

/// The verbs of `POST /v1/requests/{id}/…` by which runners act on a request.
pub const RUNNERS: [&str; 4] = ["claim", "renew", "output", "complete"];

/// Where runners find work, whatever the method.
pub const RUNNER_WORK: &str = "/v1/runner/work";

/// The last parts of `POST /slack/…`, which Slack calls.
pub const SLACK: [&str; 2] = ["interactions", "commands"];

/// The function that serves a request.
#[must_use]
pub fn function_of(method: &Method, path: &str) -> HttpFunction {
    if path == RUNNER_WORK {
        return HttpFunction::Runners;
    }
    if method != Method::POST {
        return HttpFunction::Console;
    }
    let segments: Vec<&str> = path.split('/').collect();
    match segments.as_slice() {
        ["", "v1", "requests"] | ["", "requests"] => HttpFunction::Intake,
        ["", "slack", verb] if SLACK.contains(verb) => HttpFunction::Callback,
        ["", "v1", "requests", _, verb] | ["", "requests", _, verb] if DECISIONS.contains(verb) => {
            HttpFunction::Callback
        }
        ["", "v1", "requests", _, verb] if RUNNERS.contains(verb) => HttpFunction::Runners,
        _ => HttpFunction::Console,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_runners_and_posts_that_change_requests_leave_the_console() {
        assert_eq!(function_of(&Method::POST, "/v1/requests"), HttpFunction::Intake);
        assert_eq!(function_of(&Method::GET, "/v1/requests"), HttpFunction::Console);
        for verb in DECISIONS {
            let path = format!("/v1/requests/req_1/{verb}");
            assert_eq!(function_of(&Method::POST, &path), HttpFunction::Callback);
            assert_eq!(function_of(&Method::GET, &path), HttpFunction::Console);
            let form = format!("/requests/req_1/{verb}");
            assert_eq!(function_of(&Method::POST, &form), HttpFunction::Callback);
            assert_eq!(function_of(&Method::GET, &form), HttpFunction::Console);
        }
        for verb in RUNNERS {
            assert_eq!(
                function_of(&Method::POST, &format!("/v1/requests/req_1/{verb}")),
                HttpFunction::Runners
            );
            assert_eq!(
                function_of(&Method::GET, &format!("/v1/requests/req_1/{verb}")),
                HttpFunction::Console
            );
            assert_eq!(function_of(&Method::POST, &format!("/requests/req_1/{verb}")), HttpFunction::Console);
        }
        for method in [Method::GET, Method::HEAD, Method::POST] {
            assert_eq!(function_of(&method, RUNNER_WORK), HttpFunction::Runners);
        }
        for verb in SLACK {
            let path = format!("/slack/{verb}");
            assert_eq!(function_of(&Method::POST, &path), HttpFunction::Callback);
            assert_eq!(function_of(&Method::GET, &path), HttpFunction::Console);
        }
        assert_eq!(function_of(&Method::POST, "/slack/events"), HttpFunction::Console);
        assert_eq!(function_of(&Method::POST, "/requests"), HttpFunction::Intake);
        assert_eq!(function_of(&Method::POST, "/requests/new"), HttpFunction::Console);
        assert_eq!(function_of(&Method::POST, "/v1/requests/req_1/events"), HttpFunction::Console);
        assert_eq!(function_of(&Method::POST, "/v1/tokens"), HttpFunction::Console);
    }
}
