//! Asynchronous invocations: accepted at once, run in the background, tried again.

use super::InvokeConfig;
use crate::runner::{InvokeError, Runner};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// The queue is full.
#[derive(Debug)]
pub(super) struct Refused;

/// Runs accepted events with bounded concurrency.
pub(super) struct AsyncQueue {
    runner: Arc<Runner>,
    /// One permit per event that was accepted and has not ended.
    backlog: Arc<Semaphore>,
    /// One permit per event that runs.
    running: Arc<Semaphore>,
    retry_pauses: Arc<[Duration]>,
}

impl AsyncQueue {
    pub(super) fn new(runner: Arc<Runner>, config: &InvokeConfig) -> Self {
        Self {
            runner,
            backlog: Arc::new(Semaphore::new(config.async_backlog)),
            running: Arc::new(Semaphore::new(config.async_concurrency)),
            retry_pauses: config.async_retry_pauses.clone().into(),
        }
    }

    /// Accepts an event for `name`, whose existence the caller has checked.
    pub(super) fn accept(&self, name: &str, payload: Value) -> Result<(), Refused> {
        let place = Arc::clone(&self.backlog).try_acquire_owned().map_err(|_| Refused)?;
        let event = Event {
            runner: Arc::clone(&self.runner),
            running: Arc::clone(&self.running),
            retry_pauses: Arc::clone(&self.retry_pauses),
            name: name.to_owned(),
            payload,
        };
        tokio::spawn(async move {
            event.run().await;
            drop(place);
        });
        Ok(())
    }
}

struct Event {
    runner: Arc<Runner>,
    running: Arc<Semaphore>,
    retry_pauses: Arc<[Duration]>,
    name: String,
    payload: Value,
}

impl Event {
    async fn run(self) {
        let mut pauses = self.retry_pauses.iter();
        loop {
            // A pause holds no slot: events that fail must not keep others waiting.
            let Ok(slot) = self.running.acquire().await else {
                return;
            };
            let result = self.runner.invoke(&self.name, self.payload.clone()).await;
            drop(slot);
            match result {
                Ok(_) => return,
                Err(InvokeError::NotRunning | InvokeError::UnknownFunction) => return,
                Err(InvokeError::Failed(_)) => match pauses.next() {
                    Some(pause) => tokio::time::sleep(*pause).await,
                    None => {
                        tracing::error!(
                            function = self.name,
                            attempts = self.retry_pauses.len() + 1,
                            "an asynchronous invocation failed for good"
                        );
                        return;
                    }
                },
            }
        }
    }
}
