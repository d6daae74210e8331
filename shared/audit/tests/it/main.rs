//! Trees, exports and receipts: what verifies and what does not.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod export;
mod log;
mod receipts;
mod tree;
