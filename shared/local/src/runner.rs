//! Runs functions the way the Lambda service does: each invocation on its own, whatever
//! becomes of the caller; a panic or a time-out is an error of the function.

use crate::function::{FunctionError, Functions};
use serde_json::Value;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::{Semaphore, watch};

/// More than ever run at once; all permits back means that nothing runs.
const COUNTER: u32 = 1 << 20;

/// Why an invocation gave no answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum InvokeError {
    /// The platform is not running yet, or not any more.
    NotRunning,
    /// No function has that name.
    UnknownFunction,
    /// The function failed.
    Failed(FunctionError),
}

/// The running functions, shared by everything that invokes them.
pub(crate) struct Runner {
    /// Set once, after the endpoints exist that the functions need to be built.
    functions: OnceLock<Functions>,
    running: Arc<Semaphore>,
    /// Becomes true when what still runs must go.
    kill: watch::Sender<bool>,
}

impl Runner {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            functions: OnceLock::new(),
            running: Arc::new(Semaphore::new(COUNTER as usize)),
            kill: watch::channel(false).0,
        })
    }

    /// Gives the runner its functions; a second call changes nothing.
    pub(crate) fn start(&self, functions: Functions) {
        let _ = self.functions.set(functions);
    }

    /// Whether `name` can be invoked.
    pub(crate) fn check(&self, name: &str) -> Result<(), InvokeError> {
        let functions = self.functions.get().ok_or(InvokeError::NotRunning)?;
        match functions.get(name) {
            Some(_) => Ok(()),
            None => Err(InvokeError::UnknownFunction),
        }
    }

    /// Invokes `name` and waits for its answer. Dropping the returned future does not stop
    /// the function: in AWS nothing can.
    pub(crate) async fn invoke(self: &Arc<Self>, name: &str, payload: Value) -> Result<Value, InvokeError> {
        let functions = self.functions.get().ok_or(InvokeError::NotRunning)?;
        let registered = functions.get(name).cloned().ok_or(InvokeError::UnknownFunction)?;
        if *self.kill.borrow() {
            return Err(InvokeError::NotRunning);
        }
        let permit = Arc::clone(&self.running).acquire_owned().await.map_err(|_| InvokeError::NotRunning)?;
        let mut kill = self.kill.subscribe();
        let task = tokio::spawn(async move {
            let timeout = registered.timeout;
            let work = tokio::time::timeout(timeout, registered.function.invoke(payload));
            let result = tokio::select! {
                answer = work => answer.unwrap_or_else(|_| {
                    Err(FunctionError::new(
                        "Sandbox.Timedout",
                        format!("task timed out after {:.2} seconds", timeout.as_secs_f64()),
                    ))
                }),
                _ = kill.wait_for(|killed| *killed) => {
                    Err(FunctionError::new("Sandbox.Stopped", "the platform stopped"))
                }
            };
            drop(permit);
            result
        });
        let result = task.await.unwrap_or_else(|join_error| {
            // The permit came back when the panic unwound the task.
            let kind = if join_error.is_panic() { "Runtime.Panic" } else { "Sandbox.Stopped" };
            Err(FunctionError::new(kind, "the function did not end normally"))
        });
        result.map_err(|error| {
            tracing::warn!(function = name, error_type = %error.error_type, "a function failed");
            InvokeError::Failed(error)
        })
    }

    /// Waits until nothing runs, at most for `within`; then stops what still does.
    /// Says whether all ended by themselves.
    pub(crate) async fn drain(&self, within: Duration) -> bool {
        let all_back = self.running.acquire_many(COUNTER);
        let ended = tokio::time::timeout(within, all_back).await.is_ok();
        self.kill();
        ended
    }

    /// Stops everything that runs, now.
    pub(crate) fn kill(&self) {
        self.kill.send_replace(true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::function::Function;
    use async_trait::async_trait;
    use serde_json::json;

    struct Panics;
    #[async_trait]
    impl Function for Panics {
        async fn invoke(&self, _: Value) -> Result<Value, FunctionError> {
            panic!("on purpose")
        }
    }

    struct NeverEnds;
    #[async_trait]
    impl Function for NeverEnds {
        async fn invoke(&self, _: Value) -> Result<Value, FunctionError> {
            std::future::pending().await
        }
    }

    fn runner() -> Arc<Runner> {
        let runner = Runner::new();
        let functions = Functions::new()
            .with("panics", Arc::new(Panics))
            .unwrap()
            .with_timeout("never-ends", Arc::new(NeverEnds), Duration::from_millis(20))
            .unwrap()
            .with("hangs", Arc::new(NeverEnds))
            .unwrap();
        runner.start(functions);
        runner
    }

    fn error_type(result: Result<Value, InvokeError>) -> String {
        match result {
            Err(InvokeError::Failed(error)) => error.error_type,
            other => panic!("expected a failed function, got {other:?}"),
        }
    }

    #[tokio::test]
    async fn a_panic_in_a_function_is_an_error_of_that_function() {
        let runner = runner();
        let result = runner.invoke("panics", json!({})).await;
        assert_eq!(error_type(result), "Runtime.Panic");
        assert!(runner.drain(Duration::from_secs(5)).await);
    }

    #[tokio::test]
    async fn a_function_that_takes_too_long_is_stopped() {
        let result = runner().invoke("never-ends", json!({})).await;
        assert_eq!(error_type(result), "Sandbox.Timedout");
    }

    #[tokio::test]
    async fn draining_stops_what_does_not_end_and_says_so() {
        let runner = runner();
        let hanging = tokio::spawn({
            let runner = Arc::clone(&runner);
            async move { runner.invoke("hangs", json!({})).await }
        });
        while runner.running.available_permits() == COUNTER as usize {
            tokio::task::yield_now().await;
        }
        assert!(!runner.drain(Duration::from_millis(20)).await);
        assert_eq!(error_type(hanging.await.unwrap()), "Sandbox.Stopped");
        assert_eq!(runner.invoke("panics", json!({})).await, Err(InvokeError::NotRunning));
    }

    #[tokio::test]
    async fn an_unknown_function_and_a_platform_that_does_not_run_yet_are_told_apart() {
        assert_eq!(runner().invoke("nobody", json!({})).await, Err(InvokeError::UnknownFunction));
        assert_eq!(Runner::new().invoke("panics", json!({})).await, Err(InvokeError::NotRunning));
    }
}
