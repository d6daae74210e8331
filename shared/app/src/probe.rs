//! What `execute` is asked besides to run a command: whether a connection works, and how many rows a
//! command would touch; in [`crate::assess`], what it thinks of rules and commands.
//!
//! It runs there because the secrets are there: who asks needs no right to read them. The answer is
//! words about the connection, and numbers of rows; never a secret.

use std::time::Duration;

use countersign_rules::{ConnectionName, RequestId};
use futures::future::BoxFuture;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::{InvokeError, Invoker, reason};

/// How long a test may take where it runs.
pub const TEST_LIMIT: Duration = Duration::from_secs(20);
/// How long is waited for it: the test itself, and the start of a function that was not running.
const WAIT: Duration = Duration::from_secs(26);

/// What `execute` is invoked with to test a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestEvent {
    /// Which connection.
    pub test_connection: ConnectionName,
}

/// What `execute` is invoked with to have a command's impact estimated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EstimateEvent {
    /// Of which request.
    pub estimate: RequestId,
}

/// What a connection's test found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ConnectionTest)]
pub struct TestReport {
    /// Whether everything that was looked at works.
    pub works: bool,
    /// One for each secret that the connection names, and one without if it names none.
    pub checks: Vec<Check>,
}

impl TestReport {
    /// That of these checks.
    #[must_use]
    pub fn of(checks: Vec<Check>) -> Self {
        Self { works: checks.iter().all(|check| check.works), checks }
    }
}

/// What a secret of a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// `secret`: what is approved runs with it.
    Run,
    /// `read_secret`: what a rule lets through runs with it.
    Read,
    /// `estimate_secret`: the impact is estimated with it.
    Estimate,
    /// `masking_key`.
    MaskingKey,
}

/// What kind of thing is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TestProblem {
    /// The secret that a reference names cannot be had.
    Secret,
    /// The target or the secret is not of the form that its kind needs.
    Settings,
    /// The host's name leads nowhere.
    HostNotFound,
    /// Nothing listens there, or a firewall says no.
    Refused,
    /// Nothing answers.
    NoAnswer,
    /// No encrypted connection, or the certificate is not trusted.
    Tls,
    /// The user or the password.
    Credentials,
    /// There is no such database.
    NoSuchDatabase,
    /// An address that may not be reached.
    Blocked,
    /// Anything else.
    Other,
}

/// What was found with one of a connection's secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ConnectionCheck)]
pub struct Check {
    /// What the secret is for.
    pub purpose: Purpose,
    /// Whether it works.
    pub works: bool,
    /// The server and its version, as it says.
    #[schema(required = true)]
    pub server: Option<String>,
    /// The database, where there is one.
    #[schema(required = true)]
    pub database: Option<String>,
    /// The role or user, where there is one.
    #[schema(required = true)]
    pub user: Option<String>,
    /// Whether the way there is encrypted and the server's certificate was verified.
    #[schema(required = true)]
    pub encrypted: Option<bool>,
    /// Whether this user may change anything there; null where that cannot be told.
    #[schema(required = true)]
    pub may_write: Option<bool>,
    /// What somebody who sets the connection up should know.
    pub notes: Vec<String>,
    /// What kind of thing is wrong.
    #[schema(required = true)]
    pub problem: Option<TestProblem>,
    /// What is wrong and what to look at, in words.
    #[schema(required = true)]
    pub message: Option<String>,
}

impl Check {
    /// One that found nothing wrong, and nothing else yet.
    #[must_use]
    pub fn works(purpose: Purpose) -> Self {
        Self {
            purpose,
            works: true,
            server: None,
            database: None,
            user: None,
            encrypted: None,
            may_write: None,
            notes: Vec::new(),
            problem: None,
            message: None,
        }
    }

    /// One that found something wrong.
    #[must_use]
    pub fn fails(purpose: Purpose, problem: TestProblem, message: impl Into<String>) -> Self {
        Self { works: false, problem: Some(problem), message: Some(message.into()), ..Self::works(purpose) }
    }
}

impl Invoker {
    /// Asks for the estimate of a command's impact. It may be lost or made twice.
    ///
    /// # Errors
    /// If Lambda did not take it.
    pub fn estimate<'a>(&'a self, event: &'a EstimateEvent) -> BoxFuture<'a, Result<(), InvokeError>> {
        Box::pin(async move { self.begin(event).await })
    }

    /// Has a connection tested, and waits for what was found.
    ///
    /// # Errors
    /// If the function that runs commands did not answer.
    pub fn test<'a>(&'a self, event: &'a TestEvent) -> BoxFuture<'a, Result<TestReport, InvokeError>> {
        Box::pin(async move { self.ask(event).await })
    }

    /// Invokes the function, and waits for its answer.
    pub(crate) async fn ask<A: DeserializeOwned>(&self, event: &impl Serialize) -> Result<A, InvokeError> {
        let failed = |error: &dyn std::fmt::Display| InvokeError::execute(error.to_string());
        let payload = serde_json::to_vec(event).map_err(|error| failed(&error))?;
        let answer = self.lambda.invoke_and_wait(&self.function, payload, WAIT).await;
        let answer = answer.map_err(|error| failed(&reason(&error)))?;
        if let Some(error) = answer.function_error {
            return Err(failed(&error));
        }
        serde_json::from_slice(&answer.payload).map_err(|error| failed(&error))
    }
}
