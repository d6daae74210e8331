//! Connections: admins write them, everybody reads what they may use.

use std::collections::BTreeSet;

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use countersign_app::{App, Caller, errors};
use countersign_http::{Problem, json};
use countersign_rules::policy::check_timeout;
use countersign_rules::{ConnectionName, GroupName};
use countersign_storage::items::Masking;
use countersign_storage::{Connection, Key, StorageError};
use countersign_targets::{FileSecrets, SecretRef, TargetKind, TargetSpec};
use http::header::{ETAG, IF_MATCH};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::query::Query;

/// How many connections are written or read at the most in one list.
const MOST: usize = 10_000;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    #[serde(default)]
    name: Option<String>,
    kind: String,
    #[serde(default = "empty_object")]
    target: Value,
    #[serde(default)]
    secret: Option<String>,
    #[serde(default)]
    reviewers: Vec<GroupName>,
    #[serde(default = "one")]
    approvals_per_group: u8,
    #[serde(default = "yes")]
    distinct_reviewers: bool,
    #[serde(default)]
    exempt_groups: BTreeSet<GroupName>,
    #[serde(default)]
    allowed_groups: BTreeSet<GroupName>,
    #[serde(default = "yes")]
    approvals: bool,
    #[serde(default = "yes")]
    admin_auto_approve: bool,
    #[serde(default)]
    timeout_seconds: Option<u32>,
    #[serde(default = "an_hour")]
    run_within_seconds: u32,
    #[serde(default)]
    require_reason: bool,
    #[serde(default)]
    guardrails: Vec<Value>,
    #[serde(default)]
    masking: Masking,
    #[serde(default)]
    notify: BTreeSet<String>,
    #[serde(default)]
    slack_channels: Vec<String>,
    /// What a GET answered with; ignored, so that its answer can be sent back.
    #[serde(default, rename = "warnings")]
    _warnings: Option<Vec<String>>,
    #[serde(default, rename = "version")]
    _version: Option<u64>,
}

fn empty_object() -> Value {
    json!({})
}
fn one() -> u8 {
    1
}
fn yes() -> bool {
    true
}
fn an_hour() -> u32 {
    3600
}

#[derive(Debug, Serialize)]
struct View<'a> {
    name: &'a ConnectionName,
    kind: &'a str,
    target: &'a Value,
    secret: Option<&'a str>,
    reviewers: &'a [GroupName],
    approvals_per_group: u8,
    distinct_reviewers: bool,
    exempt_groups: &'a BTreeSet<GroupName>,
    allowed_groups: &'a BTreeSet<GroupName>,
    approvals: bool,
    admin_auto_approve: bool,
    timeout_seconds: Option<u32>,
    run_within_seconds: u32,
    require_reason: bool,
    guardrails: [Value; 0],
    masking: &'a Masking,
    notify: &'a BTreeSet<String>,
    slack_channels: &'a [String],
    version: u64,
    warnings: Vec<String>,
}

impl<'a> View<'a> {
    /// Where it points and with which secret is for admins and auditors.
    fn new(connection: &'a Connection, caller: &Caller, warnings: Vec<String>) -> Self {
        const HIDDEN: &Value = &Value::Null;
        let whole = caller.sees_all();
        Self {
            name: &connection.name,
            kind: &connection.kind,
            target: if whole { &connection.target } else { HIDDEN },
            secret: connection.secret.as_deref().filter(|_| whole),
            reviewers: &connection.reviewers,
            approvals_per_group: connection.approvals_per_group,
            distinct_reviewers: connection.distinct_reviewers,
            exempt_groups: &connection.exempt_groups,
            allowed_groups: &connection.allowed_groups,
            approvals: connection.approvals,
            admin_auto_approve: connection.admin_auto_approve,
            timeout_seconds: connection.timeout_seconds,
            run_within_seconds: connection.run_within_seconds,
            require_reason: connection.require_reason,
            guardrails: [],
            masking: &connection.masking,
            notify: &connection.notify,
            slack_channels: &connection.slack_channels,
            version: connection.version,
            warnings,
        }
    }
}

fn may_see(connection: &Connection, caller: &Caller) -> bool {
    caller.sees_all() || connection.policy().allows(&caller.user.groups)
}

