//! People, and who the caller is.

use std::collections::BTreeSet;

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use countersign_app::{App, Caller, errors};
use countersign_http::json::List;
use countersign_http::openapi::{
    IfMatch, Invalid, Malformed, NotFound, Paging, PersonConflict, PreconditionRequired, Signed, Stale,
    WithBody,
};
use countersign_http::{Problem, json};
use countersign_rules::person::Role;
use countersign_rules::{GroupName, Timestamp, UserId};
use countersign_storage::items::MAX_GROUPS_OF_USER;
use countersign_storage::people::{Access, Saved, StoredUser};
use countersign_storage::{Key, StorageError, User};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::etag::{if_match, with_etag};
use countersign_app::query::Query;

/// What a list answers.
type Page = List<View<'static>>;

/// An account as an admin writes it.
#[derive(Debug, Deserialize, ToSchema)]
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
    let (caller, _) = app.identify("me", &headers, &[]).await?;
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
    let (caller, _) = app.identify("users", &headers, &[]).await?;
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
    let (caller, found) = app.identify("user", &headers, &keys).await?;
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
        PersonConflict, Stale, Invalid, PreconditionRequired, WithBody, Signed
    )
)]
pub(crate) async fn put(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let (caller, found) = app.identify("put user", &headers, &[Key::Access]).await?;
    caller.must_be_admin()?;
    // Read before the people, so that what was decided by them still holds when it is written.
    let access_version = found.access_version().map_err(|error| errors::storage(&error))?;
    let id: UserId =
        id.parse().map_err(|error: countersign_rules::ids::InvalidId| Problem::invalid(error.to_string()))?;
    let body: Body = json::body(&headers, &bytes)?;
    let before = app.store.user(id).await.map_err(|error| errors::storage(&error))?;
    let user = save(&app, &caller, id, before.as_ref(), body, if_match(&headers)?, access_version).await?;
    Ok(answer(if before.is_some() { StatusCode::OK } else { StatusCode::CREATED }, &user))
}

/// Stores an account as an admin wrote it: a new one, or the next state of the version that they looked
/// at. `access_version` was read before anything else.
pub(crate) async fn save(
    app: &App,
    caller: &Caller,
    id: UserId,
    before: Option<&StoredUser>,
    body: Body,
    expected: Option<u64>,
    access_version: u64,
) -> Result<User, Problem> {
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
    let people = app.store.all_users().await.map_err(|error| errors::storage(&error))?;
    let user = checked(app, id, body, before, &people)?;
    let access =
        if matters(before, &user) { Access::ChangedSince(access_version) } else { Access::Unchanged };
    match app.store_of(caller).put_user(before, &user, access, None).await {
        Ok(Saved::Yes) => {}
        Ok(Saved::EmailTaken) => {
            return Err(Problem::conflict("email-taken", "another user has that e-mail address")
                .at("/email", "taken"));
        }
        Ok(Saved::Before(_) | Saved::KeyReused) => return Err(Problem::internal()),
        Err(StorageError::Conflict) => {
            return Err(Problem::stale("people were changed just now; look again"));
        }
        Err(error) => return Err(errors::storage(&error)),
    }
    if user.disabled {
        disable_service_accounts(app, caller, &people, id).await?;
    }
    app.forget_directory();
    Ok(user)
}

fn checked(
    app: &App,
    id: UserId,
    body: Body,
    before: Option<&StoredUser>,
    people: &[User],
) -> Result<User, Problem> {
    let was = before.map(|before| &before.user);
    if body.id.is_some_and(|named| named != id) {
        return Err(Problem::invalid("the id in the body is not the one in the path").at("/id", "another id"));
    }
    let email = body.email.trim().to_owned();
    let well_formed = email.len() <= 254
        && email.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty())
        && !email.chars().any(|c| c.is_whitespace() || c.is_control());
    if !well_formed {
        return Err(Problem::invalid("expected an e-mail address").at("/email", "not an address"));
    }
    if body.groups.len() > MAX_GROUPS_OF_USER {
        return Err(
            Problem::invalid(format!("at most {MAX_GROUPS_OF_USER} groups a user")).at("/groups", "too many")
        );
    }
    if body.slack_user_id != was.and_then(|was| was.slack_user_id.clone()) {
        return Err(Problem::invalid("a Slack account is linked by its owner, not by an admin")
            .at("/slack_user_id", "cannot be set here"));
    }
    check_owner(id, body.owner, was, people)?;
    let name = body.name.filter(|name| !name.trim().is_empty());
    let name = name.unwrap_or_else(|| email.split('@').next().unwrap_or_default().to_owned());
    countersign_app::submit::check_text("/name", &name)?;
    let user = User {
        id,
        email,
        name,
        groups: body.groups,
        roles: body.roles,
        disabled: body.disabled,
        slack_user_id: body.slack_user_id,
        owner: body.owner,
        created_at: was.map_or_else(|| app.now(), |was| was.created_at),
        version: was.map_or(1, |was| was.version + 1),
        tokens: was.map(|was| was.tokens.clone()).unwrap_or_default(),
    };
    let is_admin = |user: &User| user.person().is_admin();
    let others = people.iter().filter(|other| other.id != id).any(is_admin);
    if was.is_some_and(is_admin) && !is_admin(&user) && !others {
        return Err(Problem::conflict("last-admin", "this is the last admin; make another one first"));
    }
    Ok(user)
}

/// A service account belongs to one human for ever: were it handed on, one human's two votes could
/// come to count as two people's.
fn check_owner(
    id: UserId,
    owner: Option<UserId>,
    was: Option<&User>,
    people: &[User],
) -> Result<(), Problem> {
    if let Some(was) = was {
        if was.owner != owner {
            return Err(Problem::invalid("the owner of an account cannot be changed; make a new account")
                .at("/owner", "cannot be changed"));
        }
        return Ok(());
    }
    let Some(owner) = owner else {
        return Ok(());
    };
    match people.iter().find(|user| user.id == owner) {
        Some(user) if user.owner.is_none() && user.id != id => Ok(()),
        Some(_) => {
            Err(Problem::invalid("the owner must be a person, not a service account")
                .at("/owner", "no person"))
        }
        None => Err(Problem::invalid("the owner is not known").at("/owner", "unknown user")),
    }
}

/// Whether a change is one that claims must look at.
fn matters(before: Option<&StoredUser>, user: &User) -> bool {
    before.is_none_or(|before| {
        let was = &before.user;
        was.groups != user.groups || was.roles != user.roles || was.disabled != user.disabled
    })
}

/// Whoever is out is out with all their programs.
async fn disable_service_accounts(
    app: &App,
    caller: &Caller,
    people: &[User],
    owner: UserId,
) -> Result<(), Problem> {
    for account in people.iter().filter(|user| user.owner == Some(owner) && !user.disabled) {
        let stored = app.store.user(account.id).await.map_err(|error| errors::storage(&error))?;
        let Some(stored) = stored else { continue };
        let mut user = stored.user.clone();
        user.disabled = true;
        user.version += 1;
        let saved = app.store_of(caller).put_user(Some(&stored), &user, Access::Changed, None).await;
        saved.map_err(|error| errors::storage(&error))?;
    }
    Ok(())
}
