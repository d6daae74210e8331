//! The table's stream, fed to a function: DynamoDB Streams and its event source mapping.
//!
//! Records go to the function in order per item, at least once, in batches. A position is
//! stored after a batch was handled, and the records behind it are deleted: dynoxide itself
//! never trims its stream table. A record that the function keeps failing on is tried a
//! bounded number of times and then passed, with its sequence number in the log.

mod chaos;
mod deliver;
mod event;
mod position;
mod table;

use crate::error::LocalError;
use crate::runner::Runner;
use crate::store::EmbeddedStore;
pub use chaos::Chaos;
use chaos::ChaosState;
use deliver::{Delivered, Delivery};
use event::Record;
use position::Positions;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use table::StreamTable;
pub(crate) use table::create_index;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

/// Says of a record's new image (DynamoDB JSON) whether the function shall see it; the
/// `FilterCriteria` of an event source mapping. Records without a new image are never seen.
pub type StreamFilter = Arc<dyn Fn(&Value) -> bool + Send + Sync>;

/// Handled records are deleted when so many have come together, or when the stream is idle.
const TRIM_AFTER: usize = 512;
/// How often the database is looked at when nobody says that something was written: the
/// removal of items past their time to live, and bulk loading, do not say so.
const IDLE_LOOK: Duration = Duration::from_millis(250);

/// An event source mapping.
#[derive(Clone)]
pub struct StreamConfig {
    /// The table whose stream is read. It may be created later.
    pub table: String,
    /// The function that gets the records.
    pub function: String,
    /// Which records it gets.
    pub filter: StreamFilter,
    /// How many records one invocation gets at most.
    pub batch_size: usize,
    /// How many invocations run side by side; records of one item stay in one of them, in
    /// order (`ParallelizationFactor`).
    pub lanes: usize,
    /// What happens when the function fails.
    pub retry: StreamRetry,
    /// Seeded duplicates and reordering, for tests.
    pub chaos: Option<Chaos>,
}

impl StreamConfig {
    /// Feeds `table`'s records that pass `filter` to `function`, 100 at a time.
    pub fn new(
        table: impl Into<String>,
        function: impl Into<String>,
        filter: impl Fn(&Value) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self {
            table: table.into(),
            function: function.into(),
            filter: Arc::new(filter),
            batch_size: 100,
            lanes: 4,
            retry: StreamRetry::default(),
            chaos: None,
        }
    }
}

impl std::fmt::Debug for StreamConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamConfig")
            .field("table", &self.table)
            .field("function", &self.function)
            .field("batch_size", &self.batch_size)
            .field("lanes", &self.lanes)
            .field("retry", &self.retry)
            .field("chaos", &self.chaos)
            .finish_non_exhaustive()
    }
}

/// How often a record is tried that the function fails on.
#[derive(Debug, Clone)]
pub struct StreamRetry {
    /// Attempts on one record alone, before it is passed.
    pub attempts: u32,
    /// The pause after the first failed attempt; each further one is four times as long.
    pub first_pause: Duration,
}

impl Default for StreamRetry {
    fn default() -> Self {
        Self { attempts: 4, first_pause: Duration::from_millis(50) }
    }
}

/// A running feeder. Dropping it stops it at once, as a crash would.
#[derive(Debug)]
pub(crate) struct Feeder {
    stop: watch::Sender<bool>,
    position: watch::Receiver<i64>,
    table: Arc<StreamTable>,
    task: JoinHandle<()>,
}

impl Feeder {
    /// Starts behind the persisted position, or with the oldest record where there is none.
    pub(crate) fn start(
        store: &EmbeddedStore,
        runner: Arc<Runner>,
        config: StreamConfig,
    ) -> Result<Self, LocalError> {
        let table = Arc::new(StreamTable::open(store.database_file(), &config.table)?);
        let positions = Positions::open(store.data_dir())?;
        let mut start = positions.get(&config.table)?;
        if table.newest()?.is_none_or(|newest| newest < start) {
            if start > 0 {
                // The newest record is never deleted, so this is another database than the
                // position was taken in, such as one restored from a copy.
                tracing::warn!(
                    table = config.table,
                    "the stream ends before the stored position; starting with its oldest record"
                );
            }
            start = 0;
        }
        let (stop, stopped) = watch::channel(false);
        let (moved, position) = watch::channel(start);
        let worker = Worker {
            delivery: Delivery::new(runner, &config, stopped.clone()),
            chaos: config.chaos.map(ChaosState::new),
            table: Arc::clone(&table),
            positions: Arc::new(positions),
            written: store.written(),
            config,
            stopped,
            position: moved,
            untrimmed: 0,
        };
        let task = tokio::spawn(worker.run());
        Ok(Self { stop, position, table, task })
    }

