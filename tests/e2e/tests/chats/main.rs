//! Requests that are told and decided in Slack, and told in Teams: the real program, and stand-ins that
//! check what Slack and Teams check.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod decide;
mod people;
mod scene;
mod teams;
mod trouble;
