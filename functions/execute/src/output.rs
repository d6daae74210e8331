//! Keeping the output: small output stands with the outcome's event, larger output in pieces that
//! are stored while the command runs, so that no more than two pieces are in memory: one that fills up and one that is
//! under way to the store. The target does not wait for the store unless a piece fills up sooner.

use std::collections::BTreeMap;

use async_trait::async_trait;
use countersign_rules::event::Outcome;
use countersign_rules::{RequestId, Transaction};
use countersign_storage::requests::{INLINE_OUTPUT_BYTES, OutputPiece, PIECE_BYTES};
use countersign_storage::{StorageError, Store, codec};
use countersign_targets::view::PageStart;
use countersign_targets::{Record, Sink, SinkError};
use sha2::{Digest as _, Sha256};
use tokio::task::JoinHandle;

/// A row is cut to that many bytes of cells: a page of output has to hold it.
const MOST_ROW_BYTES: usize = 512 * 1024;

/// What was kept.
#[derive(Debug, Default)]
pub struct Kept {
    pub(crate) inline: Option<Vec<u8>>,
    pieces: u32,
    bytes: u64,
    sha256: Option<String>,
    cut: bool,
    masked: BTreeMap<String, u64>,
    /// What became of each statement.
    pub(crate) transaction: Option<Box<Transaction>>,
    /// How many notices stand in the output.
    pub(crate) notices: u32,
}

impl Kept {
    /// With how many values were masked, by entity.
    pub(crate) fn masked(self, masked: BTreeMap<String, u64>) -> Self {
        Self { masked, ..self }
    }

    /// Nothing of it is shown: what was stored already is named by nothing.
    pub(crate) fn withheld(self) -> Self {
        Self { cut: true, masked: self.masked, transaction: self.transaction, ..Self::default() }
    }

    pub(crate) fn outcome(&self) -> Outcome {
        Outcome {
            bytes: Some(self.bytes),
            output_sha256: self.sha256.clone(),
            output_pieces: self.pieces,
            output_cut: self.cut,
            masked: self.masked.clone(),
            transaction: self.transaction.clone(),
            notices: self.notices,
            ..Outcome::default()
        }
    }
}

/// Takes records while the command runs.
pub struct Keeper {
    store: Store,
    id: RequestId,
    buffer: Vec<u8>,
    /// The last piece, under way to the store.
    storing: Option<JoinHandle<Result<(), StorageError>>>,
    /// Where the output stands at the beginning of the buffer, and at its end.
    begins: PageStart,
    ends: PageStart,
    pieces: u32,
    bytes: u64,
    hasher: Sha256,
    cut: bool,
}

impl Keeper {
    /// Nothing yet, for the request `id`.
    #[must_use]
    pub fn new(store: Store, id: RequestId) -> Self {
        Self {
            store,
            id,
            buffer: Vec::new(),
            storing: None,
            begins: PageStart::First,
            ends: PageStart::First,
            pieces: 0,
            bytes: 0,
            hasher: Sha256::new(),
            cut: false,
        }
    }

    /// Stores what is in the buffer, in as many pieces as it takes.
    async fn flush(&mut self) -> Result<(), SinkError> {
        let context = context_of(&self.begins);
        let buffer = std::mem::take(&mut self.buffer);
        self.count(&buffer);
        self.begins = self.ends.clone();
        let chunks: Vec<&[u8]> = buffer.chunks(PIECE_BYTES).collect();
        let last = chunks.len().saturating_sub(1);
        for (position, chunk) in chunks.into_iter().enumerate() {
            self.stored().await?;
            self.pieces += 1;
            let piece = OutputPiece {
                bytes: chunk.to_vec(),
                context: context.clone(),
                goes_on: position < last,
                so_far: None,
            };
            let (store, id, number) = (self.store.clone(), self.id, self.pieces);
            self.storing = Some(tokio::spawn(async move { store.put_output(id, number, &piece).await }));
        }
        Ok(())
    }

    /// Waits until the last piece is stored.
    async fn stored(&mut self) -> Result<(), SinkError> {
        let Some(storing) = self.storing.take() else { return Ok(()) };
        let stored = storing.await.map_err(|error| SinkError(error.to_string()))?;
        stored.map_err(|error| SinkError(error.to_string()))
    }

    async fn flush_all(&mut self) -> Result<(), SinkError> {
        self.flush().await?;
        self.stored().await
    }

    fn count(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
    }

    /// The end: the outcome can name what was kept.
    pub async fn finish(mut self) -> Kept {
        let small = match self.pieces {
            0 => codec::compress(&self.buffer).ok().filter(|bytes| bytes.len() <= INLINE_OUTPUT_BYTES),
            _ => None,
        };
        if small.is_some() {
            let buffer = std::mem::take(&mut self.buffer);
            self.count(&buffer);
        } else if let Err(error) = self.flush_all().await {
            tracing::error!(%error, request_id = %self.id, "output");
            self.cut = true;
        }
        let digest: [u8; 32] = self.hasher.finalize().into();
        let sha256 = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Kept {
            inline: small,
            pieces: self.pieces,
            bytes: self.bytes,
            sha256: Some(sha256),
            cut: self.cut,
            ..Kept::default()
        }
    }
}

#[async_trait]
impl Sink for Keeper {
    async fn record(&mut self, record: Record) -> Result<(), SinkError> {
        let (record, cut) = fitting(record);
        self.cut |= cut;
        let begins = self.buffer.len();
        record.write_line(&mut self.buffer);
        if begins > 0 && self.buffer.len() > PIECE_BYTES {
            let line = self.buffer.split_off(begins);
            self.flush().await?;
            self.buffer = line;
        }
        self.ends = std::mem::replace(&mut self.ends, PageStart::First).after(&record);
        Ok(())
    }
}

/// A row whose cells are too large together, with each cut to its share and marked.
fn fitting(record: Record) -> (Record, bool) {
    let Record::Row(cells) = record else {
        return (record, false);
    };
    let total: usize = cells.iter().flatten().map(String::len).sum();
    if total <= MOST_ROW_BYTES {
        return (Record::Row(cells), false);
    }
    let share = MOST_ROW_BYTES / cells.len().max(1);
    let cut = |cell: String| {
        if cell.len() <= share {
            return cell;
        }
        let end = cell.floor_char_boundary(share);
        let missing = cell.len() - end;
        let mut cell = cell;
        cell.truncate(end);
        format!("{cell}… [cut: {missing} bytes are missing]")
    };
    (Record::Row(cells.into_iter().map(|cell| cell.map(cut)).collect()), true)
}

/// What a reader who begins at a piece must know.
fn context_of(start: &PageStart) -> String {
    serde_json::to_string(start).unwrap_or_default()
}
