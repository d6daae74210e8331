//! `application/problem+json`, as one clear line.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use crate::error::exit;
use crate::render::safe;

/// What the service says when it refuses. Members that a newer service adds are passed over.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Problem {
    #[serde(rename = "type")]
    kind: Option<String>,
    title: Option<String>,
    /// The HTTP status.
    #[serde(skip)]
    pub(crate) status: u16,
    detail: Option<String>,
    /// The request that was made all the same, such as one that a guardrail blocked.
    pub(crate) request_id: Option<String>,
    /// The state in which a request was found that could not be acted on.
    pub(crate) status_now: Option<String>,
    errors: Vec<FieldError>,
    rule: Option<Value>,
    warnings: Vec<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct FieldError {
    pointer: String,
    message: String,
}

impl Problem {
    /// Reads the body of an answer that is no success. What is no problem document (a proxy's page)
    /// becomes one that says so.
    pub(crate) fn read(status: u16, body: &[u8]) -> Self {
        let mut problem: Self = serde_json::from_slice(body).unwrap_or_default();
        problem.status = status;
        if problem.title.is_none() {
            let reason = reqwest::StatusCode::from_u16(status)
                .ok()
                .and_then(|code| code.canonical_reason())
                .unwrap_or("an error without a name");
            problem.title = Some(format!("{status} {reason}"));
        }
        problem
    }

    /// The last part of the `type`, such as `guardrail-blocked`; empty if there is none.
    pub(crate) fn slug(&self) -> &str {
        self.kind.as_deref().and_then(|kind| kind.rsplit('/').next()).unwrap_or_default()
    }

    /// Which exit code a script gets.
    pub(crate) fn exit_code(&self) -> u8 {
        if self.slug() == "guardrail-blocked" {
            return exit::BLOCKED;
        }
        match self.status {
            401 | 403 | 404 => exit::NOT_ALLOWED,
            400 | 405 | 411 | 413 | 414 | 415 | 422 | 431 => exit::USAGE,
            429 | 500..=599 => exit::UNREACHABLE,
            _ => exit::FAILED,
        }
    }

    /// The name and the message of the guardrail, if one blocked the command.
    pub(crate) fn rule(&self) -> Option<String> {
        match self.rule.as_ref()? {
            Value::String(name) => Some(safe::line(name)),
            rule => {
                let member = |name: &str| rule.get(name).and_then(Value::as_str).map(safe::line);
                match (member("name"), member("message")) {
                    (Some(name), Some(message)) => Some(format!("{name}: {message}")),
                    (one, other) => one.or(other),
                }
            }
        }
    }

    /// The detail, or the title where there is none.
    pub(crate) fn detail(&self) -> String {
        safe::line(self.detail.as_deref().or(self.title.as_deref()).unwrap_or_default())
    }

    /// What the service warned of.
    pub(crate) fn warnings(&self) -> impl Iterator<Item = String> + '_ {
        self.warnings.iter().map(|warning| safe::line(warning))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let title = safe::line(self.title.as_deref().unwrap_or_default());
        f.write_str(&title)?;
        if let Some(detail) = self.detail.as_deref().filter(|detail| !detail.is_empty()) {
            let detail = safe::line(detail);
            if detail != title {
                write!(f, ": {detail}")?;
            }
        }
        if let Some(rule) = self.rule() {
            write!(f, " (rule {rule})")?;
        }
        // One error that only repeats the detail is no news.
        let told = |error: &FieldError| self.detail.as_deref() == Some(error.message.as_str());
        for error in self.errors.iter().filter(|error| !told(error)) {
            let (pointer, message) = (safe::line(&error.pointer), safe::line(&error.message));
            if pointer.is_empty() {
                write!(f, "\n  {message}")?;
            } else {
                write!(f, "\n  {pointer}: {message}")?;
            }
        }
        if self.status == 401 {
            f.write_str("\n  give a token with COUNTERSIGN_TOKEN, --token, or --as NAME for a demo")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_one_line_and_its_field_errors_are_below() {
        let body = br#"{"type":"https://countersign.dev/problems/invalid","title":"The body is not valid",
            "status":422,"detail":"2 members are wrong","new":true,
            "errors":[{"pointer":"/timeout_seconds","message":"at most 1800"},{"pointer":"","message":"x\u001b[2J"}]}"#;
        insta::assert_snapshot!(Problem::read(422, body), @r"
        The body is not valid: 2 members are wrong
          /timeout_seconds: at most 1800
          x<U+001B>[2J
        ");
    }

    #[test]
    fn what_is_no_problem_document_still_says_its_status() {
        let problem = Problem::read(502, b"<html>Bad gateway</html>");
        assert_eq!(problem.to_string(), "502 Bad Gateway");
        assert_eq!(problem.exit_code(), exit::UNREACHABLE);
    }

    #[test]
    fn every_status_has_the_documented_exit_code() {
        for (status, code) in [
            (401, 20),
            (403, 20),
            (404, 20),
            (400, 2),
            (422, 2),
            (409, 1),
            (412, 1),
            (428, 1),
            (503, 21),
            (429, 21),
        ] {
            assert_eq!(Problem::read(status, b"{}").exit_code(), code, "{status}");
        }
        let blocked = br#"{"type":"https://countersign.dev/problems/guardrail-blocked"}"#;
        assert_eq!(Problem::read(403, blocked).exit_code(), exit::BLOCKED);
    }
}
