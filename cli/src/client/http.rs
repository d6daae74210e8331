//! Sends calls and repeats them where that is safe.

use std::time::{Duration, Instant};

use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{StatusCode, Url};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use super::call::{Again, Call};
use super::problem::Problem;
use crate::config::{Config, Credential};
use crate::error::CliError;

/// An answer that is a success.
pub(crate) struct Answer {
    headers: HeaderMap,
    /// The body as it came.
    pub(crate) body: Vec<u8>,
    /// The service's clock when it answered.
    pub(crate) clock: ServerClock,
}

impl Answer {
    /// A header's value, if it is there and readable.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
    }

    /// How long the service asks us to stay away.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        retry_after(&self.headers)
    }
}

/// The service's clock, carried on by our own monotonic one: our wall clock may be wrong, and what
/// counts for a deadline is the service's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ServerClock {
    read: OffsetDateTime,
    at: Instant,
}

impl ServerClock {
    fn from(headers: &HeaderMap) -> Self {
        let read = headers
            .get("date")
            .and_then(|value| value.to_str().ok())
            .and_then(|date| OffsetDateTime::parse(date, &Rfc2822).ok());
        Self { read: read.unwrap_or_else(OffsetDateTime::now_utc), at: Instant::now() }
    }

    /// The service's time now.
    pub(crate) fn now(&self) -> OffsetDateTime {
        self.read + self.at.elapsed()
    }
}

/// Why one attempt gave no success.
pub(crate) enum Failure {
    /// No answer came.
    Lost {
        /// What happened.
        cause: String,
        /// Whether the call may have arrived all the same.
        may_have_arrived: bool,
    },
    /// The service asks to come again later, or is broken for the moment.
    Busy {
        /// What it says.
        problem: Box<Problem>,
        /// When to come again.
        retry_after: Option<Duration>,
    },
    /// A refusal that another attempt would not change.
    Refused(Box<Problem>),
}

/// The beginning of an HTTP client for the service: no redirects, which could carry a token or a code to another
/// address, and for a service on this machine neither a proxy nor, without TLS, the root certificates of the
/// system, because a bare machine has none.
pub(crate) fn builder(config: &Config) -> reqwest::ClientBuilder {
    let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    match (config.is_local(), config.url.scheme()) {
        (true, "http") => builder.no_proxy().tls_certs_only([]),
        (true, _) => builder.no_proxy(),
        (false, _) => builder,
    }
}

/// A client of one service for one caller.
pub(crate) struct Client {
    http: reqwest::Client,
    base: Url,
}

/// How long all repetitions of one call may take together.
const GIVE_UP_AFTER: Duration = Duration::from_secs(30);
/// How often a call is tried if nobody listens: enough for a restart, short for a wrong address.
const CONNECT_ATTEMPTS: u32 = 5;
/// How often a call is tried otherwise.
const ATTEMPTS: u32 = 8;

