//! The local platform, as the clients of AWS see it.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod common;
mod gateway;
mod invoke;
mod scheduler;
mod store;
mod stream;
