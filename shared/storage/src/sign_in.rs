//! What a sign-in leaves behind: sessions of browsers, whose account an identity of an issuer is, and
//! codes that are good once.

use countersign_rules::digest::sha256_hex;
use countersign_rules::{Timestamp, UserId};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::codec::{self, Item, get_number, get_text, number, text};
use crate::people::{fresh_token, to_json};
use crate::requests::DOC;
use crate::store::{Condition, VERSION};
use crate::{StorageError, StorageFuture, Store, keys, schema};

/// At most that many sessions a person; a new one takes the place of the oldest.
pub const MAX_SESSIONS: usize = 20;

/// A browser in which somebody is signed in. Never its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// How they signed in: `demo`, `oidc`.
    pub how: String,
    /// The browser, as far as it told.
    pub browser: String,
    /// When they signed in.
    pub created_at: Timestamp,
    /// When the secret was last changed.
    pub rotated_at: Timestamp,
    /// From when on it is refused.
    pub expires_at: Timestamp,
    /// SHA-256 of the secret, in hexadecimal digits.
    pub secret_sha256: String,
    /// The secret before, and until when it is still taken: pages load side by side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Previous>,
}

/// A secret that was changed just now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Previous {
    /// SHA-256 of the secret, in hexadecimal digits.
    pub secret_sha256: String,
    /// From when on it is refused.
    pub until: Timestamp,
}

/// A session and the lock of its item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSession {
    /// The hash that names it.
    pub id: String,
    /// The session.
    pub session: Session,
    row: u64,
}

/// What a code that is good once stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OneTimeCode {
    /// Who agreed.
    pub user: UserId,
    /// RFC 7636: the S256 challenge of whoever may exchange it.
    pub challenge: String,
    /// From when on it is refused.
    pub expires_at: Timestamp,
}

impl Store {
    /// Stores a session: a new one, or the next state of `before`.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] if it was changed or ended meanwhile. Else any other.
    pub fn put_session<'a>(
        &'a self,
        user: UserId,
        id: &'a str,
        before: Option<&'a StoredSession>,
        session: &'a Session,
    ) -> StorageFuture<'a, ()> {
        Box::pin(async move {
            let row = before.map_or(0, |before| before.row);
            let mut item = codec::item(&keys::sessions(user), id);
            item.insert(VERSION.to_owned(), number(row + 1));
            item.insert(DOC.to_owned(), text(to_json("a session", session)?));
            item.insert(schema::TTL.to_owned(), number(session.expires_at.unix_seconds()));
            let condition = if before.is_some() { Condition::Version(row) } else { Condition::Absent };
            let mut actions = vec![self.put(item, Some(condition))?];
            if before.is_none() {
                let data = json!({ "how": session.how, "browser": session.browser });
                actions.push(self.recorded("session.began", user.to_string(), data)?);
            }
            let done = self.transact("put session", &fresh_token()?, actions).await;
            done.map_err(crate::store::Rejected::into_error)
        })
    }

    /// The sessions of a person, those that are over and not yet swept away included.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn sessions<'a>(&'a self, user: UserId) -> StorageFuture<'a, Vec<StoredSession>> {
        Box::pin(async move {
            let items = self.collection(&keys::sessions(user), None, 200).await?;
            items.iter().map(stored_session).collect()
        })
    }

    /// Ends sessions of a person. Ended already is ended.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn end_sessions<'a>(&'a self, user: UserId, ids: &'a [String]) -> StorageFuture<'a, ()> {
        Box::pin(async move {
            for some in ids.chunks(50) {
                let deletes = some.iter().map(|id| self.delete(codec::key(&keys::sessions(user), id)));
                let mut actions = deletes.collect::<Result<Vec<_>, _>>()?;
                let data = json!({ "sessions": some.len() });
                actions.push(self.recorded("session.ended", user.to_string(), data)?);
                let done = self.transact("end sessions", &fresh_token()?, actions).await;
                done.map_err(crate::store::Rejected::into_error)?;
            }
            Ok(())
        })
    }

    /// Whose account an identity of an issuer is.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn linked<'a>(&'a self, issuer: &'a str, subject: &'a str) -> StorageFuture<'a, Option<UserId>> {
        Box::pin(async move {
            let key = codec::key(&keys::identity(issuer, subject), keys::IDENTITY);
            let items = self.batch_get("identity", vec![key]).await?;
            let Some(item) = items.first() else { return Ok(None) };
            let user = get_text(item, DOC)?.parse();
            user.map(Some).map_err(|error| StorageError::corrupt("an identity", error))
        })
    }

    /// Says for ever whose account an identity of an issuer is.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] if it is somebody's already. Else any other.
    pub fn link<'a>(&'a self, issuer: &'a str, subject: &'a str, user: UserId) -> StorageFuture<'a, ()> {
        Box::pin(async move {
            let mut item = codec::item(&keys::identity(issuer, subject), keys::IDENTITY);
            item.insert(DOC.to_owned(), text(user.to_string()));
            let actions = vec![self.put(item, Some(Condition::Absent))?];
            let done = self.transact("link", &fresh_token()?, actions).await;
            match done {
                Ok(()) => Ok(()),
                Err(rejected) if rejected.perhaps_committed() => match self.linked(issuer, subject).await? {
                    Some(linked) if linked == user => Ok(()),
                    _ => Err(rejected.into_error()),
                },
                Err(rejected) => Err(rejected.into_error()),
            }
        })
    }

    /// Keeps what a code stands for; the code itself is not kept.
    ///
    /// # Errors
    /// Any [`StorageError`].
    pub fn keep_code<'a>(&'a self, code: &'a str, meaning: &'a OneTimeCode) -> StorageFuture<'a, ()> {
        Box::pin(async move {
            let mut item = codec::item(&keys::one_time_code(&sha256_hex(code.as_bytes())), keys::CODE);
            item.insert(VERSION.to_owned(), number(1));
            item.insert(DOC.to_owned(), text(to_json("a code", meaning)?));
            item.insert(schema::TTL.to_owned(), number(meaning.expires_at.unix_seconds()));
            let actions = vec![self.put(item, Some(Condition::Absent))?];
            let done = self.transact("keep code", &fresh_token()?, actions).await;
            done.map_err(crate::store::Rejected::into_error)
        })
    }

    /// Takes a code: what it stands for, the first time, and nothing ever after.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn take_code<'a>(&'a self, code: &'a str) -> StorageFuture<'a, Option<OneTimeCode>> {
        Box::pin(async move {
            let key = codec::key(&keys::one_time_code(&sha256_hex(code.as_bytes())), keys::CODE);
            let items = self.batch_get("code", vec![key.clone()]).await?;
            let Some(item) = items.first() else { return Ok(None) };
            let meaning = crate::read::document("a code", item)?;
            let actions = vec![self.delete_if(key, Condition::Version(1))?];
            match self.transact("take code", &fresh_token()?, actions).await {
                Ok(()) => Ok(Some(meaning)),
                // Whoever cannot tell whether it was them who took it has not got it.
                Err(rejected) => match rejected.into_error() {
                    StorageError::Conflict => Ok(None),
                    error => Err(error),
                },
            }
        })
    }
}

pub(crate) fn stored_session(item: &Item) -> Result<StoredSession, StorageError> {
    Ok(StoredSession {
        id: get_text(item, schema::SK)?.to_owned(),
        session: crate::read::document("a session", item)?,
        row: get_number(item, VERSION)?,
    })
}
