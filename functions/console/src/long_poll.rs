//! Waiting for a request to change, for a bounded time.

use std::time::{Duration, Instant};

use axum::response::{IntoResponse as _, Response};
use countersign_app::looks::Looks;
use countersign_app::view::RequestView;
use countersign_app::{App, Caller, errors};
use countersign_http::{Problem, json};
use countersign_rules::Request;
use countersign_rules::event::Created;
use countersign_storage::Key;
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};

use countersign_app::query::Query;

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(750);

/// How long a call waits, and for what.
pub(crate) struct Wait {
    looks: Option<Looks>,
    since_version: u64,
}

impl Wait {
    pub(crate) fn read(query: &Query, app: &App) -> Result<Self, Problem> {
        let seconds = query.parsed::<u32>("wait_seconds")?;
        if seconds.is_some_and(|seconds| seconds > 25) {
            return Err(Problem::bad_request("`wait_seconds` may be at most 25"));
        }
        let since_version = query.parsed::<u64>("since_version")?.unwrap_or(0);
        let looks = seconds.map(|seconds| {
            let at_most = Duration::from_secs(seconds.min(app.config.max_wait_seconds).into());
            Looks::new(&app.stopping, Instant::now(), at_most, FIRST_PAUSE, LONGEST_PAUSE)
        });
        Ok(Self { looks, since_version })
    }
}

/// Answers with the request as soon as it is newer than the caller knows, or when the time is up.
/// Expiry counts as newer although nobody may have written it down yet.
pub(crate) async fn answer(
    app: &App,
    caller: &Caller,
    read: (Request, Option<String>),
    created: &Created,
    mut wait: Wait,
) -> Result<Response, Problem> {
    let (mut request, mut error) = read;
    let unchanged = loop {
        let Some(looks) = &mut wait.looks else { break false };
        if request.version > wait.since_version || request.expired_by(app.now()).is_some() {
            break false;
        }
        if !looks.again().await {
            break true;
        }
        looks.begin();
        let keys = [Key::State(request.id)];
        let found = app.store.read("poll", &keys).await.map_err(|error| errors::storage(&error))?;
        let state = found.request(request.id).map_err(|error| errors::storage(&error))?;
        error = found.error_text(request.id);
        request = state.ok_or_else(|| Problem::not_found("request"))?;
    };
    let view = RequestView::new(&request, created, error, caller, app.now(), &app.config.public_url);
    let exact = app.exact_rows(&request, caller).await;
    let view = view.with_exact_rows(&request, exact, caller);
    let mut response = json::answer(StatusCode::OK, &view).into_response();
    if unchanged {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("0"));
    }
    Ok(response)
}
