//! AWS's APIs for the functions of this process.
//!
//! They are answered where they are called: no port is open for them, so no other process, whoever runs it, reaches
//! them. [`listen`] opens one, for tests and benchmarks that stand between a function and its store, or start
//! functions as processes of their own.

use crate::error::LocalError;
use crate::http_server::{self, BodyError, HttpServer, Limits};
use async_trait::async_trait;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::net::TcpListener;

/// One of AWS's APIs.
#[async_trait]
pub(crate) trait Api: Send + Sync + 'static {
    /// Answers a call. Must run to its end even if nobody waits for the answer any more.
    async fn answer(&self, request: Request<Bytes>) -> Response<Bytes>;
}

/// The APIs of a platform, by the hosts of their URLs. They answer as long as the platform lives; what holds on to
/// this value does not keep it alive.
#[derive(Clone)]
pub struct Endpoints {
    dynamodb: Weak<dyn Api>,
    scheduler: Weak<dyn Api>,
    lambda: Weak<dyn Api>,
}

impl std::fmt::Debug for Endpoints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoints").finish_non_exhaustive()
    }
}

impl Endpoints {
    /// The URL of DynamoDB's API.
    pub const DYNAMODB: &str = "http://dynamodb.countersign.internal";
    /// The URL of the scheduler's API.
    pub const SCHEDULER: &str = "http://scheduler.countersign.internal";
    /// The URL of Lambda's Invoke API.
    pub const LAMBDA: &str = "http://lambda.countersign.internal";

    pub(crate) fn new(dynamodb: Weak<dyn Api>, scheduler: Weak<dyn Api>, lambda: Weak<dyn Api>) -> Self {
        Self { dynamodb, scheduler, lambda }
    }

    /// A store without scheduler and functions.
    pub(crate) fn of_store(dynamodb: Weak<dyn Api>) -> Self {
        Self { dynamodb, scheduler: Weak::<Nobody>::new(), lambda: Weak::<Nobody>::new() }
    }

    /// Answers a call to one of the URLs.
    pub async fn answer(self, request: Request<Bytes>) -> Response<Bytes> {
        let host = request.uri().host().unwrap_or_default();
        let api = match host.split('.').next() {
            Some("dynamodb") => &self.dynamodb,
            Some("scheduler") => &self.scheduler,
            Some("lambda") => &self.lambda,
            _ => return http_server::answer(StatusCode::NOT_FOUND, "text/plain", "nobody is there"),
        };
        answer_by(api, request).await
    }
}

/// Answers nothing.
struct Nobody;

#[async_trait]
impl Api for Nobody {
    async fn answer(&self, _: Request<Bytes>) -> Response<Bytes> {
        ended()
    }
}

async fn answer_by(api: &Weak<dyn Api>, request: Request<Bytes>) -> Response<Bytes> {
    match api.upgrade() {
        Some(api) => api.answer(request).await,
        None => ended(),
    }
}

pub(crate) fn ended() -> Response<Bytes> {
    http_server::answer(StatusCode::SERVICE_UNAVAILABLE, "text/plain", "the platform has ended")
}

/// The longest request of the three APIs: DynamoDB's.
const BODY_LIMIT_BYTES: usize = 16 * 1024 * 1024;
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// Opens a port of this machine for an API. Whoever finds it may do anything there: for tests and benchmarks alone.
pub(crate) async fn listen(api: &Arc<dyn Api>) -> Result<(String, HttpServer), LocalError> {
    let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let listener = TcpListener::bind(wanted).await.map_err(|error| LocalError::from_bind(wanted, error))?;
    let address = listener
        .local_addr()
        .map_err(|source| LocalError::System { action: "reading the listener's address", source })?;
    let limits = Limits {
        // Longer than an SDK keeps an idle connection, so that it is the client who closes.
        header_read_timeout: Duration::from_secs(300),
        connections: 4096,
    };
    let api = Arc::downgrade(api);
    let server = HttpServer::start(listener, limits, move |request, _| {
        let api = api.clone();
        async move { face(&api, request).await }
    });
    Ok((format!("http://{address}"), server))
}

async fn face(api: &Weak<dyn Api>, request: Request<Incoming>) -> Response<Bytes> {
    if http_server::comes_from_a_page(request.headers()) {
        return http_server::answer(
            StatusCode::FORBIDDEN,
            "text/plain",
            "this is for AWS SDKs, not for pages",
        );
    }
    let (parts, body) = request.into_parts();
    match http_server::read_body(body, BODY_LIMIT_BYTES, BODY_TIMEOUT).await {
        Ok(body) => answer_by(api, Request::from_parts(parts, body)).await,
        Err(BodyError::TooLarge) => {
            http_server::answer(StatusCode::PAYLOAD_TOO_LARGE, "text/plain", "the body is too long")
        }
        Err(BodyError::TooSlow | BodyError::Broken) => {
            http_server::answer(StatusCode::BAD_REQUEST, "text/plain", "the body did not arrive")
        }
    }
}
