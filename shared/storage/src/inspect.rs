//! Looking at a table that something else made, before anything is written to it.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::ProvideErrorMetadata as _;
use aws_sdk_dynamodb::types::{KeySchemaElement, KeyType, TableDescription, TableStatus};
use futures::future::BoxFuture;

use crate::schema::{self, describe};

/// Why a table cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// There is none.
    #[error("there is no table of that name")]
    Missing,
    /// It is another program's, or not ready.
    #[error("it is no table of this program: {0}")]
    Foreign(String),
    /// Whoever asks may not, or is nobody.
    #[error("access is denied: {0}")]
    Denied(String),
    /// No answer that helps.
    #[error("the database does not answer: {0}")]
    Unavailable(String),
}

/// The codes by which AWS says that it does not know the caller, or that the caller may not.
const DENIALS: [&str; 8] = [
    "AccessDeniedException",
    "ExpiredTokenException",
    "IncompleteSignatureException",
    "InvalidSignatureException",
    "MissingAuthenticationTokenException",
    "NotAuthorized",
    "OptInRequired",
    "UnrecognizedClientException",
];

/// Looks whether `table` is there and has the keys and indexes of [`schema`].
///
/// # Errors
/// Why it cannot be used.
pub fn check_table<'a>(client: &'a Client, table: &'a str) -> BoxFuture<'a, Result<(), Unusable>> {
    Box::pin(async move {
        match client.describe_table().table_name(table).send().await {
            Ok(answer) => fits(&answer.table.unwrap_or_else(|| TableDescription::builder().build())),
            Err(error) => Err(match error.code() {
                Some("ResourceNotFoundException") => Unusable::Missing,
                Some(code) if DENIALS.contains(&code) => Unusable::Denied(describe(&error)),
                _ => Unusable::Unavailable(describe(&error)),
            }),
        }
    })
}

fn fits(table: &TableDescription) -> Result<(), Unusable> {
    let foreign = |what: String| Err(Unusable::Foreign(what));
    if !matches!(table.table_status(), Some(TableStatus::Active | TableStatus::Updating)) {
        let status = table.table_status().map_or("unknown", TableStatus::as_str);
        return foreign(format!("its status is {status}, not ACTIVE"));
    }
    if !has_keys(table.key_schema(), schema::PK, schema::SK) {
        return foreign(format!("its keys are not `{}` and `{}`", schema::PK, schema::SK));
    }
    for index in schema::INDEXES {
        let mut indexes = table.global_secondary_indexes().iter();
        let found = indexes.find(|found| found.index_name() == Some(index.name));
        if !found.is_some_and(|found| has_keys(found.key_schema(), index.partition_key, index.sort_key)) {
            return foreign(format!(
                "it has no index `{}` on `{}` and `{}`",
                index.name, index.partition_key, index.sort_key
            ));
        }
    }
    Ok(())
}

fn has_keys(elements: &[KeySchemaElement], partition: &str, sort: &str) -> bool {
    let has = |name: &str, kind: &KeyType| {
        elements.iter().any(|element| element.attribute_name() == name && element.key_type() == kind)
    };
    elements.len() == 2 && has(partition, &KeyType::Hash) && has(sort, &KeyType::Range)
}
