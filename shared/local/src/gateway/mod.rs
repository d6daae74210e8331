//! The public face: HTTP requests become API Gateway HTTP API (v2) events, and functions'
//! answers become HTTP responses.
//!
//! The limits are API Gateway's own: 10 MB of body (413), 10,240 bytes of request line and
//! headers (431), 30 s for the function (504). Refusals are `application/problem+json`, like
//! the product's own errors. (A header block beyond hyper's own buffer, about 400 KB or 100
//! fields, is answered 431 by hyper, without a body.)

mod event;
mod hosts;
mod problem;
mod response;

use crate::http_server::{self, BodyError, HttpServer, Limits};
use crate::runner::{InvokeError, Runner};
use bytes::Bytes;
use event::Parts;
use hosts::Hosts;
use http::{Method, Request, Response};
use hyper::body::{Body, Incoming};
use problem::Problem;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// API Gateway's limit for a body.
const BODY_LIMIT_BYTES: usize = 10 * 1024 * 1024;
/// API Gateway's limit for the request line and the headers together.
const HEAD_LIMIT_BYTES: usize = 10_240;

/// Picks the function that handles a method and a path (as sent, percent-encoded).
pub type Route = Arc<dyn Fn(&Method, &str) -> String + Send + Sync>;

/// How the public face behaves.
#[derive(Debug, Clone)]
pub struct GatewayConfig {
    /// The host names under which requests are taken, without the port; the port must be the
    /// one that is listened on. A page that a browser loaded from elsewhere cannot get in by
    /// pointing its own name at this machine (DNS rebinding), nor by a cross-origin request:
    /// an `Origin` is held against the same list. `None` takes any host.
    pub allowed_hosts: Option<Vec<String>>,
    /// How long a client may take for the headers.
    pub header_read_timeout: Duration,
    /// How long a client may take for the body.
    pub body_read_timeout: Duration,
    /// How long a function may take to answer; API Gateway's own limit is 30 s.
    pub function_timeout: Duration,
    /// Connections that are served at once.
    pub connections: usize,
    /// Requests that are handled at once; more get 503.
    pub requests: usize,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        Self {
            allowed_hosts: None,
            header_read_timeout: Duration::from_secs(15),
            body_read_timeout: Duration::from_secs(30),
            function_timeout: Duration::from_secs(30),
            connections: 4096,
            requests: 1000,
        }
    }
}

impl GatewayConfig {
    /// Takes requests under the names of this machine only.
    pub fn loopback_only() -> Self {
        let names = ["127.0.0.1", "localhost", "[::1]"];
        Self { allowed_hosts: Some(names.map(str::to_owned).to_vec()), ..Self::default() }
    }
}

/// The public face on a listener.
pub(crate) struct Gateway {
    runner: Arc<Runner>,
    route: Route,
    hosts: Option<Hosts>,
    config: GatewayConfig,
    port: u16,
    slots: Semaphore,
}

impl Gateway {
    pub(crate) fn start(
        listener: TcpListener,
        addr: SocketAddr,
        runner: Arc<Runner>,
        route: Route,
        config: GatewayConfig,
    ) -> HttpServer {
        let limits =
            Limits { header_read_timeout: config.header_read_timeout, connections: config.connections };
        let hosts = config.allowed_hosts.as_ref().map(|names| Hosts::new(names, addr.port()));
        let gateway = Arc::new(Self {
            runner,
            route,
            hosts,
            port: addr.port(),
            slots: Semaphore::new(config.requests),
            config,
        });
        HttpServer::start(listener, limits, move |request, peer| {
            let gateway = Arc::clone(&gateway);
            async move {
                let path = request.uri().path().to_owned();
                match gateway.handle(request, peer).await {
                    Ok(response) => response,
                    Err(problem) => problem.into_response(&path),
                }
            }
        })
    }

    async fn handle(&self, request: Request<Incoming>, peer: SocketAddr) -> Result<Response<Bytes>, Problem> {
        if head_bytes(&request) > HEAD_LIMIT_BYTES {
            return Err(Problem::head_too_large(HEAD_LIMIT_BYTES));
        }
        let host = hosts::host_of(&request)?;
        if let Some(hosts) = &self.hosts {
            hosts.check(&host, request.headers())?;
        }
        if !request.uri().path().starts_with('/') {
            return Err(Problem::bad_request("the path must begin with a slash"));
        }
        let Ok(_slot) = self.slots.try_acquire() else {
            return Err(Problem::busy());
        };
        let (head, body) = request.into_parts();
        let body = self.body(body).await?;
        let function = (self.route)(&head.method, head.uri.path());
        let event = event::build(&Parts { head: &head, body: &body, host: &host, peer, port: self.port });
        let work = self.runner.invoke(&function, event);
        let answer = match tokio::time::timeout(self.config.function_timeout, work).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(InvokeError::NotRunning)) => return Err(Problem::stopping()),
            Ok(Err(InvokeError::UnknownFunction | InvokeError::Failed(_))) => {
                return Err(Problem::internal());
            }
            Err(_elapsed) => return Err(Problem::timed_out(self.config.function_timeout)),
        };
        response::build(answer, head.method == Method::HEAD).ok_or_else(|| {
            tracing::error!(function, "a function's answer is no HTTP response");
            Problem::internal()
        })
    }

    async fn body(&self, body: Incoming) -> Result<Bytes, Problem> {
        let announced = body.size_hint().lower();
        // Announced as far beyond the limit: not worth reading to be polite.
        let absurd = u64::try_from(BODY_LIMIT_BYTES.saturating_mul(4)).unwrap_or(u64::MAX);
        if announced > absurd {
            return Err(Problem::body_too_large(BODY_LIMIT_BYTES));
        }
        http_server::read_body(body, BODY_LIMIT_BYTES, self.config.body_read_timeout).await.map_err(|error| {
            match error {
                BodyError::TooLarge => Problem::body_too_large(BODY_LIMIT_BYTES),
                BodyError::TooSlow => Problem::too_slow(),
                BodyError::Broken => Problem::bad_request("the body broke off"),
            }
        })
    }
}

/// The bytes of the request line and the headers, as they came over the wire.
fn head_bytes<B>(request: &Request<B>) -> usize {
    let target = request.uri().path_and_query().map_or(1, |p| p.as_str().len());
    // "POST " target " HTTP/1.1\r\n", "name: value\r\n" each, and the empty line.
    let line = request.method().as_str().len() + target + 12;
    let headers: usize =
        request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    line + headers + 2
}
