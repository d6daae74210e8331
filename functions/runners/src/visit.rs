//! What a runner's call about a request begins with. A runner proves who it is by its token, and that it
//! holds the claim by the claim's name *and* the token that claimed: the name alone stands in the audit
//! trail.

use countersign_app::view::may_see;
use countersign_app::{App, Caller, errors};
use countersign_http::Problem;
use countersign_rules::command::{Executor, Runner};
use countersign_rules::{Request, RequestId};
use countersign_storage::{Connection, Key, StoredToken};
use countersign_targets::TargetSpec;
use http::HeaderMap;

/// What a runner's call begins with.
pub(crate) struct Visit {
    pub(crate) id: RequestId,
    caller: Caller,
    pub(crate) request: Request,
}

impl Visit {
    /// Finds out who calls about what. Whoever may not see the request learns nothing of it.
    pub(crate) async fn read(app: &App, headers: &HeaderMap, id: &str) -> Result<Self, Problem> {
        app.subject(headers)?;
        let Ok(id) = id.parse::<RequestId>() else {
            app.identify_runner("runner", headers, &[]).await?;
            return Err(Problem::not_found("request"));
        };
        let (caller, found) = app.identify_runner("runner", headers, &[Key::State(id)]).await?;
        let request = found.request(id).map_err(|error| errors::storage(&error))?;
        let visible = |request: &Request| match caller.must_be_runner() {
            Ok((_, connections)) => connections.contains(&request.connection),
            Err(_) => may_see(request, &caller),
        };
        let request = request.filter(visible).ok_or_else(|| Problem::not_found("request"))?;
        Ok(Self { id, caller, request })
    }

    pub(crate) fn token(&self) -> Result<&StoredToken, Problem> {
        self.caller.must_be_runner().map(|(token, _)| token)
    }

    /// The runner that calls.
    pub(crate) fn runner(&self, app: &App) -> Result<Runner, Problem> {
        let token = self.token()?.id;
        Ok(Runner { by: self.caller.person(), token, silence_seconds: app.config.lease_margin_sec })
    }

    pub(crate) fn executor(&self, app: &App) -> Result<Executor, Problem> {
        Ok(Executor::Runner(Box::new(self.runner(app)?)))
    }

    /// The connection as it is now.
    pub(crate) async fn connection(&self, app: &App) -> Result<Connection, Problem> {
        let name = &self.request.connection;
        let found = app.store.connection(name).await.map_err(|error| errors::storage(&error))?;
        found.ok_or_else(|| Problem::conflict("connection-gone", "the connection was deleted meanwhile"))
    }
}

/// A claim's name: 32 hexadecimal digits of its runner's own choice.
pub(crate) fn check_nonce(nonce: &str) -> Result<(), Problem> {
    if nonce.len() == 32 && nonce.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Ok(());
    }
    let detail = "`nonce` must be 32 random hexadecimal digits in lower case";
    Err(Problem::invalid(detail).at("/nonce", detail))
}

pub(crate) fn spec_of(connection: &Connection) -> Option<TargetSpec> {
    TargetSpec::parse(connection.kind.parse().ok()?, &connection.target).ok()
}
