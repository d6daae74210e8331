//! The two things that can go wrong: a target that is described wrongly, and a run.

/// A connection's `kind`, `target` or `secret` is not acceptable. Found when a connection is saved.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// The kind is none that this version knows.
    #[error("unknown kind `{given}`: expected `sqlite`, `postgres`, `mysql`, `http` or `runner`")]
    UnknownKind {
        /// What was given.
        given: String,
    },
    /// A member of the `target` object is missing, unknown, or out of its range.
    #[error("target `{pointer}`: {message}")]
    Member {
        /// JSON pointer below `target`, for example `/path`; empty for the object itself.
        pointer: String,
        /// What was expected and what to do.
        message: String,
    },
    /// The reference to the secret is malformed, refused, or of a kind that is not supported.
    #[error("secret reference: {0}")]
    SecretReference(String),
    /// The reference is right, but nothing stands behind it now.
    #[error("secret reference: {0}")]
    SecretUnavailable(String),
}

impl TargetError {
    pub(crate) fn member(pointer: &str, message: impl Into<String>) -> Self {
        Self::Member { pointer: pointer.to_owned(), message: message.into() }
    }
}

/// How a run ended when it did not succeed. The variants differ in what is known about effects.
///
/// Messages are at most about 2 KiB long and never contain the secret. They may contain data of
/// the database (a duplicate key's value) and control characters: pass them through
/// [`crate::view::visible`] before a terminal sees them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// Nothing of the command was executed: it was refused, or there was no connection.
    #[error("not started: {message}")]
    NotStarted {
        /// What was wrong and what to do.
        message: String,
    },
    /// The database reported an error and the statement, or the whole transaction, was rolled back.
    ///
    /// What a database itself keeps in spite of a rollback is kept: sequence values, a procedure's
    /// own commits, the invalid index of a failed `CREATE INDEX CONCURRENTLY`.
    #[error("{message}")]
    Failed {
        /// The database's message, with detail and hint.
        message: String,
        /// SQLSTATE (PostgreSQL), number and SQLSTATE (MySQL: `1062/23000`), result code
        /// (`SQLITE_CONSTRAINT`) or HTTP status, where there was one.
        code: Option<String>,
        /// Which statement of the command, counted from 1; `None` for the closing COMMIT.
        statement: Option<u32>,
    },
    /// The time limit passed, the session was cancelled, and the work was rolled back.
    #[error("timed out after {limit_ms} ms: the statement was cancelled and rolled back")]
    TimedOut {
        /// The limit that was in force, in milliseconds.
        limit_ms: u64,
    },
    /// More rows were affected than the approval allows, and everything was rolled back.
    #[error(
        "the approval allows at most {max_rows} rows, and {affected} were affected when the command was stopped: everything was rolled back"
    )]
    BoundExceeded {
        /// What was approved.
        max_rows: u64,
        /// Rows affected up to the statement that went beyond; with the statements after it there would be more.
        affected: u64,
    },
    /// The caller cancelled, the session was cancelled, and the work was rolled back.
    #[error("cancelled while running: the statement was cancelled and rolled back")]
    Cancelled,
    /// The connection broke, or would not stop, at a moment when the outcome cannot be known.
    #[error("outcome unknown: {message}")]
    Lost {
        /// What is known.
        message: String,
    },
}

impl RunError {
    pub(crate) fn not_started(message: impl Into<String>) -> Self {
        Self::NotStarted { message: message.into() }
    }

    pub(crate) fn lost(message: impl Into<String>) -> Self {
        Self::Lost { message: message.into() }
    }

    /// True if it is certain that nothing of the command took effect.
    #[must_use]
    pub fn nothing_ran(&self) -> bool {
        matches!(self, Self::NotStarted { .. })
    }
}
