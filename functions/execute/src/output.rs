//! Keeping the output: small output stands with the outcome's event, larger output in pieces that
//! are stored while the command runs, so that no more than one piece is in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;
use countersign_rules::event::Outcome;
use countersign_rules::{RequestId, Transaction};
use countersign_storage::requests::{INLINE_OUTPUT_BYTES, OutputPiece, PIECE_BYTES};
use countersign_storage::{Store, codec};
use countersign_targets::view::PageStart;
use countersign_targets::{Record, Sink, SinkError};
use sha2::{Digest as _, Sha256};

/// A row is cut to that many bytes of cells: a page of output has to hold it.
const MOST_ROW_BYTES: usize = 512 * 1024;

/// What was kept.
#[derive(Debug, Default)]
pub(crate) struct Kept {
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
pub(crate) struct Keeper {
    store: Store,
    id: RequestId,
    buffer: String,
    /// Where the output stands at the beginning of the buffer, and at its end.
    begins: PageStart,
    ends: PageStart,
    pieces: u32,
    bytes: u64,
    hasher: Sha256,
    cut: bool,
}

impl Keeper {
    pub(crate) fn new(store: Store, id: RequestId) -> Self {
        Self {
            store,
            id,
            buffer: String::new(),
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
        self.begins = self.ends.clone();
        let chunks: Vec<&[u8]> = buffer.as_bytes().chunks(PIECE_BYTES).collect();
        let last = chunks.len().saturating_sub(1);
        for (position, chunk) in chunks.into_iter().enumerate() {
            self.pieces += 1;
            let piece = OutputPiece {
                bytes: chunk.to_vec(),
                context: context.clone(),
                goes_on: position < last,
                so_far: None,
            };
            let stored = self.store.put_output(self.id, self.pieces, &piece).await;
            stored.map_err(|error| SinkError(error.to_string()))?;
        }
        Ok(())
    }

    /// The end: the outcome can name what was kept.
    pub(crate) async fn finish(mut self) -> Kept {
        let compressed = codec::compress(self.buffer.as_bytes()).unwrap_or_default();
        let small = self.pieces == 0 && compressed.len() <= INLINE_OUTPUT_BYTES;
        let inline = small.then_some(compressed);
        if !small && let Err(error) = self.flush().await {
            tracing::error!(%error, request_id = %self.id, "output");
            self.cut = true;
        }
        let digest: [u8; 32] = self.hasher.finalize().into();
        let sha256 = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Kept {
            inline,
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
        let line = record.to_line();
        if !self.buffer.is_empty() && self.buffer.len() + line.len() > PIECE_BYTES {
            self.flush().await?;
        }
        self.hasher.update(line.as_bytes());
        self.bytes += line.len() as u64;
        self.buffer.push_str(&line);
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
