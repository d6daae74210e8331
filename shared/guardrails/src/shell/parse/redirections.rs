//! Redirections and here-documents.

use super::{Document, Parser, Result};
use crate::shell::syntax::{Input, Part, Simple, Word};

const SIGNS: [&str; 12] = ["<<<", "<<-", "<<", "<>", "<&", "<", "&>>", "&>", ">>", ">|", ">&", ">"];

impl Parser<'_> {
    /// The redirections behind a compound command, whose commands begin at `start`.
    pub(super) fn redirects_of_compound(&mut self, start: usize) -> Result<()> {
        let mut simple = Simple::default();
        loop {
            self.blanks();
            if !self.redirect(&mut simple)? {
                break;
            }
        }
        self.feed(start, simple.input);
        if simple.redirects() {
            self.script.commands.push(simple);
        }
        Ok(())
    }

    /// Reads a redirection, if there is one.
    pub(super) fn redirect(&mut self, simple: &mut Simple) -> Result<bool> {
        let rest = self.rest();
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, after) = rest.split_at_checked(digits).unwrap_or_default();
        // A number belongs to it only without a space; `<(` and `>(` are substitutions.
        if !(after.starts_with(['<', '>']) || (digits == 0 && after.starts_with("&>")))
            || after.starts_with("<(")
            || after.starts_with(">(")
        {
            return Ok(false);
        }
        self.at += digits;
        let sign = SIGNS.into_iter().find(|sign| self.eat(sign));
        let sign = sign.ok_or_else(|| self.error("it has a redirection that the guardrail does not know"))?;
        let is_input =
            sign.starts_with('<') && (number.is_empty() || number.bytes().all(|digit| digit == b'0'));
        if is_input {
            simple.input = Input::Given;
        }
        self.blanks();
        if matches!(sign, "<<" | "<<-") {
            self.document(sign == "<<-")?;
            return Ok(true);
        }
        let word = self.word_if_there()?.ok_or_else(|| self.error("a file is expected here"))?;
        let literal = word.literal();
        let text = literal.as_deref().unwrap_or_default();
        let duplicates = !text.is_empty()
            && (text == "-" || text.strip_suffix('-').unwrap_or(text).bytes().all(|b| b.is_ascii_digit()));
        match sign {
            "<<<" => {}
            "<&" | ">&" if duplicates => {
                if is_input && text != "-" {
                    simple.input = Input::Copied;
                }
            }
            // A pipe to commands that are read themselves.
            _ if word.parts.as_slice() == [Part::Process] => {}
            "<" if text == "/dev/null" => {}
            "<" | "<&" => simple.reads.push(word),
            "<>" => {
                simple.reads.push(word.clone());
                simple.writes.push(word);
            }
            _ if is_stream(text) => {}
            _ => simple.writes.push(word),
        }
        Ok(true)
    }

    fn document(&mut self, tabs: bool) -> Result<()> {
        let word: Word =
            self.word_if_there()?.ok_or_else(|| self.error("the end of a here-document is expected here"))?;
        let end =
            word.literal().ok_or_else(|| self.error("the end of a here-document is not a plain word"))?;
        let expands = word.parts.iter().all(|part| matches!(part, Part::Plain(_)));
        self.documents.push(Document { end, expands, tabs });
        Ok(())
    }

    /// The bodies of here-documents, after the line that names them.
    pub(super) fn bodies(&mut self) -> Result<()> {
        for document in std::mem::take(&mut self.documents) {
            let start = self.at;
            let end = self.skip_body(&document)?;
            if document.expands {
                let body = self.text.get(start..end).unwrap_or_default();
                let why = "a here-document in it has an expansion that the guardrail does not know";
                self.inner(body, start, why, |inner| inner.document_body())?;
            }
        }
        Ok(())
    }

    /// Skips a body and the line that ends it; the offset where the body ends.
    fn skip_body(&mut self, document: &Document) -> Result<usize> {
        loop {
            let rest = self.rest();
            if rest.is_empty() {
                return Err(self.error("it has a here-document that does not end"));
            }
            let (line, _) = rest.split_once('\n').unwrap_or((rest, ""));
            let end = self.at;
            let bare = if document.tabs { line.trim_start_matches('\t') } else { line };
            // Bash joins it with the next line before it compares, also with the line that ends the document.
            if document.expands && line.ends_with('\\') {
                return Err(self.error(
                    "a line of a here-document ends in a backslash; quote the word behind `<<` to have it as it is",
                ));
            }
            self.at = (self.at + line.len() + 1).min(self.text.len());
            if bare == document.end {
                return Ok(end);
            }
        }
    }
}

/// Files that are no files.
fn is_stream(file: &str) -> bool {
    matches!(file, "/dev/null" | "/dev/stdout" | "/dev/stderr")
}
