//! What waits for a runner.

use countersign_rules::{ConnectionName, RequestId};

use crate::codec::{get_text, text};
use crate::{StorageError, StorageFuture, Store, keys, schema};

impl Store {
    /// Requests on a connection that a runner may claim, the oldest first: one strongly consistent query.
    /// The state itself says whether one still may.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn work<'a>(
        &'a self,
        connection: &'a ConnectionName,
        limit: usize,
    ) -> StorageFuture<'a, Vec<RequestId>> {
        Box::pin(async move {
            let query = self
                .client
                .query()
                .consistent_read(true)
                .key_condition_expression("pk = :pk")
                .expression_attribute_values(":pk", text(keys::work(connection)))
                .limit(i32::try_from(limit).unwrap_or(i32::MAX));
            let (items, _) = self.query("work", query).await?;
            let id_in = |item| {
                let ulid = get_text(item, schema::SK)?;
                keys::request_id(ulid)
                    .ok_or_else(|| StorageError::Corrupt(format!("`{ulid}` names no request")))
            };
            items.iter().map(id_in).collect()
        })
    }
}
