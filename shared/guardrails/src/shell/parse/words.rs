//! Words and quotes.

use super::cursor::ends_word;
use super::{Parser, Result};
use crate::shell::syntax::{Input, Part, Word};

impl Parser<'_> {
    pub(super) fn word_if_there(&mut self) -> Result<Option<Word>> {
        self.blanks();
        self.word_here()
    }

    /// A word that begins at this place.
    pub(super) fn word_here(&mut self) -> Result<Option<Word>> {
        let rest = self.rest();
        let substitution = rest.starts_with("<(") || rest.starts_with(">(");
        if rest.is_empty()
            || (rest.starts_with([' ', '\t', ';', '&', '|', '<', '>', '(', ')', '\n']) && !substitution)
        {
            return Ok(None);
        }
        self.word(false).map(Some)
    }

    /// A word; the value of an assignment has no file names and may be empty.
    pub(super) fn word(&mut self, is_value: bool) -> Result<Word> {
        let mut word = Word::default();
        while let Some(c) = self.next() {
            match c {
                ' ' | '\t' | '\n' | ';' | '&' | '|' | ')' => break,
                '<' | '>' if !is_value && self.rest().get(1..).is_some_and(|next| next.starts_with('(')) => {
                    self.at += 2;
                    let start = self.script.commands.len();
                    self.substitution()?;
                    if c == '>' {
                        self.feed(start, Input::Given);
                    }
                    word.parts.push(Part::Process);
                }
                '<' | '>' | '(' => break,
                '\'' => {
                    self.at += 1;
                    word.quoted(&self.until_quote()?);
                }
                '"' => {
                    self.at += 1;
                    self.double_quoted(&mut word)?;
                }
                '\\' => self.escaped(&mut word)?,
                '$' => {
                    self.at += 1;
                    self.dollar(&mut word, false)?;
                }
                '`' => {
                    self.at += 1;
                    self.backquoted(&mut word, false)?;
                }
                '*' | '?' | '[' | '{' => {
                    self.at += 1;
                    // The test program, and an empty pair of braces, which `find` replaces.
                    let alone = matches!(c, '[' | '{') && word.parts.is_empty() && ends_word(self.rest());
                    let braces = c == '{' && self.rest().starts_with('}');
                    if alone || braces || is_value && c != '{' {
                        word.plain(c);
                    } else {
                        word.parts.push(Part::Pattern(c));
                    }
                }
                '~' if word.parts.is_empty() => {
                    self.at += 1;
                    word.parts.push(Part::Pattern('~'));
                }
                _ => {
                    self.at += c.len_utf8();
                    word.plain(c);
                }
            }
        }
        // `{name}>file` opens the file and sets the variable.
        if self.rest().starts_with(['<', '>'])
            && word.parts.first() == Some(&Part::Pattern('{'))
            && word.visible().ends_with('}')
        {
            return Err(self.error("it has a redirection that sets a variable"));
        }
        Ok(word)
    }

    /// Behind it a character stands for itself, and a line goes on.
    fn escaped(&mut self, word: &mut Word) -> Result<()> {
        self.at += 1;
        match self.next() {
            // A word of the grammar, a name or a sign that is written in two lines is read as one by bash.
            Some('\n') => {
                let ends = self.rest().get(1..).is_some_and(ends_word);
                if !ends {
                    return Err(self.error("it continues a line inside of a word"));
                }
                self.at += 1;
            }
            Some(c) => {
                self.at += c.len_utf8();
                word.quoted(c.encode_utf8(&mut [0; 4]));
            }
            None => return Err(self.error("it ends in a backslash")),
        }
        Ok(())
    }

    /// Text up to a single quote.
    pub(super) fn until_quote(&mut self) -> Result<String> {
        let (text, _) =
            self.rest().split_once('\'').ok_or_else(|| self.error("it has a quote that is not closed"))?;
        self.at += text.len() + 1;
        Ok(text.to_owned())
    }

    /// Text up to a double quote.
    pub(super) fn double_quoted(&mut self, word: &mut Word) -> Result<()> {
        word.quoted("");
        loop {
            let c = self.next().ok_or_else(|| self.error("it has a quote that is not closed"))?;
            if self.eat("\"") {
                return Ok(());
            }
            self.text_that_expands(word, c, |escaped| matches!(escaped, '"' | '\\' | '$' | '`'))?;
        }
    }

    /// The body of a here-document: quotes in it are text.
    pub(super) fn document_body(&mut self) -> Result<()> {
        let mut word = Word::default();
        while let Some(c) = self.next() {
            self.text_that_expands(&mut word, c, |escaped| matches!(escaped, '\\' | '$' | '`'))?;
        }
        Ok(())
    }

    /// The next character of a text in which variables and substitutions expand.
    fn text_that_expands(&mut self, word: &mut Word, c: char, escapes: fn(char) -> bool) -> Result<()> {
        self.at += c.len_utf8();
        match c {
            '\\' => match self.next() {
                Some('\n') => self.at += 1,
                Some(escaped) if escapes(escaped) => {
                    self.at += escaped.len_utf8();
                    word.quoted(escaped.encode_utf8(&mut [0; 4]));
                }
                _ => word.quoted("\\"),
            },
            '$' => self.dollar(word, true)?,
            '`' => self.backquoted(word, true)?,
            other => word.quoted(other.encode_utf8(&mut [0; 4])),
        }
        Ok(())
    }

    /// `$'…'`; `None` if its escapes are not plain.
    pub(super) fn ansi_quoted(&mut self) -> Result<Option<String>> {
        let mut text = Some(String::new());
        loop {
            let mut next = || {
                let c = self.next().ok_or_else(|| self.error("it has a quote that is not closed"))?;
                self.at += c.len_utf8();
                Ok(c)
            };
            let plain = match next()? {
                '\'' => return Ok(text),
                '\\' => match next()? {
                    'n' => Some('\n'),
                    't' => Some('\t'),
                    escaped @ ('\\' | '\'' | '"') => Some(escaped),
                    _ => None,
                },
                other => Some(other),
            };
            match (&mut text, plain) {
                (Some(text), Some(c)) => text.push(c),
                _ => text = None,
            }
        }
    }
}
