//! The log and the statistics, on every database.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod sealing;
mod sizes;
#[path = "../../../../shared/storage/tests/it/support/mod.rs"]
mod support;
