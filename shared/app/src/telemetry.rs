//! Structured logs: JSON lines in Lambda. Commands, output and secrets never get here, because
//! nothing that holds them is ever given to a log statement.
//!
//! A panic's message is somebody else's text: a parser that gives up half-way may quote what it was
//! reading. So no panic says more than where it happened ([`quiet_panics`]).

use std::panic::PanicHookInfo;

/// Starts logging as JSON on standard output; `COUNTERSIGN_LOG` is the level, `info` by default.
/// Panics are logged by their place alone.
pub fn start_json() {
    let level = std::env::var("COUNTERSIGN_LOG").unwrap_or_default().parse().unwrap_or(tracing::Level::INFO);
    let subscriber =
        tracing_subscriber::fmt().json().flatten_event(true).with_max_level(level).with_target(false);
    // A second start is a test's; the first one holds.
    let _ = subscriber.with_current_span(false).without_time().try_init();
    quiet_panics();
}

/// From now on a panic of this process is logged as `panicked` with its place, and its message goes
/// nowhere, neither to the log nor to standard error.
pub fn quiet_panics() {
    std::panic::set_hook(Box::new(log_place));
}

fn log_place(panic: &PanicHookInfo<'_>) {
    match panic.location() {
        Some(place) => {
            tracing::error!(file = place.file(), line = place.line(), column = place.column(), "panicked");
        }
        None => tracing::error!("panicked"),
    }
}
