//! The client, and the one loop that retries.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    ConditionCheck, ConsumedCapacity, Delete, Put, ReturnConsumedCapacity, TransactWriteItem,
};
use futures::future::BoxFuture;

use countersign_rules::Timestamp;

use crate::audit::By;
use crate::codec::Item;
use crate::meter::{Direction, Meter};
use crate::schema::describe;
use crate::{StorageError, StorageFuture, schema};

/// The table. Cheap to clone.
///
/// The client is expected to have the SDK's own retries switched off: this crate retries in one
/// place, with the same client request token, so that the outcome of a call stays known.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) client: Client,
    pub(crate) table: String,
    pub(crate) meter: Arc<Meter>,
    /// When the first user was made; nothing is older. Read once.
    pub(crate) beginning: Arc<OnceLock<Timestamp>>,
    /// Who changes what is written through here.
    pub(crate) by: Arc<By>,
}

/// How often a call is tried before the table counts as busy or away.
const ATTEMPTS: u32 = 6;
/// The longest pause before the second try; it doubles with each further one.
const FIRST_PAUSE_MILLIS: u64 = 15;

impl Store {
    /// The table of that name, reached through `client`.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        Self {
            client,
            table: table.into(),
            meter: Arc::default(),
            beginning: Arc::default(),
            by: Arc::default(),
        }
    }

    /// What it has cost so far.
    #[must_use]
    pub fn meter(&self) -> &Meter {
        &self.meter
    }

    /// The same table with a meter of its own.
    #[must_use]
    pub fn metered(&self) -> Self {
        Self { meter: Arc::default(), ..self.clone() }
    }

    pub(crate) fn query<'a>(
        &'a self,
        operation: &'static str,
        query: aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder,
    ) -> StorageFuture<'a, (Vec<Item>, Option<Item>)> {
        Box::pin(async move {
            let query = query.table_name(&self.table).return_consumed_capacity(ReturnConsumedCapacity::Total);
            let output = retried(|| query.clone().send()).await?;
            self.meter.add(operation, Direction::Read, output.consumed_capacity.as_slice());
            Ok((output.items.unwrap_or_default(), output.last_evaluated_key))
        })
    }

    /// Writes one item, for half the price of a transaction. False if its condition does not hold; after
    /// an answer that was lost it may not hold because that try was the one that wrote.
    pub(crate) fn put_item<'a>(
        &'a self,
        operation: &'static str,
        put: aws_sdk_dynamodb::operation::put_item::builders::PutItemFluentBuilder,
    ) -> StorageFuture<'a, bool> {
        Box::pin(async move {
            let put = put.table_name(&self.table).return_consumed_capacity(ReturnConsumedCapacity::Total);
            let written = retried(|| unless_condition_fails(put.clone().send())).await?;
            Ok(self.wrote(operation, written.map(|output| output.consumed_capacity)))
        })
    }

    /// Changes attributes of one item. False if its condition does not hold, as for [`Store::put_item`].
    pub(crate) fn update_item<'a>(
        &'a self,
        operation: &'static str,
        update: aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder,
    ) -> StorageFuture<'a, bool> {
        Box::pin(async move {
            let update =
                update.table_name(&self.table).return_consumed_capacity(ReturnConsumedCapacity::Total);
            let written = retried(|| unless_condition_fails(update.clone().send())).await?;
            Ok(self.wrote(operation, written.map(|output| output.consumed_capacity)))
        })
    }

    /// Counts what a write of one item cost, if it was made; says whether it was.
    fn wrote(&self, operation: &'static str, written: Option<Option<ConsumedCapacity>>) -> bool {
        self.meter.add(operation, Direction::Write, written.as_ref().map_or(&[][..], Option::as_slice));
        written.is_some()
    }

    pub(crate) async fn batch_get(
        &self,
        operation: &'static str,
        keys: Vec<Item>,
    ) -> Result<Vec<Item>, StorageError> {
        self.batch_get_by(operation, keys, true).await
    }

    /// The same, strongly consistent or for half the price.
    pub(crate) fn batch_get_by<'a>(
        &'a self,
        operation: &'static str,
        keys: Vec<Item>,
        consistent: bool,
    ) -> StorageFuture<'a, Vec<Item>> {
        Box::pin(async move {
            use aws_sdk_dynamodb::types::KeysAndAttributes;
            let mut items = Vec::with_capacity(keys.len());
            // DynamoDB takes at most 100 keys a call, and may leave some for the next one.
            let mut waiting: Vec<Vec<Item>> = keys.chunks(100).map(<[Item]>::to_vec).collect();
            let mut calls = 0;
            while let Some(keys) = waiting.pop() {
                let wanted = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(consistent);
                let wanted = wanted.build().map_err(|error| StorageError::corrupt("keys", error))?;
                let get = self
                    .client
                    .batch_get_item()
                    .request_items(&self.table, wanted)
                    .return_consumed_capacity(ReturnConsumedCapacity::Total);
                let output = retried(|| get.clone().send()).await?;
                self.meter.add(operation, Direction::Read, output.consumed_capacity());
                for (_, found) in output.responses.unwrap_or_default() {
                    items.extend(found);
                }
                let left = output.unprocessed_keys.unwrap_or_default().into_values();
                for rest in left.map(|rest| rest.keys).filter(|rest| !rest.is_empty()) {
                    calls += 1;
                    if calls > ATTEMPTS * 20 {
                        return Err(StorageError::Contended);
                    }
                    pause(1).await;
                    waiting.push(rest);
                }
            }
            Ok(items)
        })
    }

    /// Writes all or nothing. `token` makes a repeated call harmless; it must belong to exactly
    /// these actions.
    pub(crate) fn transact<'a>(
        &'a self,
        operation: &'static str,
        token: &'a str,
        actions: Vec<TransactWriteItem>,
    ) -> BoxFuture<'a, Result<(), Rejected>> {
        Box::pin(async move {
            let transaction = self
                .client
                .transact_write_items()
                .client_request_token(token)
                .set_transact_items(Some(actions))
                .return_consumed_capacity(ReturnConsumedCapacity::Total);
            let mut perhaps_committed = false;
            let mut last = StorageError::Contended;
            for attempt in 0..ATTEMPTS {
                pause(attempt).await;
                match transaction.clone().send().await {
                    Ok(output) => {
                        self.meter.add(operation, Direction::Write, output.consumed_capacity());
                        return Ok(());
                    }
                    Err(error) => match judge(&error) {
                        Verdict::Conditions(failed) => {
                            return Err(Rejected::Conditions { failed, perhaps_committed });
                        }
                        Verdict::Busy => last = StorageError::Contended,
                        Verdict::NoAnswer(why) => {
                            perhaps_committed = true;
                            last = StorageError::Unavailable(why);
                        }
                        Verdict::Final(error) => return Err(Rejected::Other { error, perhaps_committed }),
                    },
                }
            }
            Err(Rejected::Other { error: last, perhaps_committed })
        })
    }

    pub(crate) fn put(
        &self,
        item: Item,
        condition: Option<Condition>,
    ) -> Result<TransactWriteItem, StorageError> {
        let mut put = Put::builder().table_name(&self.table).set_item(Some(item));
        if let Some(condition) = condition {
            put = put
                .condition_expression(condition.expression())
                .set_expression_attribute_names(condition.names());
            put = put.set_expression_attribute_values(condition.values());
        }
        let put = put.build().map_err(|error| StorageError::corrupt("put", error))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }

    pub(crate) fn delete(&self, key: Item) -> Result<TransactWriteItem, StorageError> {
        let delete = Delete::builder().table_name(&self.table).set_key(Some(key)).build();
        Ok(TransactWriteItem::builder()
            .delete(delete.map_err(|error| StorageError::corrupt("delete", error))?)
            .build())
    }

    pub(crate) fn delete_if(
        &self,
        key: Item,
        condition: Condition,
    ) -> Result<TransactWriteItem, StorageError> {
        let delete = Delete::builder()
            .table_name(&self.table)
            .set_key(Some(key))
            .condition_expression(condition.expression())
            .set_expression_attribute_names(condition.names())
            .set_expression_attribute_values(condition.values())
            .build();
        let delete = delete.map_err(|error| StorageError::corrupt("delete", error))?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    }

    pub(crate) fn check(&self, key: Item, condition: Condition) -> Result<TransactWriteItem, StorageError> {
        let check = ConditionCheck::builder()
            .table_name(&self.table)
            .set_key(Some(key))
            .condition_expression(condition.expression())
            .set_expression_attribute_names(condition.names())
            .set_expression_attribute_values(condition.values())
            .build();
        let check = check.map_err(|error| StorageError::corrupt("check", error))?;
        Ok(TransactWriteItem::builder().condition_check(check).build())
    }
}

