//! The binary of the function.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod holds;
