//! Simple commands and assignments.

use super::{Parser, Result};
use crate::shell::syntax::Simple;

impl Parser<'_> {
    pub(super) fn simple(&mut self) -> Result<()> {
        let start = self.at;
        let mut simple = Simple::default();
        let place = self.script.commands.len();
        // Its place before the commands in its substitutions.
        self.script.commands.push(Simple::default());
        loop {
            self.blanks();
            if self.redirect(&mut simple)? {
                continue;
            }
            if simple.words.is_empty()
                && let Some(name) = self.assignment()?
            {
                simple.assigned.push(name);
                continue;
            }
            let Some(word) = self.word_if_there()? else { break };
            simple.words.push(word);
            self.blanks();
            if self.rest().starts_with('(') {
                let [name] = simple.words.as_slice() else {
                    return Err(self.error("it has a bracket that the guardrail does not know"));
                };
                if !simple.assigned.is_empty() || simple.redirects() {
                    return Err(self.error("it has a bracket that the guardrail does not know"));
                }
                self.at += 1;
                self.blanks();
                self.expect(")")?;
                self.script.commands.truncate(place);
                return self.function_body(name.bare());
            }
        }
        if self.at == start {
            return Err(self.error("a command is expected here"));
        }
        if let Some(slot) = self.script.commands.get_mut(place) {
            *slot = simple;
        }
        Ok(())
    }

    /// `NAME=word`, `NAME+=word`.
    fn assignment(&mut self) -> Result<Option<String>> {
        let start = self.at;
        let Some(name) = self.name() else { return Ok(None) };
        if self.rest().starts_with('[') {
            // Bash reads up to the `]`, over spaces and lines.
            return Err(self.error("it sets an element of an array, whose subscript is arithmetic"));
        }
        let adds = self.eat("+=");
        if !adds && !self.eat("=") {
            self.at = start;
            return Ok(None);
        }
        if self.rest().starts_with('(') {
            return Err(self.error("it sets an array"));
        }
        let word = self.word(true)?;
        let value = word.literal().filter(|_| !adds);
        self.script.assign(&name, value.map(|value| vec![value]));
        Ok(Some(name))
    }
}
