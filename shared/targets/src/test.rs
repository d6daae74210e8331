//! Whether a connection works, and in plain words what is wrong if it does not.
//!
//! Nothing is changed at the target: it is connected to, and asked who one is there.

use crate::run::{Environment, needed};
use crate::{RunError, Secret, TargetSpec};
use crate::{http, mysql, postgres, sqlite};
use std::fmt;

/// What a connection that works leads to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tested {
    /// The server and its version, as it says: `PostgreSQL 15.18`.
    pub server: String,
    /// The database, where there is one.
    pub database: Option<String>,
    /// The role or user, where there is one.
    pub user: Option<String>,
    /// Whether the way there is encrypted and the server's certificate was verified; `None` for a file.
    pub encrypted: Option<bool>,
    /// Whether this user may change anything there; `None` where that cannot be told.
    pub may_write: Option<bool>,
    /// What somebody who sets the connection up should know.
    pub notes: Vec<String>,
}

/// What kind of thing is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
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
    /// The server has no such database, or the file is none.
    NoSuchDatabase,
    /// An address that may not be reached.
    Blocked,
    /// Anything else, in the words of the server.
    Other,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Settings => "the settings cannot be used",
            Self::HostNotFound => "the host's name cannot be resolved: check its spelling, and that the executor's network knows it",
            Self::Refused => "the host refuses the connection: check the port, and that the server listens there",
            Self::NoAnswer => "nothing answers: check host and port, and that a firewall or security group lets the executor through",
            Self::Tls => "no trusted TLS connection: check that the server speaks TLS, that its certificate is for this host name, and `ca_pem` if its authority is your own",
            Self::Credentials => "the server does not accept the user or the password: check the secret",
            Self::NoSuchDatabase => "there is no such database",
            Self::Blocked => "this address may not be reached",
            Self::Other => "the connection does not work",
        })
    }
}

/// A connection that does not work. The message never has the secret in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem} ({message})")]
pub struct TestError {
    /// What to look at.
    pub problem: Problem,
    /// What was said, by the server or the library.
    pub message: String,
}

impl TestError {
    pub(crate) fn new(problem: Problem, message: impl Into<String>) -> Self {
        Self { problem, message: message.into() }
    }

    pub(crate) fn settings(error: &RunError) -> Self {
        match error {
            RunError::NotStarted { message } => Self::new(Problem::Settings, message.clone()),
            other => Self::new(Problem::Settings, other.to_string()),
        }
    }

    /// By the words of the system and of the TLS library, which are the same for all kinds.
    pub(crate) fn of_words(message: String) -> Self {
        let has = |words: &[&str]| words.iter().any(|word| message.contains(word));
        let problem = if has(&[
            "lookup address",
            "Name or service not known",
            "name resolution",
            "nodename nor servname",
        ]) {
            Problem::HostNotFound
        } else if has(&["refused"]) {
            Problem::Refused
        } else if has(&["certificate", "TLS", "SSL", "handshake"]) {
            Problem::Tls
        } else if has(&["timed out", "did not accept", "unreachable"]) {
            Problem::NoAnswer
        } else {
            Problem::Other
        };
        Self::new(problem, message)
    }
}

/// Connects, and asks who one is there. Sends no command; over HTTP, one `HEAD` of the base URL.
///
/// # Errors
/// [`TestError`] with what to look at.
pub async fn test(
    spec: &TargetSpec,
    secret: Option<&Secret>,
    environment: &Environment,
) -> Result<Tested, TestError> {
    let settings = |error: RunError| TestError::settings(&error);
    match spec {
        TargetSpec::Sqlite(spec) => sqlite::test(spec, environment).await,
        TargetSpec::Postgres(spec) => postgres::test(spec, needed(secret).map_err(settings)?).await,
        TargetSpec::Mysql(spec) => mysql::test(spec, needed(secret).map_err(settings)?).await,
        TargetSpec::Http(spec) => http::test(spec, secret, environment).await,
        TargetSpec::Runner(_) => Err(TestError::new(Problem::Settings, crate::runner::ELSEWHERE)),
    }
}
