//! What can go wrong, and with which exit code it ends.

use std::io;

use crate::client::Problem;

/// Exit codes of the program; `--help` lists them.
pub(crate) mod exit {
    /// Done; for `exec` and `run`: the command ran and succeeded.
    pub(crate) const OK: u8 = 0;
    /// Refused because of how things stand, or the answer at the prompt was no; for `exec` and
    /// `run`: the command ran and failed.
    pub(crate) const FAILED: u8 = 1;
    /// The call itself is wrong.
    pub(crate) const USAGE: u8 = 2;
    /// A reviewer rejected the command.
    pub(crate) const REJECTED: u8 = 10;
    /// Time ran out and the command was not run.
    pub(crate) const EXPIRED: u8 = 11;
    /// A guardrail blocked the command.
    pub(crate) const BLOCKED: u8 = 12;
    /// The request was cancelled or revoked.
    pub(crate) const CANCELLED: u8 = 13;
    /// Nobody knows whether the command took effect.
    pub(crate) const UNKNOWN: u8 = 14;
    /// Not signed in, not allowed, or not visible to the caller.
    pub(crate) const NOT_ALLOWED: u8 = 20;
    /// The service cannot be reached or does not work.
    pub(crate) const UNREACHABLE: u8 = 21;
    /// The output could not be written.
    pub(crate) const OUTPUT: u8 = 74;
    /// Interrupted with Ctrl-C or by a signal.
    pub(crate) const INTERRUPTED: u8 = 130;
}

/// Why a command of the program did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CliError {
    /// The call is wrong; the text says what was expected.
    #[error("{0}")]
    Usage(String),
    /// The service understood and refused.
    #[error("{0}")]
    Refused(Box<Problem>),
    /// No answer, or none that helps.
    #[error(
        "cannot reach the service at `{url}`: {cause}; check the address (--url or COUNTERSIGN_URL) and that the service runs"
    )]
    Unreachable {
        /// The service's address.
        url: String,
        /// What happened.
        cause: String,
    },
    /// The service is there, but cannot work now.
    #[error("the service at `{url}` cannot answer now: {problem}")]
    Busy {
        /// The service's address.
        url: String,
        /// Its last answer.
        problem: Box<Problem>,
    },
    /// An answer that is no part of the contract.
    #[error(
        "the service at `{url}` gave an answer that this client cannot read: {what}; is it a Countersign service?"
    )]
    Answer {
        /// The service's address.
        url: String,
        /// What was wrong with it.
        what: String,
    },
    /// Standard output refused the data.
    #[error("cannot write the output: {0}")]
    Output(#[source] io::Error),
    /// The person said no, or something on this machine stands in the way.
    #[error("{0}")]
    Stopped(String),
}

impl CliError {
    /// The exit code that tells a script what happened.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => exit::USAGE,
            Self::Refused(problem) => problem.exit_code(),
            Self::Unreachable { .. } | Self::Busy { .. } | Self::Answer { .. } => exit::UNREACHABLE,
            Self::Output(_) => exit::OUTPUT,
            Self::Stopped(_) => exit::FAILED,
        }
    }

    /// Whether the reader of our output has gone away, as `head` does: no error to speak of.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}
