//! Targets, each on the real thing.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod common;
mod http;
mod http_paths;
#[cfg(feature = "mariadb-tests")]
mod mariadb;
#[cfg(feature = "postgres-tests")]
mod postgres;
mod sqlite;
mod views;
