//! Numbers about requests: made of events, merged by period, shown for any span.
//!
//! - [`tally`]: from the events of a minute
//! - [`rollup`]: a period's numbers; two periods make a longer one
//! - [`times`]: durations whose quantiles can be merged; [`spread`]: the same, smaller and coarser
//! - [`report`]: what is shown
//!
//! **Invariant:** pure. A period's numbers depend on its events alone, so they can be made anew at any
//! time; merging is in the order of time.

pub mod report;
pub mod rollup;
pub mod spread;
pub mod tally;
pub mod times;

pub use report::Report;
pub use rollup::{Counts, Rollup};
pub use tally::{About, Scopes, tally};
