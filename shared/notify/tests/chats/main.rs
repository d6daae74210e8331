//! What people read in Slack and Teams: snapshots, limits, and that nothing in a command can deceive.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

mod deceit;
mod limits;
mod slack;
mod story;
mod teams;
