//! Statistics by period, as documents: made anew from the feed at any time, so written without conditions.

use std::collections::BTreeMap;

use countersign_rules::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec::{self, binary, get_binary, get_text, text};
use crate::people::fresh_token;
use crate::requests::DOC;
use crate::store::Rejected;
use crate::{StorageError, Store, keys, schema};

/// How long a period is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Length {
    /// All scopes of a minute stand in one document.
    Minute,
    /// An hour of a scope.
    Hour,
    /// A day of a scope.
    Day,
    /// A month of a scope.
    Month,
}

impl Length {
    /// The text of an instant up to this length: its sort key.
    #[must_use]
    pub fn name(self, at: Timestamp) -> String {
        let characters = match self {
            Self::Minute => 16,
            Self::Hour => 13,
            Self::Day => 10,
            Self::Month => 7,
        };
        at.rfc3339().chars().take(characters).collect()
    }

    /// Periods whose names share that many characters stand in one partition.
    fn partition(self, name: &str) -> String {
        let characters = match self {
            Self::Minute => 13,
            Self::Hour => 10,
            Self::Day => 7,
            Self::Month => 4,
        };
        name.chars().take(characters).collect()
    }

    fn letter(self) -> char {
        match self {
            Self::Minute => 'm',
            Self::Hour => 'h',
            Self::Day => 'd',
            Self::Month => 'M',
        }
    }

    fn pk(self, scope: &str, name: &str) -> String {
        keys::statistics(self.letter(), scope, &self.partition(name))
    }
}

impl Store {
    /// Stores the document of a period, whatever stood there.
    ///
    /// # Errors
    /// Any [`StorageError`].
    pub async fn put_statistics<T: Serialize>(
        &self,
        length: Length,
        scope: &str,
        name: &str,
        document: &T,
    ) -> Result<(), StorageError> {
        let mut item = codec::item(&length.pk(scope, name), name);
        item.insert(DOC.to_owned(), binary(codec::pack("statistics", document)?));
        let written = self.transact("statistics", &fresh_token()?, vec![self.put(item, None)?]).await;
        written.map_err(Rejected::into_error)
    }

    /// The documents of periods from `first` to `last`, by name; both in one partition: the hours of one
    /// day, the days of one month.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub async fn statistics<T: DeserializeOwned>(
        &self,
        length: Length,
        scope: &str,
        first: &str,
        last: &str,
    ) -> Result<BTreeMap<String, T>, StorageError> {
        let mut found = BTreeMap::new();
        let mut start = None;
        loop {
            let query = self
                .client
                .query()
                .consistent_read(true)
                .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
                .expression_attribute_values(":pk", text(length.pk(scope, first)))
                .expression_attribute_values(":first", text(first))
                .expression_attribute_values(":last", text(last))
                .set_exclusive_start_key(start);
            let (items, next) = self.query("statistics", query).await?;
            for item in &items {
                codec::check_schema(item)?;
                let name = get_text(item, schema::SK)?.to_owned();
                found.insert(name, codec::unpack("statistics", get_binary(item, DOC)?)?);
            }
            start = next;
            if start.is_none() {
                return Ok(found);
            }
        }
    }
}
