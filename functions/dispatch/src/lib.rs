//! `dispatch` reads the table's stream and asks for what each state calls for: timers, and
//! execution on approval. It talks to the Scheduler and to Lambda only, so that nothing slow holds
//! up a shard. Notifications will be asked for here as well.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_app::Invoker;
use countersign_app::app::ExecuteEvent;
use countersign_rules::{Effect, Request, effects};
use countersign_storage::{codec, keys};
use countersign_timer::Timer;
use serde::Deserialize;
use serde_json::{Value, json};

/// The function and what it holds.
#[derive(Clone)]
pub struct Dispatch {
    /// Sets timers.
    pub timer: Timer,
    /// Has executions begin.
    pub invoker: Invoker,
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
}

impl Dispatch {
    /// Handles a batch of stream records. Those that failed are named, so that only they and what
    /// follows them come again.
    ///
    /// # Errors
    /// If the payload is no batch at all.
    pub async fn handle(&self, payload: Value) -> Result<Value, NotAStream> {
        let batch: Batch = serde_json::from_value(payload).map_err(NotAStream)?;
        let mut failures = Vec::new();
        for record in batch.records {
            if let Err(error) = self.handle_record(&record.dynamodb).await {
                tracing::error!(%error, sequence_number = %record.dynamodb.sequence_number, "stream record");
                failures.push(json!({ "itemIdentifier": record.dynamodb.sequence_number }));
            }
        }
        Ok(json!({ "batchItemFailures": failures }))
    }

    async fn handle_record(&self, change: &Change) -> Result<(), RecordError> {
        let Some(state) = state_of(change)? else {
            return Ok(());
        };
        for effect in effects(&state) {
            match effect {
                Effect::WakeAt(at) => self.timer.wake_at(state.id, at).await?,
                Effect::Execute => {
                    let event = ExecuteEvent { request_id: state.id, requested_by: None };
                    self.invoker.execute(&event).await?;
                }
            }
        }
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
