//! Output goes up in pieces. While one is on its way nothing more is read, so the program waits.

use std::collections::BTreeMap;

use countersign_targets::{Caps, Record};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::lease::{Lease, Unsent};
use super::lines::{Lines, Stream};

/// A piece is sent once it has that many bytes, as the service keeps them (it takes 280 KiB).
const PIECE_BYTES: usize = 160 * 1024;
/// The service counts the names of the columns as well, and masks what we did not.
const ROOM: u64 = 512;

/// What became of the output.
#[derive(Debug, Default)]
pub(crate) struct Delivered {
    /// How many pieces arrived.
    pub(crate) pieces: u32,
    /// How many lines were not kept.
    pub(crate) missing: u64,
    /// What was masked.
    pub(crate) masked: BTreeMap<String, u64>,
    /// Why nothing of it is shown.
    pub(crate) withheld: Option<String>,
    /// Why a part of it did not arrive.
    pub(crate) lost: Option<String>,
}

/// Takes everything that a program writes, until it writes no more.
pub(crate) async fn deliver(
    mut from: mpsc::Receiver<(Stream, Vec<u8>)>,
    mut lines: Lines,
    caps: Caps,
    lease: &Lease<'_>,
) -> Delivered {
    let mut upload = Upload {
        lease,
        caps,
        rows: 0,
        bytes: 0,
        piece: Vec::new(),
        piece_bytes: 0,
        sent_rows: 0,
        delivered: Delivered::default(),
    };
    while let Some((stream, bytes)) = from.recv().await {
        // What nobody sees is read all the same: the program must come to its end.
        if upload.delivered.withheld.is_none() {
            match lines.push(stream, &bytes) {
                Ok(ready) => upload.take(stream, ready).await,
                Err(withheld) => upload.withhold(withheld.to_string()),
            }
        }
    }
    for stream in [Stream::Out, Stream::Err] {
        if upload.delivered.withheld.is_none() {
            match lines.finish(stream) {
                Ok(rest) => upload.take(stream, rest).await,
                Err(withheld) => upload.withhold(withheld.to_string()),
            }
        }
    }
    upload.flush().await;
    upload.delivered.masked = lines.counts().to_map();
    upload.delivered
}

struct Upload<'a> {
    lease: &'a Lease<'a>,
    caps: Caps,
    rows: u64,
    bytes: u64,
    piece: Vec<Value>,
    piece_bytes: usize,
    sent_rows: u64,
    delivered: Delivered,
}

impl Upload<'_> {
    async fn take(&mut self, stream: Stream, lines: Vec<String>) {
        for line in lines {
            let word = stream.word();
            let size = Record::Row(vec![Some(word.to_owned()), Some(line.clone())]).to_line().len();
            let bytes = self.bytes + size as u64;
            let full = self.rows >= self.caps.max_rows || bytes + ROOM > self.caps.max_bytes;
            // After the first line that is missing none is kept: what is kept has no gaps.
            if full || self.delivered.missing > 0 {
                self.delivered.missing += 1;
                continue;
            }
            if self.piece_bytes > 0 && self.piece_bytes + size > PIECE_BYTES {
                self.flush().await;
                if self.delivered.missing > 0 || self.delivered.withheld.is_some() {
                    self.delivered.missing += 1;
                    continue;
                }
            }
            self.rows += 1;
            self.bytes = bytes;
            self.piece_bytes += size;
            self.piece.push(json!({ "stream": word, "text": line }));
        }
    }

    async fn flush(&mut self) {
        let lines = std::mem::take(&mut self.piece);
        self.piece_bytes = 0;
        if lines.is_empty() || self.delivered.withheld.is_some() {
            return;
        }
        let count = lines.len() as u64;
        let number = self.delivered.pieces + 1;
        let body = json!({ "nonce": self.lease.nonce, "lines": lines });
        let call = self.lease.call("output", body).with("piece", number.to_string());
        match self.lease.send(&call).await {
            Ok(_) => {
                self.delivered.pieces = number;
                self.sent_rows += count;
            }
            Err(Unsent::Refused(problem)) if problem.slug() == "output-withheld" => {
                self.withhold(format!("the command ran; {problem}"));
            }
            Err(Unsent::Refused(problem)) => self.lose(count, problem.to_string()),
            Err(Unsent::Lost(why)) => self.lose(count, why),
        }
    }

    fn lose(&mut self, count: u64, why: String) {
        self.delivered.missing += count;
        self.delivered.lost.get_or_insert(why);
    }

    fn withhold(&mut self, why: String) {
        self.piece.clear();
        self.piece_bytes = 0;
        self.delivered.withheld.get_or_insert(why);
    }
}
