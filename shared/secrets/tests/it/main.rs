//! Secrets in AWS, on moto.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[cfg(feature = "moto-tests")]
mod moto;
