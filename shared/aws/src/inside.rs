//! AWS that is answered within this process, as the local platform does.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;

/// Hosts below this domain are nobody's on a network: `internal` is reserved for private use.
const DOMAIN: &str = ".countersign.internal";

type Answer = dyn Fn(http::Request<Bytes>) -> BoxFuture<'static, http::Response<Bytes>> + Send + Sync;

/// Whoever answers calls to hosts below `countersign.internal`.
#[derive(Clone)]
pub struct Inside(Arc<Answer>);

impl Inside {
    /// Calls to these hosts go to `answer`.
    pub fn new<F>(answer: impl Fn(http::Request<Bytes>) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = http::Response<Bytes>> + Send + 'static,
    {
        Self(Arc::new(move |request| Box::pin(answer(request))))
    }

    /// Whether a call goes here and not to the network.
    pub(crate) fn is_host_of(request: &http::Request<Bytes>) -> bool {
        request.uri().host().is_some_and(|host| host.ends_with(DOMAIN))
    }

    pub(crate) fn answer(&self, request: http::Request<Bytes>) -> BoxFuture<'static, http::Response<Bytes>> {
        (self.0)(request)
    }
}

impl fmt::Debug for Inside {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Inside")
    }
}
