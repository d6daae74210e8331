//! What DynamoDB leaves off when it restores a table from a backup: looked at, and set again.
//!
//! AWS restores items and indexes. Stream, expiry of items, point-in-time recovery and deletion protection
//! are settings that the new table has to get anew (Amazon DynamoDB Developer Guide, "Restoring a table").

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::types::{
    PointInTimeRecoverySpecification, PointInTimeRecoveryStatus, StreamSpecification, StreamViewType,
    TableStatus, TimeToLiveSpecification, TimeToLiveStatus,
};

use crate::schema::{TTL, describe};
use crate::{StorageError, StorageFuture, Store};

/// How long a table may take to become active again after a change.
const PATIENCE: Duration = Duration::from_secs(300);
const EVERY: Duration = Duration::from_secs(1);

/// A setting of a table that a restore leaves off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// What `dispatch` reads: without it nobody is told and nothing runs by itself until the sweep.
    Stream,
    /// Idempotency keys and sessions that are over vanish.
    TimeToLive,
    /// The next backup.
    PointInTimeRecovery,
    /// The table is not deleted by mistake.
    DeletionProtection,
}

impl Setting {
    /// All of them, in the order in which they are set.
    pub const ALL: [Self; 4] =
        [Self::Stream, Self::TimeToLive, Self::PointInTimeRecovery, Self::DeletionProtection];

    /// Its name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Stream => "stream of new images",
            Self::TimeToLive => "expiry of items by `ttl`",
            Self::PointInTimeRecovery => "point-in-time recovery",
            Self::DeletionProtection => "deletion protection",
        }
    }

    async fn is_on(self, client: &Client, table: &str) -> Result<bool, StorageError> {
        match self {
            Self::Stream | Self::DeletionProtection => {
                let table =
                    client.describe_table().table_name(table).send().await.map_err(|e| said(&e))?.table;
                let Some(table) = table else { return Ok(false) };
                if self == Self::DeletionProtection {
                    return Ok(table.deletion_protection_enabled() == Some(true));
                }
                let stream = table.stream_specification();
                Ok(stream.is_some_and(|stream| {
                    stream.stream_enabled() && stream.stream_view_type() == Some(&StreamViewType::NewImage)
                }))
            }
            Self::TimeToLive => {
                let answer = client.describe_time_to_live().table_name(table).send().await;
                let ttl = answer.map_err(|error| said(&error))?.time_to_live_description;
                Ok(ttl.is_some_and(|ttl| {
                    ttl.attribute_name() == Some(TTL)
                        && matches!(
                            ttl.time_to_live_status(),
                            Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)
                        )
                }))
            }
            Self::PointInTimeRecovery => {
                let answer = client.describe_continuous_backups().table_name(table).send().await;
                let backups = answer.map_err(|error| said(&error))?.continuous_backups_description;
                let recovery = backups.and_then(|backups| backups.point_in_time_recovery_description);
                let status = recovery.and_then(|recovery| recovery.point_in_time_recovery_status);
                Ok(status == Some(PointInTimeRecoveryStatus::Enabled))
            }
        }
    }

    async fn switch_on(self, client: &Client, table: &str) -> Result<(), StorageError> {
        match self {
            Self::Stream => {
                let stream = StreamSpecification::builder()
                    .stream_enabled(true)
                    .stream_view_type(StreamViewType::NewImage)
                    .build()
                    .map_err(|error| StorageError::Unavailable(error.to_string()))?;
                let update = client.update_table().table_name(table).stream_specification(stream);
                update.send().await.map_err(|error| said(&error))?;
            }
            Self::DeletionProtection => {
                let update = client.update_table().table_name(table).deletion_protection_enabled(true);
                update.send().await.map_err(|error| said(&error))?;
            }
            Self::TimeToLive => {
                let ttl = TimeToLiveSpecification::builder()
                    .enabled(true)
                    .attribute_name(TTL)
                    .build()
                    .map_err(|error| StorageError::Unavailable(error.to_string()))?;
                let update = client.update_time_to_live().table_name(table).time_to_live_specification(ttl);
                update.send().await.map_err(|error| said(&error))?;
            }
            Self::PointInTimeRecovery => {
                let recovery = PointInTimeRecoverySpecification::builder()
                    .point_in_time_recovery_enabled(true)
                    .build()
                    .map_err(|error| StorageError::Unavailable(error.to_string()))?;
                let update = client.update_continuous_backups().table_name(table);
                let update = update.point_in_time_recovery_specification(recovery);
                update.send().await.map_err(|error| said(&error))?;
            }
        }
        until_active(client, table).await
    }
}

impl Store {
    /// Whether the table has a setting.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] with what the database said.
    pub fn has<'a>(&'a self, setting: Setting) -> StorageFuture<'a, bool> {
        Box::pin(async move { setting.is_on(&self.client, &self.table).await })
    }

    /// Switches a setting on, and waits until the table may be changed again.
    ///
    /// # Errors
    /// [`StorageError::Unavailable`] with what the database said.
    pub fn switch_on<'a>(&'a self, setting: Setting) -> StorageFuture<'a, ()> {
        Box::pin(async move { setting.switch_on(&self.client, &self.table).await })
    }
}

async fn until_active(client: &Client, table: &str) -> Result<(), StorageError> {
    let wait = async {
        loop {
            let answer =
                client.describe_table().table_name(table).send().await.map_err(|error| said(&error))?;
            if answer.table.is_some_and(|table| table.table_status() == Some(&TableStatus::Active)) {
                return Ok(());
            }
            tokio::time::sleep(EVERY).await;
        }
    };
    let late =
        |_| StorageError::Unavailable(format!("the table is not active after {} s", PATIENCE.as_secs()));
    tokio::time::timeout(PATIENCE, wait).await.map_err(late)?
}

fn said<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> StorageError {
    StorageError::Unavailable(describe(error))
}