/// What time it is, for what the storage itself dates.
pub(crate) fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

/// What must hold of an item for a write to happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Condition {
    /// It is not there.
    Absent,
    /// Its attribute `ver` has that value.
    Version(u64),
    /// It has that version, or is not there, which counts as version 0.
    VersionOrAbsent(u64),
}

/// The attribute of the optimistic lock.
pub(crate) const VERSION: &str = "ver";

impl Condition {
    fn expression(self) -> &'static str {
        match self {
            Self::Absent | Self::VersionOrAbsent(0) => "attribute_not_exists(#name)",
            Self::Version(_) | Self::VersionOrAbsent(_) => "#name = :version",
        }
    }

    fn names(self) -> Option<std::collections::HashMap<String, String>> {
        let name = match self {
            Self::Absent | Self::VersionOrAbsent(0) => schema::PK,
            Self::Version(_) | Self::VersionOrAbsent(_) => VERSION,
        };
        Some([("#name".to_owned(), name.to_owned())].into())
    }

    fn values(self) -> Option<Item> {
        match self {
            Self::Absent | Self::VersionOrAbsent(0) => None,
            Self::Version(version) | Self::VersionOrAbsent(version) => {
                Some([(":version".to_owned(), crate::codec::number(version))].into())
            }
        }
    }
}

