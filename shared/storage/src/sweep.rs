//! What is overdue, whatever timers were lost.

use countersign_rules::{RequestId, Timestamp, UserId};

use crate::codec::{Item, get_text, text};
use crate::{StorageError, StorageFuture, Store, keys, schema};

/// Requests that somebody should look at.
#[derive(Debug, Clone, Default)]
pub struct Overdue {
    /// Their ids, the longest overdue first.
    pub ids: Vec<RequestId>,
    /// Where to go on, if there are more.
    pub next: Option<Item>,
    /// When the first of them was due.
    pub oldest: Option<Timestamp>,
}

impl Store {
    /// Open requests of one shard (below [`keys::OPEN_SHARDS`]) whose time came before `now`. An
    /// entry may be early: the state itself says what is due.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn overdue<'a>(
        &'a self,
        shard: u32,
        now: Timestamp,
        start: Option<Item>,
        limit: usize,
    ) -> StorageFuture<'a, Overdue> {
        Box::pin(async move { self.open_until(shard, format!("{}~", now.rfc3339()), start, limit).await })
    }

    /// All requests of one shard that wait for time, whenever theirs comes: everything open but
    /// UNKNOWN, which waits for a person.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn waiting_for_time<'a>(
        &'a self,
        shard: u32,
        start: Option<Item>,
        limit: usize,
    ) -> StorageFuture<'a, Overdue> {
        Box::pin(async move { self.open_until(shard, keys::NO_DEADLINE.to_owned(), start, limit).await })
    }

    /// How many requests of a requester are PENDING, APPROVED or RUNNING, counted up to `most`. UNKNOWN is
    /// none of them: it waits for an admin, and its requester can do nothing about it.
    ///
    /// From an index, so it may lag behind what was written a moment ago. It reads the keys of what is open in the
    /// requester's shard, whoever's it is: one query as long as that is less than some thousands.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn count_open<'a>(&'a self, requester: UserId, most: u32) -> StorageFuture<'a, u32> {
        Box::pin(async move {
            let theirs = format!("#{}", requester.ulid());
            let (mut count, mut start) = (0, None);
            loop {
                let query = self
                    .client
                    .query()
                    .index_name(schema::BY_STATUS.name)
                    .key_condition_expression("#pk = :pk AND #sk < :last")
                    .expression_attribute_names("#pk", schema::BY_STATUS.partition_key)
                    .expression_attribute_names("#sk", schema::BY_STATUS.sort_key)
                    .expression_attribute_values(":pk", text(keys::open(keys::open_shard(requester))))
                    .expression_attribute_values(":last", text(keys::NO_DEADLINE))
                    .set_exclusive_start_key(start);
                let (items, next) = self.query("open", query).await?;
                for item in &items {
                    count += u32::from(get_text(item, schema::BY_STATUS.sort_key)?.ends_with(&theirs));
                }
                start = next;
                if start.is_none() || count >= most {
                    return Ok(count.min(most));
                }
            }
        })
    }

    async fn open_until(
        &self,
        shard: u32,
        last: String,
        start: Option<Item>,
        limit: usize,
    ) -> Result<Overdue, StorageError> {
        let query = self
            .client
            .query()
            .index_name(schema::BY_STATUS.name)
            .key_condition_expression("#pk = :pk AND #sk <= :last")
            .expression_attribute_names("#pk", schema::BY_STATUS.partition_key)
            .expression_attribute_names("#sk", schema::BY_STATUS.sort_key)
            .expression_attribute_values(":pk", text(keys::open(shard)))
            .expression_attribute_values(":last", text(last))
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .set_exclusive_start_key(start);
        let (items, next) = self.query("sweep", query).await?;
        let ids = items
            .iter()
            .map(|item| {
                let pk = get_text(item, schema::PK)?;
                let id = pk.strip_prefix("R#").and_then(keys::request_id);
                id.ok_or_else(|| StorageError::Corrupt(format!("`{pk}` names no request")))
            })
            .collect::<Result<_, _>>()?;
        let first = items.first().map(|item| get_text(item, schema::BY_STATUS.sort_key)).transpose()?;
        let oldest = first.and_then(|key| key.split('#').next()).and_then(Timestamp::parse_rfc3339);
        Ok(Overdue { ids, next, oldest })
    }
}
