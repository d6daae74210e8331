//! HTTP as the contract wants it: strict JSON in, JSON or problem+json out, and the one seam
//! through which a router answers Lambda's events.
//!
//! - [`problem`]: every error that a client can see
//! - [`edge`]: what holds for every answer
//! - [`json`]: bodies and queries, refused unless they are exactly what was expected
//! - [`openapi`]: the words that all routes share in the OpenAPI document
//! - [`lambda`]: API Gateway's JSON in, its JSON out, in process; the only place that knows how
//! - [`rate`]: how many calls a second one caller may make
//! - [`routes`]: which function serves which route

pub mod edge;
pub mod json;
pub mod lambda;
pub mod openapi;
pub mod problem;
pub mod rate;
pub mod routes;

pub use problem::Problem;
