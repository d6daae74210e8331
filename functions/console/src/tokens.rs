//! API tokens: everybody makes their own; an admin also makes those of service accounts.

use std::collections::BTreeSet;

use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use countersign_app::{App, Caller, Scope, app, errors};
use countersign_http::json::List;
use countersign_http::openapi::{
    IdempotencyKey, InvalidOrReused, Malformed, NotFound, Paging, Signed, TooManyTokens, WithBody,
};
use countersign_http::{Problem, edge, json};
use countersign_identity::token::Token;
use countersign_rules::request::RUNNER_KIND;
use countersign_rules::{ConnectionName, Timestamp, TokenId, UserId};
use countersign_storage::items::{MAX_RUNNER_CONNECTIONS, MAX_TOKENS};
use countersign_storage::people::{Access, Remember, Saved, StoredUser};
use countersign_storage::requests::{Idempotency, Remembered};
use countersign_storage::{Key, Scopes, StorageError, StoredToken};
use http::{HeaderMap, StatusCode};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use countersign_app::query::Query;

/// What a list answers.
type Page = List<View>;

/// How often a change of a user's tokens that lost a race is tried again.
const ROUNDS: u32 = 10;
/// The longest life of a token that expires: ten years, in seconds.
const MOST_SECONDS: u32 = 10 * 366 * 24 * 3600;

/// A token as it is asked for.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewToken)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    /// What you call it.
    #[schema(min_length = 1, max_length = 100)]
    pub(crate) name: String,
    /// How long it is valid; for ever by default.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 316_224_000)]
    pub(crate) expires_in_seconds: Option<u32>,
    /// Whose it is: yours by default; an admin names a service account.
    #[serde(default)]
    pub(crate) user: Option<UserId>,
    /// Makes it a runner's, for these connections of the kind `runner`: it can find, claim and report their
    /// work, and do nothing else. An admin makes it, for a service account.
    #[serde(default, deserialize_with = "set_of_at_most::<_, _, 10>")]
    #[schema(value_type = Option<Vec<ConnectionName>>, min_items = 1, max_items = 10)]
    pub(crate) runner_connections: Option<BTreeSet<ConnectionName>>,
    /// What it is limited to; everything that its account may by default. A token that is limited makes none that may
    /// do more than itself. Not together with `runner_connections`.
    #[serde(default, deserialize_with = "set_of_at_most::<_, _, 4>")]
    #[schema(value_type = Option<Vec<Scope>>, min_items = 1, max_items = 4)]
    pub(crate) scopes: Scopes,
}

/// A list whose repetitions count to its length, as in the contract.
fn set_of_at_most<'de, D, T, const MOST: usize>(deserializer: D) -> Result<Option<BTreeSet<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Ord,
{
    let listed = Option::<Vec<T>>::deserialize(deserializer)?;
    match listed {
        Some(items) if items.len() > MOST => {
            Err(D::Error::invalid_length(items.len(), &format!("at most {MOST} items").as_str()))
        }
        listed => Ok(listed.map(|items| items.into_iter().collect())),
    }
}

/// A token as it is shown.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Token)]
pub(crate) struct View {
    /// Its id.
    id: TokenId,
    /// What its maker calls it.
    name: String,
    /// Whose it is.
    user: UserId,
    /// What to send as a bearer; shown once, when it is made, and null ever after.
    #[schema(required = true, pattern = "^cst_[0-9A-HJKMNP-TV-Z]{26}[A-Za-z0-9_-]{43}$")]
    pub(crate) secret: Option<String>,
    /// When it was made.
    created_at: Timestamp,
    /// From when on it is refused; null is never.
    #[schema(required = true)]
    expires_at: Option<Timestamp>,
    /// Who made it.
    created_by: UserId,
    /// Set if it is a runner's: for which connections.
    #[serde(skip_serializing_if = "Option::is_none")]
    runner_connections: Option<BTreeSet<ConnectionName>>,
    /// What it is limited to; null is everything that its account may, or what a runner needs if it is a
    /// runner's.
    #[schema(required = true, value_type = Option<Vec<Scope>>)]
    scopes: Scopes,
}