pub(crate) async fn list(
    State(app): State<App>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let (caller, _) = app.identify("connections", &headers, &[]).await?;
    let query = Query::read(raw.as_deref(), &["limit", "cursor"], &[])?;
    let limit = query.limit()?;
    let mut after: Option<ConnectionName> = query.parsed("cursor")?;
    let mut items: Vec<Connection> = Vec::new();
    let mut next = None;
    for _ in 0..MOST {
        let page =
            app.store.connections(after.as_ref(), limit).await.map_err(|error| errors::storage(&error))?;
        let last_page = page.len() < limit;
        after = page.last().map(|connection| connection.name.clone());
        items.extend(page.into_iter().filter(|connection| may_see(connection, &caller)));
        if items.len() > limit || (items.len() == limit && !last_page) {
            items.truncate(limit);
            next = items.last().map(|connection| connection.name.to_string());
            break;
        }
        if last_page {
            break;
        }
    }
    let items: Vec<_> = items.iter().map(|connection| View::new(connection, &caller, Vec::new())).collect();
    Ok(json::answer(StatusCode::OK, &json!({ "items": items, "next_cursor": next })))
}

pub(crate) async fn show(
    State(app): State<App>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (caller, connection) = find(&app, &headers, &name).await?;
    let connection = connection.filter(|connection| may_see(connection, &caller));
    let connection = connection.ok_or_else(|| Problem::not_found("connection"))?;
    let warnings = warnings(&app, &connection).await;
    Ok(answer(StatusCode::OK, &connection, &caller, warnings))
}

async fn find(app: &App, headers: &HeaderMap, name: &str) -> Result<(Caller, Option<Connection>), Problem> {
    match name.parse::<ConnectionName>() {
        Ok(name) => {
            let (caller, found) =
                app.identify("connection", headers, &[Key::Connection(name.clone())]).await?;
            Ok((caller, found.connection(&name).map_err(|error| errors::storage(&error))?))
        }
        Err(_) => Ok((app.identify("connection", headers, &[]).await?.0, None)),
    }
}

pub(crate) async fn put(
    State(app): State<App>,
    Path(name): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let (caller, before) = find(&app, &headers, &name).await?;
    caller.must_be_admin()?;
    let name: ConnectionName = name
        .parse()
        .map_err(|error: countersign_rules::ids::InvalidId| Problem::invalid(error.to_string()))?;
    let body: Body = json::body(&headers, &bytes)?;
    let expected = if_match(&headers)?;
    match (&before, expected) {
        (Some(_), None) => {
            // The contract: without If-Match a PUT creates.
            return Err(Problem::conflict(
                "exists",
                "a connection of that name exists; send its ETag in If-Match to change it",
            )
            .with("precondition", "If-Match"));
        }
        (None, Some(_)) => return Err(Problem::stale("there is no connection of that name")),
        (Some(before), Some(version)) if before.version != version => {
            return Err(Problem::stale(format!(
                "the connection has version {} now; look at it again",
                before.version
            )));
        }
        (Some(_), Some(_)) | (None, None) => {}
    }
    let connection = checked(&app, name, body, before.as_ref())?;
    let stored = app.store.put_connection(before.as_ref().map(|before| before.version), &connection).await;
    match stored {
        Ok(()) => {}
        Err(StorageError::Conflict) if before.is_none() => {
            return Err(Problem::conflict("exists", "a connection of that name was made just now"));
        }
        Err(StorageError::Conflict) => {
            return Err(Problem::stale("the connection was changed just now; look at it again"));
        }
        Err(error) => return Err(errors::storage(&error)),
    }
    app.forget_directory();
    let warnings = warnings(&app, &connection).await;
    let status = if before.is_some() { StatusCode::OK } else { StatusCode::CREATED };
    Ok(answer(status, &connection, &caller, warnings))
}

pub(crate) async fn remove(
    State(app): State<App>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (caller, connection) = find(&app, &headers, &name).await?;
    caller.must_be_admin()?;
    let connection = connection.ok_or_else(|| Problem::not_found("connection"))?;
    let expected = if_match(&headers)?;
    let version = expected.ok_or_else(|| {
        Problem::precondition_required(
            "send the ETag of the connection in If-Match, so that you delete what you looked at",
        )
    })?;
    if connection.version != version {
        return Err(Problem::stale(format!(
            "the connection has version {} now; look at it again",
            connection.version
        )));
    }
    match app.store.delete_connection(&connection.name, version).await {
        Ok(()) => Ok(StatusCode::NO_CONTENT.into_response()),
        Err(StorageError::Conflict) => {
            Err(Problem::stale("the connection was changed just now; look at it again"))
        }
        Err(error) => Err(errors::storage(&error)),
    }
}

