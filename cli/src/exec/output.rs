//! The output of a command, page after page, on standard output.

use serde_json::Value;

use crate::client::{Answer, Call, Client, Request};
use crate::error::CliError;
use crate::render::ui::{Ui, write_out};
use crate::render::{Line, Tone, safe};

/// How a command's output is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OutputFormat {
    /// Tables for people.
    Text,
    /// A JSON array for each page, with one object a statement.
    Json,
    /// These objects, one a line.
    JsonLines,
    /// RFC 4180.
    Csv,
}

impl OutputFormat {
    /// The service's name for what it is made from.
    fn asked_for(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json | Self::JsonLines => "json",
            Self::Csv => "csv",
        }
    }

    /// A page of the service as it is printed.
    fn printed(self, client: &Client, page: Answer) -> Result<Vec<u8>, CliError> {
        if self != Self::JsonLines {
            return Ok(page.body);
        }
        let Value::Array(statements) = client.parse(&page)? else {
            return Ok(page.body);
        };
        let lines: Vec<String> = statements.iter().map(|statement| format!("{statement}\n")).collect();
        Ok(lines.concat().into_bytes())
    }
}

/// Copies the output, and what the target said beside it to standard error. JSON has both in one.
///
/// # Errors
/// As [`copy`].
pub(crate) async fn copy_with_notices(
    client: &Client,
    ui: &Ui,
    request: &Request,
    format: OutputFormat,
) -> Result<(), CliError> {
    copy(client, ui, &request.id, format).await?;
    let has_notices = request.execution.as_ref().is_some_and(|execution| execution.notices > 0);
    match format {
        OutputFormat::Text | OutputFormat::Csv if has_notices => notices(client, ui, &request.id).await,
        OutputFormat::Text | OutputFormat::Csv | OutputFormat::Json | OutputFormat::JsonLines => Ok(()),
    }
}

/// Prints the notices and warnings of the target on standard error.
async fn notices(client: &Client, ui: &Ui, id: &str) -> Result<(), CliError> {
    let mut cursor: Option<String> = None;
    loop {
        let call = Call::get(&["requests", id, "output"])
            .with("format", "notices")
            .with_some("cursor", cursor.clone());
        let page = client.send(&call).await?;
        let next = page.header("countersign-next-cursor").filter(|next| !next.is_empty());
        let text = String::from_utf8_lossy(&page.body).into_owned();
        let lines = text.lines().map(|line| Line::of(Tone::Warn, safe::line(line)));
        ui.note(&lines.collect::<Vec<_>>());
        if next.is_none() || next == cursor {
            return Ok(());
        }
        cursor = next;
    }
}

/// Copies the output of a request to standard output: byte for byte into a pipe or a file, made safe on a
/// terminal.
///
/// # Errors
/// As [`Client::send`], and [`CliError::Output`].
pub(crate) async fn copy(client: &Client, ui: &Ui, id: &str, format: OutputFormat) -> Result<(), CliError> {
    let mut cursor: Option<String> = None;
    let mut tail = Vec::new();
    let mut ends_with_newline = true;
    loop {
        let call = Call::get(&["requests", id, "output"])
            .with("format", format.asked_for())
            .with_some("cursor", cursor.clone());
        let page = client.send(&call).await?;
        let next = page.header("countersign-next-cursor").filter(|next| !next.is_empty());
        let body = format.printed(client, page)?;
        if let Some(last) = body.last() {
            ends_with_newline = *last == b'\n';
        }
        let at_end = next.is_none() || next == cursor;
        if ui.out.is_terminal {
            tail.extend_from_slice(&body);
            let whole = if at_end { tail.len() } else { whole_characters(&tail) };
            let rest = tail.split_off(whole);
            write_out(safe::output(&String::from_utf8_lossy(&tail)).as_bytes())?;
            tail = rest;
        } else {
            write_out(&body)?;
        }
        if at_end {
            break;
        }
        cursor = next;
    }
    if ui.out.is_terminal && !ends_with_newline {
        write_out(b"\n")?;
    }
    Ok(())
}

/// How many bytes to take so that no character is split between two pages.
fn whole_characters(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        _ => bytes.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_is_not_split_between_pages() {
        assert_eq!(whole_characters("aä".as_bytes()), 3);
        assert_eq!(whole_characters(&"aä".as_bytes()[..2]), 1);
        assert_eq!(whole_characters(b"a\xffb"), 3);
    }
}
