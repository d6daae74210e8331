//! People, and who the caller is.

use std::collections::BTreeSet;

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use countersign_app::administration::WrittenUser;
use countersign_app::four_eyes::Proposal;
use countersign_app::view::RequestView;
use countersign_app::{App, Caller, Scope, errors};
use countersign_http::json::List;
use countersign_http::openapi::{
    IfMatch, Invalid, Malformed, NotFound, Paging, PersonConflict, PreconditionRequired, Signed, Stale,
    WithBody,
};
use countersign_http::{Problem, json};
use countersign_rules::person::Role;
use countersign_rules::{GroupName, Timestamp, UserId};
use countersign_storage::people::StoredUser;
use countersign_storage::{Key, User};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::etag::{if_match, with_etag};
use crate::proposals::{Saved, proposed};
use countersign_app::query::Query;

/// What a list answers.
type Page = List<View<'static>>;

/// An account as an admin writes it.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[schema(as = NewUser)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    /// The id in the path, if it is given.
    #[serde(default)]
    pub(crate) id: Option<UserId>,
    /// For display and look-up; unique.
    #[schema(max_length = 254, pattern = r"^\s*[^@\s]+@\S+\s*$")]
    pub(crate) email: String,
    /// For display; what stands before the `@` by default.
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub(crate) name: Option<String>,
    /// The groups.
    #[serde(default)]
    #[schema(value_type = Vec<GroupName>)]
    pub(crate) groups: BTreeSet<GroupName>,
    /// The roles.
    #[serde(default)]
    #[schema(value_type = Vec<Role>)]
    pub(crate) roles: BTreeSet<Role>,
    /// Out at once, with all service accounts of theirs.
    #[serde(default)]
    pub(crate) disabled: bool,
    /// As it is; a Slack account is linked by its owner.
    #[serde(default)]
    pub(crate) slack_user_id: Option<String>,
    /// The human behind a service account; cannot be changed.
    #[serde(default)]
    pub(crate) owner: Option<UserId>,
    /// What a GET answered with; ignored, so that its answer can be sent back.
    #[serde(default, rename = "created_at")]
    #[schema(value_type = Value)]
    pub(crate) _created_at: Option<Value>,
    /// The same.
    #[serde(default, rename = "version")]
    #[schema(value_type = Value)]
    pub(crate) _version: Option<Value>,
}

impl Body {
    pub(crate) fn written(self) -> WrittenUser {
        let Self { email, name, groups, roles, disabled, slack_user_id, owner, .. } = self;
        WrittenUser { email, name, groups, roles, disabled, slack_user_id, owner }
    }
}

/// An account as it is shown.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = User)]
pub(crate) struct View<'a> {
    /// The account.
    id: UserId,
    /// For display and look-up; unique.
    email: &'a str,
    /// For display.
    name: &'a str,
    /// Its groups.
    groups: &'a BTreeSet<GroupName>,
    /// Its roles.
    roles: &'a BTreeSet<Role>,
    /// Whether it may do nothing.
    disabled: bool,
    /// Its Slack account.
    #[schema(required = true)]
    slack_user_id: Option<&'a str>,
    /// The human behind a service account.
    #[schema(required = true)]
    owner: Option<UserId>,
    /// When it was made.
    created_at: Timestamp,
    /// One more with each change; the `ETag`.
    version: u64,
}

impl<'a> From<&'a User> for View<'a> {
    fn from(user: &'a User) -> Self {
        Self {
            id: user.id,
            email: &user.email,
            name: &user.name,
            groups: &user.groups,
            roles: &user.roles,
            disabled: user.disabled,
            slack_user_id: user.slack_user_id.as_deref(),
            owner: user.owner,
            created_at: user.created_at,
            version: user.version,
        }
    }
}

fn answer(status: StatusCode, user: &User) -> Response {
    with_etag(json::answer(status, &View::from(user)), user.version)
}

/// Shows your own account.
#[utoipa::path(
    get,
    path = "/v1/me",
    operation_id = "show_me",
    tag = "people",
    responses((status = 200, body = View, description = "You.", headers(("ETag" = String))), Signed)
)]
pub(crate) async fn me(State(app): State<App>, headers: HeaderMap) -> Result<Response, Problem> {
    let (caller, _) = app.identify("me", Scope::Read, &headers, &[]).await?;
    Ok(answer(StatusCode::OK, &caller.user))
}

