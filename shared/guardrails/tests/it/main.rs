//! Analysis and rules, on commands of every dialect.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod answers;
mod bash;
mod bypass;
mod catalogue;
mod conditions;
mod docs;
mod everyday;
mod only;
mod programs;
mod properties;
mod rules;
