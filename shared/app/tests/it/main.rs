//! What a process of this crate writes.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod panics;
