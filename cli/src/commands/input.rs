//! Text from an argument, a file or standard input.

use std::io::{IsTerminal, Read};
use std::path::Path;

use crate::error::CliError;

/// Reads a command: the argument, the file, or standard input for `-` and for no argument.
///
/// # Errors
/// [`CliError::Usage`] if there is none, or it cannot be read, is empty, or is no UTF-8.
pub(crate) fn read_command(command: Option<&str>, file: Option<&Path>) -> Result<String, CliError> {
    let (bytes, name) = match (file, command) {
        (Some(path), _) if path.as_os_str() != "-" => {
            let name = format!("`{}`", path.display());
            let bytes = std::fs::read(path)
                .map_err(|error| CliError::Usage(format!("cannot read {name}: {error}")))?;
            (bytes, name)
        }
        (None, None) if std::io::stdin().is_terminal() => {
            return Err(CliError::Usage(
                "expected a command, `-f FILE`, or `-` for standard input; more with --help".to_owned(),
            ));
        }
        (Some(_), _) | (None, Some("-") | None) => {
            let mut stdin = std::io::stdin().lock();
            if stdin.is_terminal() {
                eprint_hint();
            }
            let mut bytes = Vec::new();
            stdin
                .read_to_end(&mut bytes)
                .map_err(|error| CliError::Usage(format!("cannot read standard input: {error}")))?;
            (bytes, "standard input".to_owned())
        }
        (None, Some(command)) => (command.as_bytes().to_vec(), "the command".to_owned()),
    };
    let command = String::from_utf8(bytes).map_err(|error| {
        CliError::Usage(format!(
            "{name} is no UTF-8 text: byte {} is not",
            error.utf8_error().valid_up_to() + 1
        ))
    })?;
    if command.trim().is_empty() {
        return Err(CliError::Usage(format!("{name} is empty: expected a command")));
    }
    Ok(command)
}

/// A person who typed `-` by hand has to know that the program waits for them.
fn eprint_hint() {
    use std::io::Write;
    let _ = std::io::stderr().lock().write_all(b"type the command, then Ctrl-D\n");
}