    /// The sequence number behind which everything was handled.
    pub(crate) fn position(&self) -> i64 {
        *self.position.borrow()
    }

    /// Waits until everything was handled that is in the stream now.
    pub(crate) async fn caught_up(&self) -> Result<(), LocalError> {
        let table = Arc::clone(&self.table);
        let Some(newest) = blocking(move || table.newest()).await? else {
            return Ok(());
        };
        let mut position = self.position.clone();
        // An error says that the feeder has ended; then there is nothing to wait for.
        let _ = position.wait_for(|position| *position >= newest).await;
        Ok(())
    }

    /// Ends after the invocations that run now, with their position stored.
    pub(crate) async fn shutdown(mut self, within: Duration) {
        self.stop.send_replace(true);
        let _ = tokio::time::timeout(within, &mut self.task).await;
    }
}

impl Drop for Feeder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Runs `work` where it may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LocalError> + Send + 'static,
) -> Result<T, LocalError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        Err(LocalError::System {
            action: "working on the stream table",
            source: std::io::Error::other(error),
        })
    })
}

struct Worker {
    table: Arc<StreamTable>,
    positions: Arc<Positions>,
    written: Arc<Notify>,
    config: StreamConfig,
    delivery: Delivery,
    chaos: Option<ChaosState>,
    stopped: watch::Receiver<bool>,
    position: watch::Sender<i64>,
    untrimmed: usize,
}

impl Worker {
    async fn run(mut self) {
        while !*self.stopped.borrow() {
            if let Err(error) = self.step().await {
                // Such as a full disk: nothing moves, so nothing is lost.
                tracing::error!(%error, "the stream cannot be read; trying again");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }

    /// Handles one read's worth of records, or waits for some.
    async fn step(&mut self) -> Result<(), LocalError> {
        let after = *self.position.borrow();
        let limit = self.config.batch_size.max(1) * self.config.lanes.max(1);
        let table = Arc::clone(&self.table);
        // The version first: a commit between the two only makes one look too many.
        let (version, rows) = blocking(move || Ok((table.version()?, table.read(after, limit)?))).await?;
        let Some(newest) = rows.last().map(|row| row.sequence) else {
            self.trim().await?;
            return self.wait_for_change(version).await;
        };
        let read = rows.len();
        let records: Vec<Record> =
            rows.into_iter().filter_map(|row| row.into_record(&*self.config.filter)).collect();
        let rounds = match &mut self.chaos {
            Some(chaos) => chaos.disturb(records),
            None => vec![records],
        };
        for records in rounds {
            match self.delivery.deliver_all(records).await {
                Delivered::All => {}
                // The position stays; what was handled comes again after the next start.
                Delivered::Stopped => return Ok(()),
            }
        }
        let positions = Arc::clone(&self.positions);
        let name = self.config.table.clone();
        blocking(move || positions.set(&name, newest)).await?;
        self.position.send_replace(newest);
        self.untrimmed += read;
        if self.untrimmed >= TRIM_AFTER {
            self.trim().await?;
        }
        Ok(())
    }

    /// Deletes handled records, once their position is stored.
    async fn trim(&mut self) -> Result<(), LocalError> {
        if self.untrimmed == 0 {
            return Ok(());
        }
        let through = *self.position.borrow();
        let table = Arc::clone(&self.table);
        let done = blocking(move || table.trim(through)).await?;
        if done {
            self.untrimmed = 0;
        }
        Ok(())
    }

    /// Returns when the database has changed since `version`, or on stop.
    async fn wait_for_change(&mut self, version: i64) -> Result<(), LocalError> {
        loop {
            tokio::select! {
                _ = self.stopped.wait_for(|stopped| *stopped) => return Ok(()),
                () = self.written.notified() => {}
                () = tokio::time::sleep(IDLE_LOOK) => {}
            }
            // Not worth another thread: it reads some shared memory and waits for nobody.
            if self.table.version()? != version {
                return Ok(());
            }
        }
    }
}
