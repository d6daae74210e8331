//! What the guardrails and the masking make of a command and a text, asked of `execute`, which holds them
//! anyway: whoever shows pages and stores settings needs no parser of his own.
//!
//! Nothing is read, written or run for it, and no secret is resolved.

use countersign_http::Problem;
use countersign_rules::risk::{Block, Verdict};
use countersign_storage::Connection;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

use crate::App;
use crate::app::{InvokeError, Invoker};
use crate::corpus::{Expectation, SourceError};

/// What `execute` is invoked with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssessEvent {
    /// What it is asked.
    pub assess: Assess,
}

/// A connection as it stands or would stand, and what is tried on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assess {
    /// By whose rules.
    pub connection: Connection,
    /// A command.
    pub command: Option<String>,
    /// Whether commands of whoever asks need votes there at all.
    pub needs_votes: bool,
    /// A text as the target might return it.
    pub text: Option<String>,
    /// A file of statements, each to be judged on its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statements: Option<String>,
}

impl Assess {
    /// Whether the rules of a connection can be, and nothing else.
    #[must_use]
    pub fn rules_of(connection: &Connection) -> Self {
        Self {
            connection: connection.clone(),
            command: None,
            needs_votes: true,
            text: None,
            statements: None,
        }
    }
}

/// What is wrong with a connection's rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Complaint {
    /// Where in `guardrails`, as a JSON pointer.
    pub pointer: String,
    /// What was expected and what came.
    pub message: String,
}

/// The answer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assessment {
    /// What is wrong with the rules; nothing, as a rule.
    pub complaint: Option<Complaint>,
    /// What the rules say of the command; none without one, or if the rules cannot be.
    pub verdict: Option<Verdict>,
    /// Where the command, or the file of statements, could not be understood.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<SourceError>,
    /// What the rules say of each statement of the file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub statements: Vec<AssessedStatement>,
    /// Programs that an `only` rule allows any option, although an option of theirs may run code or write files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub wide_programs: Vec<String>,
    /// The text as it would be shown; none without one, or if it cannot be masked.
    pub masked: Option<String>,
}

/// What the rules say of one statement of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssessedStatement {
    /// The line on which it begins, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The beginning of its text, for people.
    pub start: String,
    /// The rule that blocks it.
    pub block: Option<Block>,
    /// The rule that approves it.
    pub ease: Option<String>,
    /// Why it was not understood.
    pub error: Option<SourceError>,
    /// What a comment says should become of it.
    pub expectation: Option<Expectation>,
}

impl Invoker {
    /// Has rules, a command and a text assessed, and waits for the answer.
    ///
    /// # Errors
    /// If the function that runs commands did not answer.
    pub fn assess<'a>(&'a self, event: &'a AssessEvent) -> BoxFuture<'a, Result<Assessment, InvokeError>> {
        Box::pin(async move { self.ask(event).await })
    }
}

impl App {
    /// The same for whoever shows the answer.
    ///
    /// # Errors
    /// 503 if there is none.
    pub fn assess<'a>(&'a self, assess: Assess) -> BoxFuture<'a, Result<Assessment, Problem>> {
        Box::pin(async move {
            let assessor = self.assessor.as_ref().ok_or_else(Problem::internal)?;
            assessor.assess(&AssessEvent { assess }).await.map_err(|error| {
                tracing::error!(%error, "assess");
                Problem::unavailable(2)
            })
        })
    }
}
