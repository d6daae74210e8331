//! The seam: what the platform knows about a function.

use crate::error::LocalError;
use async_trait::async_trait;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The longest that Lambda lets any function run.
const LONGEST_RUN: Duration = Duration::from_secs(900);

/// A Lambda function as its runtime sees it: a JSON event in, a JSON answer out.
#[async_trait]
pub trait Function: Send + Sync {
    /// Handles one event.
    ///
    /// # Errors
    /// Whatever the handler returned as an error; a panic becomes one too.
    async fn invoke(&self, payload: Value) -> Result<Value, FunctionError>;
}

/// A function's error, as the Lambda runtime reports it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{error_type}: {message}")]
pub struct FunctionError {
    /// The kind of error, such as `Runtime.Panic`; the only part that is logged here.
    pub error_type: String,
    /// What the handler said.
    pub message: String,
}

impl FunctionError {
    /// An error of the given kind.
    pub fn new(error_type: impl Into<String>, message: impl Into<String>) -> Self {
        Self { error_type: error_type.into(), message: message.into() }
    }

    /// The payload of a failed synchronous invocation.
    pub fn payload(&self) -> Value {
        json!({"errorType": self.error_type, "errorMessage": self.message})
    }
}

/// A function and the time that it may take.
#[derive(Clone)]
pub(crate) struct Registered {
    pub(crate) function: Arc<dyn Function>,
    pub(crate) timeout: Duration,
}

/// The functions by name. Cheap to clone.
#[derive(Clone, Default)]
pub struct Functions {
    by_name: BTreeMap<String, Registered>,
}

impl std::fmt::Debug for Functions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.by_name.keys()).finish()
    }
}

impl Functions {
    /// No functions yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// With `function` under `name`, limited to Lambda's own longest time, 900 s.
    ///
    /// # Errors
    /// [`LocalError::Wiring`] if the name is taken.
    pub fn with(self, name: &str, function: Arc<dyn Function>) -> Result<Self, LocalError> {
        self.with_timeout(name, function, LONGEST_RUN)
    }

    /// With `function` under `name`; an invocation that takes longer than `timeout` is
    /// stopped and counts as failed, as in Lambda.
    ///
    /// # Errors
    /// [`LocalError::Wiring`] if the name is taken.
    pub fn with_timeout(
        mut self,
        name: &str,
        function: Arc<dyn Function>,
        timeout: Duration,
    ) -> Result<Self, LocalError> {
        let registered = Registered { function, timeout };
        match self.by_name.insert(name.to_owned(), registered) {
            None => Ok(self),
            Some(_) => {
                Err(LocalError::Wiring(format!("two functions are called `{name}`; names must differ")))
            }
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Registered> {
        self.by_name.get(name)
    }

    /// Checks that `name` is registered; `user` says who wants it.
    pub(crate) fn expect_name(&self, name: &str, user: &str) -> Result<(), LocalError> {
        if self.by_name.contains_key(name) {
            return Ok(());
        }
        let known: Vec<&str> = self.by_name.keys().map(String::as_str).collect();
        Err(LocalError::Wiring(format!(
            "{user} wants the function `{name}`; registered are: {}",
            known.join(", ")
        )))
    }
}
