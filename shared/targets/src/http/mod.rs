//! Services over HTTP: one call, sent once.
//!
//! The target fixes scheme, host and the beginning of the path; the command has the rest, in a form
//! of its own ([`command`]). Nothing is followed and nothing is tried again.

mod body;
mod command;
mod headers;

use crate::message::Scrub;
use crate::output::Meter;
use crate::run::{Environment, Output};
use crate::spec::HttpSpec;
use crate::test::{Problem, TestError, Tested};
use crate::{RunError, RunOptions, Secret, Summary};
use command::Call;
use countersign_egress::{Policy, blocked_in, client_builder};
use reqwest::{Client, Request, Response, Url};
use std::error::Error as _;
use std::time::Duration;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

pub(crate) use headers::is_free_header;

/// Time for one address to accept the connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Time for the whole of a connection test.
const TEST_TIMEOUT: Duration = Duration::from_secs(15);

pub(crate) async fn run(
    spec: &HttpSpec,
    secret: Option<&Secret>,
    command: &str,
    options: RunOptions,
    environment: &Environment,
    output: &mut Output<'_>,
    cancel: &CancellationToken,
) -> Result<Summary, RunError> {
    if options.max_affected_rows.is_some() {
        return Err(RunError::not_started(
            "an approval for a number of rows cannot be enforced on a call over HTTP; ask for one without that bound",
        ));
    }
    let call = command::parse(command).map_err(RunError::not_started)?;
    if options.read_only && !call.is_safe() {
        return Err(RunError::not_started(format!(
            "`{}` may change something, and this run is read-only: only GET, HEAD and OPTIONS are allowed",
            call.method
        )));
    }
    let policy = Policy { allow: spec.allow.clone(), loopback: environment.loopback_http };
    let url = url_of(spec, &call, &policy)?;
    let scrub = headers::scrub(secret);
    let client = client(&policy)?;
    let request = request(&client, spec, secret, &call, url)?;

    let work = exchange(&client, request, options, output);
    let (limit_ms, limit) = (options.caps.statement_timeout_ms, options.caps.statement_timeout());
    tokio::select! {
        biased;
        ended = work => ended.unwrap_or_else(|stumble| Err(stumble.explain(call.is_safe(), &scrub))),
        () = cancel.cancelled() => Err(stopped(&call, "the run was cancelled", RunError::Cancelled)),
        () = sleep(limit) => Err(stopped(&call, "the time limit passed", RunError::TimedOut { limit_ms })),
    }
}

/// Asks for the head of the base URL, with the secret.
pub(crate) async fn test(
    spec: &HttpSpec,
    secret: Option<&Secret>,
    environment: &Environment,
) -> Result<Tested, TestError> {
    let settings = |error: RunError| TestError::settings(&error);
    let call = command::parse("HEAD /").map_err(|message| TestError::new(Problem::Settings, message))?;
    let policy = Policy { allow: spec.allow.clone(), loopback: environment.loopback_http };
    let url =
        url_of(spec, &call, &policy).map_err(|error| TestError::new(Problem::Blocked, error.to_string()))?;
    let encrypted = Some(url.scheme() == "https");
    let scrub = headers::scrub(secret);
    let client = client(&policy).map_err(settings)?;
    let request = request(&client, spec, secret, &call, url).map_err(settings)?;
    let response = match tokio::time::timeout(TEST_TIMEOUT, client.execute(request)).await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => {
            return Err(match blocked_in(&error) {
                Some(blocked) => TestError::new(Problem::Blocked, blocked.to_string()),
                None => TestError::of_words(scrub.clean(&describe(&error.without_url()))),
            });
        }
        Err(_) => return Err(TestError::new(Problem::NoAnswer, "the request timed out")),
    };
    let status = response.status();
    let mut notes = Vec::new();
    if matches!(status.as_u16(), 401 | 403) {
        notes.push(format!(
            "the base URL answers {status}: the service may not know the secret, or wants it elsewhere"
        ));
    }
    let server = format!("HTTP service, answers {status} to `HEAD {}/`", spec.base_url);
    Ok(Tested { server, encrypted, notes, ..Tested::default() })
}

/// What is known of a call that was stopped: a safe one changes nothing, of others nobody knows.
fn stopped(call: &Call, how: &str, safe: RunError) -> RunError {
    if call.is_safe() {
        safe
    } else {
        RunError::lost(format!("{how} before the answer had come; the service may have done what was asked"))
    }
}

pub(crate) fn client(policy: &Policy) -> Result<Client, RunError> {
    client_builder(policy)
        .connect_timeout(CONNECT_TIMEOUT)
        .build()
        .map_err(|error| RunError::not_started(format!("no HTTP client can be made here: {error}")))
}