/// Why a transaction did not happen, as far as is known.
#[derive(Debug)]
pub(crate) enum Rejected {
    /// The conditions of these actions (by position) did not hold. If an earlier try got no answer,
    /// they may not hold because that try was the one that committed.
    Conditions { failed: Vec<usize>, perhaps_committed: bool },
    /// Something else.
    Other { error: StorageError, perhaps_committed: bool },
}

impl Rejected {
    pub(crate) fn perhaps_committed(&self) -> bool {
        match self {
            Self::Conditions { perhaps_committed, .. } | Self::Other { perhaps_committed, .. } => {
                *perhaps_committed
            }
        }
    }

    pub(crate) fn into_error(self) -> StorageError {
        match self {
            Self::Conditions { .. } => StorageError::Conflict,
            Self::Other { error, .. } => error,
        }
    }
}

enum Verdict {
    Conditions(Vec<usize>),
    Busy,
    NoAnswer(String),
    Final(StorageError),
}

fn judge<R>(error: &SdkError<TransactWriteItemsError, R>) -> Verdict {
    let Some(service) = error.as_service_error() else {
        return judge_common(error);
    };
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = service else {
        return judge_common(error);
    };
    let reasons = cancelled.cancellation_reasons();
    let with_code = |code: &str| -> Vec<usize> {
        let hit = reasons.iter().enumerate().filter(|(_, reason)| reason.code() == Some(code));
        hit.map(|(position, _)| position).collect()
    };
    let failed = with_code("ConditionalCheckFailed");
    if !failed.is_empty() {
        return Verdict::Conditions(failed);
    }
    let busy = ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"];
    if reasons.is_empty() || busy.iter().any(|code| !with_code(code).is_empty()) {
        return Verdict::Busy;
    }
    let said: Vec<_> =
        reasons.iter().filter_map(aws_sdk_dynamodb::types::CancellationReason::message).collect();
    if !with_code("ItemCollectionSizeLimitExceeded").is_empty()
        || said.iter().any(|text| text.contains("size"))
    {
        return Verdict::Final(StorageError::TooLarge(said.join("; ")));
    }
    Verdict::Final(StorageError::Unavailable(said.join("; ")))
}

fn judge_common<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> Verdict {
    const BUSY: [&str; 6] = [
        "ThrottlingException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "TransactionConflictException",
        "TransactionInProgressException",
        "LimitExceededException",
    ];
    match error {
        SdkError::ServiceError(_) => match error.code() {
            Some(code) if BUSY.contains(&code) => Verdict::Busy,
            Some("InternalServerError" | "ServiceUnavailable" | "InternalFailure") | None => {
                Verdict::NoAnswer(describe(error))
            }
            Some("ItemCollectionSizeLimitExceededException") => {
                Verdict::Final(StorageError::TooLarge(describe(error)))
            }
            Some(_) => Verdict::Final(StorageError::Unavailable(describe(error))),
        },
        SdkError::ConstructionFailure(_) => Verdict::Final(StorageError::Unavailable(describe(error))),
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => {
            Verdict::NoAnswer(describe(error))
        }
        _ => Verdict::NoAnswer(describe(error)),
    }
}

/// `None` if the call was refused because its condition does not hold, which is an answer.
async fn unless_condition_fails<T, E: ProvideErrorMetadata, R>(
    call: impl Future<Output = Result<T, SdkError<E, R>>>,
) -> Result<Option<T>, SdkError<E, R>> {
    match call.await {
        Ok(output) => Ok(Some(output)),
        Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(None),
        Err(error) => Err(error),
    }
}

async fn retried<T, E, R, F>(call: impl Fn() -> F) -> Result<T, StorageError>
where
    E: ProvideErrorMetadata,
    F: Future<Output = Result<T, SdkError<E, R>>>,
{
    let mut last = StorageError::Contended;
    for attempt in 0..ATTEMPTS {
        pause(attempt).await;
        match call().await {
            Ok(output) => return Ok(output),
            Err(error) => match judge_common(&error) {
                Verdict::Busy | Verdict::Conditions(_) => last = StorageError::Contended,
                Verdict::NoAnswer(why) => last = StorageError::Unavailable(why),
                Verdict::Final(error) => return Err(error),
            },
        }
    }
    Err(last)
}

/// Full jitter, as AWS recommends against herds: anything between nothing and the doubled pause.
pub(crate) async fn pause(attempt: u32) {
    if attempt == 0 {
        return;
    }
    let most = FIRST_PAUSE_MILLIS << attempt.min(6);
    let random = getrandom::u64().unwrap_or(most);
    tokio::time::sleep(Duration::from_millis(random % most.max(1))).await;
}
