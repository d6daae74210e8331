//! The contract of the storage, on the embedded database and, with the feature
//! `dynamodb-local-tests`, on DynamoDB Local. `./tests/run` runs it on both.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../support/mod.rs"]
mod support;

mod access;
mod capacity;
mod deliveries;
mod faults;
mod lists;
mod output;
mod people;
mod places;
mod requests;
mod sign_in;
mod sizes;
mod slack;
mod sweep;
