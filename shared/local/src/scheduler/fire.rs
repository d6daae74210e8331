//! Fires what is due.

use super::SchedulerFaults;
use super::schedule::arn;
use super::table::{Due, ScheduleTable};
use crate::error::LocalError;
use crate::runner::{InvokeError, Runner};
use crate::{ACCOUNT, REGION, text};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::sync::{Notify, Semaphore, watch};

/// Schedules that fire at once; more wait for their turn.
const AT_ONCE: usize = 32;
/// The longest sleep: after it the system's clock is looked at again, which may have been set.
const LONGEST_SLEEP: Duration = Duration::from_secs(10);
const FIRST_RETRY_MS: i64 = 500;
const LONGEST_RETRY_MS: i64 = 60_000;

/// The loop that fires.
pub(super) struct Firing {
    table: Arc<ScheduleTable>,
    runner: Arc<Runner>,
    changed: Arc<Notify>,
    faults: SchedulerFaults,
    stopped: watch::Receiver<bool>,
    slots: Arc<Semaphore>,
}

impl Firing {
    pub(super) fn new(
        table: Arc<ScheduleTable>,
        runner: Arc<Runner>,
        changed: Arc<Notify>,
        faults: SchedulerFaults,
        stopped: watch::Receiver<bool>,
    ) -> Self {
        Self { table, runner, changed, faults, stopped, slots: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    pub(super) async fn run(mut self) {
        while !*self.stopped.borrow() {
            let pause = match self.fire_due() {
                Ok(pause) => pause,
                Err(error) => {
                    tracing::error!(%error, "the schedules cannot be read; trying again");
                    Duration::from_secs(1)
                }
            };
            tokio::select! {
                _ = self.stopped.wait_for(|stopped| *stopped) => {}
                () = self.changed.notified() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        // Those that fire now end before the stop is over.
        let all = u32::try_from(AT_ONCE).unwrap_or(u32::MAX);
        let _ = self.slots.acquire_many(all).await;
    }

    /// Starts what is due, as far as there are slots, and says when to look again.
    fn fire_due(&self) -> Result<Duration, LocalError> {
        let delay_ms = i64::try_from(self.faults.extra_delay_ms).unwrap_or(i64::MAX);
        let now_ms = text::now_unix_ms().saturating_sub(delay_ms);
        // Looked at first: a claim that finds nothing costs a write, and each new schedule leads here.
        let some_are_due = self.table.next_due_ms()?.is_some_and(|next_ms| next_ms <= now_ms);
        let at_most = if some_are_due { self.slots.available_permits() } else { 0 };
        for due in self.table.claim_due(now_ms, at_most)? {
            // Only this loop takes slots, so each claimed schedule gets one.
            let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() else {
                self.table.retry(due.id, now_ms, false)?;
                continue;
            };
            let table = Arc::clone(&self.table);
            let runner = Arc::clone(&self.runner);
            let changed = Arc::clone(&self.changed);
            let times = if self.faults.duplicate { 2 } else { 1 };
            tokio::spawn(async move {
                if let Err(error) = fire(&table, &runner, due, times).await {
                    tracing::error!(%error, "the end of a schedule cannot be stored");
                }
                drop(slot);
                changed.notify_one();
            });
        }
        if self.slots.available_permits() == 0 {
            // The first that ends says so.
            return Ok(LONGEST_SLEEP);
        }
        let pause_ms = match self.table.next_due_ms()? {
            Some(next_ms) => next_ms.saturating_sub(now_ms).max(1),
            None => return Ok(LONGEST_SLEEP),
        };
        let pause = Duration::from_millis(u64::try_from(pause_ms).unwrap_or(1));
        Ok(pause.min(LONGEST_SLEEP))
    }
}

async fn fire(table: &ScheduleTable, runner: &Arc<Runner>, due: Due, times: u32) -> Result<(), LocalError> {
    let function = due.target_arn.rsplit(':').next().unwrap_or_default();
    let payload = payload(&due);
    let mut result = Ok(Value::Null);
    for _ in 0..times {
        result = runner.invoke(function, payload.clone()).await;
    }
    let now_ms = text::now_unix_ms();
    match result {
        Ok(_) => table.complete(due.id),
        // It fires again after the next start.
        Err(InvokeError::NotRunning) => table.retry(due.id, now_ms, false),
        Err(InvokeError::Failed(_) | InvokeError::UnknownFunction) => {
            let age_seconds = (now_ms / 1000).saturating_sub(due.at_unix);
            if due.attempts >= due.max_retries || age_seconds > due.max_age_seconds {
                tracing::error!(
                    schedule = due.name,
                    group = due.group,
                    attempts = due.attempts + 1,
                    "a schedule failed for good"
                );
                return table.complete(due.id);
            }
            table.retry(due.id, now_ms.saturating_add(pause_ms(due.attempts)), true)
        }
    }
}

/// Twice as long after each failure, up to a minute.
fn pause_ms(attempts: i64) -> i64 {
    let doublings = u32::try_from(attempts).unwrap_or(u32::MAX).min(16);
    (FIRST_RETRY_MS << doublings).min(LONGEST_RETRY_MS)
}

/// The input, or the event that the service makes where there is none.
fn payload(due: &Due) -> Value {
    match due.input.as_deref().map(serde_json::from_str) {
        Some(Ok(input)) => input,
        Some(Err(_)) | None => json!({
            "version": "0",
            "id": text::request_id(),
            "detail-type": "Scheduled Event",
            "source": "aws.scheduler",
            "account": ACCOUNT,
            "time": OffsetDateTime::from_unix_timestamp(due.at_unix)
                .ok()
                .and_then(|at| at.format(&Rfc3339).ok())
                .unwrap_or_default(),
            "region": REGION,
            "resources": [arn(&due.group, &due.name)],
            "detail": "{}",
        }),
    }
}
