//! A shell's commands: which programs they name.
//!
//! A scanner of our own: one pass over the text, so that its time and stack are bounded whatever the
//! text is, and everything that it does not know makes the command "not understood". It sees words,
//! quotes, pipelines, lists, redirections, here-documents and substitutions; it runs nothing and
//! expands nothing. Nothing of a shell is ever provably a read.

mod commands;
mod programs;
mod scan;

use crate::Dialect;
use crate::analysis::{Analysis, Statement};
use crate::bounds;

/// Analyses a command.
pub(crate) fn analyse(command: &str) -> Analysis {
    match bounds::length(command).and_then(|()| statements(command).map_err(str::to_owned)) {
        Ok(statements) => Analysis::understood(Dialect::Shell, statements),
        Err(why) => Analysis::not_understood(Dialect::Shell, why),
    }
}

fn statements(command: &str) -> Result<Vec<Statement>, &'static str> {
    if command.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\n')) {
        return Err("it has a control character");
    }
    let mut found = Vec::new();
    commands::list(&scan::tokens(command, 0)?, &mut found)?;
    if found.is_empty() { Err("it names no program") } else { Ok(found) }
}
