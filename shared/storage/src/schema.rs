//! The table. `infra/template.yaml` says the same; a test compares the two.

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, KeySchemaElement, KeyType, Projection,
    ProjectionType, ScalarAttributeType, StreamSpecification, StreamViewType, TimeToLiveSpecification,
};
use aws_sdk_dynamodb::{Client, error::ProvideErrorMetadata as _};

use crate::{StorageError, StorageFuture};

/// An index: its name, partition key and sort key. All project the keys alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Index {
    /// The name.
    pub name: &'static str,
    /// The attribute that is its partition key.
    pub partition_key: &'static str,
    /// The attribute that is its sort key.
    pub sort_key: &'static str,
}

/// The partition key of the table.
pub const PK: &str = "pk";
/// The sort key of the table.
pub const SK: &str = "sk";
/// The attribute with the second after which an item may vanish. Never set on events.
pub const TTL: &str = "ttl";

/// Requests by requester.
pub const BY_WHO: Index = Index { name: "by_who", partition_key: "wpk", sort_key: "wsk" };
/// Requests by connection.
pub const BY_WHERE: Index = Index { name: "by_where", partition_key: "cpk", sort_key: "csk" };
/// Open requests by their next deadline; ended ones by status, newest last.
pub const BY_STATUS: Index = Index { name: "by_status", partition_key: "spk", sort_key: "ssk" };
/// Every event by day: the feed.
pub const FEED: Index = Index { name: "feed", partition_key: "fpk", sort_key: "fsk" };

/// All indexes.
pub const INDEXES: [Index; 4] = [BY_WHO, BY_WHERE, BY_STATUS, FEED];

/// Makes the table with its indexes, stream and TTL, if it is not there yet. For the local platform
/// and for tests; in the cloud the template makes it.
///
/// # Errors
/// [`StorageError::Unavailable`] with what the database said.
pub fn create_table<'a>(client: &'a Client, table: &'a str) -> StorageFuture<'a, ()> {
    Box::pin(async move {
        let mut attributes = vec![PK, SK];
        let mut create = client
            .create_table()
            .table_name(table)
            .billing_mode(BillingMode::PayPerRequest)
            .set_key_schema(Some(key_schema(PK, SK)?))
            .stream_specification(
                StreamSpecification::builder()
                    .stream_enabled(true)
                    .stream_view_type(StreamViewType::NewImage)
                    .build()
                    .map_err(unavailable)?,
            );
        for index in INDEXES {
            attributes.extend([index.partition_key, index.sort_key]);
            let keys_only = Projection::builder().projection_type(ProjectionType::KeysOnly).build();
            create = create.global_secondary_indexes(
                GlobalSecondaryIndex::builder()
                    .index_name(index.name)
                    .set_key_schema(Some(key_schema(index.partition_key, index.sort_key)?))
                    .projection(keys_only)
                    .build()
                    .map_err(unavailable)?,
            );
        }
        for name in attributes {
            let definition =
                AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S);
            create = create.attribute_definitions(definition.build().map_err(unavailable)?);
        }
        match create.send().await {
            Ok(_) => {}
            Err(error) if error.code() == Some("ResourceInUseException") => return Ok(()),
            Err(error) => return Err(unavailable(describe(&error))),
        }
        let ttl = TimeToLiveSpecification::builder()
            .enabled(true)
            .attribute_name(TTL)
            .build()
            .map_err(unavailable)?;
        let update = client.update_time_to_live().table_name(table).time_to_live_specification(ttl);
        update.send().await.map_err(|error| unavailable(describe(&error)))?;
        Ok(())
    })
}

fn key_schema(partition: &str, sort: &str) -> Result<Vec<KeySchemaElement>, StorageError> {
    let element = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
    Ok(vec![
        element(partition, KeyType::Hash).map_err(unavailable)?,
        element(sort, KeyType::Range).map_err(unavailable)?,
    ])
}

fn unavailable(error: impl std::fmt::Display) -> StorageError {
    StorageError::Unavailable(error.to_string())
}

/// Code and message of a failed call, without its request.
pub(crate) fn describe<E, R>(error: &aws_sdk_dynamodb::error::SdkError<E, R>) -> String
where
    E: aws_sdk_dynamodb::error::ProvideErrorMetadata,
{
    match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        _ => match error {
            aws_sdk_dynamodb::error::SdkError::TimeoutError(_) => "timed out".to_owned(),
            aws_sdk_dynamodb::error::SdkError::DispatchFailure(_) => "cannot be reached".to_owned(),
            _ => "gave no answer that can be understood".to_owned(),
        },
    }
}