impl View {
    fn new(token: &StoredToken, user: UserId, secret: Option<&str>) -> Self {
        Self {
            id: token.id,
            name: token.name.clone(),
            user,
            secret: secret.map(str::to_owned),
            created_at: token.created_at,
            expires_at: token.expires_at,
            created_by: token.created_by,
            runner_connections: token.runner_connections.clone(),
            scopes: token.scopes.clone(),
        }
    }
}

/// What came of one attempt to make a token.
enum Attempt {
    /// It is there; this is the only time that its secret is known.
    Made(View),
    /// It was made before, under the same key.
    Before(View),
    /// Somebody else changed the user meanwhile.
    Lost,
}

/// Makes a token: your own, or, if you are an admin, a service account's.
///
/// The secret is in this answer only. With `scopes` it is for a part of what its account may. Where two admins have to agree with each other, the owner of a service
/// account makes its tokens, and no other admin does.
#[utoipa::path(
    post,
    path = "/v1/tokens",
    operation_id = "create_token",
    tag = "tokens",
    params(IdempotencyKey),
    request_body = Body,
    responses(
        (status = 201, body = View, description = "It is made.",
            headers(("Idempotency-Replayed" = String, description = "`true` if the key came before."))),
        NotFound, TooManyTokens, InvalidOrReused, WithBody, Signed
    )
)]
pub(crate) async fn create(
    State(app): State<App>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Result<Response, Problem> {
    let (caller, _) = app.identify("create token", Scope::Manage, &headers, &[]).await?;
    let body: Body = json::body(&headers, &bytes)?;
    let key = edge::idempotency_key(&headers)?;
    let key = key.map(|key| Idempotency::new(caller.user.id, "POST /v1/tokens", key, &bytes));
    let (token, before) = make(&app, &caller, &body, key.as_ref()).await?;
    let mut response = json::answer(StatusCode::CREATED, &token);
    if before {
        edge::mark_replayed(&mut response);
    }
    Ok(response)
}

/// Makes a token; and whether it was made before, under the same key.
pub(crate) async fn make(
    app: &App,
    caller: &Caller,
    body: &Body,
    key: Option<&Idempotency>,
) -> Result<(View, bool), Problem> {
    if body.name.trim().is_empty() || body.name.chars().count() > 100 {
        return Err(Problem::invalid("a token needs a name of 1 to 100 characters").at("/name", "required"));
    }
    if body.expires_in_seconds.is_some_and(|seconds| seconds == 0 || seconds > MOST_SECONDS) {
        let detail = format!("`expires_in_seconds` must be between 1 and {MOST_SECONDS}");
        return Err(Problem::invalid(detail).at("/expires_in_seconds", "out of range"));
    }
    check_scopes(body)?;
    // A runner's token has no scopes, so one with scopes makes none.
    caller.may_grant(&body.scopes)?;
    let user = body.user.unwrap_or(caller.user.id);
    if let Some(connections) = &body.runner_connections {
        check_runner(app, caller, connections).await?;
    }
    for _ in 0..ROUNDS {
        let stored = app.store.user(user).await.map_err(|error| errors::storage(&error))?;
        let stored = entitled(app, caller, user, stored)?;
        if body.runner_connections.is_some() && stored.user.owner.is_none() {
            let detail = "a runner's token belongs to a service account: say which one in `user`";
            return Err(Problem::invalid(detail).at("/user", detail));
        }
        match try_create(app, caller, &stored, body, key).await? {
            Attempt::Made(token) => return Ok((token, false)),
            Attempt::Before(token) => return Ok((token, true)),
            Attempt::Lost => {}
        }
    }
    Err(errors::storage(&StorageError::Contended))
}

/// Whether a token can have these scopes.
fn check_scopes(body: &Body) -> Result<(), Problem> {
    let Some(scopes) = &body.scopes else { return Ok(()) };
    let detail = if scopes.is_empty() {
        "a token is for something: name at least one scope, or leave `scopes` out for everything that you may"
    } else if body.runner_connections.is_some() {
        "a runner's token is for what runners do and nothing else: it has no scopes"
    } else {
        return Ok(());
    };
    Err(Problem::invalid(detail).at("/scopes", detail))
}

/// Whether the caller may let a runner loose on these connections.
async fn check_runner(
    app: &App,
    caller: &Caller,
    connections: &BTreeSet<ConnectionName>,
) -> Result<(), Problem> {
    caller.must_be_admin()?;
    let refuse = |detail: String| Problem::invalid(detail.clone()).at("/runner_connections", detail);
    if !(1..=MAX_RUNNER_CONNECTIONS).contains(&connections.len()) {
        return Err(refuse(format!("a runner's token is for 1 to {MAX_RUNNER_CONNECTIONS} connections")));
    }
    let keys: Vec<Key> = connections.iter().cloned().map(Key::Connection).collect();
    let found = app.store.read("runner token", &keys).await.map_err(|error| errors::storage(&error))?;
    for name in connections {
        let connection = found.connection(name).map_err(|error| errors::storage(&error))?;
        if connection.is_none_or(|connection| connection.kind != RUNNER_KIND) {
            return Err(refuse(format!("there is no connection `{name}` of the kind `{RUNNER_KIND}`")));
        }
    }
    Ok(())
}

/// The user for whom the caller may make a token.
fn entitled(
    app: &App,
    caller: &Caller,
    user: UserId,
    stored: Option<StoredUser>,
) -> Result<StoredUser, Problem> {
    let own = user == caller.user.id;
    let human = caller.person().human;
    // Where admins have to agree with each other, a program's owner makes its tokens.
    let owns = |stored: &StoredUser| app.config.admin_four_eyes && stored.user.owner == Some(human);
    let stored = stored.filter(|stored| own || caller.is_admin() || owns(stored));
    let stored = stored.ok_or_else(|| Problem::not_found("user"))?;
    match stored.user.owner {
        _ if own => Ok(stored),
        Some(owner) if app.may_make_token_of(owner, human) => Ok(stored),
        Some(_) => Err(Problem::forbidden(
            "here no admin makes a token for somebody else's service account: its owner does",
        )),
        None => Err(Problem::forbidden(
            "nobody makes a token for another person; an admin makes them for service accounts",
        )),
    }
}

async fn try_create(
    app: &App,
    caller: &Caller,
    stored: &StoredUser,
    body: &Body,
    key: Option<&Idempotency>,
) -> Result<Attempt, Problem> {
    let now = app.now();
    let user_id = stored.user.id;
    let token = Token::random(user_id).map_err(|_| errors::no_randomness())?;
    let id = TokenId::from_parts(now, app::random().map_err(|_| errors::no_randomness())?);
    let expires_at = body.expires_in_seconds.map(|seconds| now.plus_seconds(seconds));
    let mut user = stored.user.clone();
    // Expired ones only take up room.
    user.tokens.retain(|token| token.expires_at.is_none_or(|expires_at| now < expires_at));
    if user.tokens.len() >= MAX_TOKENS {
        if let Some(key) = key {
            match app.store.remembered(key).await.map_err(|error| errors::storage(&error))? {
                Remembered::Made(before) => return made_before(stored, &before),
                Remembered::OtherBody => return Err(errors::key_reused()),
                Remembered::Nothing => {}
            }
        }
        let detail = format!("a user has at most {MAX_TOKENS} tokens; revoke one first");
        return Err(Problem::conflict("too-many-tokens", detail));
    }
    let mut made = token.stored(id, body.name.clone(), now, expires_at, caller.user.id);
    made.runner_connections.clone_from(&body.runner_connections);
    made.scopes.clone_from(&body.scopes);
    user.tokens.push(made.clone());
    let made_id = id.to_string();
    let remember = key.map(|key| Remember { key, made: &made_id, now });
    match app.store_of(caller).put_user(Some(stored), &user, Access::Unchanged, remember).await {
        Ok(Saved::Yes) => Ok(Attempt::Made(View::new(&made, user_id, Some(token.reveal())))),
        Ok(Saved::Before(before)) => made_before(stored, &before),
        Ok(Saved::KeyReused) => Err(errors::key_reused()),
        Ok(Saved::EmailTaken) => Err(Problem::internal()),
        Err(StorageError::Conflict) => Ok(Attempt::Lost),
        Err(error) => Err(errors::storage(&error)),
    }
}

/// The token that was made under the same key. A replay never shows its secret again.
fn made_before(stored: &StoredUser, before: &str) -> Result<Attempt, Problem> {
    let known = stored.user.tokens.iter().find(|token| token.id.to_string() == before);
    let known = known.ok_or_else(|| Problem::not_found("token"))?;
    Ok(Attempt::Before(View::new(known, stored.user.id, None)))
}

/// Lists your tokens, or, if you are an admin or an auditor, somebody's.
#[utoipa::path(
    get,
    path = "/v1/tokens",
    operation_id = "list_tokens",
    tag = "tokens",
    params(("user" = Option<UserId>, Query, description = "Whose; yours by default."), Paging),
    responses((status = 200, body = Page, description = "A page."), Malformed, NotFound, Signed)
)]
pub(crate) async fn list(
    State(app): State<App>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
) -> Result<Response, Problem> {
    let (caller, _) = app.identify("tokens", Scope::Read, &headers, &[]).await?;
    let query = Query::read(raw.as_deref(), &["user", "limit", "cursor"], &[])?;
    let user = match query.parsed::<UserId>("user")? {
        None => caller.user.clone(),
        Some(id) if id == caller.user.id => caller.user.clone(),
        Some(id) if caller.sees_all() => {
            let stored = app.store.user(id).await.map_err(|error| errors::storage(&error))?;
            stored.ok_or_else(|| Problem::not_found("user"))?.user
        }
        Some(_) => return Err(Problem::not_found("user")),
    };
    let tokens = user.tokens.iter().map(|token| View::new(token, user.id, None)).collect();
    let page = query.page(tokens, query.limit()?, |token: &View| token.id)?;
    Ok(json::answer(StatusCode::OK, &page))
}

