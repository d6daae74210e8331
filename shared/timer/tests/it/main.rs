//! The Scheduler, on moto.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]

#[cfg(feature = "moto-tests")]
mod moto;
