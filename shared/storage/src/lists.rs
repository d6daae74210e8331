//! Requests newest first, from the index that knows them.

use aws_sdk_dynamodb::types::AttributeValue;
use countersign_rules::{ConnectionName, GroupName, RequestId, Status, Timestamp, UserId};
use futures::future::try_join_all;

use crate::codec::{Item, get_text, text};
use crate::schema::{self, Index};
use crate::{StorageError, StorageFuture, Store, keys};

/// Which requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Those of a requester.
    Requester(UserId),
    /// Those on a connection.
    Connection(ConnectionName),
    /// Those that wait for a member of a group.
    Inbox(GroupName),
    /// Those that have not ended.
    Open,
    /// Those that ended in a status.
    Ended(Status),
    /// All.
    All,
}

/// Bounds of a list, in the order of ids, which is that of submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Not before that instant.
    pub from: Timestamp,
    /// Before that instant.
    pub to: Timestamp,
    /// Only older than that request: the last of the page before.
    pub before: Option<RequestId>,
}

/// Ids of requests, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// The ids.
    pub ids: Vec<RequestId>,
    /// Where the search stood when it stopped, if there may be more: a request id to go on behind,
    /// which is not always among `ids`.
    pub more_before: Option<RequestId>,
}

/// The widest window that a list walks without finding anything before it hands back a cursor.
const MAX_STEPS: usize = 40;

impl Store {
    /// At most `limit` ids from `source` inside `window`, newest first.
    ///
    /// The cost depends on the page: one query for sources with one partition, one for each shard or
    /// month for the others.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn list<'a>(&'a self, source: &'a Source, window: Window, limit: usize) -> StorageFuture<'a, Page> {
        Box::pin(async move {
            match source {
                Source::Requester(user) => {
                    self.one(Some(schema::BY_WHO), &keys::requester(*user), window, limit).await
                }
                Source::Connection(name) => {
                    self.one(Some(schema::BY_WHERE), &keys::connection_requests(name), window, limit).await
                }
                Source::Inbox(group) => self.one(None, &keys::inbox(group), window, limit).await,
                Source::Open => self.open(window, limit).await,
                Source::Ended(status) => self.ended(*status, window, limit).await,
                Source::All => self.all(window, limit).await,
            }
        })
    }

    /// One partition whose sort key is the bare ULID; the table itself if no index is named.
    async fn one(
        &self,
        index: Option<Index>,
        pk: &str,
        window: Window,
        limit: usize,
    ) -> Result<Page, StorageError> {
        let (pk_name, sk_name) =
            index.map_or((schema::PK, schema::SK), |index| (index.partition_key, index.sort_key));
        let (low, high) = window.ulids();
        if low > high {
            return Ok(Page::default());
        }
        let query = self
            .client
            .query()
            .set_index_name(index.map(|index| index.name.to_owned()))
            .key_condition_expression("#pk = :pk AND #sk BETWEEN :low AND :high")
            .expression_attribute_names("#pk", pk_name)
            .expression_attribute_names("#sk", sk_name)
            .expression_attribute_values(":pk", text(pk))
            .expression_attribute_values(":low", text(low))
            .expression_attribute_values(":high", text(high))
            .scan_index_forward(false)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let (items, next) = self.query("list", query).await?;
        let ids = items.iter().map(|item| id_in(item, sk_name)).collect::<Result<Vec<_>, _>>()?;
        let more_before = next.and(ids.last().copied());
        Ok(Page { ids, more_before })
    }

    /// Open requests: all of them by key, because their index is sorted by deadline. There are few:
    /// each person may have a bounded number of them open.
    async fn open(&self, window: Window, limit: usize) -> Result<Page, StorageError> {
        let shards = (0..keys::OPEN_SHARDS).map(|shard| async move {
            let mut found = Vec::new();
            let mut start = None;
            loop {
                let query = self
                    .client
                    .query()
                    .index_name(schema::BY_STATUS.name)
                    .key_condition_expression("#pk = :pk")
                    .expression_attribute_names("#pk", schema::BY_STATUS.partition_key)
                    .expression_attribute_values(":pk", text(keys::open(shard)))
                    .set_exclusive_start_key(start);
                let (items, next) = self.query("list", query).await?;
                for item in &items {
                    found.push(id_in(item, schema::PK)?);
                }
                start = next;
                if start.is_none() {
                    return Ok::<_, StorageError>(found);
                }
            }
        });
        let mut ids: Vec<RequestId> = try_join_all(shards).await?.into_iter().flatten().collect();
        ids.retain(|id| window.contains(*id));
        ids.sort_unstable_by(|one, other| other.cmp(one));
        let more = ids.len() > limit;
        ids.truncate(limit);
        let more_before = if more { ids.last().copied() } else { None };
        Ok(Page { ids, more_before })
    }

    /// Ended requests of a status, month by month.
    async fn ended(&self, status: Status, window: Window, limit: usize) -> Result<Page, StorageError> {
        let mut found = Page::default();
        let mut at = window.newest();
        for _ in 0..MAX_STEPS {
            let pk = keys::ended(status, &keys::month(at));
            let page = self.one(Some(schema::BY_STATUS), &pk, window, limit - found.ids.len()).await?;
            found.ids.extend(page.ids);
            if page.more_before.is_some() || found.ids.len() >= limit {
                found.more_before = found.ids.last().copied();
                return Ok(found);
            }
            match last_millisecond_before_month(at) {
                Some(earlier) if earlier >= window.from => at = earlier,
                _ => return Ok(found),
            }
        }
        found.more_before = Some(RequestId::from_parts(at, u128::MAX));
        Ok(found)
    }

    /// All requests, from the feed's creations, day by day.
    async fn all(&self, window: Window, limit: usize) -> Result<Page, StorageError> {
        let mut found = Page::default();
        let mut at = window.newest();
        if at < window.from {
            return Ok(found);
        }
        for _ in 0..MAX_STEPS {
            let wanted = limit.saturating_sub(found.ids.len());
            let shards = (0..keys::FEED_SHARDS).map(|shard| self.created_on(at, shard, window, wanted));
            let mut ids: Vec<RequestId> = try_join_all(shards).await?.into_iter().flatten().collect();
            ids.sort_unstable_by(|one, other| other.cmp(one));
            let full = ids.len() >= wanted;
            ids.truncate(wanted);
            found.ids.extend(ids);
            if full {
                found.more_before = found.ids.last().copied();
                return Ok(found);
            }
            match last_millisecond_before_day(at) {
                Some(earlier) if earlier >= window.from => at = earlier,
                _ => return Ok(found),
            }
        }
        found.more_before = Some(RequestId::from_parts(at, u128::MAX));
        Ok(found)
    }

    /// The newest creations of a day in one shard of the feed.
    async fn created_on(
        &self,
        day_of: Timestamp,
        shard: u32,
        window: Window,
        limit: usize,
    ) -> Result<Vec<RequestId>, StorageError> {
        let mut found = Vec::new();
        let mut start: Option<Item> = None;
        // The feed is sorted by the time of the event, and a creation's is within its id.
        let (low, high) = (window.from.rfc3339(), format!("{}~", window.newest().rfc3339()));
        loop {
            let query = self
                .client
                .query()
                .index_name(schema::FEED.name)
                .key_condition_expression("#pk = :pk AND #sk BETWEEN :low AND :high")
                .filter_expression("sk = :first")
                .expression_attribute_names("#pk", schema::FEED.partition_key)
                .expression_attribute_names("#sk", schema::FEED.sort_key)
                .expression_attribute_values(":pk", text(keys::feed(&keys::day(day_of), shard)))
                .expression_attribute_values(":low", text(&low))
                .expression_attribute_values(":high", text(&high))
                .expression_attribute_values(":first", AttributeValue::S(keys::FIRST_EVENTS.to_owned()))
                .scan_index_forward(false)
                // Several events stand between two creations.
                .limit(i32::try_from(limit.saturating_mul(6)).unwrap_or(i32::MAX).clamp(1, 2000))
                .set_exclusive_start_key(start);
            let (items, next) = self.query("list", query).await?;
            for item in &items {
                found.push(id_in(item, schema::PK)?);
            }
            found.retain(|id| window.contains(*id));
            start = next;
            if start.is_none() || found.len() >= limit {
                found.sort_unstable_by(|one, other| other.cmp(one));
                found.truncate(limit);
                return Ok(found);
            }
        }
    }
}

