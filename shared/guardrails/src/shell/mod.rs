//! A shell's commands: which programs they name, and where code is hidden.
//!
//! [`parse`] is the grammar of bash; what it does not know makes the command "not understood". It runs nothing and
//! expands nothing. [`programs`] is one table of programs; a program that is not in it may run anything. Nothing of a
//! shell is ever provably a read.

mod commands;
mod inner;
mod input;
mod options;
mod parse;
mod programs;
mod scripts;
mod syntax;

use crate::Dialect;
use crate::analysis::{Analysis, NotUnderstood, Statement};
use crate::bounds;
pub(crate) use commands::variables_of;
pub(crate) use programs::{changes_meaning, may_run_code};
use std::sync::Arc;
pub(crate) use syntax::{Script, Simple, Word};

/// Analyses a command.
pub(crate) fn analyse(command: &str) -> Analysis {
    match read(command) {
        Ok((script, statements)) => {
            let analysis = Analysis::understood(Dialect::Shell, statements);
            Analysis { script: Some(Arc::new(script)), ..analysis }
        }
        Err(why) => Analysis::not_understood(Dialect::Shell, why),
    }
}

/// Reads a script: its commands, with those that its wrappers run, and what they do.
fn read(command: &str) -> Result<(Script, Vec<Statement>), NotUnderstood> {
    bounds::length(command)?;
    if let Some(at) = command.find(|c: char| c.is_control() && !matches!(c, '\t' | '\n')) {
        return Err(NotUnderstood::at(command, at, "it has a control character"));
    }
    let mut script = parse::script(command).map_err(|error| error.in_command(command))?;
    let statements = commands::statements(&mut script);
    if statements.is_empty() { Err("it names no program".into()) } else { Ok((script, statements)) }
}
