//! What an execution printed: small output stands with the outcome's event, more in pieces of its own.

use countersign_rules::RequestId;

use super::OUTPUT;
use crate::codec::{self, binary, get_binary, get_number, get_text, number, text};
use crate::store::{Condition, Rejected};
use crate::{StorageError, StorageFuture, Store, keys};

const CONTEXT: &str = "ctx";
const GOES_ON: &str = "on";
const ROWS: &str = "rows";
const BYTES: &str = "len";
/// Output up to that many bytes, compressed, stands with the outcome's event.
pub const INLINE_OUTPUT_BYTES: usize = 1024;
/// A piece of output holds at most that many bytes before compression, which may not help: an item
/// takes 400 KB.
pub const PIECE_BYTES: usize = 280 * 1024;

/// A piece of stored output.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OutputPiece {
    /// The bytes, at most [`PIECE_BYTES`].
    pub bytes: Vec<u8>,
    /// What a reader must know who begins here.
    pub context: String,
    /// Whether the piece ends inside a record: the next one goes on with it.
    pub goes_on: bool,
    /// What comes in pieces from outside counts as it comes: rows and bytes up to the end of this piece.
    pub so_far: Option<SoFar>,
}

/// How much output there is up to the end of a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SoFar {
    /// Rows.
    pub rows: u64,
    /// Bytes, before compression.
    pub bytes: u64,
}

impl Store {
    /// Stores a piece of output, before the outcome that names it. The first piece is 1.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`. Storing the same piece again replaces it.
    pub fn put_output<'a>(
        &'a self,
        id: RequestId,
        piece_number: u32,
        piece: &'a OutputPiece,
    ) -> StorageFuture<'a, ()> {
        Box::pin(async move { self.put_output_if(id, piece_number, piece, None).await })
    }

    /// The same, only while the request has that version.
    ///
    /// # Errors
    /// [`StorageError::Conflict`] if it has another one.
    pub fn put_output_while<'a>(
        &'a self,
        id: RequestId,
        piece_number: u32,
        piece: &'a OutputPiece,
        version: u64,
    ) -> StorageFuture<'a, ()> {
        Box::pin(async move { self.put_output_if(id, piece_number, piece, Some(version)).await })
    }

    async fn put_output_if(
        &self,
        id: RequestId,
        piece_number: u32,
        piece: &OutputPiece,
        version: Option<u64>,
    ) -> Result<(), StorageError> {
        let compressed = codec::compress_fast(&piece.bytes)?;
        if compressed.len() > PIECE_BYTES + 1024 {
            return Err(StorageError::TooLarge(format!("a piece of output of {} bytes", compressed.len())));
        }
        let mut item = codec::item(&keys::request(id), &keys::output_piece(piece_number));
        item.insert(OUTPUT.to_owned(), binary(compressed));
        item.insert(CONTEXT.to_owned(), text(&piece.context));
        if piece.goes_on {
            item.insert(GOES_ON.to_owned(), number(1));
        }
        if let Some(so_far) = piece.so_far {
            item.insert(ROWS.to_owned(), number(so_far.rows));
            item.insert(BYTES.to_owned(), number(so_far.bytes));
        }
        let token = crate::people::fresh_token()?;
        let mut actions = vec![self.put(item, None)?];
        if let Some(version) = version {
            let state = codec::key(&keys::request(id), keys::STATE);
            actions.push(self.check(state, Condition::Version(version))?);
        }
        match self.transact("output", &token, actions).await {
            Ok(()) => Ok(()),
            Err(Rejected::Conditions { .. }) => Err(StorageError::Conflict),
            Err(rejected) => Err(rejected.into_error()),
        }
    }

    /// A piece of output; piece 0 is the one that stands with the outcome's event, which `version`
    /// names.
    ///
    /// # Errors
    /// Any [`StorageError`] but `Conflict`.
    pub fn output<'a>(
        &'a self,
        id: RequestId,
        piece_number: u32,
        version: u64,
    ) -> StorageFuture<'a, Option<OutputPiece>> {
        Box::pin(async move {
            let sk = if piece_number == 0 { keys::events(version) } else { keys::output_piece(piece_number) };
            let items = self.batch_get("output", vec![codec::key(&keys::request(id), &sk)]).await?;
            let Some(item) = items.first().filter(|item| item.contains_key(OUTPUT)) else {
                return Ok(None);
            };
            Ok(Some(OutputPiece {
                bytes: codec::decompress(get_binary(item, OUTPUT)?)?,
                context: get_text(item, CONTEXT).unwrap_or_default().to_owned(),
                goes_on: item.contains_key(GOES_ON),
                so_far: match (get_number(item, ROWS), get_number(item, BYTES)) {
                    (Ok(rows), Ok(bytes)) => Some(SoFar { rows, bytes }),
                    _ => None,
                },
            }))
        })
    }
}
