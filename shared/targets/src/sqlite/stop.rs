//! The signal that ends a run in another thread.

use crate::RunError;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Instant;

const GO: u8 = 0;
const TIMED_OUT: u8 = 1;
const CANCELLED: u8 = 2;

/// Asked by SQLite itself every few thousand operations.
pub(super) struct Stop {
    signal: AtomicU8,
    deadline: Instant,
    limit_ms: u64,
}

impl Stop {
    pub(super) fn new(limit_ms: u64) -> Self {
        let deadline = Instant::now() + std::time::Duration::from_millis(limit_ms);
        Self { signal: AtomicU8::new(GO), deadline, limit_ms }
    }

    pub(super) fn cancel(&self) {
        // The first reason stands.
        let _ = self.signal.compare_exchange(GO, CANCELLED, Ordering::SeqCst, Ordering::SeqCst);
    }

    /// True once the run shall end; past the deadline it is so by itself.
    pub(super) fn asked(&self) -> bool {
        if Instant::now() >= self.deadline {
            let _ = self.signal.compare_exchange(GO, TIMED_OUT, Ordering::SeqCst, Ordering::SeqCst);
        }
        self.signal.load(Ordering::SeqCst) != GO
    }

    /// The error that the reason stands for.
    pub(super) fn error(&self) -> Option<RunError> {
        match self.signal.load(Ordering::SeqCst) {
            TIMED_OUT => Some(RunError::TimedOut { limit_ms: self.limit_ms }),
            CANCELLED => Some(RunError::Cancelled),
            _ => None,
        }
    }
}