impl Client {
    /// A client for the service and token of `config`.
    ///
    /// # Errors
    /// [`CliError::Usage`] for an address or a token that cannot be one.
    pub(crate) fn new(config: &Config) -> Result<Self, CliError> {
        let mut headers = HeaderMap::new();
        headers.insert("countersign-via", HeaderValue::from_static("cli"));
        if let Some(Credential { token, .. }) = &config.credential {
            let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| {
                CliError::Usage("the token contains characters that no token has; copy it again".to_owned())
            })?;
            value.set_sensitive(true);
            headers.insert(reqwest::header::AUTHORIZATION, value);
        }
        let http = builder(config)
            .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .connect_timeout(Duration::from_secs(5))
            .build()
            .map_err(|error| CliError::Stopped(format!("cannot set up HTTP: {}", root_cause(&error))))?;
        Ok(Self { http, base: config.url.clone() })
    }

    /// The service's address, for messages.
    pub(crate) fn url(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Sends a call once.
    ///
    /// # Errors
    /// A [`Failure`], sorted by what may be done about it.
    pub(crate) async fn once(&self, call: &Call) -> Result<Answer, Failure> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(&call.path);
        }
        let mut request = self.http.request(call.method.clone(), url).timeout(call.timeout);
        if !call.query.is_empty() {
            request = request.query(&call.query);
        }
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        if let Some(etag) = &call.if_match {
            request = request.header("if-match", etag);
        }
        if let Some(key) = &call.idempotency_key {
            request = request.header("idempotency-key", key);
        }
        let response = request.send().await.map_err(|error| lost(&error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let clock = ServerClock::from(&headers);
        let body = response.bytes().await.map_err(|error| lost(&error))?;
        if status.is_success() {
            return Ok(Answer { headers, body: body.into(), clock });
        }
        let problem = Box::new(Problem::read(status.as_u16(), &body));
        if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() || in_flight(call, &problem) {
            let retry_after = retry_after(&headers);
            return Err(Failure::Busy { problem, retry_after });
        }
        Err(Failure::Refused(problem))
    }

    /// Sends a call and repeats it where that is safe, for half a minute at most.
    ///
    /// # Errors
    /// [`CliError::Refused`], [`CliError::Busy`] or [`CliError::Unreachable`].
    pub(crate) async fn send(&self, call: &Call) -> Result<Answer, CliError> {
        let start = Instant::now();
        let mut attempt = 0;
        loop {
            attempt += 1;
            let (error, pause, attempts) = match self.once(call).await {
                Ok(answer) => return Ok(answer),
                Err(Failure::Refused(problem)) => return Err(CliError::Refused(problem)),
                Err(Failure::Lost { cause, may_have_arrived }) => {
                    let repeat = !may_have_arrived || call.again == Again::Always;
                    let error = CliError::Unreachable { url: self.url().to_owned(), cause };
                    let attempts = if may_have_arrived { ATTEMPTS } else { CONNECT_ATTEMPTS };
                    (error, back_off(attempt), if repeat { attempts } else { 0 })
                }
                Err(Failure::Busy { problem, retry_after }) => {
                    let attempts = match (problem.status, call.again) {
                        (429, _) | (503 | 502 | 504 | 409, Again::Always) => ATTEMPTS,
                        _ => 0,
                    };
                    let pause = retry_after.unwrap_or_else(|| back_off(attempt));
                    (CliError::Busy { url: self.url().to_owned(), problem }, pause, attempts)
                }
            };
            if attempt >= attempts || start.elapsed() + pause > GIVE_UP_AFTER {
                return Err(error);
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Sends a call as [`Client::send`] does and reads the answer as JSON.
    ///
    /// # Errors
    /// Also [`CliError::Answer`] if it is none.
    pub(crate) async fn json(&self, call: &Call) -> Result<Value, CliError> {
        let answer = self.send(call).await?;
        self.parse(&answer)
    }

    /// Reads a body as JSON.
    ///
    /// # Errors
    /// [`CliError::Answer`] if it is none.
    pub(crate) fn parse(&self, answer: &Answer) -> Result<Value, CliError> {
        serde_json::from_slice(&answer.body).map_err(|error| CliError::Answer {
            url: self.url().to_owned(),
            what: format!("its body is no JSON ({error})"),
        })
    }

    /// An error for JSON that is not what the contract says.
    pub(crate) fn odd(&self, what: &str) -> CliError {
        CliError::Answer { url: self.url().to_owned(), what: what.to_owned() }
    }
}

/// How long to pause after that many failed attempts: doubling from 150 ms up to 3 s, with jitter.
pub(crate) fn back_off(attempt: u32) -> Duration {
    let base = Duration::from_millis(150).saturating_mul(1 << attempt.saturating_sub(1).min(5));
    let jitter = u32::try_from(super::call::random() % 256).unwrap_or_default();
    base.min(Duration::from_secs(3)) + base * jitter / 1024
}

/// A creation whose first attempt is still at work: its answer comes with the next attempt.
fn in_flight(call: &Call, problem: &Problem) -> bool {
    call.idempotency_key.is_some() && problem.status == 409 && problem.slug().starts_with("idempotency")
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get("retry-after")?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds.min(3600)))
}

fn lost(error: &reqwest::Error) -> Failure {
    let cause = if error.is_timeout() && !error.is_connect() {
        "no answer in time".to_owned()
    } else {
        root_cause(error)
    };
    Failure::Lost { cause, may_have_arrived: !error.is_connect() && !error.is_builder() }
}

/// The innermost cause: "connection refused" says more than "error sending request".
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    crate::render::safe::line(&cause.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_grows_and_stays_bounded() {
        for attempt in 1..40 {
            let pause = back_off(attempt);
            assert!(pause >= Duration::from_millis(150) && pause < Duration::from_secs(5), "{pause:?}");
        }
    }

    #[test]
    fn the_services_clock_is_read_from_its_date_header() {
        let mut headers = HeaderMap::new();
        headers.insert("date", HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT"));
        let clock = ServerClock::from(&headers);
        assert_eq!(clock.read.unix_timestamp(), 784_111_777);
    }
}
