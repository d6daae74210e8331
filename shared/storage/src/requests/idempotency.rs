//! What was made under an idempotency key, remembered for a day.

use aws_sdk_dynamodb::types::TransactWriteItem;
use countersign_rules::digest::sha256_hex;
use countersign_rules::{RequestId, Timestamp, UserId};

use crate::codec::{self, Item, get_text, number, text};
use crate::store::Condition;
use crate::{StorageError, StorageFuture, Store, keys, schema};

const BODY: &str = "body";
const MADE: &str = "made";
/// How long an answer is remembered under its idempotency key.
pub const IDEMPOTENCY_SECONDS: u32 = 24 * 3600;

/// Under what key a submission is remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// Whose key.
    pub user: UserId,
    /// SHA-256 of route and key, in hexadecimal digits.
    pub key_hash: String,
    /// SHA-256 of the body, in hexadecimal digits.
    pub body_hash: String,
}

impl Idempotency {
    /// Of a caller's key on a route, for a body.
    #[must_use]
    pub fn new(user: UserId, route: &str, key: &str, body: &[u8]) -> Self {
        let key_hash = sha256_hex(format!("{}:{route}:{key}", route.len()).as_bytes());
        Self { user, key_hash, body_hash: sha256_hex(body) }
    }
}

/// What became of a submission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Submitted {
    /// It is stored.
    New,
    /// The key was used before, with the same body: that request.
    Before(RequestId),
    /// The key was used before, with another body.
    KeyReused,
}

/// What an idempotency key stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remembered {
    /// Nothing: it is new.
    Nothing,
    /// Another body.
    OtherBody,
    /// The same body: the id of what was made.
    Made(String),
}

impl Store {
    /// What became of an earlier submission under that key, if there was one.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn submitted_under<'a>(&'a self, wanted: &'a Idempotency) -> StorageFuture<'a, Option<Submitted>> {
        Box::pin(async move {
            match self.remembered(wanted).await? {
                Remembered::Nothing => Ok(None),
                Remembered::OtherBody => Ok(Some(Submitted::KeyReused)),
                Remembered::Made(id) => {
                    let id =
                        id.parse().map_err(|error| StorageError::corrupt("an idempotency item", error))?;
                    Ok(Some(Submitted::Before(id)))
                }
            }
        })
    }

    /// What an idempotency key is remembered for.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn remembered<'a>(&'a self, wanted: &'a Idempotency) -> StorageFuture<'a, Remembered> {
        Box::pin(async move {
            let key = codec::key(&keys::idempotency(wanted.user, &wanted.key_hash), keys::IDEMPOTENCY);
            let items = self.batch_get("idempotency", vec![key]).await?;
            let Some(item) = items.first() else {
                return Ok(Remembered::Nothing);
            };
            if get_text(item, BODY)? != wanted.body_hash {
                return Ok(Remembered::OtherBody);
            }
            Ok(Remembered::Made(get_text(item, MADE)?.to_owned()))
        })
    }

    /// The action that remembers what was made under an idempotency key.
    pub(crate) fn remember(
        &self,
        idempotency: &Idempotency,
        made: &str,
        now: Timestamp,
    ) -> Result<TransactWriteItem, StorageError> {
        self.put(idempotency_item(idempotency, made, now), Some(Condition::Absent))
    }
}

fn idempotency_item(idempotency: &Idempotency, made: &str, now: Timestamp) -> Item {
    let mut item =
        codec::item(&keys::idempotency(idempotency.user, &idempotency.key_hash), keys::IDEMPOTENCY);
    item.insert(BODY.to_owned(), text(&idempotency.body_hash));
    item.insert(MADE.to_owned(), text(made));
    item.insert(schema::TTL.to_owned(), number(now.plus_seconds(IDEMPOTENCY_SECONDS).unix_seconds()));
    item
}