/// Revokes a token at once: your own, or, if you are an admin, anybody's.
#[utoipa::path(
    delete,
    path = "/v1/tokens/{id}",
    operation_id = "revoke_token",
    tag = "tokens",
    params(("id" = TokenId, Path)),
    responses((status = 204, description = "It is gone."), NotFound, Signed)
)]
pub(crate) async fn revoke(
    State(app): State<App>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (caller, _) = app.identify("revoke token", Scope::Manage, &headers, &[]).await?;
    let id: TokenId = id.parse().map_err(|_| Problem::not_found("token"))?;
    take(&app, &caller, id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Takes a token away: the caller's own, or, for an admin, anybody's.
pub(crate) async fn take(app: &App, caller: &Caller, id: TokenId) -> Result<(), Problem> {
    let owner = owner_of(app, caller, id).await?;
    for _ in 0..ROUNDS {
        let stored = app.store.user(owner).await.map_err(|error| errors::storage(&error))?;
        let stored = stored.ok_or_else(|| Problem::not_found("token"))?;
        let mut user = stored.user.clone();
        user.tokens.retain(|token| token.id != id);
        if user.tokens.len() == stored.user.tokens.len() {
            return Err(Problem::not_found("token"));
        }
        match app.store_of(caller).put_user(Some(&stored), &user, Access::Unchanged, None).await {
            Ok(_) => return Ok(()),
            Err(StorageError::Conflict) => {}
            Err(error) => return Err(errors::storage(&error)),
        }
    }
    Err(errors::storage(&StorageError::Contended))
}

/// Whose token it is: the caller's, or, for an admin, anybody's.
async fn owner_of(app: &App, caller: &Caller, id: TokenId) -> Result<UserId, Problem> {
    if caller.user.tokens.iter().any(|token| token.id == id) {
        return Ok(caller.user.id);
    }
    if !caller.is_admin() {
        return Err(Problem::not_found("token"));
    }
    let people = app.store.all_users().await.map_err(|error| errors::storage(&error))?;
    let owner = people.iter().find(|user| user.tokens.iter().any(|token| token.id == id));
    owner.map(|user| user.id).ok_or_else(|| Problem::not_found("token"))
}
