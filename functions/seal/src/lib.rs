//! `seal` keeps the log over all events, and the statistics: each minute it takes what the feed knows of
//! the minutes that are over, makes the numbers of these minutes anew, and appends the events to the log
//! under a signed checkpoint.
//!
//! - [`key`]: the key that signs; [`kms`]: one that stays in KMS
//! - [`find`]: what is to be sealed, late arrivals included
//! - [`numbers`]: the statistics of periods
//! - this file joins them, and copies checkpoints to where nobody can change them
//!
//! **Invariant:** run twice, killed anywhere, or run by two at once, it leaves the same log: numbers are
//! overwritten, and a checkpoint is one transaction under the version of the log's head. Numbers come
//! before the checkpoint, so what is sealed is counted.

mod find;
mod key;
mod kms;
mod numbers;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use countersign_app::App;
use countersign_app::aws::Aws;
use countersign_app::aws::objects::StoreObjectError;
use countersign_rules::Timestamp;
use countersign_storage::StorageError;
use countersign_storage::log::{Addition, Head, MOST_COMMITS, MOST_MINUTES, minute_of};
use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};

pub use crate::key::{KeyError, Signer, signing_key};
pub use crate::kms::{KmsError, KmsKey};

/// How long an event may take from its time to the feed; later ones are found by looking back.
const GRACE: Duration = Duration::from_secs(20);
/// How often it goes on with what is left, and how often it may lose against another one.
const MOST_ROUNDS: usize = 500;
const MOST_LOST: usize = 20;
/// How many checkpoints one run copies at the most.
const MOST_COPIES: u64 = 200;

/// The function and what it holds.
#[derive(Clone)]
pub struct Seal {
    app: App,
    key: Arc<Signer>,
    copies: Option<Aws>,
    every: Duration,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Event {
    seal: bool,
}

/// Why a run did not end well; the next one does what is left.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The event is none of ours.
    #[error("expected `{{\"seal\": true}}`: {0}")]
    Event(serde_json::Error),
    /// The table did not answer.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A checkpoint was not signed, and so not written.
    #[error("no checkpoint: {0}")]
    Unsigned(#[from] KmsError),
    /// A checkpoint was not copied.
    #[error(transparent)]
    Copy(#[from] StoreObjectError),
}

/// What a run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sealed {
    /// Events that are in the log now.
    pub events: u64,
    /// Checkpoints that were made.
    pub checkpoints: u64,
}

/// Whether there is more to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    More,
    Done,
}

impl Seal {
    /// The function on these use cases, with that key.
    #[must_use]
    pub fn new(app: App, key: impl Into<Signer>) -> Self {
        Self { app, key: Arc::new(key.into()), copies: None, every: Duration::from_secs(60) }
    }

    /// Copies checkpoints to the bucket that the configuration names.
    #[must_use]
    pub fn with_copies_by(self, aws: &Aws) -> Self {
        Self { copies: Some(aws.clone()), ..self }
    }

    /// Run that often instead of each minute: what is sealed is as old at the least.
    #[must_use]
    pub fn run_every(self, every: Duration) -> Self {
        Self { every: every.max(Duration::from_millis(1)), ..self }
    }

