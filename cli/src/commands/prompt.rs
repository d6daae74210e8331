//! Asking a person.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::error::CliError;

/// Whether there is a person to ask.
pub(crate) fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks a yes-or-no question; only `y` and `yes` are a yes.
///
/// # Errors
/// [`CliError::Stopped`] if the answer cannot be read.
pub(crate) fn yes(question: &str) -> Result<bool, CliError> {
    let answer = ask(&format!("{question} [y/N] "))?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// Asks for a line of text.
///
/// # Errors
/// [`CliError::Stopped`] if it cannot be read.
pub(crate) fn ask(question: &str) -> Result<String, CliError> {
    let failed = |error: io::Error| CliError::Stopped(format!("cannot read the answer: {error}"));
    let mut err = io::stderr().lock();
    err.write_all(question.as_bytes()).and_then(|()| err.flush()).map_err(failed)?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(failed)?;
    if !answer.ends_with('\n') {
        // The input ended: the next output begins on a line of its own.
        let _ = err.write_all(b"\n");
    }
    Ok(answer.trim_end_matches(['\r', '\n']).to_owned())
}
