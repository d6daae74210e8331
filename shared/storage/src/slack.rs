//! Who is who in Slack, with proof of both ends, and who wants to be told there.
//!
//! Each change moves the access version, because `dispatch` keeps whom it tells for as long as that
//! stands.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::TransactWriteItem;
use countersign_rules::{ConnectionName, Timestamp, UserId};
use serde::{Deserialize, Serialize};

use crate::codec::{self, number, text};
use crate::items::User;
use crate::people::{Access, StoredUser, fresh_token, to_json};
use crate::requests::DOC;
use crate::store::{Condition, Rejected, VERSION};
use crate::{Key, StorageError, StorageFuture, Store, keys, schema};

/// How long a code can be redeemed, in seconds.
pub const CODE_SECONDS: u32 = 600;

/// That a Slack user is an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlackLink {
    /// The Slack user.
    pub slack_user: String,
    /// Their workspace.
    pub team: String,
    /// The account.
    pub user: UserId,
    /// Since when.
    pub at: Timestamp,
}

/// What a code stands for: that an account says it is that Slack user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkCode {
    /// The account.
    pub user: UserId,
    /// The Slack user that it named.
    pub slack_user: String,
    /// Their workspace.
    pub team: String,
    /// From when on it is worth nothing.
    pub expires_at: Timestamp,
}

/// That somebody wants a direct message for what waits for their groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subscription {
    /// The account.
    pub user: UserId,
    /// The Slack user.
    pub slack_user: String,
    /// Only on these connections; on all if none is named.
    #[serde(default)]
    pub connections: BTreeSet<ConnectionName>,
    /// One more with each change: the lock.
    pub row: u64,
}

/// What became of a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redeemed {
    /// The account and the Slack user belong together now.
    Yes,
    /// The code was redeemed by somebody else just now.
    Used,
    /// The Slack user belongs to another account.
    Taken,
}

