//! `expire` lets time do its work: deadlines that a timer announces, and a sweep each minute that
//! finds whatever timers, stream records and invocations were lost. After a restore from a backup
//! the sweep also ends what was open in the table that was restored.
//!
//! [`notify`] makes sure that every event is on its way to everybody who is told of it.

mod notify;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use countersign_app::app::ExecuteEvent;
use countersign_app::change::ChangeError;
use countersign_app::restored::Walk;
use countersign_app::{App, Invoker};
use countersign_rules::{Effect, Refusal, RequestId, Status, effects};
use countersign_storage::sweep::Overdue;
use countersign_storage::{StorageError, keys};
use countersign_timer::Wake;
use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};

/// How many overdue requests a sweep reads at once.
const SWEEP_PAGE: usize = 100;

/// The function and what it holds.
#[derive(Clone)]
pub struct Expire {
    app: App,
    invoker: Invoker,
    /// Whether this process has looked for requests of an older epoch. The epoch is configuration,
    /// so a process knows no other than the one it began with, and to look once is enough; what
    /// it may miss, whoever touches it settles.
    epoch_swept: Arc<AtomicBool>,
    checked: Arc<notify::Checked>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Event {
    Wake(Wake),
    Sweep(Sweep),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sweep {
    sweep: bool,
}

/// Why an event was not handled; Lambda tries it again.
#[derive(Debug, thiserror::Error)]
pub enum ExpireError {
    /// It is none of ours.
    #[error("expected `{{\"deadline\": {{\"request_id\": …}}}}` or `{{\"sweep\": true}}`: {0}")]
    Event(serde_json::Error),
    /// A request did not change.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// The table did not answer.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl Expire {
    /// The function on these use cases; `invoker` has lost executions begin.
    #[must_use]
    pub fn new(app: App, invoker: Invoker) -> Self {
        // Nothing is older than the first epoch.
        let epoch_swept = Arc::new(AtomicBool::new(app.config.epoch == 1));
        Self { app, invoker, epoch_swept, checked: Arc::default() }
    }

    /// Handles a timer's or the sweep's event.
    ///
    /// # Errors
    /// [`ExpireError`]; the same event again is harmless.
    pub fn handle<'a>(&'a self, payload: Value) -> BoxFuture<'a, Result<Value, ExpireError>> {
        Box::pin(async move {
            match serde_json::from_value(payload).map_err(ExpireError::Event)? {
                Event::Wake(Wake::Deadline { request_id }) => {
                    let status = self.look_at(request_id).await?;
                    Ok(json!({ "status": status }))
                }
                Event::Wake(Wake::Deliveries { endpoint }) => {
                    self.have_delivered(endpoint).await;
                    Ok(json!({ "status": null }))
                }
                Event::Sweep(Sweep { sweep: false }) => Ok(json!({ "looked_at": 0 })),
                Event::Sweep(Sweep { sweep: true }) => {
                    let (looked_at, failed) = self.sweep().await?;
                    // After what decides: telling people must not hold that up.
                    if let Err(error) = self.sweep_notifications().await {
                        tracing::error!(%error, "sweep of notifications");
                    }
                    Ok(json!({ "looked_at": looked_at, "failed": failed }))
                }
            }
        })
    }

    /// Lets time do its work on one request. One that does not exist is left alone: a timer can
    /// outlive a restore.
    async fn look_at(&self, id: RequestId) -> Result<Option<&'static str>, ExpireError> {
        match self.app.tick(id).await {
            Ok(request) => {
                if request.status() == Status::Unknown {
                    // An alarm counts these lines.
                    tracing::warn!(request_id = %id, "the outcome is unknown");
                }
                if effects(&request).contains(&Effect::Execute) {
                    let event = ExecuteEvent { request_id: id, requested_by: None };
                    if let Err(error) = self.invoker.execute(&event).await {
                        tracing::warn!(%error, request_id = %id, "invoke");
                    }
                }
                Ok(Some(request.status().as_str()))
            }
            Err(ChangeError::Gone) => Ok(None),
            Err(ChangeError::Refused(Refusal::Wrong(status))) => Ok(Some(status.as_str())),
            Err(error) => Err(error.into()),
        }
    }

    /// Looks at everything that is overdue. One request that cannot be handled holds up no other.
    async fn sweep(&self) -> Result<(usize, usize), ExpireError> {
        let mut count = self.sweep_older_epochs().await?;
        let now = self.app.now();
        let mut oldest_due = now;
        for shard in 0..keys::OPEN_SHARDS {
            let mut start = None;
            loop {
                let Overdue { ids, next, oldest } =
                    self.app.store.overdue(shard, now, start, SWEEP_PAGE).await?;
                oldest_due = oldest_due.min(oldest.unwrap_or(now));
                self.look_at_all(ids, &mut count).await;
                start = next;
                if start.is_none() {
                    break;
                }
            }
        }
        // An alarm reads the lag, and hears if no such line comes.
        let (looked_at, failed) = count;
        tracing::info!(lag_seconds = now.millis_since(oldest_due) / 1000, looked_at, failed, "swept");
        Ok(count)
    }

    /// Looks at every open request that is of an older epoch, due or not, in the first sweep of a
    /// process: the walk reads all that is open, which is too much for each minute.
    async fn sweep_older_epochs(&self) -> Result<(usize, usize), ExpireError> {
        let mut count = (0, 0);
        if self.epoch_swept.load(Ordering::Relaxed) {
            return Ok(count);
        }
        let mut walk = Walk::default();
        while let Some(older) = self.app.next_of_older_epochs(&mut walk).await? {
            self.look_at_all(older.into_iter().map(|older| older.id).collect(), &mut count).await;
        }
        let (settled, failed) = count;
        tracing::info!(epoch = self.app.config.epoch, settled, failed, "looked for older epochs");
        self.epoch_swept.store(failed == 0, Ordering::Relaxed);
        Ok(count)
    }

    /// Looks at each, and counts those looked at and those that failed.
    async fn look_at_all(&self, ids: Vec<RequestId>, count: &mut (usize, usize)) {
        for id in ids {
            count.0 += 1;
            if let Err(error) = self.look_at(id).await {
                count.1 += 1;
                tracing::error!(%error, request_id = %id, "sweep");
            }
        }
    }
}
