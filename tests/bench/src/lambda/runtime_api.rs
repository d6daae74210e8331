//! Lambda's runtime API, for one function: `GET …/invocation/next` waits for an event, `POST
//! …/invocation/ID/response` takes the answer. The instants are those at which a call's head came.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;

const INVOCATION: &str = "/2018-06-01/runtime/invocation/";
/// A function that says nothing for so long is stuck.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a function did.
#[derive(Debug)]
enum Seen {
    Polled(Instant),
    Answered(Instant, Bytes),
    /// What it said of its failure.
    Failed(String),
}

/// The API; it ends with the value.
pub struct RuntimeApi {
    /// `AWS_LAMBDA_RUNTIME_API`.
    pub address: String,
    events: mpsc::UnboundedSender<Bytes>,
    seen: mpsc::UnboundedReceiver<Seen>,
    serving: JoinHandle<()>,
}

struct Served {
    events: Mutex<mpsc::UnboundedReceiver<Bytes>>,
    seen: mpsc::UnboundedSender<Seen>,
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl RuntimeApi {
    /// Listens on a free port.
    ///
    /// # Errors
    /// If the machine does not let it.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let (events, waiting) = mpsc::unbounded_channel();
        let (seen_by, seen) = mpsc::unbounded_channel();
        let served = Arc::new(Served { events: Mutex::new(waiting), seen: seen_by });
        let serving = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // Nothing waits for a fuller packet in Lambda either.
                let _ = stream.set_nodelay(true);
                let served = Arc::clone(&served);
                let service = service_fn(move |request| {
                    let served = Arc::clone(&served);
                    async move { Ok::<_, Infallible>(served.answer(request).await) }
                });
                let connection = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service);
                // A function that was stopped breaks its connection off.
                tokio::spawn(async move { drop(connection.await) });
            }
        });
        Ok(Self { address, events, seen, serving })
    }

    /// When the function asked for its first event, or for the next one.
    ///
    /// # Errors
    /// If it does anything else, or nothing.
    pub async fn poll(&mut self) -> Result<Instant> {
        match self.next().await? {
            Seen::Polled(at) => Ok(at),
            Seen::Answered(..) => bail!("expected that the function asks for an event, it answered none"),
            Seen::Failed(why) => bail!("expected that the function asks for an event, it failed: {why}"),
        }
    }

    /// Hands over an event; gives the answer and when it came.
    ///
    /// # Errors
    /// If the function fails, or does nothing.
    pub async fn invoke(&mut self, event: &Value) -> Result<(Instant, Value)> {
        self.events.send(Bytes::from(event.to_string()))?;
        match self.next().await? {
            Seen::Answered(at, body) => Ok((at, serde_json::from_slice(&body)?)),
            Seen::Polled(_) => bail!("expected an answer, the function asks for another event"),
            Seen::Failed(why) => bail!("expected an answer, the function failed: {why}"),
        }
    }

    async fn next(&mut self) -> Result<Seen> {
        let seen = tokio::time::timeout(PATIENCE, self.seen.recv()).await;
        seen.context("the function says nothing")?.context("the runtime API has ended")
    }
}

impl Served {
    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let now = Instant::now();
        let path = request.uri().path().to_owned();
        match path.strip_prefix(INVOCATION) {
            Some("next") => {
                let _ = self.seen.send(Seen::Polled(now));
                match self.events.lock().await.recv().await {
                    Some(event) => handed_over(event),
                    None => plain(StatusCode::GONE, Bytes::new()),
                }
            }
            call => {
                let body = request.into_body().collect().await.map(|body| body.to_bytes());
                let answered = call.is_some_and(|call| call.ends_with("/response"));
                let _ = self.seen.send(match body {
                    Ok(body) if answered => Seen::Answered(now, body),
                    Ok(body) => Seen::Failed(String::from_utf8_lossy(&body).into_owned()),
                    Err(error) => Seen::Failed(error.to_string()),
                });
                plain(StatusCode::ACCEPTED, Bytes::from_static(b"{}"))
            }
        }
    }
}

fn handed_over(event: Bytes) -> Response<Full<Bytes>> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let deadline = (now + PATIENCE).as_millis().to_string();
    let mut response = plain(StatusCode::OK, event);
    for (name, value) in [
        ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd"),
        ("lambda-runtime-deadline-ms", &deadline),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:eu-central-1:123456789012:function:measured"),
        ("lambda-runtime-trace-id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0"),
        ("content-type", "application/json"),
    ] {
        if let Ok(value) = http::HeaderValue::from_str(value) {
            response.headers_mut().insert(http::HeaderName::from_static(name), value);
        }
    }
    response
}

fn plain(status: StatusCode, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response
}
