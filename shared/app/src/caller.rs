//! Who is calling, found out in the same round trip as what they ask for.

use std::collections::BTreeSet;

use countersign_http::Problem;
use countersign_identity::session::is_session;
use countersign_identity::{Unauthenticated, bearer, token};
use countersign_rules::person::{Person, Role};
use countersign_rules::{Actor, ConnectionName, UserId, Via};
use countersign_storage::{Found, Key, Scope, Scopes, Store, StoredToken, User, scope};
use futures::future::BoxFuture;
use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, StatusCode};

use crate::{App, errors};

/// Somebody who proved who they are.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The account, read strongly consistent with this call.
    pub user: User,
    /// Through what they call.
    pub via: Via,
    /// Set if they call with a runner's token, which is for a runner's calls alone.
    pub runner: Option<StoredToken>,
    /// What the token that they call with is limited to.
    pub scopes: Scopes,
}

impl Caller {
    /// Somebody who may do whatever their account may, because they call with no token.
    #[must_use]
    pub fn unlimited(user: User, via: Via) -> Self {
        Self { user, via, runner: None, scopes: None }
    }

    /// Refuses a token that is not for that.
    ///
    /// # Errors
    /// 403.
    pub fn must_have(&self, needed: Scope) -> Result<(), Problem> {
        match &self.scopes {
            Some(scopes) if !scope::allows(&self.scopes, needed) => {
                let has = scope::listed(scopes);
                let detail =
                    format!("this call needs the scope `{needed}`; this token has {has} and no other");
                Err(token_scope(detail))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Refuses to make a token that may do more than the one that the caller calls with.
    ///
    /// # Errors
    /// 403.
    pub fn may_grant(&self, scopes: &Scopes) -> Result<(), Problem> {
        if scope::is_within(scopes, &self.scopes) {
            return Ok(());
        }
        let has = self.scopes.as_ref().map(scope::listed).unwrap_or_default();
        let detail = format!(
            "no token makes one that may do more than itself: name `scopes` for the new one out of those of this \
             token, {has}"
        );
        Err(token_scope(detail).at("/scopes", "more than this token has"))
    }

    /// The runner's token and its connections.
    ///
    /// # Errors
    /// 403 for any other token.
    pub fn must_be_runner(&self) -> Result<(&StoredToken, &BTreeSet<ConnectionName>), Problem> {
        let token = self.runner.as_ref();
        let connections = token.and_then(|token| token.runner_connections.as_ref());
        token.zip(connections).ok_or_else(|| {
            Problem::forbidden(
                "this call is for runners: an admin makes a token with `runner_connections` for one",
            )
        })
    }

    /// The caller as the rules see them.
    #[must_use]
    pub fn person(&self) -> Person {
        self.user.person()
    }

    /// Whether they are an admin.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.user.roles.contains(&Role::Admin)
    }

    /// Whether they may see everything.
    #[must_use]
    pub fn sees_all(&self) -> bool {
        self.is_admin() || self.user.roles.contains(&Role::Auditor)
    }

    /// Refuses everybody but admins and auditors.
    ///
    /// # Errors
    /// 403.
    pub fn must_see_all(&self) -> Result<(), Problem> {
        if self.sees_all() { Ok(()) } else { Err(Problem::forbidden("only admins and auditors see this")) }
    }

    /// Refuses everybody but admins.
    ///
    /// # Errors
    /// 403.
    pub fn must_be_admin(&self) -> Result<(), Problem> {
        if self.is_admin() { Ok(()) } else { Err(Problem::forbidden("only an admin may do this")) }
    }
}

/// The header by which our own command line says that it is one.
pub const VIA_HEADER: &str = "countersign-via";

impl App {
    /// The table, written by this caller.
    #[must_use]
    pub fn store_of(&self, caller: &Caller) -> Store {
        self.store.acting(Actor::user(&caller.person()), caller.via)
    }

    /// The same use cases, with the table written by this caller.
    #[must_use]
    pub fn acting(&self, caller: &Caller) -> Self {
        Self { store: self.store_of(caller), ..self.clone() }
    }

    /// Finds out who calls, and reads `also` in the same round trip. `needs` is what a token must be for to
    /// make this call: it is asked before anything is looked at, so that what a refusal tells does not
    /// depend on what is there.
    ///
    /// # Errors
    /// 401, 403 for a disabled account or a token that is not for this, or what the storage says.
    pub fn identify<'a>(
        &'a self,
        operation: &'static str,
        needs: Scope,
        headers: &'a HeaderMap,
        also: &'a [Key],
    ) -> BoxFuture<'a, Result<(Caller, Found), Problem>> {
        Box::pin(async move {
            let (caller, found) = self.identify_any(operation, headers, also).await?;
            Ok((allowed(caller, needs)?, found))
        })
    }