/// Checks a `base_url` and everything in it that does not need names to be resolved.
pub(crate) fn check_base(text: &str, policy: &Policy) -> Result<(), String> {
    let wrong = "expected `https://`, a host and perhaps a port and the beginning of a path, without a query";
    if text.len() > 2048
        || text.contains(['?', '#', '\\'])
        || !text.bytes().all(|byte| byte.is_ascii_graphic())
    {
        return Err(wrong.to_owned());
    }
    let url: Url = text.parse().map_err(|_| wrong.to_owned())?;
    // What is written is what is used: no `..`, no default port, no second spelling of an address.
    let written = text.trim_end_matches('/');
    if url.as_str().trim_end_matches('/') != written {
        policy.check_url(&url).map_err(|blocked| blocked.to_string())?;
        return Err(format!("write it as `{}`", url.as_str().trim_end_matches('/')));
    }
    policy.check_url(&url).map_err(|blocked| blocked.to_string())
}

/// True if a base URL names this machine.
pub(crate) fn is_on_loopback(base_url: &str) -> bool {
    let open = Policy { allow: Vec::new(), loopback: true };
    let shut = Policy { allow: Vec::new(), loopback: false };
    base_url.parse::<Url>().is_ok_and(|url| open.check_url(&url).is_ok() && shut.check_url(&url).is_err())
}

fn url_of(spec: &HttpSpec, call: &Call, policy: &Policy) -> Result<Url, RunError> {
    let written = format!("{}{}", spec.base_url, call.path);
    let url: Url =
        written.parse().map_err(|_| RunError::not_started("the path makes no URL; check its syntax"))?;
    // What is sent is what was approved, and it stays below the base.
    if url.as_str() != written {
        return Err(RunError::not_started(
            "the path has `.` or `..` in it, or characters that must be percent-encoded; write it as it shall be sent",
        ));
    }
    policy.check_url(&url).map_err(|blocked| RunError::not_started(blocked.to_string()))?;
    Ok(url)
}

fn request(
    client: &Client,
    spec: &HttpSpec,
    secret: Option<&Secret>,
    call: &Call,
    url: Url,
) -> Result<Request, RunError> {
    let mut builder =
        client.request(call.method.clone(), url).headers(headers::all(spec, secret, &call.headers)?);
    if !call.body.is_empty() {
        builder = builder.body(call.body.clone());
    }
    // Its error would quote the URL, which is no secret, and nothing else.
    builder.build().map_err(|error| RunError::not_started(format!("the call cannot be made: {error}")))
}

/// Why an exchange did not come to its end.
struct Stumble {
    error: reqwest::Error,
    /// The status was there already.
    answered: Option<u16>,
}

async fn exchange(
    client: &Client,
    request: Request,
    options: RunOptions,
    output: &mut Output<'_>,
) -> Result<Result<Summary, RunError>, Stumble> {
    let response = client.execute(request).await.map_err(|error| Stumble { error, answered: None })?;
    let status = response.status();
    let mut meter = Meter::new(options.caps);
    headers::tell(&response, &mut meter, output).await;
    read(response, options, &mut meter, output)
        .await
        .map_err(|error| Stumble { error, answered: Some(status.as_u16()) })?;
    if status.as_u16() >= 300 {
        let redirect = if status.is_redirection() { "; redirects are not followed" } else { "" };
        return Ok(Err(RunError::Failed {
            message: format!("the service answered {status}{redirect}"),
            code: Some(status.as_str().to_owned()),
            statement: Some(1),
        }));
    }
    Ok(Ok(meter.finish()))
}

/// The body as rows of lines, up to the cap on bytes.
async fn read(
    mut response: Response,
    options: RunOptions,
    meter: &mut Meter,
    output: &mut Output<'_>,
) -> Result<(), reqwest::Error> {
    let mut body = body::Body::new(options.caps.max_bytes);
    let mut begun = false;
    loop {
        let chunk = if body.is_full() { None } else { response.chunk().await? };
        let lines = match &chunk {
            Some(chunk) => body.push(chunk),
            None => body.finish(),
        };
        for line in lines {
            if !begun {
                begun = true;
                if let Some(record) = meter.columns(vec![body::column()]) {
                    output.give(record).await;
                }
            }
            if let Some(record) = meter.row(|| vec![Some(line)]) {
                output.give(record).await;
            }
        }
        if chunk.is_none() {
            break;
        }
    }
    if begun {
        let rows = meter.returned();
        for record in meter.done("BODY".to_owned(), rows) {
            output.give(record).await;
        }
    }
    Ok(())
}

impl Stumble {
    fn explain(self, safe: bool, scrub: &Scrub) -> RunError {
        let Self { error, answered } = self;
        if let Some(blocked) = blocked_in(&error) {
            return RunError::not_started(blocked.to_string());
        }
        // Without the URL, which the message of the connection has already.
        let error = error.without_url();
        let how = scrub.clean(&describe(&error));
        match answered {
            None if error.is_connect() || error.is_builder() => {
                RunError::not_started(format!("cannot connect: {how}"))
            }
            _ if safe => RunError::Failed {
                message: format!("the exchange broke: {how}"),
                code: None,
                statement: Some(1),
            },
            Some(status) => RunError::lost(format!(
                "the service answered {status}, and the rest of its answer did not come: {how}"
            )),
            None => RunError::lost(format!("the connection broke before the answer had come: {how}")),
        }
    }
}

fn describe(error: &reqwest::Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !message.contains(&text) {
            message.push_str(&format!(": {text}"));
        }
        cause = error.source();
    }
    message
}
