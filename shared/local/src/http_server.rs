//! The HTTP/1.1 server of the platform.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::{JoinHandle, JoinSet};

/// What a server puts up with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// How long a client may take to send a request's headers (slow loris), and how long an
    /// idle connection is kept.
    pub(crate) header_read_timeout: Duration,
    /// How many connections are served at once; more wait in the system's queue.
    pub(crate) connections: usize,
}

/// A running server. Dropping it stops it at once.
#[derive(Debug)]
pub(crate) struct HttpServer {
    stop: Option<oneshot::Sender<Duration>>,
    task: JoinHandle<()>,
}

impl HttpServer {
    /// Serves `listener` with `handler`.
    pub(crate) fn start<H, F>(listener: TcpListener, limits: Limits, handler: H) -> Self
    where
        H: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<Bytes>> + Send + 'static,
    {
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(accept(listener, limits, handler, stopped));
        Self { stop: Some(stop), task }
    }

    /// Takes no more connections, lets running requests end, at most for `within`.
    pub(crate) async fn shutdown(mut self, within: Duration) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(within);
        }
        let _ = (&mut self.task).await;
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept<H, F>(
    listener: TcpListener,
    limits: Limits,
    handler: H,
    mut stopped: oneshot::Receiver<Duration>,
) where
    H: Fn(Request<Incoming>, SocketAddr) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Bytes>> + Send + 'static,
{
    let graceful = GracefulShutdown::new();
    let slots = Arc::new(Semaphore::new(limits.connections));
    // Dropped, and with it every connection, when the server is.
    let mut connections = JoinSet::new();
    let within = loop {
        let accepted = tokio::select! {
            within = &mut stopped => break within.unwrap_or(Duration::ZERO),
            Some(_) = connections.join_next(), if !connections.is_empty() => continue,
            accepted = accept_one(&listener, &slots) => accepted,
        };
        let (stream, peer, slot) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Such as "too many open files": go on when some have been closed.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let handler = handler.clone();
        let service = service_fn(move |request| {
            let answer = handler(request, peer);
            async move { Ok::<_, Infallible>(answer.await.map(Full::new)) }
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.header_read_timeout)
            .serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        connections.spawn(async move {
            // An error here is the client's: it broke off or sent what is no HTTP.
            let _ = connection.await;
            drop(slot);
        });
    };
    drop(listener);
    let _ = tokio::time::timeout(within, graceful.shutdown()).await;
}

type Accepted = (TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit);

async fn accept_one(listener: &TcpListener, slots: &Arc<Semaphore>) -> std::io::Result<Accepted> {
    let slot = Arc::clone(slots).acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    // Small answers must not wait for an acknowledgement (Nagle).
    let _ = stream.set_nodelay(true);
    Ok((stream, peer, slot))
}

/// Why a body could not be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// It is longer than allowed.
    TooLarge,
    /// It did not arrive in time.
    TooSlow,
    /// The client broke off.
    Broken,
}

/// Reads a body of at most `limit` bytes within `timeout`.
///
/// A longer one is read on and thrown away, up to four times the limit: a client that is
/// still sending when the connection closes sees a broken pipe and not the answer.
pub(crate) async fn read_body(body: Incoming, limit: usize, timeout: Duration) -> Result<Bytes, BodyError> {
    tokio::time::timeout(timeout, collect(body, limit)).await.unwrap_or(Err(BodyError::TooSlow))
}

async fn collect(mut body: Incoming, limit: usize) -> Result<Bytes, BodyError> {
    let mut kept = BytesMut::new();
    let mut seen = 0_usize;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| BodyError::Broken)?;
        let Ok(data) = frame.into_data() else { continue };
        seen = seen.saturating_add(data.len());
        if seen <= limit {
            kept.extend_from_slice(&data);
        } else if seen > limit.saturating_mul(4) {
            break;
        }
    }
    if seen > limit {
        return Err(BodyError::TooLarge);
    }
    Ok(kept.freeze())
}

/// An answer with a body and its media type.
pub(crate) fn answer(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response<Bytes> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(content_type));
    response
}

/// Whether a browser sent the request on behalf of a page. No AWS SDK sends these headers,
/// and no page may talk to the platform's own endpoints.
pub(crate) fn comes_from_a_page(headers: &HeaderMap) -> bool {
    headers.contains_key(http::header::ORIGIN) || headers.contains_key("sec-fetch-site")
}
