//! `dispatch` reads the table's stream and asks for what each state calls for: timers, execution on
//! approval, the estimate of a command's impact, and that everybody is told ([`notify`]). It talks to
//! the table, the Scheduler and Lambda only, so that nothing slow holds up a shard.
//!
//! Of a request that is in a batch several times only the newest state calls for timers and execution:
//! what the older ones called for is over. Of each commit somebody may want to hear.

mod notify;
mod recent;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_app::app::ExecuteEvent;
use countersign_app::probe::EstimateEvent;
use countersign_app::{App, Invoker};
use countersign_rules::{Effect, Request, RequestId, Timestamp, effects};
use countersign_storage::{codec, keys};
use countersign_timer::Timer;
use futures::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::recent::Recent;

/// How many timers a process remembers that it has set.
const REMEMBERED_TIMERS: usize = 1000;

/// The function and what it holds.
#[derive(Clone)]
pub struct Dispatch {
    app: App,
    audience: Arc<Mutex<notify::Known>>,
    timer: Timer,
    invoker: Invoker,
    /// Timers that this process has set. Each vote leaves the deadline as it was, and the Scheduler
    /// need not hear of it again.
    timers: Arc<Mutex<Recent<(RequestId, Timestamp)>>>,
}

/// A batch that is no batch.
#[derive(Debug, thiserror::Error)]
#[error("the payload is no DynamoDB stream event: {0}")]
pub struct NotAStream(serde_json::Error);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Batch {
    records: Vec<Record>,
}

#[derive(Debug, Deserialize)]
struct Record {
    #[serde(default)]
    dynamodb: Change,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Change {
    sequence_number: String,
    new_image: Option<Image>,
}

#[derive(Debug, Deserialize)]
struct Image {
    sk: Option<Text>,
    doc: Option<Binary>,
}

#[derive(Debug, Deserialize)]
struct Text {
    #[serde(rename = "S", default)]
    text: String,
}

#[derive(Debug, Deserialize)]
struct Binary {
    #[serde(rename = "B", default)]
    base64: String,
}

#[derive(Debug, thiserror::Error)]
enum RecordError {
    #[error("its document is no base64")]
    Base64(#[from] base64::DecodeError),
    #[error(transparent)]
    State(#[from] countersign_storage::StorageError),
    #[error(transparent)]
    Timer(#[from] countersign_timer::TimerError),
    #[error(transparent)]
    Invoke(#[from] countersign_app::app::InvokeError),
    #[error("who is told cannot be read")]
    Audience,
}

impl Dispatch {
    /// The function with what sets timers and what has executions begin.
    #[must_use]
    pub fn new(app: App, timer: Timer, invoker: Invoker) -> Self {
        Self {
            app,
            audience: Arc::default(),
            timer,
            invoker,
            timers: Arc::new(Mutex::new(Recent::new(REMEMBERED_TIMERS))),
        }
    }

    /// Handles a batch of stream records. Those that failed are named, so that only they and what
    /// follows them come again.
    ///
    /// # Errors
    /// If the payload is no batch at all.
    pub fn handle<'a>(&'a self, payload: Value) -> BoxFuture<'a, Result<Value, NotAStream>> {
        Box::pin(async move {
            let batch: Batch = serde_json::from_value(payload).map_err(NotAStream)?;
            let states: Vec<_> = batch.records.iter().map(|record| state_of(&record.dynamodb)).collect();
            let mut newest: BTreeMap<RequestId, u64> = BTreeMap::new();
            for state in states.iter().flatten().flatten() {
                let version = newest.entry(state.id).or_default();
                *version = state.version.max(*version);
            }
            let mut told = self.tell(states.iter().flatten().flatten()).await;
            let mut failures = Vec::new();
            for (record, state) in batch.records.iter().zip(states) {
                let handled = match state {
                    Ok(Some(state)) => {
                        let is_newest = newest.get(&state.id) == Some(&state.version);
                        let acted = if is_newest { self.act_on(&state).await } else { Ok(()) };
                        acted.and(told.remove(&(state.id, state.version)).unwrap_or(Ok(())))
                    }
                    Ok(None) => Ok(()),
                    Err(error) => Err(error),
                };
                if let Err(error) = handled {
                    let sequence_number = &record.dynamodb.sequence_number;
                    tracing::error!(%error, %sequence_number, "stream record");
                    failures.push(json!({ "itemIdentifier": sequence_number }));
                }
            }
            Ok(json!({ "batchItemFailures": failures }))
        })
    }

    /// Asks for what the state calls for.
    async fn act_on(&self, state: &Request) -> Result<(), RecordError> {
        for effect in effects(state) {
            match effect {
                Effect::WakeAt(at) => self.wake_at(state.id, at).await?,
                Effect::Execute => {
                    let event = ExecuteEvent { request_id: state.id, requested_by: None };
                    self.invoker.execute(&event).await?;
                }
                Effect::Estimate => {
                    // Nothing depends on it, so nothing waits for it either.
                    if let Err(error) = self.invoker.estimate(&EstimateEvent { estimate: state.id }).await {
                        tracing::warn!(%error, request_id = %state.id, "estimate");
                    }
                }
            }
        }
        Ok(())
    }

    async fn wake_at(&self, id: RequestId, at: Timestamp) -> Result<(), RecordError> {
        let timers = || self.timers.lock().unwrap_or_else(PoisonError::into_inner);
        if timers().holds(&(id, at)) {
            return Ok(());
        }
        self.timer.wake_at(id, at).await?;
        timers().keep((id, at));
        Ok(())
    }
}

/// The state that a record carries, if it is one of a state item.
fn state_of(change: &Change) -> Result<Option<Request>, RecordError> {
    let Some(image) = &change.new_image else {
        return Ok(None);
    };
    if image.sk.as_ref().is_none_or(|sk| sk.text != keys::STATE) {
        return Ok(None);
    }
    let Some(doc) = &image.doc else {
        return Ok(None);
    };
    Ok(Some(codec::decode_request(&STANDARD.decode(&doc.base64)?)?))
}
