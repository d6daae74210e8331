//! `countersign`: the client's commands, and `serve`, which runs the service on this machine.

mod cli;
mod client;
mod commands;
mod config;
// The pages show the commands of the whole program.
#[cfg(all(test, feature = "runner", feature = "serve"))]
mod documented;
mod error;
mod exec;
mod help;
mod render;
#[cfg(feature = "runner")]
mod runner;
#[cfg(feature = "serve")]
mod serve;
mod signals;

use std::process::ExitCode;

use clap::FromArgMatches as _;

use crate::cli::Cli;
use crate::render::{Line, Tone, Ui};

fn main() -> ExitCode {
    let cli = match Cli::from_arg_matches(&help::command().get_matches()) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    let ui = Ui::detect(cli.global.output);
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            ui.note(&[Line::of(Tone::Bad, "error").text(format!(": cannot start: {error}"))]);
            return ExitCode::from(error::exit::FAILED);
        }
    };
    match runtime.block_on(commands::dispatch(cli, &ui)) {
        Ok(code) => code,
        Err(error) if error.is_closed_pipe() => ExitCode::SUCCESS,
        Err(error) => {
            let text = error.to_string();
            let mut lines = text.lines();
            let first = lines.next().unwrap_or_default().to_owned();
            let mut note = vec![Line::of(Tone::Bad, "error").text(format!(": {first}"))];
            note.extend(lines.map(|line| Line::new().text(line.to_owned())));
            ui.note(&note);
            ExitCode::from(error.exit_code())
        }
    }
}
