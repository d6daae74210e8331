//! Text from an argument, a file or standard input.

use std::io::{IsTerminal, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, Value};

use crate::error::CliError;

/// A command for a connection, as `exec` submits it and `check` tries it.
#[derive(Args)]
pub(crate) struct CommandArgs {
    /// Name of the connection
    connection: String,
    /// The command; `-`, or no command when standard input is not a terminal, reads it from standard input
    #[arg(allow_hyphen_values = true)]
    command: Option<String>,
    /// Read the command from this file
    #[arg(short, long, value_name = "FILE", conflicts_with = "command")]
    file: Option<PathBuf>,
    /// Reason for the command, shown to the reviewers
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Commit each statement on its own and stop at the first failure (for migrations); without it, all statements
    /// take effect or none
    #[arg(long)]
    statement_by_statement: bool,
}

impl CommandArgs {
    /// Reads the command. Gives the connection's name and the members of the call's body that follow from these
    /// arguments, without the connection.
    ///
    /// # Errors
    /// As [`read_command`].
    pub(crate) fn read(self) -> Result<(String, Map<String, Value>), CliError> {
        let command = read_command(self.command.as_deref(), self.file.as_deref())?;
        let mut body = Map::new();
        body.insert("command".to_owned(), command.into());
        body.extend(self.reason.map(|reason| ("reason".to_owned(), reason.into())));
        if self.statement_by_statement {
            body.insert("run_mode".to_owned(), "statement_by_statement".into());
        }
        Ok((self.connection, body))
    }
}

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
