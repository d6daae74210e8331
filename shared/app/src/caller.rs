//! Who is calling, found out in the same round trip as what they ask for.

use countersign_http::Problem;
use countersign_identity::{Unauthenticated, bearer};
use countersign_rules::person::{Person, Role};
use countersign_rules::{Actor, UserId, Via};
use countersign_storage::{Found, Key, Store, User};
use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::{App, errors};

/// Somebody who proved who they are.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The account, read strongly consistent with this call.
    pub user: User,
    /// Through what they call.
    pub via: Via,
}

impl Caller {
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
        let subject = self.subject(headers)?;
        let mut keys = vec![Key::User(subject)];
        keys.extend_from_slice(also);
        let found = self.store.read(operation, &keys).await.map_err(|error| errors::storage(&error))?;
        let caller = self.verify(headers, subject, &found)?;
        Ok((caller, found))
    }

    /// Whom the credential claims to be of. Proves nothing yet.
    ///
    /// # Errors
    /// 401 if there is no credential that could be of anybody.
    pub fn subject(&self, headers: &HeaderMap) -> Result<UserId, Problem> {
        let credential = credential(headers).map_err(errors::unauthenticated)?;
        let claimed = self.schemes.iter().find_map(|scheme| scheme.subject(credential));
        claimed.ok_or_else(|| errors::unauthenticated(Unauthenticated::Invalid))
    }

    /// Proves the claim of [`App::subject`] with what was read since.
    ///
    /// # Errors
    /// 401; 403 for a disabled account.
    pub fn verify(&self, headers: &HeaderMap, subject: UserId, found: &Found) -> Result<Caller, Problem> {
        let credential = credential(headers).map_err(errors::unauthenticated)?;
        let user = found.user(subject).map_err(|error| errors::storage(&error))?;
        let scheme = self.schemes.iter().find(|scheme| scheme.subject(credential) == Some(subject));
        let scheme = scheme.ok_or_else(|| errors::unauthenticated(Unauthenticated::Invalid))?;
        scheme.verify(credential, user.as_ref(), self.now()).map_err(errors::unauthenticated)?;
        let user = user.ok_or_else(|| errors::unauthenticated(Unauthenticated::Invalid))?;
        let cli = headers.get(VIA_HEADER).is_some_and(|value| value.as_bytes() == b"cli");
        Ok(Caller { user, via: if cli { Via::Cli } else { Via::Api } })
    }
}

fn credential(headers: &HeaderMap) -> Result<&str, Unauthenticated> {
    let header = match headers.get(AUTHORIZATION) {
        None => None,
        Some(value) => Some(value.to_str().map_err(|_| Unauthenticated::Invalid)?),
    };
    bearer(header)
}
