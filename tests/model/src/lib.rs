//! The proof that the rules are the rules: everything here is compared with, or drives, the real
//! `countersign-rules`, and none of it is ever shipped.
//!
//! A map:
//!
//! - [`matching`]: who covers which slot, by trying everything
//! - [`reference`]: the approval rules a second time, deliberately naive, written from DESIGN section 2
//! - [`universe`], [`history`]: small random worlds and what happens in them
//! - [`play`]: runs a history on the real rules, keeping all that was said
//! - [`race`]: a model for stateright in which people, timers and executors race over one request
//!
//! **Invariant:** [`matching`] and [`reference`] share no logic with the rules, only their words.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "this crate is only ever part of a test, and a test fails by panicking"
)]

pub mod history;
pub mod matching;
pub mod play;
pub mod race;
pub mod reference;
pub mod universe;
