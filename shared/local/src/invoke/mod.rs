//! Lambda's Invoke API, as `aws-sdk-lambda` speaks it.
//!
//! `POST /2015-03-31/functions/{FunctionName}/invocations` with
//! `X-Amz-Invocation-Type: Event` (202, run in the background with retries),
//! `RequestResponse` (200 with the answer; `X-Amz-Function-Error: Unhandled` when the
//! function failed) or `DryRun` (204). Accepted events live in memory: like in AWS, an
//! asynchronous invocation may be lost, and the sweep of the application finds what it
//! would have done.

mod queue;

use crate::endpoints::Api;
use crate::http_server;
use crate::runner::{InvokeError, Runner};
use crate::text;
use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use queue::{AsyncQueue, Refused};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

const PATH_PREFIX: &str = "/2015-03-31/functions/";
const PATH_SUFFIX: &str = "/invocations";
/// Lambda's limit for a synchronous payload.
const SYNC_LIMIT_BYTES: usize = 6 * 1024 * 1024;
/// Lambda's limit for an asynchronous payload.
const ASYNC_LIMIT_BYTES: usize = 1024 * 1024;

/// How invocations through the API are run.
#[derive(Debug, Clone)]
pub struct InvokeConfig {
    /// Asynchronous invocations that run at once; more wait.
    pub async_concurrency: usize,
    /// Accepted asynchronous invocations that may wait or run; more get 429.
    pub async_backlog: usize,
    /// Synchronous invocations at once; more get 429.
    pub sync_concurrency: usize,
    /// The pauses before an asynchronous invocation that failed is tried again. AWS tries
    /// twice more, after one and two minutes; nobody waits that long on one machine.
    pub async_retry_pauses: Vec<Duration>,
}

impl Default for InvokeConfig {
    fn default() -> Self {
        Self {
            async_concurrency: 64,
            async_backlog: 100_000,
            sync_concurrency: 256,
            async_retry_pauses: vec![Duration::from_secs(1), Duration::from_secs(5)],
        }
    }
}

/// The Invoke API.
pub(crate) struct InvokeApi {
    runner: Arc<Runner>,
    queue: AsyncQueue,
    sync_slots: Semaphore,
}

impl InvokeApi {
    pub(crate) fn new(runner: Arc<Runner>, config: &InvokeConfig) -> Self {
        Self {
            queue: AsyncQueue::new(Arc::clone(&runner), config),
            sync_slots: Semaphore::new(config.sync_concurrency),
            runner,
        }
    }
}

#[async_trait]
impl Api for InvokeApi {
    async fn answer(&self, request: Request<Bytes>) -> Response<Bytes> {
        let Some(name) = target(request.uri().path()) else {
            return error(StatusCode::NOT_FOUND, "UnknownOperationException", "only Invoke is here");
        };
        if request.method() != Method::POST {
            return error(StatusCode::METHOD_NOT_ALLOWED, "UnknownOperationException", "Invoke is a POST");
        }
        let kind = request
            .headers()
            .get("x-amz-invocation-type")
            .map_or(Ok("RequestResponse"), HeaderValue::to_str)
            .unwrap_or("")
            .to_owned();
        // Checked before the body, as Lambda does for a function that is not there.
        if let Err(problem) = self.runner.check(&name) {
            return invoke_error(&name, problem);
        }
        match kind.as_str() {
            "DryRun" => plain(StatusCode::NO_CONTENT, Bytes::new()),
            "Event" => match payload(request.body(), ASYNC_LIMIT_BYTES) {
                Ok(payload) => self.accept(&name, payload),
                Err(refusal) => *refusal,
            },
            "RequestResponse" => match payload(request.body(), SYNC_LIMIT_BYTES) {
                Ok(payload) => self.run(&name, payload).await,
                Err(refusal) => *refusal,
            },
            other => error(
                StatusCode::BAD_REQUEST,
                "InvalidParameterValueException",
                &format!("invocation type `{other}`: expected Event, RequestResponse or DryRun"),
            ),
        }
    }
}

