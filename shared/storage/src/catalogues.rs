//! Catalogues of databases: one item a connection, compressed.

use countersign_catalogue::Catalogue;
use countersign_rules::{ConnectionName, Timestamp};

use crate::codec::{self, Item, binary, get_binary, get_text, text};
use crate::people::fresh_token;
use crate::requests::DOC;
use crate::{Key, StorageError, StorageFuture, Store, keys};

/// An item takes 400 KB with its keys.
const MAX_BYTES: usize = 350 * 1024;
const READ_AT: &str = "at";
const SOURCE: &str = "src";

/// A catalogue with its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCatalogue {
    /// The snapshot.
    pub catalogue: Catalogue,
    /// When it was read.
    pub read_at: Timestamp,
    /// What it was read from: a catalogue of another target or secret does not count.
    pub source: String,
}

impl Store {
    /// Stores the catalogue of a connection's database in place of the one before. One that is too large is stored without
    /// some of its parts, which its `left_out` names.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn put_catalogue<'a>(
        &'a self,
        name: &'a ConnectionName,
        stored: &'a StoredCatalogue,
    ) -> StorageFuture<'a, ()> {
        Box::pin(async move {
            let mut item = codec::item(keys::CATALOGUES, name.as_str());
            item.insert(DOC.to_owned(), binary(packed(stored.catalogue.clone())?));
            item.insert(READ_AT.to_owned(), text(stored.read_at.rfc3339()));
            item.insert(SOURCE.to_owned(), text(&stored.source));
            let actions = vec![self.put(item, None)?];
            self.transact("catalogue", &fresh_token()?, actions)
                .await
                .map_err(|rejected| rejected.into_error())
        })
    }

    /// The catalogue of a connection's database, strongly consistent.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn catalogue<'a>(&'a self, name: &'a ConnectionName) -> StorageFuture<'a, Option<StoredCatalogue>> {
        Box::pin(
            async move { Ok(self.read("catalogue", &[Key::Catalogue(name.clone())]).await?.catalogue(name)) },
        )
    }
}

fn packed(mut catalogue: Catalogue) -> Result<Vec<u8>, StorageError> {
    loop {
        let bytes = codec::pack("a catalogue", &catalogue)?;
        if bytes.len() <= MAX_BYTES {
            return Ok(bytes);
        }
        catalogue = catalogue
            .smaller()
            .ok_or_else(|| StorageError::TooLarge(format!("a catalogue of {} bytes", bytes.len())))?;
    }
}

pub(crate) fn stored(item: &Item) -> Result<StoredCatalogue, StorageError> {
    let read_at = get_text(item, READ_AT)?;
    Ok(StoredCatalogue {
        catalogue: codec::unpack("a catalogue", get_binary(item, DOC)?)?,
        read_at: Timestamp::parse_rfc3339(read_at)
            .ok_or_else(|| StorageError::Corrupt("the time of a catalogue is no time".to_owned()))?,
        source: get_text(item, SOURCE)?.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_catalogue::{Column, Name, Table};

    #[test]
    fn what_is_too_large_for_an_item_is_cut_and_says_so() {
        // Names that do not compress.
        let mut seed = 1_u64;
        let mut word = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            format!("{seed:016x}")
        };
        let tables = (0..5_000).map(|number| Table {
            name: Name::new("public", word()),
            bytes: Some(number),
            columns: (0..5).map(|_| Column { name: word(), type_name: "text".to_owned() }).collect(),
            ..Table::default()
        });
        let catalogue = Catalogue { tables: tables.collect(), ..Catalogue::default() };
        let bytes = packed(catalogue).unwrap();
        assert!(bytes.len() <= MAX_BYTES);
        let read: Catalogue = codec::unpack("a catalogue", &bytes).unwrap();
        assert!(!read.tables.is_empty());
        assert_eq!(read.left_out.first().map(String::as_str), Some("all columns"));
    }
}
