//! The status of a request, in the words of the contract.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The status of a request, as the contract names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Status {
    /// Votes are awaited.
    Pending,
    /// It may be claimed.
    Approved,
    /// An executor has it.
    Running,
    /// It ran and succeeded.
    Succeeded,
    /// It ran and failed.
    Failed,
    /// A guardrail blocked it at intake.
    Blocked,
    /// A reviewer said no.
    Rejected,
    /// Time ran out.
    Expired,
    /// Called off.
    Cancelled,
    /// Nobody knows how it ended.
    Unknown,
}

impl Status {
    /// Every status, in the order of a request's life.
    pub const ALL: [Self; 10] = [
        Self::Pending,
        Self::Approved,
        Self::Running,
        Self::Succeeded,
        Self::Failed,
        Self::Blocked,
        Self::Rejected,
        Self::Expired,
        Self::Cancelled,
        Self::Unknown,
    ];

    /// The name in the contract, such as `PENDING`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Approved => "APPROVED",
            Self::Running => "RUNNING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::Blocked => "BLOCKED",
            Self::Rejected => "REJECTED",
            Self::Expired => "EXPIRED",
            Self::Cancelled => "CANCELLED",
            Self::Unknown => "UNKNOWN",
        }
    }

    /// Whether nothing can happen to the request any more. UNKNOWN still waits for its settlement.
    #[must_use]
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Pending | Self::Approved | Self::Running | Self::Unknown => false,
            Self::Succeeded
            | Self::Failed
            | Self::Blocked
            | Self::Rejected
            | Self::Expired
            | Self::Cancelled => true,
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is no status.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown status `{0}`, expected one of PENDING, APPROVED, RUNNING, SUCCEEDED, FAILED, BLOCKED, REJECTED, EXPIRED, CANCELLED, UNKNOWN"
)]
pub struct InvalidStatus(String);

impl FromStr for Status {
    type Err = InvalidStatus;
    /// Takes the name in any case.
    fn from_str(text: &str) -> Result<Self, InvalidStatus> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| InvalidStatus(text.chars().take(32).collect()))
    }
}
