//! Characters, blanks and words of the grammar.

use super::{Parser, Result};

/// Signs that may be the first or the second half of a longer one.
const SIGNS: [char; 8] = ['$', '(', ')', '<', '>', '&', '|', ';'];

impl<'a> Parser<'a> {
    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn next(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn before(&self) -> Option<char> {
        self.text.get(..self.at)?.chars().next_back()
    }

    pub(super) fn eat(&mut self, sign: &str) -> bool {
        let found = self.rest().starts_with(sign);
        if found {
            self.at += sign.len();
        }
        found
    }

    pub(super) fn expect(&mut self, sign: &str) -> Result<()> {
        if self.eat(sign) { Ok(()) } else { Err(self.error("it has a bracket that is not closed")) }
    }

    /// The name of a variable.
    pub(super) fn name(&mut self) -> Option<String> {
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let name = rest
            .get(..end)
            .filter(|name| !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()))?;
        self.at += end;
        Some(name.to_owned())
    }

    /// Whether this word is next, without quotes, and ends there.
    pub(super) fn is_reserved(&self, word: &str) -> bool {
        self.rest().strip_prefix(word).is_some_and(|after| {
            // A line that is continued with a letter makes it a longer word, which `word` refuses.
            after.is_empty()
                || after.starts_with([' ', '\t', '\n', ';', '&', '|', '(', ')', '<', '>'])
                || after.strip_prefix("\\\n").is_some_and(ends_word)
        })
    }

    pub(super) fn reserved(&mut self, word: &str) -> Result<()> {
        if !self.is_reserved(word) {
            return Err(self.error("it has a construct (if, for, while, case, {) that is not complete"));
        }
        self.at += word.len();
        Ok(())
    }

    /// Spaces, tabs, comments and continued lines.
    pub(super) fn blanks(&mut self) {
        loop {
            let rest = self.rest();
            if rest.starts_with([' ', '\t']) {
                self.at += 1;
            } else if let Some(after) = rest.strip_prefix("\\\n") {
                // `$` and `(` in two lines are one sign.
                if self.before().is_some_and(|c| SIGNS.contains(&c)) && after.starts_with(SIGNS) {
                    self.joined.get_or_insert(self.at);
                }
                self.at += 2;
            } else if rest.starts_with('#') && self.begins_word() {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else {
                return;
            }
        }
    }

    /// `#` begins a comment only where a word may begin.
    fn begins_word(&self) -> bool {
        self.before().is_none_or(|c| matches!(c, ' ' | '\t' | '\n' | ';' | '&' | '|' | '(' | ')'))
    }

    /// Ends of lines, with the bodies of here-documents behind them.
    pub(super) fn newlines(&mut self) -> Result<()> {
        loop {
            self.blanks();
            if !self.eat("\n") {
                return Ok(());
            }
            self.bodies()?;
        }
    }
}

/// Whether a word ends before this text.
pub(super) fn ends_word(rest: &str) -> bool {
    rest.is_empty() || rest.starts_with([' ', '\t', '\n', ';', '&', '|', ')'])
}
