//! How far a session with a server is, and what its end means there.

use crate::RunError;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

/// How far the execution is: what a broken connection means depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The server has executed nothing of the command.
    NothingSent,
    /// The only statement was sent, outside of a transaction of ours.
    Single,
    /// Between BEGIN and COMMIT.
    InTransaction,
    /// COMMIT was sent.
    Committing,
    /// Between two statements of which each commits on its own.
    Between,
}

/// The execution's state, readable while it waits.
#[derive(Default)]
pub(crate) struct Progress {
    phase: AtomicU8,
    stop: AtomicBool,
}

impl Progress {
    pub(crate) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::SeqCst) {
            0 => Phase::NothingSent,
            1 => Phase::InTransaction,
            2 => Phase::Single,
            4 => Phase::Between,
            _ => Phase::Committing,
        }
    }

    pub(crate) fn enter(&self, phase: Phase) {
        let number = match phase {
            Phase::NothingSent => 0,
            Phase::InTransaction => 1,
            Phase::Single => 2,
            Phase::Committing => 3,
            Phase::Between => 4,
        };
        self.phase.store(number, Ordering::SeqCst);
    }

    /// No further statement is begun.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
    }

    /// True once no further statement shall begin.
    pub(crate) fn stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
}

/// Why the session was told to stop.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Stop {
    TimedOut { limit_ms: u64 },
    Cancelled,
}

impl Stop {
    pub(crate) fn error(self) -> RunError {
        match self {
            Self::TimedOut { limit_ms } => RunError::TimedOut { limit_ms },
            Self::Cancelled => RunError::Cancelled,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::TimedOut { .. } => {
                "the time limit passed and the session did not stop; its connection was dropped"
            }
            Self::Cancelled => {
                "the run was cancelled and the session did not stop; its connection was dropped"
            }
        }
    }
}

/// What is known of a session that was told to stop and does not answer.
pub(crate) fn silent(phase: Phase, stop: Option<Stop>) -> RunError {
    match (phase, stop) {
        // The server rolls back what it never got a COMMIT for.
        (Phase::InTransaction | Phase::Between, Some(stop)) => stop.error(),
        _ => broken(phase, stop.map_or("the session did not answer", Stop::words)),
    }
}

/// What is known when the connection ends in a phase.
pub(crate) fn broken(phase: Phase, how: &str) -> RunError {
    match phase {
        Phase::NothingSent => RunError::not_started(format!("{how} before the command was sent")),
        Phase::InTransaction => RunError::Failed {
            message: format!("{how} before COMMIT was sent, so the server rolled the transaction back"),
            code: None,
            statement: None,
        },
        Phase::Between => RunError::Failed {
            message: format!("{how} between two statements; the next one was not sent"),
            code: None,
            statement: None,
        },
        Phase::Single => RunError::lost(format!("{how} while the statement ran")),
        Phase::Committing => RunError::lost(format!("{how} while the transaction was committed")),
    }
}
