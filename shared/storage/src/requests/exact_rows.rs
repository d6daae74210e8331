//! How many rows a request would change, counted before the vote.
//!
//! It is no part of the events: the requester reads those, and to them an exact number would answer questions about
//! data that they may not see.

use countersign_rules::{RequestId, Timestamp};
use serde::{Deserialize, Serialize};

use super::DOC;
use crate::codec::{self, text};
use crate::people::{fresh_token, to_json};
use crate::{StorageError, StorageFuture, Store, keys};

/// A number of rows, as it was at an instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExactRows {
    /// How many.
    pub rows: u64,
    /// The table, as the command names it.
    pub table: String,
    /// When it was counted.
    pub at: Timestamp,
}

impl Store {
    /// Stores the number of rows that a request changes. A later one replaces it.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn put_exact_rows<'a>(&'a self, id: RequestId, rows: &'a ExactRows) -> StorageFuture<'a, ()> {
        Box::pin(async move {
            let mut item = codec::item(&keys::request(id), keys::EXACT_ROWS);
            item.insert(DOC.to_owned(), text(to_json("an exact number of rows", rows)?));
            let actions = vec![self.put(item, None)?];
            let stored: Result<(), StorageError> = self
                .transact("exact rows", &fresh_token()?, actions)
                .await
                .map_err(|rejected| rejected.into_error());
            stored
        })
    }
}