impl InvokeApi {
    fn accept(&self, name: &str, payload: Value) -> Response<Bytes> {
        match self.queue.accept(name, payload) {
            Ok(()) => plain(StatusCode::ACCEPTED, Bytes::new()),
            Err(Refused) => too_many_requests(),
        }
    }

    async fn run(&self, name: &str, payload: Value) -> Response<Bytes> {
        let Ok(_slot) = self.sync_slots.try_acquire() else {
            return too_many_requests();
        };
        match self.runner.invoke(name, payload).await {
            Ok(answer) => executed(answer.to_string()),
            Err(InvokeError::Failed(failure)) => {
                let mut response = executed(failure.payload().to_string());
                response.headers_mut().insert(
                    HeaderName::from_static("x-amz-function-error"),
                    HeaderValue::from_static("Unhandled"),
                );
                response
            }
            Err(problem) => invoke_error(name, problem),
        }
    }
}

/// The function that a path names.
fn target(path: &str) -> Option<String> {
    let segment = path.strip_prefix(PATH_PREFIX)?.strip_suffix(PATH_SUFFIX)?;
    let decoded = text::percent_decode(segment)?;
    Some(text::function_name(&decoded).to_owned())
}

/// Reads the payload; an empty one is an empty object, as in Lambda.
fn payload(body: &[u8], limit_bytes: usize) -> Result<Value, Box<Response<Bytes>>> {
    if body.len() > limit_bytes {
        return Err(Box::new(error(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestTooLargeException",
            &format!("the payload must be at most {limit_bytes} bytes"),
        )));
    }
    if body.is_empty() {
        return Ok(json!({}));
    }
    serde_json::from_slice(body).map_err(|e| {
        Box::new(error(
            StatusCode::BAD_REQUEST,
            "InvalidRequestContentException",
            &format!("could not parse the payload as JSON: line {}, column {}", e.line(), e.column()),
        ))
    })
}

fn invoke_error(name: &str, problem: InvokeError) -> Response<Bytes> {
    match problem {
        InvokeError::UnknownFunction => error(
            StatusCode::NOT_FOUND,
            "ResourceNotFoundException",
            &format!("Function not found: `{name}`"),
        ),
        InvokeError::NotRunning | InvokeError::Failed(_) => error(
            StatusCode::SERVICE_UNAVAILABLE,
            "ServiceException",
            "the platform does not run functions now",
        ),
    }
}

fn too_many_requests() -> Response<Bytes> {
    let mut response = error(StatusCode::TOO_MANY_REQUESTS, "TooManyRequestsException", "Rate Exceeded.");
    response.headers_mut().insert(http::header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

fn executed(body: String) -> Response<Bytes> {
    let mut response = plain(StatusCode::OK, body.into());
    response
        .headers_mut()
        .insert(HeaderName::from_static("x-amz-executed-version"), HeaderValue::from_static("$LATEST"));
    response
}

fn plain(status: StatusCode, body: Bytes) -> Response<Bytes> {
    let mut response = http_server::answer(status, "application/json", body);
    if let Ok(id) = HeaderValue::from_str(&text::request_id()) {
        response.headers_mut().insert(HeaderName::from_static("x-amzn-requestid"), id);
    }
    response
}

/// A restJson1 error as the SDK reads it: the kind in the header, the text in the body
/// (Lambda spells the member both ways, depending on the error).
fn error(status: StatusCode, kind: &'static str, message: &str) -> Response<Bytes> {
    let body = json!({"Type": "User", "Message": message, "message": message});
    let mut response = plain(status, body.to_string().into());
    response
        .headers_mut()
        .insert(HeaderName::from_static("x-amzn-errortype"), HeaderValue::from_static(kind));
    response
}