fn checked(
    app: &App,
    name: ConnectionName,
    body: Body,
    before: Option<&Connection>,
) -> Result<Connection, Problem> {
    if body.name.as_deref().is_some_and(|named| named != name.as_str()) {
        return Err(
            Problem::invalid("the name in the body is not the one in the path").at("/name", "another name")
        );
    }
    let kind: TargetKind =
        body.kind.parse().map_err(|error: countersign_targets::TargetError| invalid("/kind", &error))?;
    TargetSpec::parse(kind, &body.target).map_err(|error| invalid("/target", &error))?;
    if let Some(secret) = &body.secret {
        SecretRef::parse(secret, FileSecrets::Allowed).map_err(|error| invalid("/secret", &error))?;
    } else if kind.needs_secret() {
        let detail =
            format!("a `{}` connection needs a secret: a reference such as `env:PROD_DB_URL`", body.kind);
        return Err(Problem::invalid(detail).at("/secret", "required"));
    }
    if let Some(timeout) = body.timeout_seconds {
        check_timeout("timeout_seconds", timeout).map_err(|error| invalid("/timeout_seconds", &error))?;
    }
    if !body.guardrails.is_empty() {
        return Err(Problem::invalid(
            "this version knows no guardrails; a rule that nobody enforces is not stored",
        )
        .at("/guardrails", "must be empty"));
    }
    let connection = Connection {
        name,
        kind: kind.as_str().to_owned(),
        target: body.target,
        secret: body.secret,
        reviewers: body.reviewers,
        approvals_per_group: body.approvals_per_group,
        distinct_reviewers: body.distinct_reviewers,
        exempt_groups: body.exempt_groups,
        allowed_groups: body.allowed_groups,
        approvals: body.approvals,
        admin_auto_approve: body.admin_auto_approve,
        timeout_seconds: body.timeout_seconds,
        run_within_seconds: body.run_within_seconds,
        require_reason: body.require_reason,
        masking: body.masking,
        notify: body.notify,
        slack_channels: body.slack_channels,
        created_at: before.map_or_else(|| app.now(), |before| before.created_at),
        version: next_version(app, before),
    };
    connection.policy().check().map_err(|error| invalid("/reviewers", &error))?;
    Ok(connection)
}

/// Versions grow over the deletion of a connection too, so that a version names one policy for ever.
fn next_version(app: &App, before: Option<&Connection>) -> u64 {
    let by_clock = app.now().unix_millis().unsigned_abs();
    before.map_or(by_clock, |before| by_clock.max(before.version + 1))
}

fn invalid(pointer: &str, error: &impl std::fmt::Display) -> Problem {
    Problem::invalid(error.to_string()).at(pointer, error.to_string())
}

/// What is wrong with a connection although it can be saved.
async fn warnings(app: &App, connection: &Connection) -> Vec<String> {
    let mut warnings = app.warnings(&connection.policy(), None).await;
    if connection.masking.enabled {
        warnings.push(
            "this version does not mask output yet: what the target returns is stored and shown as it is"
                .to_owned(),
        );
    }
    if !connection.notify.is_empty() {
        warnings.push(
            "this version does not notify anybody yet: reviewers find requests by themselves".to_owned(),
        );
    }
    if connection.kind == "sqlite" && app.config.sqlite_root.is_none() {
        warnings.push("`sqlite` connections do not run in this deployment".to_owned());
    }
    warnings
}

/// The version in `If-Match`, if it is there.
pub(crate) fn if_match(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let Some(value) = headers.get(IF_MATCH) else {
        return Ok(None);
    };
    let tag = value.to_str().unwrap_or_default().trim();
    let version =
        tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).and_then(|tag| tag.parse().ok());
    version.map(Some).ok_or_else(|| Problem::stale("If-Match must be the ETag of the last answer"))
}

pub(crate) fn with_etag(mut response: Response, version: u64) -> Response {
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{version}\"")) {
        response.headers_mut().insert(ETAG, tag);
    }
    response
}

fn answer(status: StatusCode, connection: &Connection, caller: &Caller, warnings: Vec<String>) -> Response {
    with_etag(json::answer(status, &View::new(connection, caller, warnings)), connection.version)
}
