//! Users and their tokens.

use aws_sdk_dynamodb::types::{TransactWriteItem, Update};
use countersign_rules::{Timestamp, UserId};

use crate::codec::{self, Item, get_text, number, text};
use crate::items::User;
use crate::requests::{DOC, Idempotency, Remembered};
use crate::store::{Condition, Rejected, VERSION};
use crate::{StorageError, StorageFuture, Store, keys, schema};

/// Whether a change matters to claims, which then look at everybody again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// It does not: a token, a name.
    Unchanged,
    /// It does.
    Changed,
    /// It does, and it was decided by what stood there at that version: `Conflict` if not now.
    ChangedSince(u64),
}

/// What became of a user that was to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Saved {
    /// It is stored.
    Yes,
    /// Somebody else has that e-mail address.
    EmailTaken,
    /// The idempotency key was used before, with the same body: what was made then.
    Before(String),
    /// The idempotency key was used before, with another body.
    KeyReused,
}

/// Under what key a change is remembered, and for what.
#[derive(Debug, Clone, Copy)]
pub struct Remember<'a> {
    /// The key.
    pub key: &'a Idempotency,
    /// The id of what is made.
    pub made: &'a str,
    /// When.
    pub now: Timestamp,
}

const ROW: &str = "row";

impl Store {
    /// Stores a user. `before` is what stood there when the change was decided.
    ///
    /// The item's own lock (`row`) moves with every change, tokens included; the user's `version`
    /// only with what the API shows.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] if somebody else changed the user, or anything that
    /// [`Access::ChangedSince`] relies on. Else any other [`StorageError`].
    pub fn put_user<'a>(
        &'a self,
        before: Option<&'a StoredUser>,
        user: &'a User,
        access: Access,
        remember: Option<Remember<'a>>,
    ) -> StorageFuture<'a, Saved> {
        Box::pin(async move {
            let row = before.map_or(0, |before| before.row);
            let condition = if before.is_some() { Condition::Version(row) } else { Condition::Absent };
            let mut actions = vec![self.put(user_item(user, row + 1)?, Some(condition))?];
            let old_email = before.map(|before| keys::email(&before.user.email));
            let new_email = keys::email(&user.email);
            let mut email_at = None;
            if old_email.as_ref() != Some(&new_email) {
                let mut claim = codec::item(&new_email, keys::EMAIL);
                claim.insert(ROW.to_owned(), text(user.id.to_string()));
                email_at = Some(actions.len());
                actions.push(self.put(claim, Some(Condition::Absent))?);
                if let Some(old) = old_email {
                    actions.push(self.delete(codec::key(&old, keys::EMAIL))?);
                }
            }
            actions.extend(self.access_change(access)?);
            actions.push(self.user_change(before.map(|before| &before.user), user)?);
            let mut key_at = None;
            if let Some(remember) = remember {
                key_at = Some(actions.len());
                actions.push(self.remember(remember.key, remember.made, remember.now)?);
            }
            match self.transact("put user", &fresh_token()?, actions).await {
                Ok(()) => Ok(Saved::Yes),
                Err(Rejected::Conditions { failed, .. }) if email_at.is_some_and(|at| failed == [at]) => {
                    Ok(Saved::EmailTaken)
                }
                Err(Rejected::Conditions { failed, perhaps_committed: false })
                    if key_at.is_some_and(|at| failed.contains(&at)) =>
                {
                    match remember {
                        None => Err(StorageError::Conflict),
                        Some(remember) => match self.remembered(remember.key).await? {
                            Remembered::Nothing => Err(StorageError::Conflict),
                            Remembered::OtherBody => Ok(Saved::KeyReused),
                            Remembered::Made(made) => Ok(Saved::Before(made)),
                        },
                    }
                }
                Err(rejected) if rejected.perhaps_committed() => {
                    let now = self.user(user.id).await?;
                    if now.is_some_and(|now| now.user == *user) {
                        Ok(Saved::Yes)
                    } else {
                        Err(rejected.into_error())
                    }
                }
                Err(rejected) => Err(rejected.into_error()),
            }
        })
    }

    /// The action that puts `user` into the place of what stood there.
    pub(crate) fn user_action(
        &self,
        before: &StoredUser,
        user: &User,
    ) -> Result<TransactWriteItem, StorageError> {
        self.put(user_item(user, before.row + 1)?, Some(Condition::Version(before.row)))
    }

    /// A user with the lock of their item, strongly consistent.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn user<'a>(&'a self, id: UserId) -> StorageFuture<'a, Option<StoredUser>> {
        Box::pin(async move {
            let items = self.batch_get("user", vec![codec::key(keys::USERS, &id.to_string())]).await?;
            items.first().map(stored_user).transpose()
        })
    }

    /// The user with that e-mail address, strongly consistent.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn user_by_email<'a>(&'a self, email: &'a str) -> StorageFuture<'a, Option<StoredUser>> {
        Box::pin(async move {
            let items = self.batch_get("email", vec![codec::key(&keys::email(email), keys::EMAIL)]).await?;
            let Some(item) = items.first() else {
                return Ok(None);
            };
            let id = get_text(item, ROW)?
                .parse()
                .map_err(|error| StorageError::corrupt("an e-mail item", error))?;
            self.user(id).await
        })
    }

    /// A page of users in the order of their ids, which is that of their making.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn users<'a>(&'a self, after: Option<UserId>, limit: usize) -> StorageFuture<'a, Vec<User>> {
        Box::pin(async move {
            let start = after.map(|id| codec::key(keys::USERS, &id.to_string()));
            let items = self.collection(keys::USERS, start, limit).await?;
            items.iter().map(|item| stored_user(item).map(|stored| stored.user)).collect()
        })
    }

    /// An instant before which nothing can have happened: a day before the first user was made.
    /// Lists that walk back in time stop there.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn beginning<'a>(&'a self) -> StorageFuture<'a, Timestamp> {
        Box::pin(async move {
            if let Some(known) = self.beginning.get() {
                return Ok(*known);
            }
            let first = self.users(None, 1).await?;
            let Some(first) = first.first() else {
                return Ok(Timestamp::from_unix_millis(0));
            };
            let made_at = first.created_at.min(first.id.made_at());
            Ok(*self.beginning.get_or_init(|| made_at.plus_millis(-86_400_000)))
        })
    }

    /// Everybody. For the directory of groups; an organisation's people fit into memory.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn all_users<'a>(&'a self) -> StorageFuture<'a, Vec<User>> {
        Box::pin(async move { self.users(None, usize::MAX).await })
    }

    /// The items of one partition of the table, from `start` on.
    pub(crate) async fn collection(
        &self,
        pk: &str,
        mut start: Option<Item>,
        limit: usize,
    ) -> Result<Vec<Item>, StorageError> {
        let mut found: Vec<Item> = Vec::new();
        loop {
            let left = i32::try_from(limit.saturating_sub(found.len())).unwrap_or(1000).min(1000);
            let query = self
                .client
                .query()
                .consistent_read(true)
                .key_condition_expression("pk = :pk")
                .expression_attribute_values(":pk", text(pk))
                .limit(left)
                .set_exclusive_start_key(start);
            let (items, next) = self.query("collection", query).await?;
            for item in &items {
                codec::check_schema(item)?;
            }
            found.extend(items);
            start = next;
            if start.is_none() || found.len() >= limit {
                return Ok(found);
            }
        }
    }

    /// The action that makes claims look again, if the change matters to them.
    pub(crate) fn access_change(&self, access: Access) -> Result<Option<TransactWriteItem>, StorageError> {
        let since = match access {
            Access::Unchanged => return Ok(None),
            Access::Changed => None,
            Access::ChangedSince(version) => Some(version),
        };
        let mut update = Update::builder()
            .table_name(&self.table)
            .set_key(Some(codec::key(keys::ACCESS, keys::ACCESS)))
            .update_expression("SET #v = :schema ADD #ver :one")
            .expression_attribute_names("#ver", VERSION)
            .expression_attribute_names("#v", "v")
            .expression_attribute_values(":schema", number(codec::SCHEMA_VERSION))
            .expression_attribute_values(":one", number(1));
        if let Some(since) = since {
            if since == 0 {
                update = update
                    .condition_expression("attribute_not_exists(#pk)")
                    .expression_attribute_names("#pk", schema::PK);
            } else {
                update = update
                    .condition_expression("#ver = :since")
                    .expression_attribute_values(":since", number(since));
            }
        }
        let update = update.build().map_err(|error| StorageError::corrupt("update", error))?;
        Ok(Some(TransactWriteItem::builder().update(update).build()))
    }
}

/// A user and the lock of their item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredUser {
    /// The user.
    pub user: User,
    row: u64,
}

fn user_item(user: &User, row: u64) -> Result<Item, StorageError> {
    let mut item = codec::item(keys::USERS, &user.id.to_string());
    item.insert(VERSION.to_owned(), number(row));
    item.insert(DOC.to_owned(), text(to_json("a user", user)?));
    Ok(item)
}

fn stored_user(item: &Item) -> Result<StoredUser, StorageError> {
    codec::check_schema(item)?;
    Ok(StoredUser { user: crate::read::document("a user", item)?, row: codec::get_number(item, VERSION)? })
}

pub(crate) fn to_json<T: serde::Serialize>(what: &str, value: &T) -> Result<String, StorageError> {
    serde_json::to_string(value).map_err(|error| StorageError::corrupt(what, error))
}

/// A client request token for a write that is not derived from a request's state.
pub(crate) fn fresh_token() -> Result<String, StorageError> {
    let high =
        getrandom::u64().map_err(|error| StorageError::Unavailable(format!("no randomness: {error}")))?;
    let low =
        getrandom::u64().map_err(|error| StorageError::Unavailable(format!("no randomness: {error}")))?;
    Ok(format!("{high:016x}{low:016x}"))
}
