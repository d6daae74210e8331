//! From the client library's errors to what is known about effects.

use crate::RunError;
use crate::message::Scrub;
use crate::progress::{Phase, Stop, broken};
use std::error::Error as _;
use tokio_postgres::error::{DbError, ErrorPosition, Severity, SqlState};

/// What made an execution end early.
pub(super) enum Stumble {
    /// The client library's error, where it happened.
    Client { error: tokio_postgres::Error, phase: Phase, statement: Option<u32>, split: bool, pooled: bool },
    /// An error of our own inside of our transaction, which was rolled back.
    Ours(RunError),
    /// Told to stop between two statements; rolled back.
    Stopped,
    /// Told to stop, and no answer came.
    Silent(Phase),
}

pub(super) fn explain(stumble: Stumble, scrub: &Scrub, stop: Option<Stop>) -> RunError {
    match (stumble, stop) {
        (Stumble::Ours(error), _) => error,
        (Stumble::Stopped, Some(stop)) => stop.error(),
        (Stumble::Stopped, None) => RunError::Cancelled,
        (Stumble::Silent(phase), stop) => crate::progress::silent(phase, stop),
        (Stumble::Client { error, phase, statement, split, pooled }, stop) => match error.as_db_error() {
            Some(db) if !ends_session(db) => match stop {
                Some(stop) if db.code() == &SqlState::QUERY_CANCELED => stop.error(),
                _ => RunError::Failed {
                    message: scrub.clean(&with_hint(db, split, pooled)),
                    code: Some(db.code().code().to_owned()),
                    statement,
                },
            },
            _ => broken(phase, &scrub.clean(&format!("the connection broke ({})", describe(&error)))),
        },
    }
}

/// True if the server closes the session with this error: then it is no answer to the statement.
fn ends_session(error: &DbError) -> bool {
    matches!(error.parsed_severity(), Some(Severity::Fatal | Severity::Panic))
        || matches!(error.severity(), "FATAL" | "PANIC")
}

fn with_hint(error: &DbError, split: bool, pooled: bool) -> String {
    let mut message = sentence(error);
    if !split && error.code() == &SqlState::SYNTAX_ERROR {
        message.push_str(
            " (the command could not be split into statements, so it was given to the server as one, and nothing of it ran)",
        );
    }
    let wants_no_transaction =
        [SqlState::ACTIVE_SQL_TRANSACTION, SqlState::INVALID_TRANSACTION_TERMINATION].contains(error.code());
    if pooled && wants_no_transaction {
        message.push_str(&format!(" ({})", super::pooled::HINT));
    }
    message
}

fn sentence(error: &DbError) -> String {
    let mut message = format!("{}: {}", error.severity(), error.message());
    if let Some(ErrorPosition::Original(position)) = error.position() {
        message.push_str(&format!(" at character {position}"));
    }
    for (name, text) in [("detail", error.detail()), ("hint", error.hint())] {
        if let Some(text) = text {
            message.push_str(&format!("; {name}: {text}"));
        }
    }
    message
}

/// The error with its causes, in one line.
pub(super) fn describe(error: &tokio_postgres::Error) -> String {
    if let Some(db) = error.as_db_error() {
        return sentence(db);
    }
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !message.contains(&text) {
            message.push_str(&format!(": {text}"));
        }
        cause = error.source();
    }
    message
}
