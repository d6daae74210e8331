//! The settings of Slack and Teams, and the messages that were posted there.

use countersign_notify::{Integrations, Posted};
use countersign_rules::RequestId;
use serde::Serialize;
use serde_json::json;

use crate::codec::{self, get_number, get_text, number, text};
use crate::people::{Access, fresh_token, to_json};
use crate::requests::DOC;
use crate::store::{Condition, VERSION};
use crate::{StorageError, StorageFuture, Store, keys, schema};

/// Which settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Integration {
    /// Slack's.
    Slack,
    /// Teams's.
    Teams,
}

impl Integration {
    fn key(self) -> &'static str {
        match self {
            Self::Slack => "slack",
            Self::Teams => "teams",
        }
    }
}

impl Store {
    /// The settings of both, strongly consistent, in one query.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn integrations<'a>(&'a self) -> StorageFuture<'a, Integrations> {
        Box::pin(async move {
            let mut found = Integrations::default();
            for item in self.collection(keys::SETTINGS, None, usize::MAX).await? {
                let version = get_number(&item, VERSION)?;
                match get_text(&item, schema::SK)? {
                    "slack" => {
                        found.slack = Some((crate::read::document("the settings of Slack", &item)?, version));
                    }
                    "teams" => {
                        found.teams = Some((crate::read::document("the settings of Teams", &item)?, version));
                    }
                    _ => {}
                }
            }
            Ok(found)
        })
    }

    /// Stores settings; `before` is the version that the change was decided by, none for the first.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] if they were changed. Else any other.
    pub async fn put_integration<T: Serialize>(
        &self,
        which: Integration,
        before: Option<u64>,
        version: u64,
        settings: &T,
    ) -> Result<(), StorageError> {
        let mut item = codec::item(keys::SETTINGS, which.key());
        item.insert(VERSION.to_owned(), number(version));
        item.insert(DOC.to_owned(), text(to_json("settings", settings)?));
        let condition = before.map_or(Condition::Absent, Condition::Version);
        let mut actions = vec![self.put(item, Some(condition))?];
        // They hold references to secrets only.
        let kind = format!("{}.settings_changed", which.key());
        actions.push(self.recorded(&kind, which.key(), json!({ "after": settings, "version": version }))?);
        actions.extend(self.access_change(Access::Changed)?);
        let written = self.transact("put settings", &fresh_token()?, actions).await;
        written.map_err(crate::store::Rejected::into_error)
    }

    /// The messages that were posted for a request, strongly consistent.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn posted<'a>(&'a self, request: RequestId) -> StorageFuture<'a, Vec<Posted>> {
        Box::pin(async move {
            let items = self.collection(&keys::posted(request), None, usize::MAX).await?;
            items.iter().map(|item| crate::read::document("a posted message", item)).collect()
        })
    }

    /// Stores a message whose `row` is one more than what stands there (1 for a new one).
    ///
    /// # Errors
    /// [`StorageError::Conflict`] if somebody else did meanwhile. Else any other.
    pub fn put_posted<'a>(&'a self, posted: &'a Posted) -> StorageFuture<'a, ()> {
        Box::pin(async move {
            let mut item = codec::item(&keys::posted(posted.request), &posted.endpoint.to_string());
            item.insert(VERSION.to_owned(), number(posted.row));
            item.insert(DOC.to_owned(), text(to_json("a posted message", posted)?));
            let before = posted.row.saturating_sub(1);
            let mut put = self.client.put_item().set_item(Some(item));
            put = if before == 0 {
                put.condition_expression("attribute_not_exists(#pk)")
                    .expression_attribute_names("#pk", schema::PK)
            } else {
                put.condition_expression("#ver = :before")
                    .expression_attribute_names("#ver", VERSION)
                    .expression_attribute_values(":before", number(before))
            };
            if self.put_item("posted", put).await? { Ok(()) } else { Err(StorageError::Conflict) }
        })
    }
}
