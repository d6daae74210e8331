//! The two streams: what they are connected to, and writing to them.

use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use serde_json::Value;

use super::columns::Column;
use super::line::Line;
use super::safe;
use super::table::{Head, table};
use crate::error::CliError;

/// How data is printed: a table for people, one JSON document, one JSON document per line, or comma-separated
/// values with a header.
// The variants have no doc comments: the help would spend a line on each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Table,
    Json,
    Jsonl,
    Csv,
}

/// One output stream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stream {
    /// Whether a person watches it.
    pub(crate) is_terminal: bool,
    /// Whether it shows colours.
    pub(crate) colour: bool,
}

/// Standard output, standard error, and how to use them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ui {
    /// The format that was asked for.
    pub(crate) format: Format,
    /// Standard output.
    pub(crate) out: Stream,
    /// Standard error.
    pub(crate) err: Stream,
}

impl Ui {
    /// Looks at the streams and at `NO_COLOR`, `CLICOLOR`, `CLICOLOR_FORCE` and `TERM`.
    pub(crate) fn detect(format: Format) -> Self {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let dumb = set("TERM").is_some_and(|term| term == "dumb");
        let wanted = set("NO_COLOR").is_none() && !dumb && set("CLICOLOR").is_none_or(|value| value != "0");
        let forced = set("NO_COLOR").is_none() && set("CLICOLOR_FORCE").is_some_and(|value| value != "0");
        let stream = |is_terminal: bool| Stream { is_terminal, colour: forced || (wanted && is_terminal) };
        Self {
            format,
            out: stream(io::stdout().is_terminal()),
            err: stream(io::stderr().is_terminal() && !dumb),
        }
    }

    /// The terminal's width for standard output; `None` if it is no terminal.
    pub(crate) fn out_columns(&self) -> Option<usize> {
        self.out.is_terminal.then(|| terminal_size().0)
    }

    /// The terminal's width for standard error, or one that reads well in a log.
    pub(crate) fn err_columns(&self) -> usize {
        if self.err.is_terminal { terminal_size().0 } else { 120 }
    }

    /// Writes lines to standard output.
    ///
    /// # Errors
    /// [`CliError::Output`].
    pub(crate) fn lines(&self, lines: &[Line]) -> Result<(), CliError> {
        let text: String = lines.iter().map(|line| line.paint(self.out.colour) + "\n").collect();
        write_out(text.as_bytes())
    }

    /// Writes lines to standard error. Nobody is told if that fails: there is nowhere left to tell.
    pub(crate) fn note(&self, lines: &[Line]) {
        let text: String = lines.iter().map(|line| line.paint(self.err.colour) + "\n").collect();
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }

    /// Prints a list in the format that was asked for; `now` is for people's times.
    ///
    /// # Errors
    /// [`CliError::Output`].
    pub(crate) fn list(&self, columns: &[Column], items: &[Value]) -> Result<(), CliError> {
        match self.format {
            Format::Table => {
                let shown: Vec<&Column> = columns.iter().filter(|column| column.in_table()).collect();
                let heads: Vec<Head> = shown.iter().map(|column| column.head()).collect();
                let rows: Vec<Vec<Line>> =
                    items.iter().map(|item| shown.iter().map(|column| column.cell(item)).collect()).collect();
                self.lines(&table(&heads, &rows, self.out_columns()))
            }
            Format::Json => self.json(&Value::Array(items.to_vec())),
            Format::Jsonl => items.iter().try_for_each(|item| self.json_line(item)),
            Format::Csv => self.csv(columns, items, true),
        }
    }

    /// Prints one thing: `people` draws it for [`Format::Table`].
    ///
    /// # Errors
    /// [`CliError::Output`].
    pub(crate) fn one(
        &self,
        columns: &[Column],
        item: &Value,
        people: impl FnOnce(Option<usize>) -> Vec<Line>,
    ) -> Result<(), CliError> {
        match self.format {
            Format::Table => self.lines(&people(self.out_columns())),
            Format::Json => self.json(item),
            Format::Jsonl => self.json_line(item),
            Format::Csv => self.csv(columns, std::slice::from_ref(item), true),
        }
    }

    fn json(&self, value: &Value) -> Result<(), CliError> {
        write_out((safe::json(&format!("{value:#}")) + "\n").as_bytes())
    }

    /// Prints one JSON document as one line.
    ///
    /// # Errors
    /// [`CliError::Output`].
    pub(crate) fn json_line(&self, value: &Value) -> Result<(), CliError> {
        write_out((safe::json(&value.to_string()) + "\n").as_bytes())
    }

    /// Prints items as CSV.
    ///
    /// # Errors
    /// [`CliError::Output`].
    pub(crate) fn csv(&self, columns: &[Column], items: &[Value], head: bool) -> Result<(), CliError> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let failed = |error: csv::Error| CliError::Output(io::Error::other(error));
        if head {
            writer.write_record(columns.iter().map(|column| column.name)).map_err(failed)?;
        }
        for item in items {
            writer.write_record(columns.iter().map(|column| column.plain(item))).map_err(failed)?;
        }
        let bytes =
            writer.into_inner().map_err(|error| CliError::Output(io::Error::other(error.to_string())))?;
        if self.out.is_terminal {
            return write_out(safe::output(&String::from_utf8_lossy(&bytes)).as_bytes());
        }
        write_out(&bytes)
    }
}

/// Writes to standard output at once.
///
/// # Errors
/// [`CliError::Output`].
pub(crate) fn write_out(bytes: &[u8]) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(CliError::Output)
}

/// Columns and rows of the terminal, 80 × 24 where nobody knows.
pub(crate) fn terminal_size() -> (usize, usize) {
    match crossterm::terminal::size() {
        Ok((columns, rows)) if columns > 0 && rows > 0 => {
            (usize::from(columns).max(20), usize::from(rows).max(4))
        }
        _ => (80, 24),
    }
}
