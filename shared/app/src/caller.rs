//! Who is calling, found out in the same round trip as what they ask for.

use std::collections::BTreeSet;

use countersign_http::Problem;
use countersign_identity::session::is_session;
use countersign_identity::{Unauthenticated, bearer, token};
use countersign_rules::person::{Person, Role};
use countersign_rules::{Actor, ConnectionName, UserId, Via};
use countersign_storage::{Found, Key, Store, StoredToken, User};
use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE};

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
}

impl Caller {
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

    /// Finds out who calls, and reads `also` in the same round trip.
    ///
    /// # Errors
    /// 401, 403 for a disabled account, or what the storage says.
    pub async fn identify(
        &self,
        operation: &'static str,
        headers: &HeaderMap,
        also: &[Key],
    ) -> Result<(Caller, Found), Problem> {
        let (caller, found) = self.identify_runner(operation, headers, also).await?;
        Ok((must_be_nobodys_runner(caller)?, found))
    }

    /// Finds out which admin calls.
    ///
    /// # Errors
    /// As [`App::identify`]; 403 for everybody else.
    pub async fn identify_admin(
        &self,
        operation: &'static str,
        headers: &HeaderMap,
    ) -> Result<Caller, Problem> {
        let (caller, _) = self.identify(operation, headers, &[]).await?;
        caller.must_be_admin()?;
        Ok(caller)
    }

    /// As [`App::identify`], for the calls that runners make; who is none must be refused by
    /// [`Caller::must_be_runner`] once the call is known to be well-formed.
    ///
    /// # Errors
    /// As [`App::identify`].
    pub async fn identify_runner(
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
    /// 401; 403 for a disabled account, and for a runner's token.
    pub fn verify(&self, headers: &HeaderMap, subject: UserId, found: &Found) -> Result<Caller, Problem> {
        must_be_nobodys_runner(self.verify_any(headers, subject, found)?)
    }

    fn verify_any(&self, headers: &HeaderMap, subject: UserId, found: &Found) -> Result<Caller, Problem> {
        let credential = self.credential(headers).map_err(errors::unauthenticated)?;
        let user = found.user(subject).map_err(|error| errors::storage(&error))?;
        let scheme = self.schemes.iter().find(|scheme| scheme.subject(credential) == Some(subject));
        let scheme = scheme.ok_or_else(|| errors::unauthenticated(Unauthenticated::Invalid))?;
        scheme.verify(credential, user.as_ref(), found, self.now()).map_err(errors::unauthenticated)?;
        let user = user.ok_or_else(|| errors::unauthenticated(Unauthenticated::Invalid))?;
        let cli = headers.get(VIA_HEADER).is_some_and(|value| value.as_bytes() == b"cli");
        let runner =
            token::stored(credential, Some(&user)).filter(|token| token.runner_connections.is_some());
        let (runner, via) = (runner.cloned(), scheme.via());
        Ok(Caller { runner, user, via: if cli && via == Via::Api { Via::Cli } else { via } })
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

/// A runner's token opens nothing but what runners need.
fn must_be_nobodys_runner(caller: Caller) -> Result<Caller, Problem> {
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
