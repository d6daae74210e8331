//! Signing in: sessions, and whose account an identity of the issuer is.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use countersign_http::Problem;
use countersign_identity::oidc::{Identity, OidcError, Settings};
use countersign_identity::session::{SessionCookie, name_of};
use countersign_rules::person::Role;
use countersign_rules::{Actor, GroupName, UserId, Via};
use countersign_storage::items::MAX_GROUPS_OF_USER;
use countersign_storage::people::{Access, Saved, StoredUser};
use countersign_storage::sign_in::MAX_SESSIONS;
use countersign_storage::{Key, StorageError, User};
use futures::future::BoxFuture;
use http::StatusCode;

use crate::{App, app, errors};

/// How often a change of an account that lost a race is tried again.
const ROUNDS: u32 = 10;
/// More than that are not remembered; they are read again.
const MOST_REMEMBERED: usize = 10_000;

/// Whose account an identity is, for calls with tokens: it never changes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Linked {
    known: Arc<Mutex<HashMap<(String, String), UserId>>>,
}

impl App {
    /// Begins a session of somebody who has just proved who they are.
    ///
    /// # Errors
    /// What the storage says.
    pub fn begin_session<'a>(
        &'a self,
        user: UserId,
        how: &'a str,
        browser: &'a str,
    ) -> BoxFuture<'a, Result<SessionCookie, Problem>> {
        Box::pin(async move {
            let now = self.now();
            let account = self.store.user(user).await.map_err(|error| errors::storage(&error))?;
            let account = account.ok_or_else(|| Problem::not_found("account"))?;
            let store = self.store.acting(Actor::user(&account.user.person()), Via::Console);
            let cookie = SessionCookie::random(user).map_err(|_| errors::no_randomness())?;
            let (_, id) = name_of(cookie.reveal()).ok_or_else(Problem::internal)?;
            let mut others = self.store.sessions(user).await.map_err(|error| errors::storage(&error))?;
            others.sort_by_key(|stored| std::cmp::Reverse(stored.session.created_at));
            let over: Vec<String> =
                others.into_iter().skip(MAX_SESSIONS - 1).map(|stored| stored.id).collect();
            store.end_sessions(user, &over).await.map_err(|error| errors::storage(&error))?;
            let session = cookie.begin(how, browser, now, self.config.session_idle_seconds);
            store.put_session(user, &id, None, &session).await.map_err(|error| errors::storage(&error))?;
            Ok(cookie)
        })
    }

    /// The account of an identity that has just signed in; made if it is the first time, and brought up
    /// to what the issuer says of it.
    ///
    /// # Errors
    /// 403 for a disabled account, 409 if the e-mail address is another account's.
    pub fn signed_in<'a>(&'a self, identity: &'a Identity) -> BoxFuture<'a, Result<UserId, Problem>> {
        Box::pin(async move {
            let settings = self.config.oidc.as_ref().ok_or_else(Problem::internal)?;
            let id = self.link(identity).await?;
            for _ in 0..ROUNDS {
                let access =
                    self.store.read("sign in", &[Key::Access]).await.map_err(|e| errors::storage(&e))?;
                let access = access.access_version().map_err(|error| errors::storage(&error))?;
                let before = self.store.user(id).await.map_err(|error| errors::storage(&error))?;
                if before.as_ref().is_some_and(|before| before.user.disabled) {
                    return Err(errors::unauthenticated(countersign_identity::Unauthenticated::Disabled));
                }
                let user = self.as_told(id, before.as_ref(), identity, settings);
                if before.as_ref().is_some_and(|before| before.user == user) {
                    return Ok(id);
                }
                let store = self.store.acting(Actor::user(&user.person()), Via::Console);
                let saved = store.put_user(before.as_ref(), &user, Access::ChangedSince(access), None).await;
                match saved {
                    Ok(Saved::Yes) => {
                        self.forget_directory();
                        return Ok(id);
                    }
                    Ok(Saved::EmailTaken) => return Err(email_taken(&user.email)),
                    Ok(Saved::Before(_) | Saved::KeyReused) => return Err(Problem::internal()),
                    Err(StorageError::Conflict) => {}
                    Err(error) => return Err(errors::storage(&error)),
                }
            }
            Err(errors::storage(&StorageError::Contended))
        })
    }

    /// Whose account it is. The link comes before the account, so that a sign-in that broke off between
    /// the two goes on where it was.
    async fn link(&self, identity: &Identity) -> Result<UserId, Problem> {
        let storage = |error: StorageError| errors::storage(&error);
        let (issuer, subject) = (identity.issuer.as_str(), identity.subject.as_str());
        if let Some(known) = self.store.linked(issuer, subject).await.map_err(storage)? {
            return Ok(known);
        }
        let id = UserId::from_parts(self.now(), app::random().map_err(|_| errors::no_randomness())?);
        match self.store.link(issuer, subject, id).await {
            Ok(()) => Ok(id),
            Err(StorageError::Conflict) => {
                let winner = self.store.linked(issuer, subject).await.map_err(storage)?;
                winner.ok_or_else(Problem::internal)
            }
            Err(error) => Err(storage(error)),
        }
    }

    fn as_told(&self, id: UserId, before: Option<&StoredUser>, told: &Identity, settings: &Settings) -> User {
        let was = before.map(|before| &before.user);
        let mut user = was.cloned().unwrap_or_else(|| User {
            id,
            // Nobody can write to it, and it is nobody else's.
            email: told
                .email
                .clone()
                .unwrap_or_else(|| format!("{}@no-address.invalid", id.ulid().to_lowercase())),
            name: String::new(),
            groups: BTreeSet::new(),
            roles: BTreeSet::new(),
            disabled: false,
            slack_user_id: None,
            owner: None,
            created_at: self.now(),
            version: 1,
            tokens: Vec::new(),
        });
        let name = told.name.clone().filter(|name| name.chars().count() <= 200);
        let local = || user.email.split('@').next().unwrap_or_default().to_owned();
        user.name = name.or_else(|| was.map(|was| was.name.clone())).unwrap_or_else(local);
        if let Some(names) = &told.groups {
            let valid = names.iter().filter_map(|name| name.parse::<GroupName>().ok());
            // An issuer makes admins by `admin_group` alone.
            let valid = valid.filter(|group| *group != GroupName::admins());
            user.groups = valid.take(MAX_GROUPS_OF_USER).collect();
            for (group, role) in
                [(&settings.admin_group, Role::Admin), (&settings.auditor_group, Role::Auditor)]
            {
                let Some(group) = group else { continue };
                if names.contains(group) {
                    user.roles.insert(role);
                } else {
                    user.roles.remove(&role);
                }
            }
        }
        if was.is_some_and(|was| *was != user) {
            user.version += 1;
        }
        user
    }

    /// What stands in the place of an issuer's token for the rest of the call: see
    /// [`countersign_identity::assertion`].
    ///
    /// # Errors
    /// 401 for a token that is not good, 503 if the issuer cannot be asked.
    pub fn vouch<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<String, Problem>> {
        Box::pin(async move {
            let (Some(issuer), Some(assertions)) = (&self.issuer, &self.assertions) else {
                return Err(Problem::unauthenticated("the token is not valid"));
            };
            let identity = issuer.access_token(token).await.map_err(|error| self.refused(&error))?;
            let key = (identity.issuer.clone(), identity.subject.clone());
            let known = self.linked.known.lock().unwrap_or_else(PoisonError::into_inner).get(&key).copied();
            let user = match known {
                Some(user) => user,
                None => {
                    let linked =
                        self.store.linked(&key.0, &key.1).await.map_err(|error| errors::storage(&error))?;
                    // Accounts are made, and groups refreshed, at a sign-in and nowhere else.
                    let user = linked.ok_or_else(|| {
                        Problem::unauthenticated("sign in to the console once: that makes your account here")
                    })?;
                    let mut known = self.linked.known.lock().unwrap_or_else(PoisonError::into_inner);
                    if known.len() < MOST_REMEMBERED {
                        known.insert(key, user);
                    }
                    user
                }
            };
            assertions.say(user, self.now()).ok_or_else(Problem::internal)
        })
    }

    /// The problem of somebody whom the issuer does not vouch for.
    #[must_use]
    pub fn refused(&self, error: &OidcError) -> Problem {
        match error {
            OidcError::Token(_) | OidcError::Expired => Problem::unauthenticated(error.to_string()),
            OidcError::Refused(_) => {
                tracing::warn!(%error, "sign-in");
                Problem::unauthenticated("the issuer did not confirm the sign-in; begin again")
            }
            OidcError::Unreachable(_) | OidcError::Issuer(_) => {
                tracing::error!(%error, "sign-in");
                Problem::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "issuer-unavailable",
                    "The issuer does not answer",
                    "who you are is known to the configured OpenID issuer, which cannot be asked now; try again",
                )
            }
        }
    }
}

fn email_taken(email: &str) -> Problem {
    Problem::conflict(
        "email-taken",
        format!(
            "`{email}` is the address of another account here, and accounts are not joined by address; an admin \
             gives the other account another address, then sign in again"
        ),
    )
}
