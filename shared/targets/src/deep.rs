//! Parsers recurse, and a command comes from outside: they run in a thread with room, within a time.

use crate::RunError;
use crate::run::MAX_COMMAND_BYTES;
use std::time::Duration;

/// The parser and its tree recurse: a chain of a few thousand operators overflows a thread's usual
/// stack and would take the process down. Measured: 64 MiB are enough for any command of 100 KiB in
/// a release build; pages that are not touched cost nothing.
const STACK_BYTES: usize = 512 * 1024 * 1024;
// The measure above holds for this length.
const _: () = assert!(MAX_COMMAND_BYTES <= 100 * 1024);

/// The parser's time grows with the square of the nesting: 34,000 calls in each other took two
/// minutes. The servers themselves give up at a few thousand levels.
pub(crate) const MAX_NESTING: usize = 1000;

/// Long chains of operators are slow as well: this ends the wait, not the thread.
const PARSE_LIMIT: Duration = Duration::from_secs(20);

/// Runs a parser over the command.
pub(crate) async fn parse<T: Send + 'static>(
    command: &str,
    parser: impl FnOnce(&str) -> Result<T, RunError> + Send + 'static,
) -> Result<T, RunError> {
    parse_within(command, PARSE_LIMIT, parser).await
}

pub(crate) async fn parse_within<T: Send + 'static>(
    command: &str,
    limit: Duration,
    parser: impl FnOnce(&str) -> Result<T, RunError> + Send + 'static,
) -> Result<T, RunError> {
    if nesting(command) > MAX_NESTING {
        return Err(RunError::not_started(format!(
            "the command nests brackets deeper than {MAX_NESTING} levels (those in strings are counted too)"
        )));
    }
    let text = command.to_owned();
    let (give, take) = tokio::sync::oneshot::channel();
    std::thread::Builder::new()
        .name("parse".to_owned())
        .stack_size(STACK_BYTES)
        // Nobody takes the result after the limit; then it is dropped here.
        .spawn(move || give.send(parser(&text)).is_ok())
        .map_err(|error| RunError::not_started(format!("no thread to parse the command in: {error}")))?;
    match tokio::time::timeout(limit, take).await {
        Ok(Ok(parsed)) => parsed,
        // The thread panicked: the parser has a bug, and nothing is known about the command.
        Ok(Err(_)) => Err(RunError::not_started(
            "the parser failed on this command, so it cannot be shown to be safe to send",
        )),
        Err(_) => Err(RunError::not_started(format!(
            "the command could not be parsed within {limit:?}; make it simpler"
        ))),
    }
}

/// The deepest nesting of brackets, counted without regard to strings and comments.
fn nesting(command: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    for byte in command.bytes() {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}
