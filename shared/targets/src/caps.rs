//! Limits of one run.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The limits under which one command runs. They are part of what was approved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Caps {
    /// Time for the whole command after the connection stands, in milliseconds.
    pub statement_timeout_ms: u64,
    /// Rows kept, over all statements of the command.
    pub max_rows: u64,
    /// Bytes kept, over all statements, measured on the stored JSON lines of columns and rows.
    pub max_bytes: u64,
}

impl Caps {
    /// Seconds a connection may ask for: `1..=840`, below a function's own 15 minutes.
    pub const TIMEOUT_SECONDS: std::ops::RangeInclusive<u64> = 1..=840;
    /// Rows a connection may ask for.
    pub const ROWS: std::ops::RangeInclusive<u64> = 1..=10_000_000;
    /// Bytes a connection may ask for: up to 10 MiB.
    pub const BYTES: std::ops::RangeInclusive<u64> = 1..=10 * 1024 * 1024;

    /// The time limit as a duration.
    #[must_use]
    pub fn statement_timeout(&self) -> Duration {
        Duration::from_millis(self.statement_timeout_ms)
    }
}

impl Default for Caps {
    /// 300 s, 100,000 rows, 10 MiB.
    fn default() -> Self {
        Self { statement_timeout_ms: 300_000, max_rows: 100_000, max_bytes: 10 * 1024 * 1024 }
    }
}
