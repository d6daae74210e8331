//! The rules against the model.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod differential;
mod matrices;
mod promises;
mod races;
mod records;
