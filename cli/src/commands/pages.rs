//! `completion` and `man`: files for shells and for `man`, made from the command line's own definition.

use std::path::{Path, PathBuf};

use clap::{Args, Command};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, roman};

use super::done;
use crate::error::CliError;
use crate::help;
use crate::render::Ui;
use crate::render::ui::write_out;

/// Arguments of `completion`.
#[derive(Args)]
pub(crate) struct CompletionArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Arguments of `man`.
#[derive(Args)]
pub(crate) struct ManArgs {
    /// The folder to write the pages to; created if it does not exist
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Prints a completion script on standard output.
///
/// # Errors
/// [`CliError::Output`].
pub(crate) fn completion(args: &CompletionArgs) -> Result<(), CliError> {
    let mut script = Vec::new();
    let mut command = help::plain();
    let name = command.get_name().to_owned();
    clap_complete::generate(args.shell, &mut command, name, &mut script);
    write_out(&script)
}

/// Writes one page per command and subcommand.
///
/// # Errors
/// [`CliError::Stopped`] if a file cannot be written.
pub(crate) fn man(ui: &Ui, args: &ManArgs) -> Result<(), CliError> {
    let folder = args.folder.as_path();
    let mut command = help::command().disable_help_subcommand(true);
    command.build();
    let pages =
        std::fs::create_dir_all(folder).and_then(|()| write_pages(command, folder)).map_err(|error| {
            CliError::Stopped(format!("cannot write man pages to `{}`: {error}", folder.display()))
        })?;
    done(ui, format!("wrote {pages} man pages to {}", folder.display()));
    Ok(())
}

/// Writes the page of a command and those of its subcommands. Gives their number.
fn write_pages(command: Command, folder: &Path) -> std::io::Result<usize> {
    let mut pages = 1;
    for subcommand in command.get_subcommands().filter(|subcommand| !subcommand.is_hide_set()) {
        pages += write_pages(subcommand.clone(), folder)?;
    }
    let notes = command.get_after_long_help().or_else(|| command.get_after_help());
    let notes = sections(&notes.map(ToString::to_string).unwrap_or_default());
    let has_subcommands = command.has_subcommands();
    let source = concat!(env!("CARGO_BIN_NAME"), " ", env!("CARGO_PKG_VERSION"));
    let page = Man::new(command).manual("Countersign").source(source);
    let mut text = Vec::new();
    page.render_title(&mut text)?;
    page.render_name_section(&mut text)?;
    page.render_synopsis_section(&mut text)?;
    page.render_description_section(&mut text)?;
    page.render_options_section(&mut text)?;
    if has_subcommands {
        page.render_subcommands_section(&mut text)?;
    }
    notes.to_writer(&mut text)?;
    std::fs::write(folder.join(page.get_filename()), text)?;
    Ok(pages)
}

/// The text below a command's options, as sections of a page: a line that ends with a colon is a heading if
/// indented lines follow, and those keep their line breaks.
fn sections(text: &str) -> Roff {
    let mut page = Roff::new();
    let mut lines = text.lines().peekable();
    let mut verbatim = false;
    while let Some(line) = lines.next() {
        let indented = line.starts_with(' ');
        if verbatim && !indented {
            page.control("fi", []);
            verbatim = false;
        }
        let heads = lines.peek().is_some_and(|next| next.starts_with(' '));
        match line.strip_suffix(':') {
            Some(heading) if heads && !indented => {
                page.control("SH", [heading.to_uppercase().as_str()]);
                page.control("nf", []);
                verbatim = true;
            }
            _ if line.is_empty() => {
                page.control("PP", []);
            }
            _ => {
                page.text([roman(line.trim_start())]);
            }
        }
    }
    if verbatim {
        page.control("fi", []);
    }
    page
}
