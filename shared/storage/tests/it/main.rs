//! The storage on real databases.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod contract;
mod races;
#[cfg(feature = "moto-tests")]
mod restored;
mod support;
