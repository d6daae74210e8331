//! Structured logs: JSON lines in Lambda. Commands, output and secrets never get here, because
//! nothing that holds them is ever given to a log statement.

/// Starts logging as JSON on standard output; `COUNTERSIGN_LOG` is the level, `info` by default.
pub fn start_json() {
    let level = std::env::var("COUNTERSIGN_LOG").unwrap_or_default().parse().unwrap_or(tracing::Level::INFO);
    let subscriber =
        tracing_subscriber::fmt().json().flatten_event(true).with_max_level(level).with_target(false);
    // A second start is a test's; the first one holds.
    let _ = subscriber.with_current_span(false).without_time().try_init();
}
