//! Deliveries. One that succeeds at once is written once, below 1 KB and in no index: one write unit.
//! One that waits stands in the status index by its endpoint and the time of its next attempt.

use std::collections::HashMap;

use countersign_notify::delivery::{Delivery, KEPT_SECONDS, State};
use countersign_notify::{EndpointId, delivery::id_of_request};
use countersign_rules::{DeliveryId, RequestId, Timestamp};

use crate::codec::{self, Item, get_text, number, text};
use crate::people::to_json;
use crate::requests::DOC;
use crate::store::VERSION;
use crate::{StorageError, StorageFuture, Store, keys, schema};

const STATE: &str = "st";

/// How a delivery is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Write {
    /// After an attempt: nothing newer and no success is overwritten.
    Outcome,
    /// Because somebody asked for it: whatever stands there.
    Asked,
}

impl Store {
    /// Stores a delivery. False if something stands there that must not be overwritten: of two
    /// invocations at once, the success counts.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn put_delivery<'a>(&'a self, delivery: &'a Delivery, write: Write) -> StorageFuture<'a, bool> {
        Box::pin(async move {
            let mut put = self.client.put_item().set_item(Some(delivery_item(delivery)?));
            if write == Write::Outcome {
                let condition = match delivery.state {
                    State::Delivered => "attribute_not_exists(#ver) OR #ver <= :ver",
                    State::Waiting | State::Failed => {
                        "attribute_not_exists(#ver) OR #ver < :ver OR (#ver = :ver AND #st <> :delivered)"
                    }
                };
                let mut names = HashMap::from([("#ver".to_owned(), VERSION.to_owned())]);
                let mut values = HashMap::from([(":ver".to_owned(), number(delivery.version))]);
                if delivery.state != State::Delivered {
                    names.insert("#st".to_owned(), STATE.to_owned());
                    values.insert(":delivered".to_owned(), text(state_text(State::Delivered)));
                }
                put = put
                    .condition_expression(condition)
                    .set_expression_attribute_names(Some(names))
                    .set_expression_attribute_values(Some(values));
            }
            self.put_item("delivery", put).await
        })
    }

    /// The deliveries of these names that there are, strongly consistent.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn deliveries<'a>(
        &'a self,
        wanted: &'a [(EndpointId, DeliveryId)],
    ) -> StorageFuture<'a, Vec<Delivery>> {
        Box::pin(async move {
            let mut parts: Vec<_> = wanted.iter().map(|(to, id)| (keys::deliveries(to), id.ulid())).collect();
            parts.sort();
            parts.dedup();
            let keys = parts.iter().map(|(pk, sk)| codec::key(pk, sk)).collect();
            self.batch_get("deliveries", keys).await?.iter().map(delivery_of).collect()
        })
    }

    /// One delivery.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn delivery<'a>(
        &'a self,
        endpoint: &'a EndpointId,
        id: DeliveryId,
    ) -> StorageFuture<'a, Option<Delivery>> {
        Box::pin(async move { Ok(self.deliveries(&[(endpoint.clone(), id)]).await?.pop()) })
    }

    /// The one delivery of a request to an endpoint that shows states.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn delivery_of_request<'a>(
        &'a self,
        endpoint: &'a EndpointId,
        request: RequestId,
    ) -> StorageFuture<'a, Option<Delivery>> {
        Box::pin(async move { self.delivery(endpoint, id_of_request(endpoint, request)).await })
    }

    /// An endpoint's deliveries, newest first, older than `before`.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn deliveries_to<'a>(
        &'a self,
        endpoint: &'a EndpointId,
        before: Option<DeliveryId>,
        limit: usize,
    ) -> StorageFuture<'a, (Vec<Delivery>, bool)> {
        Box::pin(async move {
            let start = before.map(|id| codec::key(&keys::deliveries(endpoint), &id.ulid()));
            let query = self
                .client
                .query()
                .key_condition_expression("pk = :pk")
                .expression_attribute_values(":pk", text(keys::deliveries(endpoint)))
                .scan_index_forward(false)
                .limit(i32::try_from(limit).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start);
            let (items, next) = self.query("deliveries", query).await?;
            let found = items.iter().map(delivery_of).collect::<Result<Vec<_>, _>>()?;
            Ok((found, next.is_some()))
        })
    }

    /// An endpoint's deliveries of events from `from` up to and with `to`.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn deliveries_between<'a>(
        &'a self,
        endpoint: &'a EndpointId,
        from: Timestamp,
        to: Timestamp,
    ) -> StorageFuture<'a, Vec<Delivery>> {
        Box::pin(async move {
            let (low, high) = (DeliveryId::from_parts(from, 0), DeliveryId::from_parts(to, u128::MAX));
            let mut found = Vec::new();
            let mut start = None;
            loop {
                let query = self
                    .client
                    .query()
                    .consistent_read(true)
                    .key_condition_expression("pk = :pk AND sk BETWEEN :low AND :high")
                    .expression_attribute_values(":pk", text(keys::deliveries(endpoint)))
                    .expression_attribute_values(":low", text(low.ulid()))
                    .expression_attribute_values(":high", text(high.ulid()))
                    .set_exclusive_start_key(start);
                let (items, next) = self.query("deliveries", query).await?;
                for item in &items {
                    found.push(delivery_of(item)?);
                }
                start = next;
                if start.is_none() {
                    return Ok(found);
                }
            }
        })
    }

    /// The endpoint's deliveries whose next attempt is due at `now`, the longest overdue first.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn due_deliveries<'a>(
        &'a self,
        endpoint: &'a EndpointId,
        now: Timestamp,
        limit: usize,
    ) -> StorageFuture<'a, Vec<DeliveryId>> {
        Box::pin(async move {
            let query = self
                .client
                .query()
                .index_name(schema::BY_STATUS.name)
                .key_condition_expression("#pk = :pk AND #sk <= :last")
                .expression_attribute_names("#pk", schema::BY_STATUS.partition_key)
                .expression_attribute_names("#sk", schema::BY_STATUS.sort_key)
                .expression_attribute_values(":pk", text(keys::waiting(endpoint)))
                .expression_attribute_values(":last", text(format!("{}~", now.rfc3339())))
                .limit(i32::try_from(limit).unwrap_or(i32::MAX));
            let (items, _) = self.query("due", query).await?;
            let id = |item: &Item| {
                let ulid = get_text(item, schema::SK)?;
                let id = format!("{}{ulid}", DeliveryId::PREFIX).parse();
                id.map_err(|error| StorageError::corrupt("a delivery's key", error))
            };
            items.iter().map(id).collect()
        })
    }
}

