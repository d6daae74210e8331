//! Delivery of records to the function: partial failures, bisecting, bounded retries.
//!
//! As an event source mapping with `ReportBatchItemFailures`, `BisectBatchOnFunctionError`
//! and `MaximumRetryAttempts`; with one kindness more: records of other items do not wait
//! for a failing record's retries.

use super::event::{self, Record};
use super::{StreamConfig, StreamRetry};
use crate::runner::{InvokeError, Runner};
use serde_json::Value;
use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use tokio::sync::watch;

/// How a delivery ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Delivered {
    /// Every record was handled, or passed after its last attempt.
    All,
    /// The platform stops; some were not.
    Stopped,
}

/// What the function said about a batch.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Handled,
    /// The first record, by its index, that was not handled.
    FailedFrom(usize),
    FailedAll,
    Stopped,
}

/// Records that go together, and how often the first of them has failed alone.
struct Chunk {
    records: Vec<Record>,
    failures: u32,
}

/// Delivers to one function.
pub(super) struct Delivery {
    runner: Arc<Runner>,
    function: String,
    lanes: usize,
    batch_size: usize,
    retry: StreamRetry,
    stopped: watch::Receiver<bool>,
}

impl Delivery {
    pub(super) fn new(runner: Arc<Runner>, config: &StreamConfig, stopped: watch::Receiver<bool>) -> Self {
        Self {
            runner,
            function: config.function.clone(),
            lanes: config.lanes.max(1),
            batch_size: config.batch_size.max(1),
            retry: config.retry.clone(),
            stopped,
        }
    }

    /// Delivers the records in lanes side by side; an item's records share a lane.
    pub(super) async fn deliver_all(&self, records: Vec<Record>) -> Delivered {
        let mut lanes: Vec<Vec<Record>> = (0..self.lanes).map(|_| Vec::new()).collect();
        for record in records {
            let lane = lane_of(&record.item, self.lanes);
            if let Some(lane) = lanes.get_mut(lane) {
                lane.push(record);
            }
        }
        let lanes = lanes.into_iter().map(|lane| self.deliver(lane));
        let ends = futures::future::join_all(lanes).await;
        match ends.iter().all(|end| *end == Delivered::All) {
            true => Delivered::All,
            false => Delivered::Stopped,
        }
    }

    async fn deliver(&self, records: Vec<Record>) -> Delivered {
        let mut work: VecDeque<Chunk> = VecDeque::new();
        let mut records = records.into_iter().peekable();
        while records.peek().is_some() {
            let records = records.by_ref().take(self.batch_size).collect();
            work.push_back(Chunk { records, failures: 0 });
        }
        while let Some(chunk) = work.pop_front() {
            match self.invoke(&chunk.records).await {
                Verdict::Handled => {}
                Verdict::Stopped => return Delivered::Stopped,
                Verdict::FailedFrom(index) if chunk.records.len() > 1 => {
                    isolate(chunk.records, index, &mut work);
                }
                Verdict::FailedAll if chunk.records.len() > 1 => {
                    bisect(chunk.records, &mut work);
                }
                Verdict::FailedFrom(_) | Verdict::FailedAll => {
                    if let Some(again) = self.failed_alone(chunk).await {
                        work.push_front(again);
                    }
                }
            }
        }
        Delivered::All
    }

    /// A single record failed: to be tried again after a pause, or passed.
    async fn failed_alone(&self, chunk: Chunk) -> Option<Chunk> {
        let failures = chunk.failures + 1;
        if failures >= self.retry.attempts {
            for record in &chunk.records {
                tracing::error!(
                    sequence_number = record.number,
                    function = self.function,
                    attempts = failures,
                    "a stream record failed for good and is passed"
                );
            }
            return None;
        }
        let factor = 4_u32.saturating_pow(failures - 1);
        let pause = self.retry.first_pause.saturating_mul(factor);
        let mut stopped = self.stopped.clone();
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            _ = stopped.wait_for(|stopped| *stopped) => {}
        }
        Some(Chunk { failures, ..chunk })
    }

    async fn invoke(&self, records: &[Record]) -> Verdict {
        if *self.stopped.borrow() {
            return Verdict::Stopped;
        }
        let event = event::of_records(records);
        match self.runner.invoke(&self.function, event).await {
            Ok(answer) => verdict(&answer, records),
            Err(InvokeError::NotRunning) => Verdict::Stopped,
            // What a stop cut off was no attempt.
            Err(_) if *self.stopped.borrow() => Verdict::Stopped,
            Err(InvokeError::Failed(_) | InvokeError::UnknownFunction) => Verdict::FailedAll,
        }
    }
}

fn lane_of(item: &str, lanes: usize) -> usize {
    let mut hasher = DefaultHasher::new();
    item.hash(&mut hasher);
    let lanes = u64::try_from(lanes).unwrap_or(1).max(1);
    usize::try_from(hasher.finish() % lanes).unwrap_or(0)
}

/// Reads `batchItemFailures` as Lambda does: none, null or an empty list is success, an
/// identifier that is not of this batch fails it all, else the first failed record counts.
fn verdict(answer: &Value, records: &[Record]) -> Verdict {
    let failures = match answer.get("batchItemFailures") {
        None | Some(Value::Null) => return Verdict::Handled,
        Some(Value::Array(failures)) => failures,
        Some(_) => return Verdict::FailedAll,
    };
    let mut first = None;
    for failure in failures {
        let number = failure.get("itemIdentifier").and_then(Value::as_str);
        let Some(index) = records.iter().position(|record| Some(record.number.as_str()) == number) else {
            return Verdict::FailedAll;
        };
        first = Some(first.map_or(index, |first: usize| first.min(index)));
    }
    first.map_or(Verdict::Handled, Verdict::FailedFrom)
}

/// Puts the record at `index` on its own, behind the records of other items and before the
/// later ones of its own item. What came before it was handled.
fn isolate(mut records: Vec<Record>, index: usize, work: &mut VecDeque<Chunk>) {
    let mut failed_and_rest = records.split_off(index).into_iter();
    let Some(failed) = failed_and_rest.next() else {
        return;
    };
    let (same, others): (Vec<_>, Vec<_>) = failed_and_rest.partition(|record| record.item == failed.item);
    // In front of what waits already, which may hold later records of the same items.
    push_front(work, same, 0);
    push_front(work, vec![failed], 1);
    push_front(work, others, 0);
}

fn bisect(mut records: Vec<Record>, work: &mut VecDeque<Chunk>) {
    let second = records.split_off(records.len() / 2);
    push_front(work, second, 0);
    push_front(work, records, 0);
}

fn push_front(work: &mut VecDeque<Chunk>, records: Vec<Record>, failures: u32) {
    if !records.is_empty() {
        work.push_front(Chunk { records, failures });
    }
}

#[cfg(test)]
mod tests;
