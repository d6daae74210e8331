//! The real program and its people, one journey a test.
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod audit;
mod bad_input;
mod bootstrap;
#[cfg(all(feature = "postgres-tests", feature = "mariadb-tests"))]
mod bounded_servers;
#[cfg(feature = "postgres-tests")]
mod catalogue;
mod chats;
mod dry_run;
mod dry_run_agrees;
mod epoch;
mod four_eyes;
mod guardrails;
mod journeys;
#[cfg(all(feature = "postgres-tests", feature = "mariadb-tests"))]
mod kills;
mod lives;
mod machine;
#[cfg(feature = "postgres-tests")]
mod postgres;
#[cfg(all(feature = "postgres-tests", feature = "mariadb-tests"))]
mod probes;
mod program;
mod restarts;
mod row_bound;
mod runner;
mod safe;
mod sqlite_catalogue;
mod webhooks;