impl Window {
    /// Everything up to now and beyond.
    #[must_use]
    pub fn everything(now: Timestamp) -> Self {
        // One day ahead: ids carry the clocks of several machines.
        Self { from: Timestamp::from_unix_millis(0), to: now.plus_seconds(86_400), before: None }
    }

    fn contains(&self, id: RequestId) -> bool {
        let made = id.made_at();
        made >= self.from && made < self.to && self.before.is_none_or(|before| id < before)
    }

    /// The newest instant at which something in the window can have been made.
    fn newest(&self) -> Timestamp {
        let last = self.to.plus_millis(-1);
        self.before.map_or(last, |before| before.made_at().min(last))
    }

    /// The lowest and the highest ULID in the window.
    fn ulids(&self) -> (String, String) {
        let low = RequestId::from_parts(self.from, 0).ulid();
        let last = RequestId::from_parts(self.to.plus_millis(-1), u128::MAX);
        let high = match self.before.and_then(RequestId::just_before) {
            Some(before) => before.min(last),
            None => last,
        };
        (low, high.ulid())
    }
}

fn id_in(item: &Item, attribute: &str) -> Result<RequestId, StorageError> {
    let value = get_text(item, attribute)?;
    let ulid = value.strip_prefix("R#").unwrap_or(value);
    keys::request_id(ulid).ok_or_else(|| StorageError::Corrupt(format!("`{value}` names no request")))
}

fn last_millisecond_before_day(at: Timestamp) -> Option<Timestamp> {
    Timestamp::parse_rfc3339(&format!("{}T00:00:00Z", keys::day(at))).map(|start| start.plus_millis(-1))
}

fn last_millisecond_before_month(at: Timestamp) -> Option<Timestamp> {
    Timestamp::parse_rfc3339(&format!("{}-01T00:00:00Z", keys::month(at))).map(|start| start.plus_millis(-1))
}
