//! What a runner could claim next.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use axum::extract::{RawQuery, State};
use axum::response::Response;
use countersign_app::looks::Looks;
use countersign_app::query::Query;
use countersign_app::{App, errors};
use countersign_http::openapi::{Malformed, NotFound, Signed};
use countersign_http::{Problem, json};
use countersign_rules::{ConnectionName, Digest, Request, RequestId, Timestamp};
use countersign_storage::{Key, StorageError};
use futures::future::try_join_all;
use http::header::RETRY_AFTER;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(1000);
/// How many candidates of a connection are looked at: those whose time is over, but of which nobody has
/// written that down yet, must not hide the others.
const CANDIDATES: usize = 20;

/// What a runner could do.
#[derive(Debug, Serialize, ToSchema)]
struct RunnerWork {
    /// The next request; null if there is none now.
    #[schema(required = true)]
    work: Option<Work>,
}

/// A request that a runner may claim.
#[derive(Debug, Serialize, ToSchema)]
struct Work {
    /// Its id.
    id: RequestId,
    /// On which connection.
    connection: ConnectionName,
    /// What was approved; a claim sends it back.
    digest: Digest,
    /// The instant from which it cannot be claimed.
    run_by: Timestamp,
}

impl Work {
    fn of(request: &Request, now: Timestamp) -> Option<Self> {
        let approval = request.approval().filter(|approval| now < approval.run_by)?;
        request.waits_for_runner().then(|| Self {
            id: request.id,
            connection: request.connection.clone(),
            digest: request.digest,
            run_by: approval.run_by,
        })
    }
}

/// Finds the oldest request that the runner may claim, on the connections of its token.
///
/// It waits for one (at most 25 s, less where the deployment says so), and may answer earlier, without,
/// with `Retry-After`.
#[utoipa::path(
    get,
    path = "/v1/runner/work",
    operation_id = "find_work",
    tag = "runners",
    params(
        ("wait_seconds" = Option<u32>, Query, maximum = 25, description = "How long to wait; not at all by default."),
        ("connection" = Option<Vec<ConnectionName>>, Query,
            description = "Only on these of the token's connections; may repeat. All of them by default.")
    ),
    responses(
        (status = 200, body = RunnerWork, description = "What there is to do.",
            headers(("Retry-After" = String, description = "There, if there is nothing."))),
        Malformed, NotFound, Signed
    )
)]
pub(crate) async fn work(
    State(app): State<App>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let began = Instant::now();
    let (caller, _) = app.identify_runner("work", &headers, &[]).await?;
    let query = Query::read(raw.as_deref(), &["wait_seconds", "connection"], &["connection"])?;
    let seconds = query.parsed::<u32>("wait_seconds")?.unwrap_or(0);
    if seconds > 25 {
        return Err(Problem::bad_request("`wait_seconds` may be at most 25"));
    }
    let (_, all) = caller.must_be_runner()?;
    let mut wanted = BTreeSet::new();
    for name in query.all("connection") {
        let name = all.iter().find(|known| known.as_str() == name);
        wanted.insert(name.cloned().ok_or_else(|| Problem::not_found("connection"))?);
    }
    let connections = if wanted.is_empty() { all } else { &wanted };
    let at_most = Duration::from_secs(seconds.min(app.config.max_wait_seconds).into());
    let mut looks = Looks::new(&app.stopping, began, at_most, FIRST_PAUSE, LONGEST_PAUSE);
    loop {
        looks.begin();
        let work = next(&app, connections.iter()).await.map_err(|error| errors::storage(&error))?;
        if work.is_some() || !looks.again().await {
            let none = work.is_none();
            let mut response = json::answer(StatusCode::OK, &RunnerWork { work });
            if none {
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("0"));
            }
            return Ok(response);
        }
    }
}

/// One query a connection, and one read of what they found, if anything.
async fn next(
    app: &App,
    connections: impl Iterator<Item = &ConnectionName>,
) -> Result<Option<Work>, StorageError> {
    let found = try_join_all(connections.map(|name| app.store.work(name, CANDIDATES))).await?;
    let mut ids: Vec<RequestId> = found.into_iter().flatten().collect();
    if ids.is_empty() {
        return Ok(None);
    }
    ids.sort_unstable();
    let states: Vec<Key> = ids.iter().copied().map(Key::State).collect();
    let found = app.store.read("work", &states).await?;
    for id in ids {
        if let Some(work) = found.request(id)?.and_then(|request| Work::of(&request, app.now())) {
            return Ok(Some(work));
        }
    }
    Ok(None)
}
