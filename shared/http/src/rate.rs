//! How many calls a second one caller may make.
//!
//! It holds in one process, so it is a bound on what a single caller costs a warm function and not a
//! quota: the edge's own throttle (`infra/template.yaml`) is for everybody together. Callers are told
//! apart before anybody knows whether their credential is good, by a hash of it; without a credential by
//! the address that the edge saw.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash as _, Hasher as _};
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use governor::clock::{Clock as _, DefaultClock};
use governor::{Quota, RateLimiter};
use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::Problem;

/// A caller may save up that many seconds' calls.
const BURST_SECONDS: u32 = 4;
/// After so many calls those that were quiet are forgotten, so that the memory is bounded.
const FORGET_EVERY: u32 = 1024;

type Keyed = RateLimiter<
    u64,
    governor::state::keyed::HashMapStateStore<u64>,
    DefaultClock,
    governor::middleware::NoOpMiddleware,
>;

/// The calls of each caller. Cheap to clone; clones count together.
#[derive(Clone)]
pub struct Callers {
    keyed: Option<Arc<(Keyed, AtomicU32)>>,
}

impl Callers {
    /// Bounds each caller to that many calls a second, with a burst of four seconds' worth; `None` bounds
    /// nobody.
    #[must_use]
    pub fn new(calls_per_second: Option<NonZeroU32>) -> Self {
        let keyed = calls_per_second.map(|calls| {
            let quota = Quota::per_second(calls).allow_burst(calls.saturating_mul(BURST));
            Arc::new((RateLimiter::hashmap(quota), AtomicU32::new(0)))
        });
        Self { keyed }
    }

    /// Counts one call; `Err` with the whole seconds until the next is welcome.
    fn count(&self, caller: u64) -> Result<(), u32> {
        let Some(keyed) = &self.keyed else { return Ok(()) };
        let (limiter, calls) = keyed.as_ref();
        if calls.fetch_add(1, Ordering::Relaxed) % FORGET_EVERY == FORGET_EVERY - 1 {
            limiter.retain_recent();
        }
        limiter.check_key(&caller).map_err(|until| {
            let wait = until.wait_time_from(DefaultClock::default().now());
            u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1)
        })
    }
}

const BURST: NonZeroU32 = match NonZeroU32::new(BURST_SECONDS) {
    Some(burst) => burst,
    None => NonZeroU32::MIN,
};

/// Answers 429 with `Retry-After` to a caller who calls too often; a layer below `edge::finish`.
pub async fn limit(State(callers): State<Callers>, request: Request, next: Next) -> Response {
    match callers.count(caller(request.headers())) {
        Ok(()) => next.run(request).await,
        Err(seconds) => Problem::too_many("you call more often than this service allows one caller", seconds)
            .into_response(),
    }
}

/// Who calls, as far as can be told without looking anything up.
fn caller(headers: &HeaderMap) -> u64 {
    let mut hasher = DefaultHasher::new();
    match headers.get(AUTHORIZATION) {
        Some(credential) => credential.as_bytes().hash(&mut hasher),
        // The last hop is the one that the edge itself has seen; those before it are hearsay.
        None => headers
            .get("x-forwarded-for")
            .and_then(|hops| hops.to_str().ok())
            .and_then(|hops| hops.rsplit(',').next())
            .map(str::trim)
            .hash(&mut hasher),
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::Body;
    use axum::routing::get;
    use http::StatusCode;
    use tower::ServiceExt as _;

    use super::*;

    fn router(calls_per_second: u32) -> Router {
        let callers = Callers::new(NonZeroU32::new(calls_per_second));
        Router::new()
            .route("/", get(|| async { "well" }))
            .layer(axum::middleware::from_fn_with_state(callers, limit))
    }

    async fn call(router: &Router, header: (&str, &str)) -> Response {
        let request = Request::builder().uri("/").header(header.0, header.1).body(Body::empty()).unwrap();
        router.clone().oneshot(request).await.unwrap()
    }

    #[tokio::test]
    async fn whoever_calls_too_often_waits_and_holds_up_nobody_else() {
        // One call in a second would be welcome again only after the test.
        let router = router(1);
        for _ in 0..BURST_SECONDS {
            assert_eq!(call(&router, ("authorization", "Bearer a")).await.status(), StatusCode::OK);
        }
        let refused = call(&router, ("authorization", "Bearer a")).await;
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(refused.headers()["retry-after"], "1");
        assert_eq!(call(&router, ("authorization", "Bearer b")).await.status(), StatusCode::OK);
        // Whoever has no credential is known by the last hop, and cannot pass by inventing earlier ones.
        for invented in 0..BURST_SECONDS {
            let hops = format!("10.0.0.{invented}, 192.0.2.1");
            assert_eq!(call(&router, ("x-forwarded-for", &hops)).await.status(), StatusCode::OK);
        }
        let refused = call(&router, ("x-forwarded-for", "10.0.0.99, 192.0.2.1")).await;
        assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    }

    #[tokio::test]
    async fn without_a_bound_nobody_waits() {
        let router = router(0);
        for _ in 0..100 {
            assert_eq!(call(&router, ("authorization", "Bearer a")).await.status(), StatusCode::OK);
        }
    }
}