impl Store {
    /// Stores a code under its SHA-256. It vanishes by itself.
    ///
    /// # Errors
    /// Any [`StorageError`].
    pub fn put_link_code<'a>(&'a self, code_sha256: &'a str, code: &'a LinkCode) -> StorageFuture<'a, ()> {
        Box::pin(async move {
            let mut item = codec::item(&keys::link_code(code_sha256), keys::LINK_CODE);
            item.insert(VERSION.to_owned(), number(1));
            item.insert(DOC.to_owned(), text(to_json("a code", code)?));
            item.insert(schema::TTL.to_owned(), number(code.expires_at.unix_millis().div_euclid(1000)));
            let actions = vec![self.put(item, None)?];
            let written = self.transact("put link code", &fresh_token()?, actions).await;
            written.map_err(Rejected::into_error)
        })
    }

    /// What a code stands for, by its SHA-256; also one that is past its time.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn link_code<'a>(&'a self, code_sha256: &'a str) -> StorageFuture<'a, Option<LinkCode>> {
        Box::pin(async move {
            let items = self
                .batch_get("link code", vec![codec::key(&keys::link_code(code_sha256), keys::LINK_CODE)])
                .await?;
            items.first().map(|item| document("a code", item)).transpose()
        })
    }

    /// Redeems a code, once: the Slack user becomes the account's. An earlier Slack user of the account
    /// is none any more.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] if the account was changed meanwhile. Else any other.
    pub fn redeem<'a>(
        &'a self,
        code_sha256: &'a str,
        link: &'a SlackLink,
        account: &'a StoredUser,
    ) -> StorageFuture<'a, Redeemed> {
        Box::pin(async move {
            if let Some(known) = self.slack_link(&link.slack_user).await?
                && known.user != link.user
            {
                return Ok(Redeemed::Taken);
            }
            let was = account.user.slack_user_id.as_deref();
            let user = User {
                slack_user_id: Some(link.slack_user.clone()),
                version: account.user.version + 1,
                ..account.user.clone()
            };
            let code = codec::key(&keys::link_code(code_sha256), keys::LINK_CODE);
            let mut actions =
                vec![self.delete_if(code, Condition::Version(1))?, self.user_action(account, &user)?];
            let link_at = actions.len();
            if was != Some(link.slack_user.as_str()) {
                actions.push(self.put(link_item(link)?, Some(Condition::Absent))?);
                actions.extend(self.forget(was, link.user)?);
            }
            actions.push(self.user_change(Some(&account.user), &user)?);
            actions.extend(self.access_change(Access::Changed)?);
            match self.transact("redeem", &fresh_token()?, actions).await {
                Ok(()) => Ok(Redeemed::Yes),
                Err(rejected) if rejected.perhaps_committed() => {
                    match self.slack_link(&link.slack_user).await? {
                        Some(known) if known == *link => Ok(Redeemed::Yes),
                        _ => Err(rejected.into_error()),
                    }
                }
                Err(Rejected::Conditions { failed, .. }) if failed.contains(&0) => Ok(Redeemed::Used),
                Err(Rejected::Conditions { failed, .. }) if failed.contains(&link_at) => Ok(Redeemed::Taken),
                Err(rejected) => Err(rejected.into_error()),
            }
        })
    }

    /// Takes an account's Slack user away from it, with its subscription.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] if the account was changed meanwhile. Else any other.
    pub fn unlink<'a>(&'a self, account: &'a StoredUser) -> StorageFuture<'a, ()> {
        Box::pin(async move {
            let user =
                User { slack_user_id: None, version: account.user.version + 1, ..account.user.clone() };
            let mut actions =
                vec![self.user_action(account, &user)?, self.user_change(Some(&account.user), &user)?];
            actions.extend(self.forget(account.user.slack_user_id.as_deref(), account.user.id)?);
            actions.extend(self.access_change(Access::Changed)?);
            match self.transact("unlink", &fresh_token()?, actions).await {
                Ok(()) => Ok(()),
                Err(rejected) if rejected.perhaps_committed() => match self.user(user.id).await? {
                    Some(now) if now.user.slack_user_id.is_none() => Ok(()),
                    _ => Err(rejected.into_error()),
                },
                Err(rejected) => Err(rejected.into_error()),
            }
        })
    }

    fn forget(&self, slack_user: Option<&str>, user: UserId) -> Result<Vec<TransactWriteItem>, StorageError> {
        let mut actions = Vec::new();
        if let Some(slack_user) = slack_user {
            actions.push(self.delete(codec::key(&keys::slack_link(slack_user), keys::SLACK_LINK))?);
        }
        actions.push(self.delete(codec::key(keys::SUBSCRIPTIONS, &user.to_string()))?);
        Ok(actions)
    }

    /// The account of a Slack user, strongly consistent.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn slack_link<'a>(&'a self, slack_user: &'a str) -> StorageFuture<'a, Option<SlackLink>> {
        Box::pin(async move {
            self.read("slack link", &[Key::SlackLink(slack_user.to_owned())]).await?.slack_link(slack_user)
        })
    }

    /// Everybody who wants direct messages.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn subscriptions<'a>(&'a self) -> StorageFuture<'a, Vec<Subscription>> {
        Box::pin(async move {
            let items = self.collection(keys::SUBSCRIPTIONS, None, usize::MAX).await?;
            items.iter().map(|item| document("a subscription", item)).collect()
        })
    }

    /// An account's subscription.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn subscription<'a>(&'a self, user: UserId) -> StorageFuture<'a, Option<Subscription>> {
        Box::pin(async move {
            let items = self
                .batch_get("subscription", vec![codec::key(keys::SUBSCRIPTIONS, &user.to_string())])
                .await?;
            items.first().map(|item| document("a subscription", item)).transpose()
        })
    }

    /// Stores a subscription whose `row` is one more than what stands there (1 for a new one).
    ///
    /// # Errors
    /// [`StorageError::Conflict`] if it was changed meanwhile. Else any other.
    pub fn put_subscription<'a>(&'a self, subscription: &'a Subscription) -> StorageFuture<'a, ()> {
        Box::pin(async move {
            let mut item = codec::item(keys::SUBSCRIPTIONS, &subscription.user.to_string());
            item.insert(VERSION.to_owned(), number(subscription.row));
            item.insert(DOC.to_owned(), text(to_json("a subscription", subscription)?));
            let before = Condition::VersionOrAbsent(subscription.row.saturating_sub(1));
            let mut actions = vec![self.put(item, Some(before))?];
            actions.extend(self.access_change(Access::Changed)?);
            let written = self.transact("subscribe", &fresh_token()?, actions).await;
            written.map_err(Rejected::into_error)
        })
    }

    /// Ends an account's subscription, if it has one.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn delete_subscription<'a>(&'a self, user: UserId) -> StorageFuture<'a, ()> {
        Box::pin(async move {
            let mut actions = vec![self.delete(codec::key(keys::SUBSCRIPTIONS, &user.to_string()))?];
            actions.extend(self.access_change(Access::Changed)?);
            let written = self.transact("unsubscribe", &fresh_token()?, actions).await;
            written.map_err(Rejected::into_error)
        })
    }
}

fn link_item(link: &SlackLink) -> Result<codec::Item, StorageError> {
    let mut item = codec::item(&keys::slack_link(&link.slack_user), keys::SLACK_LINK);
    item.insert(VERSION.to_owned(), number(1));
    item.insert(DOC.to_owned(), text(to_json("a link", link)?));
    Ok(item)
}

fn document<T: serde::de::DeserializeOwned>(what: &str, item: &codec::Item) -> Result<T, StorageError> {
    codec::check_schema(item)?;
    crate::read::document(what, item)
}