/// Lists accounts; for admins and auditors.
#[utoipa::path(
    get,
    path = "/v1/users",
    operation_id = "list_users",
    tag = "people",
    params(Paging, ("email" = Option<String>, Query, description = "Only the one with that address.")),
    responses((status = 200, body = Page, description = "A page."), Malformed, Signed)
)]
pub(crate) async fn list(
    State(app): State<App>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let (caller, _) = app.identify("users", Scope::Read, &headers, &[]).await?;
    if !caller.sees_all() {
        return Err(Problem::forbidden(
            "only admins and auditors list users; `GET /v1/groups` says who reviews",
        ));
    }
    let query = Query::read(raw.as_deref(), &["limit", "cursor", "email"], &[])?;
    let limit = query.limit()?;
    if let Some(email) = query.text("email") {
        let user = app.store.user_by_email(email).await.map_err(|error| errors::storage(&error))?;
        let items: Vec<View<'_>> = user.iter().map(|stored| View::from(&stored.user)).collect();
        return Ok(json::answer(StatusCode::OK, &List { items, next_cursor: None }));
    }
    let users = app.store.users(query.parsed("cursor")?, limit + 1).await;
    let mut users = users.map_err(|error| errors::storage(&error))?;
    let more = users.len() > limit;
    users.truncate(limit);
    let next_cursor = users.last().filter(|_| more).map(|user| user.id.to_string());
    let items: Vec<View<'_>> = users.iter().map(View::from).collect();
    Ok(json::answer(StatusCode::OK, &List { items, next_cursor }))
}

/// Shows an account: your own, or any if you are an admin or an auditor.
#[utoipa::path(
    get,
    path = "/v1/users/{id}",
    operation_id = "show_user",
    tag = "people",
    params(("id" = UserId, Path)),
    responses((status = 200, body = View, description = "The account.", headers(("ETag" = String))), NotFound, Signed)
)]
pub(crate) async fn show(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let id = id.parse::<UserId>().ok();
    let keys: Vec<Key> = id.into_iter().map(Key::User).collect();
    let (caller, found) = app.identify("user", Scope::Read, &headers, &keys).await?;
    let id = id.filter(|id| caller.sees_all() || *id == caller.user.id);
    let id = id.ok_or_else(|| Problem::not_found("user"))?;
    let user = found.user(id).map_err(|error| errors::storage(&error))?;
    Ok(answer(StatusCode::OK, &user.ok_or_else(|| Problem::not_found("user"))?))
}

/// Makes or changes an account, under an id that you choose; for admins.
///
/// Without `If-Match` it makes one; with it, it changes the one that you looked at.
#[utoipa::path(
    put,
    path = "/v1/users/{id}",
    operation_id = "put_user",
    tag = "people",
    params(("id" = UserId, Path), IfMatch),
    request_body = Body,
    responses(
        (status = 200, body = View, description = "It is changed.", headers(("ETag" = String))),
        (status = 201, body = View, description = "It is made.", headers(("ETag" = String))),
        (status = 202, body = RequestView, description = "It waits for another admin: the request that proposes it.",
            headers(("Location" = String))),
        PersonConflict, Stale, Invalid, PreconditionRequired, WithBody, Signed
    )
)]
pub(crate) async fn put(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let (caller, found) = app.identify("put user", Scope::Manage, &headers, &[Key::Access]).await?;
    caller.must_be_admin()?;
    // Read before the people, so that what was decided by them still holds when it is written.
    let access_version = found.access_version().map_err(|error| errors::storage(&error))?;
    let id: UserId =
        id.parse().map_err(|error: countersign_rules::ids::InvalidId| Problem::invalid(error.to_string()))?;
    let body: Body = json::body(&headers, &bytes)?;
    let before = app.store.user(id).await.map_err(|error| errors::storage(&error))?;
    let status = if before.is_some() { StatusCode::OK } else { StatusCode::CREATED };
    match save(&app, &caller, id, before.as_ref(), body, if_match(&headers)?, access_version).await? {
        Saved::Stored(user) => Ok(answer(status, &user)),
        Saved::Proposed(request) => Ok(proposed(&request)),
    }
}

/// Stores an account as an admin wrote it: a new one, or the next state of the version that they looked
/// at. `access_version` was read before anything else. Where another admin has to agree, it is proposed.
pub(crate) async fn save(
    app: &App,
    caller: &Caller,
    id: UserId,
    before: Option<&StoredUser>,
    body: Body,
    expected: Option<u64>,
    access_version: u64,
) -> Result<Saved<User>, Problem> {
    match (before, expected) {
        (Some(_), None) => {
            return Err(Problem::precondition_required(
                "the user exists; send their ETag in If-Match to change them",
            ));
        }
        (None, Some(_)) => return Err(Problem::stale("there is no user of that id")),
        (Some(before), Some(version)) if before.user.version != version => {
            return Err(Problem::stale(format!(
                "the user has version {} now; look again",
                before.user.version
            )));
        }
        (Some(_), Some(_)) | (None, None) => {}
    }
    if body.id.is_some_and(|named| named != id) {
        return Err(Problem::invalid("the id in the body is not the one in the path").at("/id", "another id"));
    }
    let checked = app.check_user(id, before, body.written()).await?;
    let was = before.map(|before| &before.user);
    if app.is_proposal_of_user(was, &checked.user) {
        let proposal = Proposal::of_user(was, &checked.user).map_err(|_| Problem::internal())?;
        let known = app.known_for_display().await.unwrap_or_default();
        let proposal = proposal.affecting(known.affected_by_user(was, &checked.user));
        return Ok(Saved::Proposed(Box::new(app.propose(caller, &proposal).await?)));
    }
    let kept = app.acting(caller).keep_user(before, &checked, access_version).await;
    kept.map_err(|error| error.problem(Problem::stale("people were changed just now; look again")))?;
    Ok(Saved::Stored(checked.user))
}
