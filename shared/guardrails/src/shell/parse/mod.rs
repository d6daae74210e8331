//! The grammar of bash, as far as a script is understood. Everything else is an error: the command is not understood
//! then.
//!
//! One pass over the text. Recursion is bounded by [`MAX_DEPTH`].
//!
//! `lists` has lists, pipelines and compound commands, `condition` what is in `[[ … ]]`, `simple` simple commands and
//! assignments, `redirections` also here-documents, `words` words and quotes, `expansions` what is behind a `$`.

mod condition;
mod cursor;
mod expansions;
mod lists;
mod redirections;
mod simple;
mod words;

use super::syntax::{Input, Script};
use crate::analysis::NotUnderstood;

/// How deep constructs may be nested.
const MAX_DEPTH: usize = 40;

type Result<T> = std::result::Result<T, Error>;

/// What is not understood, and the offset of it.
#[derive(Debug)]
pub(super) struct Error {
    why: &'static str,
    at: usize,
}

impl Error {
    pub(super) fn in_command(&self, command: &str) -> NotUnderstood {
        NotUnderstood::at(command, self.at, self.why)
    }
}

/// Parses a script.
pub(super) fn script(text: &str) -> Result<Script> {
    let mut parser = Parser::new(text, 0);
    parser.list(&[], lists::Empty::Allowed)?;
    parser.finish()
}

/// A here-document whose body begins on the next line.
struct Document {
    end: String,
    expands: bool,
    tabs: bool,
}

struct Parser<'a> {
    text: &'a str,
    /// Behind it there is only space.
    text_end: usize,
    at: usize,
    depth: usize,
    script: Script,
    documents: Vec<Document>,
    /// A continued line that joins two signs into one, which the grammar has read as two.
    joined: Option<usize>,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, depth: usize) -> Self {
        let text_end = text.trim_end().len();
        Self { text, text_end, at: 0, depth, script: Script::default(), documents: Vec::new(), joined: None }
    }

    /// The script, if all of the text was read.
    fn finish(self) -> Result<Script> {
        if self.at < self.text.len() {
            return Err(self.error("it has something here that ends nothing"));
        }
        if !self.documents.is_empty() {
            return Err(self.error("it has a here-document that does not end"));
        }
        match self.joined {
            Some(at) => Err(Error { why: "it continues a line between two signs", at }),
            None => Ok(self.script),
        }
    }

    fn error(&self, why: &'static str) -> Error {
        Error { why, at: self.at }
    }

    fn deeper(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err(self.error("its constructs are nested too deep")) } else { Ok(()) }
    }

    /// Parses a text in it that has been unquoted; errors in it are at `start`.
    fn inner(
        &mut self,
        text: &str,
        start: usize,
        why: &'static str,
        read: impl FnOnce(&mut Parser<'_>) -> Result<()>,
    ) -> Result<()> {
        self.deeper()?;
        let mut inner = Parser::new(text, self.depth);
        let script = read(&mut inner).and_then(|()| inner.finish());
        self.depth -= 1;
        let script = script.map_err(|_| Error { why, at: start })?;
        self.script.commands.extend(script.commands);
        self.script.functions.extend(script.functions);
        for (name, values) in script.variables {
            self.script.assign(&name, values);
        }
        Ok(())
    }

    /// The commands from there on read this instead of the script's own input.
    fn feed(&mut self, from: usize, input: Input) {
        for simple in self.script.commands.iter_mut().skip(from) {
            if simple.input == Input::Script {
                simple.input = input;
            }
        }
    }
}