    /// Finds out which admin calls.
    ///
    /// # Errors
    /// As [`App::identify`]; 403 for everybody else.
    pub fn identify_admin<'a>(
        &'a self,
        operation: &'static str,
        needs: Scope,
        headers: &'a HeaderMap,
    ) -> BoxFuture<'a, Result<Caller, Problem>> {
        Box::pin(async move {
            let (caller, _) = self.identify(operation, needs, headers, &[]).await?;
            caller.must_be_admin()?;
            Ok(caller)
        })
    }

    /// As [`App::identify`], for the calls that runners make; who is none must be refused by
    /// [`Caller::must_be_runner`] once the call is known to be well-formed.
    ///
    /// # Errors
    /// As [`App::identify`]; 403 for a token that is limited to anything else.
    pub fn identify_runner<'a>(
        &'a self,
        operation: &'static str,
        headers: &'a HeaderMap,
        also: &'a [Key],
    ) -> BoxFuture<'a, Result<(Caller, Found), Problem>> {
        Box::pin(async move {
            let (caller, found) = self.identify_any(operation, headers, also).await?;
            // No scope is for this, and who is refused for their token learns nothing of what is there.
            if caller.scopes.is_some() {
                caller.must_be_runner()?;
            }
            Ok((caller, found))
        })
    }

    async fn identify_any(
        &self,
        operation: &'static str,
        headers: &HeaderMap,
        also: &[Key],
    ) -> Result<(Caller, Found), Problem> {
        let subject = self.subject(headers)?;
        let mut keys = self.proof(headers, subject);
        keys.extend_from_slice(also);
        let found = self.store.read(operation, &keys).await.map_err(|error| errors::storage(&error))?;
        let caller = self.verify_any(headers, subject, &found)?;
        Ok((caller, found))
    }

    /// Whom the credential claims to be of. Proves nothing yet.
    ///
    /// # Errors
    /// 401 if there is no credential that could be of anybody.
    pub fn subject(&self, headers: &HeaderMap) -> Result<UserId, Problem> {
        let credential = self.credential(headers).map_err(errors::unauthenticated)?;
        let claimed = self.schemes.iter().find_map(|scheme| scheme.subject(credential));
        claimed.ok_or_else(|| errors::unauthenticated(Unauthenticated::Invalid))
    }

    /// Proves the claim of [`App::subject`] with what was read since.
    ///
    /// # Errors
    /// 401; 403 for a disabled account, and for a token that is not for what `needs` says.
    pub fn verify(
        &self,
        needs: Scope,
        headers: &HeaderMap,
        subject: UserId,
        found: &Found,
    ) -> Result<Caller, Problem> {
        allowed(self.verify_any(headers, subject, found)?, needs)
    }

    fn verify_any(&self, headers: &HeaderMap, subject: UserId, found: &Found) -> Result<Caller, Problem> {
        let credential = self.credential(headers).map_err(errors::unauthenticated)?;
        let user = found.user(subject).map_err(|error| errors::storage(&error))?;
        let scheme = self.schemes.iter().find(|scheme| scheme.subject(credential) == Some(subject));
        let scheme = scheme.ok_or_else(|| errors::unauthenticated(Unauthenticated::Invalid))?;
        scheme.verify(credential, user.as_ref(), found, self.now()).map_err(errors::unauthenticated)?;
        let user = user.ok_or_else(|| errors::unauthenticated(Unauthenticated::Invalid))?;
        let cli = headers.get(VIA_HEADER).is_some_and(|value| value.as_bytes() == b"cli");
        let token = token::stored(credential, Some(&user)).cloned();
        let scopes = token.as_ref().and_then(|token| token.scopes.clone());
        let runner = token.filter(|token| token.runner_connections.is_some());
        let via = scheme.via();
        Ok(Caller { runner, scopes, user, via: if cli && via == Via::Api { Via::Cli } else { via } })
    }

    /// Who calls with a credential that proves it, though they may do nothing: why not then. None for who proves
    /// nothing, and for a session that is over: a made-up one looks just so.
    pub(crate) fn proven(
        &self,
        headers: &HeaderMap,
        found: &Found,
    ) -> Option<(User, Via, Option<Unauthenticated>)> {
        let credential = self.credential(headers).ok()?;
        let scheme = self.schemes.iter().find(|scheme| scheme.subject(credential).is_some())?;
        let user = found.user(scheme.subject(credential)?).ok()?;
        let verified = scheme.verify(credential, user.as_ref(), found, self.now());
        let why = match verified {
            Ok(()) => None,
            Err(why @ Unauthenticated::Disabled) => Some(why),
            Err(why @ Unauthenticated::Expired) if !is_session(credential) => Some(why),
            Err(Unauthenticated::Expired | Unauthenticated::Invalid | Unauthenticated::Missing) => {
                return None;
            }
        };
        Some((user?, scheme.via(), why))
    }

    /// Whose an API token claims to be, if the credential is one.
    pub(crate) fn token_subject(&self, headers: &HeaderMap) -> Option<UserId> {
        let credential = self.credential(headers).ok()?;
        token::secret_sha256(credential).and_then(|_| self.subject(headers).ok())
    }

    /// What has to be read to verify the claim of [`App::subject`].
    #[must_use]
    pub fn proof(&self, headers: &HeaderMap, subject: UserId) -> Vec<Key> {
        let credential = self.credential(headers).ok();
        let scheme = |credential: &&str| {
            self.schemes.iter().find(|scheme| scheme.subject(credential) == Some(subject))
        };
        let evidence = credential.and_then(|credential| scheme(&credential)?.evidence(credential));
        std::iter::once(Key::User(subject)).chain(evidence).collect()
    }

    /// The bearer, or where there is none the cookie of a session. A session is no bearer: whoever
    /// could send it so would pass by what guards cookies.
    fn credential<'a>(&self, headers: &'a HeaderMap) -> Result<&'a str, Unauthenticated> {
        match headers.get(AUTHORIZATION) {
            Some(value) => {
                let credential = bearer(Some(value.to_str().map_err(|_| Unauthenticated::Invalid)?))?;
                if is_session(credential) { Err(Unauthenticated::Invalid) } else { Ok(credential) }
            }
            None => self.session_cookie(headers).ok_or(Unauthenticated::Missing),
        }
    }

    /// The session that a browser sent, whatever it is worth.
    #[must_use]
    pub fn session_cookie<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        cookie(headers, self.config.session_cookie()).filter(|value| is_session(value))
    }
}

/// A token that is not for what is asked.
fn token_scope(detail: String) -> Problem {
    Problem::new(StatusCode::FORBIDDEN, "token-scope", "This token is not for that", detail)
}

/// The caller, if what they call with is for this. A runner's token opens nothing but what runners need.
fn allowed(caller: Caller, needs: Scope) -> Result<Caller, Problem> {
    caller.must_have(needs)?;
    if caller.runner.is_some() {
        return Err(Problem::forbidden(
            "this token is a runner's: it can fetch, claim and report, nothing else",
        ));
    }
    Ok(caller)
}

/// A cookie of a call.
#[must_use]
pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut values = pairs.filter(|(key, _)| *key == name).map(|(_, value)| value);
    // Two of one name: one of them was put there by somebody else.
    let value = values.next();
    value.filter(|_| values.next().is_none())
}
