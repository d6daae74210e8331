//! Runs of the benchmarks that are small enough for a test.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]

mod counts;
mod deliveries;