    /// Handles the schedule's event.
    ///
    /// # Errors
    /// [`SealError`]; the same event again is harmless.
    pub fn handle<'a>(&'a self, payload: Value) -> BoxFuture<'a, Result<Value, SealError>> {
        Box::pin(async move {
            let Event { seal } = serde_json::from_value(payload).map_err(SealError::Event)?;
            let done = if seal { self.run().await? } else { Sealed::default() };
            Ok(json!({ "events": done.events, "checkpoints": done.checkpoints }))
        })
    }

    /// Up to when everything is over, by the clock now.
    fn until(&self) -> Timestamp {
        let millis = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(60_000);
        let every = millis(self.every);
        let now = self.app.now().unix_millis() - millis(GRACE.min(self.every));
        Timestamp::from_unix_millis(now.div_euclid(every) * every)
    }

    /// Seals all that is over, and copies the checkpoints.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn run<'a>(&'a self) -> BoxFuture<'a, Result<Sealed, SealError>> {
        Box::pin(async move {
            let done = self.seal_until(self.until()).await?;
            self.copy().await?;
            Ok(done)
        })
    }

    /// Seals everything from before that instant.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn seal_until<'a>(&'a self, until: Timestamp) -> BoxFuture<'a, Result<Sealed, SealError>> {
        Box::pin(async move {
            let mut done = Sealed::default();
            // Minutes whose numbers another one may have overwritten with older ones since.
            let mut doubtful = BTreeSet::new();
            let mut lost = 0;
            for _ in 0..MOST_ROUNDS {
                match self.round(until, &mut doubtful, &mut done).await {
                    Ok(Progress::Done) => break,
                    Ok(Progress::More) => {}
                    Err(SealError::Storage(StorageError::Conflict)) if lost < MOST_LOST => lost += 1,
                    Err(error) => return Err(error),
                }
            }
            if done.checkpoints > 0 {
                tracing::info!(events = done.events, checkpoints = done.checkpoints, "sealed");
            }
            Ok(done)
        })
    }

    async fn round(
        &self,
        until: Timestamp,
        doubtful: &mut BTreeSet<Timestamp>,
        done: &mut Sealed,
    ) -> Result<Progress, SealError> {
        let store = &self.app.store;
        let Some(head) = self.head().await? else { return Ok(Progress::Done) };
        if head.sealed_until >= until {
            self.renew(doubtful).await?;
            return Ok(Progress::Done);
        }
        let found = find::find(store, &head, until).await?;
        doubtful.extend(found.additions.iter().map(|addition| minute_of(addition.entry.at)));
        numbers::renew(store, doubtful).await?;
        if found.additions.is_empty() {
            if found.sealed_until < until || find::is_another_hour(&head, until) {
                store.log_looked(&head, found.sealed_until).await?;
            }
        } else {
            self.append(head, &found, done).await?;
        }
        doubtful.clear();
        Ok(if found.sealed_until < until { Progress::More } else { Progress::Done })
    }

    async fn renew(&self, doubtful: &mut BTreeSet<Timestamp>) -> Result<(), SealError> {
        numbers::renew(&self.app.store, doubtful).await?;
        doubtful.clear();
        Ok(())
    }

    /// Where the log stands; none as long as nobody can have done anything.
    async fn head(&self) -> Result<Option<Head>, SealError> {
        if let Some(head) = self.app.store.log_head().await? {
            return Ok(Some(head));
        }
        let beginning = self.app.store.beginning().await?;
        Ok((beginning.unix_millis() > 0)
            .then(|| Head::new(self.app.store.new_log_origin(), minute_of(beginning))))
    }

    /// Appends in pieces that a transaction takes. Only the last one says that the time is sealed: whoever
    /// goes on after a death in between finds the rest as it finds what comes late.
    async fn append(&self, head: Head, found: &find::Found, done: &mut Sealed) -> Result<(), SealError> {
        let store = &self.app.store;
        let mut head = head;
        let mut rest = found.additions.as_slice();
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at(piece_of(rest));
            rest = behind;
            let sealed_until = if rest.is_empty() { found.sealed_until } else { head.sealed_until };
            let growth = store.log_grown(&head, piece, sealed_until, self.app.now()).await?;
            let (signed, key) = self.key.sign(growth.checkpoint.clone()).await?;
            store.log_append(growth, signed, key).await?;
            done.checkpoints += 1;
            done.events += piece.iter().map(|one| u64::try_from(one.hashes.len()).unwrap_or(0)).sum::<u64>();
            if !rest.is_empty() {
                head = store.log_head().await?.ok_or(StorageError::Conflict)?;
            }
        }
        Ok(())
    }

    /// Copies checkpoints to the bucket, in their order. What was copied before a death is copied again:
    /// the bucket keeps every version.
    async fn copy(&self) -> Result<(), SealError> {
        let (Some(aws), Some(bucket)) = (&self.copies, &self.app.config.audit_bucket) else { return Ok(()) };
        let store = &self.app.store;
        let Some(head) = store.log_head().await? else { return Ok(()) };
        let copied = store.log_copied().await?;
        let last = head.number.min(copied + MOST_COPIES);
        let numbers: Vec<u64> = (copied + 1..=last).collect();
        if numbers.is_empty() {
            return Ok(());
        }
        for checkpoint in store.log_checkpoints(&numbers).await? {
            let body = serde_json::to_vec(&checkpoint)
                .map_err(|error| StorageError::Corrupt(format!("a checkpoint: {error}")))?;
            let name = format!("checkpoints/{:012}.json", checkpoint.number);
            aws.put_object(bucket, &name, &body).await?;
        }
        Ok(store.put_log_copied(last).await?)
    }

    /// Makes all statistics anew from the events. Gives how many minutes had any.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn rebuild_statistics<'a>(app: &'a App) -> BoxFuture<'a, Result<usize, SealError>> {
        Box::pin(async move { numbers::rebuild(&app.store, app.now()).await })
    }
}

/// How many additions fit into one checkpoint.
fn piece_of(additions: &[Addition]) -> usize {
    let mut minutes = BTreeSet::new();
    let fits = |addition: &&Addition| {
        minutes.insert(minute_of(addition.entry.at));
        minutes.len() <= MOST_MINUTES
    };
    additions.iter().take(MOST_COMMITS).take_while(fits).count().max(1)
}
