//! `expire` lets time do its work: deadlines that a timer announces, and a sweep each minute that
//! finds whatever timers, stream records and invocations were lost.

use countersign_app::app::ExecuteEvent;
use countersign_app::change::ChangeError;
use countersign_app::{App, Invoker};
use countersign_rules::{Effect, Refusal, RequestId, effects};
use countersign_storage::{StorageError, keys};
use countersign_timer::Wake;
use serde::Deserialize;
use serde_json::{Value, json};

/// How many overdue requests a sweep reads at once.
const SWEEP_PAGE: usize = 100;

/// The function and what it holds.
#[derive(Clone)]
pub struct Expire {
    /// The use cases.
    pub app: App,
    /// Has lost executions begin.
    pub invoker: Invoker,
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
    /// Handles a timer's or the sweep's event.
    ///
    /// # Errors
    /// [`ExpireError`]; the same event again is harmless.
    pub async fn handle(&self, payload: Value) -> Result<Value, ExpireError> {
        match serde_json::from_value(payload).map_err(ExpireError::Event)? {
            Event::Wake(Wake::Deadline { request_id }) => {
                let status = self.look_at(request_id).await?;
                Ok(json!({ "status": status }))
            }
            Event::Sweep(Sweep { sweep: false }) => Ok(json!({ "looked_at": 0 })),
            Event::Sweep(Sweep { sweep: true }) => {
                let (looked_at, failed) = self.sweep().await?;
                Ok(json!({ "looked_at": looked_at, "failed": failed }))
            }
        }
    }

    /// Lets time do its work on one request. One that does not exist is left alone: a timer can
    /// outlive a restore.
    async fn look_at(&self, id: RequestId) -> Result<Option<&'static str>, ExpireError> {
        match self.app.tick(id).await {
            Ok(request) => {
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
        let mut looked_at = 0;
        let mut failed = 0;
        let now = self.app.now();
        for shard in 0..keys::OPEN_SHARDS {
            let mut start = None;
            loop {
                let overdue = self.app.store.overdue(shard, now, start, SWEEP_PAGE).await?;
                for id in overdue.ids {
                    looked_at += 1;
                    if let Err(error) = self.look_at(id).await {
                        failed += 1;
                        tracing::error!(%error, request_id = %id, "sweep");
                    }
                }
                start = overdue.next;
                if start.is_none() {
                    break;
                }
            }
        }
        Ok((looked_at, failed))
    }
}
