//! From SQLite's errors to what is known about effects.

use super::guard::Guard;
use super::stop::Stop;
use crate::RunError;
use crate::message::Scrub;
use rusqlite::{Error, ErrorCode, ffi};

/// The error of a statement that was compiled or ran, after the rollback.
pub(super) fn explain(error: &Error, guard: &Guard, stop: &Stop, statement: Option<u32>) -> RunError {
    if code(error) == Some(ErrorCode::OperationInterrupted)
        && let Some(stopped) = stop.error()
    {
        return stopped;
    }
    let (message, code) = match guard.refused() {
        Some(reason) => (reason, "SQLITE_AUTH".to_owned()),
        None => (text(error), name(error)),
    };
    RunError::Failed { message: Scrub::default().clean(&message), code: Some(code), statement }
}

pub(super) fn code(error: &Error) -> Option<ErrorCode> {
    error.sqlite_error_code()
}

/// The message without the statement's text, which rusqlite would add.
pub(super) fn text(error: &Error) -> String {
    match error {
        // SQLite names a full disk only where it writes to the database itself.
        Error::SqliteFailure(failure, _) if failure.code == ErrorCode::SystemIoFailure => {
            let what = ffi::code_to_str(failure.extended_code);
            format!("{what}; the disk may be full or failing")
        }
        Error::SqlInputError { msg, offset, .. } if *offset >= 0 => {
            format!("{msg} at byte {offset} of the statement")
        }
        Error::SqlInputError { msg, .. } => msg.clone(),
        Error::SqliteFailure(_, Some(message)) => message.clone(),
        Error::SqliteFailure(error, None) => ffi::code_to_str(error.extended_code).to_owned(),
        other => other.to_string(),
    }
}

fn name(error: &Error) -> String {
    let Some(code) = code(error) else { return "SQLITE_ERROR".to_owned() };
    let name = match code {
        ErrorCode::ConstraintViolation => "CONSTRAINT",
        ErrorCode::DatabaseBusy => "BUSY",
        ErrorCode::DatabaseLocked => "LOCKED",
        ErrorCode::OutOfMemory => "NOMEM",
        ErrorCode::ReadOnly => "READONLY",
        ErrorCode::OperationInterrupted => "INTERRUPT",
        ErrorCode::SystemIoFailure => "IOERR",
        ErrorCode::DatabaseCorrupt => "CORRUPT",
        ErrorCode::DiskFull => "FULL",
        ErrorCode::CannotOpen => "CANTOPEN",
        ErrorCode::SchemaChanged => "SCHEMA",
        ErrorCode::TooBig => "TOOBIG",
        ErrorCode::TypeMismatch => "MISMATCH",
        ErrorCode::AuthorizationForStatementDenied => "AUTH",
        ErrorCode::NotADatabase => "NOTADB",
        _ => "ERROR",
    };
    format!("SQLITE_{name}")
}
