//! From the client library's errors to what is known about effects.

use crate::RunError;
use crate::message::Scrub;
use crate::progress::{self, Phase, Stop};
use mysql_async::{DriverError, Error, IoError, ServerError};
use std::error::Error as _;

/// What made an execution end early.
pub(super) enum Stumble {
    /// The client library's error, where it happened.
    Client { error: Error, phase: Phase, statement: Option<u32> },
    /// An error of our own; what had begun was rolled back.
    Ours(RunError),
    /// Told to stop between two statements; rolled back.
    Stopped,
    /// Told to stop, and no answer came.
    Silent(Phase),
    /// As said before, and the server could not roll everything back.
    HalfRolledBack(Box<Stumble>),
}

/// The statement was interrupted, by KILL QUERY or by the server's own limit.
const INTERRUPTED: [u16; 3] = [1317, 1969, 3024];
/// The server is going down, or somebody killed the session: no answer to the statement.
const SESSION_ENDED: [u16; 4] = [1053, 1927, 1077, 1079];

pub(super) fn explain(stumble: Stumble, scrub: &Scrub, stop: Option<Stop>) -> RunError {
    match (stumble, stop) {
        (Stumble::Ours(error), _) => error,
        (Stumble::Stopped, Some(stop)) => stop.error(),
        (Stumble::Stopped, None) => RunError::Cancelled,
        (Stumble::Silent(phase), stop) => progress::silent(phase, stop),
        (Stumble::HalfRolledBack(cause), stop) => half_rolled_back(explain(*cause, scrub, stop)),
        (Stumble::Client { error: Error::Server(error), statement, .. }, stop)
            if !SESSION_ENDED.contains(&error.code) =>
        {
            match stop {
                Some(stop) if INTERRUPTED.contains(&error.code) => stop.error(),
                _ => RunError::Failed {
                    message: scrub.clean(&sentence(&error)),
                    code: Some(format!("{}/{}", error.code, error.state)),
                    statement,
                },
            }
        }
        (Stumble::Client { error: Error::Driver(DriverError::LocalInfile(_)), .. }, _) => RunError::lost(
            "the server asked for a file of this machine, which is refused, and the connection was closed",
        ),
        (Stumble::Client { error, phase, .. }, _) => {
            progress::broken(phase, &scrub.clean(&format!("the connection broke ({})", describe(&error))))
        }
    }
}

/// Tables without transactions keep what was done to them.
fn half_rolled_back(cause: RunError) -> RunError {
    let (message, code, statement) = match cause {
        RunError::Failed { message, code, statement } => (message, code, statement),
        RunError::Lost { message } => return RunError::Lost { message },
        other => (other.to_string(), None, None),
    };
    RunError::Failed {
        message: format!(
            "{message}; BUT the server says that changes to tables without transactions (MyISAM, Aria, MEMORY) could not be rolled back: they stay"
        ),
        code,
        statement,
    }
}

fn sentence(error: &ServerError) -> String {
    error.message.clone()
}

/// The error with its causes, in one line.
pub(super) fn describe(error: &Error) -> String {
    match error {
        Error::Server(error) => sentence(error),
        // Its `Display` may hold a packet's bytes.
        Error::Driver(DriverError::UnexpectedPacket { .. }) => "unexpected packet".to_owned(),
        Error::Io(IoError::Io(error)) => error.to_string(),
        other => {
            let mut message = other.to_string();
            let mut cause = other.source();
            while let Some(error) = cause {
                let text = error.to_string();
                if !message.contains(&text) {
                    message.push_str(&format!(": {text}"));
                }
                cause = error.source();
            }
            message
        }
    }
}