fn state_text(state: State) -> &'static str {
    match state {
        State::Waiting => "w",
        State::Delivered => "d",
        State::Failed => "f",
    }
}

fn delivery_item(delivery: &Delivery) -> Result<Item, StorageError> {
    let mut item = codec::item(&keys::deliveries(&delivery.endpoint), &delivery.id.ulid());
    item.insert(DOC.to_owned(), text(to_json("a delivery", delivery)?));
    item.insert(VERSION.to_owned(), number(delivery.version));
    item.insert(STATE.to_owned(), text(state_text(delivery.state)));
    let touched = delivery.last.as_ref().map(|last| last.at).into_iter().chain(delivery.next_attempt_at);
    let newest = touched.fold(delivery.at, Timestamp::max);
    item.insert(schema::TTL.to_owned(), number(newest.plus_seconds(KEPT_SECONDS).unix_seconds()));
    if let Some(next) = delivery.next_attempt_at {
        item.insert(schema::BY_STATUS.partition_key.to_owned(), text(keys::waiting(&delivery.endpoint)));
        let sort = format!("{}#{}", next.rfc3339(), delivery.id.ulid());
        item.insert(schema::BY_STATUS.sort_key.to_owned(), text(sort));
    }
    Ok(item)
}

fn delivery_of(item: &Item) -> Result<Delivery, StorageError> {
    codec::check_schema(item)?;
    crate::read::document("a delivery", item)
}
