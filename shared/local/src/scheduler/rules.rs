//! Periodic rules: `rate(…)` schedules of the deployment, such as the sweep.

use crate::runner::{InvokeError, Runner};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};

/// Invokes a function again and again.
#[derive(Debug, Clone)]
pub struct PeriodicRule {
    /// The function.
    pub function: String,
    /// What it gets each time.
    pub payload: Value,
    /// The time between two starts; also before the first. Never two at once: a run that
    /// takes longer makes the next one later.
    pub every: Duration,
}

impl PeriodicRule {
    pub(super) async fn run(self, runner: Arc<Runner>, mut stopped: watch::Receiver<bool>) {
        let every = self.every.max(Duration::from_millis(1));
        let mut ticks = tokio::time::interval_at(Instant::now() + every, every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = stopped.wait_for(|stopped| *stopped) => return,
                _ = ticks.tick() => {}
            }
            // A failure is in the log already, and the next run is the retry.
            match runner.invoke(&self.function, self.payload.clone()).await {
                Ok(_) | Err(InvokeError::Failed(_)) => {}
                Err(InvokeError::NotRunning | InvokeError::UnknownFunction) => return,
            }
        }
    }
}
