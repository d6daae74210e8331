//! EventBridge Scheduler: one-time schedules that fire for real, and periodic rules.
//!
//! The API is answered to this process (`POST`, `GET`, `DELETE /schedules/{Name}`);
//! schedules live in a file of their own and fire at or after their second, overdue ones
//! right after a restart. A schedule is removed after its function has succeeded, so that a
//! crash in between fires it again: at least once, as in AWS.
//!
//! Not emulated: recurring expressions, time zones other than UTC, schedule groups as objects
//! (every name is a group), flexible windows (taken, and fired at their start), dead-letter
//! queues (what failed for good is in the log, by name), context attributes in `Input`.

mod api;
mod fire;
mod rules;
mod schedule;
mod table;

use crate::endpoints::Api;
use crate::error::LocalError;
use crate::runner::Runner;
use api::SchedulerApi;
use fire::Firing;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
pub(crate) use table::FILE;
use table::ScheduleTable;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

pub use rules::PeriodicRule;

/// What may go wrong with a timer, for tests. One-time schedules only: the periodic rules
/// are what repairs them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SchedulerFaults {
    /// Schedules are taken and never fire.
    pub dead: bool,
    /// Schedules fire so many milliseconds after their second (AWS: up to a minute).
    pub extra_delay_ms: u64,
    /// Each schedule fires twice.
    pub duplicate: bool,
}

/// The stored schedules and their API, which answers before anything fires.
pub(crate) struct Scheduler {
    table: Arc<ScheduleTable>,
    /// Told when a schedule was made: it may be due before the others.
    changed: Arc<Notify>,
    faults: SchedulerFaults,
    api: Arc<dyn Api>,
}

impl Scheduler {
    /// Opens the schedules in `data_dir`.
    pub(crate) fn open(data_dir: &Path, faults: SchedulerFaults) -> Result<Self, LocalError> {
        let table = Arc::new(ScheduleTable::open(data_dir)?);
        let changed = Arc::new(Notify::new());
        let api = Arc::new(SchedulerApi::new(Arc::clone(&table), Arc::clone(&changed)));
        Ok(Self { table, changed, faults, api })
    }

    /// The API, which answers before anything fires.
    pub(crate) fn api(&self) -> &Arc<dyn Api> {
        &self.api
    }

    /// Starts to fire.
    pub(crate) fn run(self, runner: &Arc<Runner>, rules: Vec<PeriodicRule>) -> RunningScheduler {
        let (stop, stopped) = watch::channel(false);
        let mut tasks = Vec::new();
        if !self.faults.dead {
            let firing =
                Firing::new(self.table, Arc::clone(runner), self.changed, self.faults, stopped.clone());
            tasks.push(tokio::spawn(firing.run()));
        }
        for rule in rules {
            let runner = Arc::clone(runner);
            tasks.push(tokio::spawn(rule.run(runner, stopped.clone())));
        }
        RunningScheduler { _api: self.api, stop, tasks }
    }
}

/// The scheduler while it fires. Dropping it stops it at once.
pub(crate) struct RunningScheduler {
    /// Answers as long as this lives.
    _api: Arc<dyn Api>,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl RunningScheduler {
    /// Fires nothing more; what fires now may end. The API still answers.
    pub(crate) async fn stop_firing(&mut self, within: Duration) {
        self.stop.send_replace(true);
        for task in &mut self.tasks {
            let _ = tokio::time::timeout(within, task).await;
        }
    }
}

impl Drop for RunningScheduler {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}
