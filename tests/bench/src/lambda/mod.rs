//! The functions as Lambda runs them: the deployed binaries, each in a process of its own.
//!
//! - [`runtime_api`] plays Lambda's runtime API and notes when a function asks and answers
//! - [`sandbox`] starts a binary and hands it events
//! - [`tls`] stands before the local endpoints, because AWS's are reached by TLS
//! - [`scene`] is what the functions find: a table with people and a request, and their environment
//! - [`slack`] is what Slack sends, as API Gateway hands it over

pub mod runtime_api;
pub mod sandbox;
pub mod scene;
pub mod slack;
pub mod tls;
