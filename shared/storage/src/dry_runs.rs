//! How many dry runs a person asked for, so that nobody probes rules or a database's statistics at speed.

use countersign_rules::{Timestamp, UserId};

use crate::codec::{self, number};
use crate::{StorageFuture, Store, keys, schema};

/// Counters are kept a little longer than they are needed: two minutes.
const KEPT_SECONDS: u32 = 120;

impl Store {
    /// Counts one dry run of a person in the minute of `now`. False, and not counted, if there were `most` already.
    /// A call that is repeated because its answer was lost may count twice.
    ///
    /// # Errors
    /// Any [`crate::StorageError`] but `Conflict`.
    pub fn count_dry_run(&self, human: UserId, now: Timestamp, most: u32) -> StorageFuture<'_, bool> {
        Box::pin(async move {
            let minute = now.unix_minutes().to_string();
            let update = self
                .client
                .update_item()
                .set_key(Some(codec::key(&keys::dry_runs(human), &minute)))
                .update_expression("SET #ttl = :ttl ADD #calls :one")
                .condition_expression("attribute_not_exists(#calls) OR #calls < :most")
                .expression_attribute_names("#ttl", schema::TTL)
                .expression_attribute_names("#calls", "calls")
                .expression_attribute_values(":ttl", number(now.plus_seconds(KEPT_SECONDS).unix_seconds()))
                .expression_attribute_values(":one", number(1))
                .expression_attribute_values(":most", number(most));
            self.update_item("count dry run", update).await
        })
    }
}
