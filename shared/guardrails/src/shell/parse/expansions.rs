//! What is behind a `$` or in backquotes.

use super::lists::Empty;
use super::{Parser, Result};
use crate::shell::syntax::{Part, Word};

/// Operators of `${name…}` whose text stands in for the value or is compared with it.
const OPERATORS: [&str; 16] =
    [":-", "-", ":+", "+", ":?", "?", "##", "#", "%%", "%", "//", "/", "^^", "^", ",,", ","];

impl Parser<'_> {
    /// Commands up to a `)`.
    pub(super) fn substitution(&mut self) -> Result<()> {
        let crossing = "it has a here-document around a substitution or across the end of one";
        if !self.documents.is_empty() {
            return Err(self.error(crossing));
        }
        self.list(&[], Empty::Allowed)?;
        if !self.documents.is_empty() {
            return Err(self.error(crossing));
        }
        self.expect(")")
    }

    /// Behind a `$`.
    pub(super) fn dollar(&mut self, word: &mut Word, quoted: bool) -> Result<()> {
        let rest = self.rest();
        if rest.starts_with("\\\n") {
            return Err(self.error("it continues a line inside of an expansion"));
        } else if rest.starts_with("((") {
            self.at += 2;
            self.arithmetic()?;
            word.parts.push(Part::Unknown);
        } else if rest.starts_with('(') {
            self.at += 1;
            self.substitution()?;
            word.parts.push(Part::Output { quoted });
        } else if rest.starts_with('[') {
            return Err(self.error("it has arithmetic in an old form"));
        } else if rest.starts_with('{') {
            self.at += 1;
            self.parameter(word, quoted)?;
        } else if rest.starts_with('\'') && !quoted {
            self.at += 1;
            match self.ansi_quoted()? {
                Some(text) => word.quoted(&text),
                None => word.parts.push(Part::Unknown),
            }
        } else if rest.starts_with('"') && !quoted {
            // `$"…"` is translated.
            return Err(self.error("it has a string that is translated"));
        } else if let Some(name) = self.name() {
            if self.rest().starts_with("\\\n") {
                return Err(self.error("it continues a line inside of an expansion"));
            }
            word.variable(name, quoted);
        } else if let Some(special) = self.next().filter(|c| c.is_ascii_digit() || "@*#?-$!".contains(*c)) {
            self.at += 1;
            word.variable(special.to_string(), quoted);
        } else if quoted {
            word.quoted("$");
        } else {
            word.plain('$');
        }
        Ok(())
    }

    /// `${name}` and its forms. The text in it may expand in turn.
    fn parameter(&mut self, word: &mut Word, quoted: bool) -> Result<()> {
        let counts = self.rest().starts_with('#') && !self.rest().starts_with("#}");
        if counts {
            self.at += 1;
        }
        let special = self.next().filter(|c| c.is_ascii_digit() || "@*#?-$".contains(*c));
        let name = match (self.name(), special) {
            (Some(name), _) => name,
            (None, Some(special)) => {
                self.at += 1;
                special.to_string()
            }
            _ => return Err(self.error("it has an expansion that the guardrail does not know")),
        };
        if self.eat("}") {
            word.variable(name, quoted);
            return Ok(());
        }
        let rest = self.rest();
        let sign = OPERATORS.iter().find(|sign| rest.starts_with(**sign)).filter(|_| !counts);
        let Some(sign) = sign else {
            // `${x@P}`, `${x:1}`, `${x[…]}`, `${x:=…}`.
            return Err(self.error("it has an expansion that the guardrail does not know"));
        };
        self.at += sign.len();
        self.until_brace(quoted)?;
        word.variable(name, quoted);
        // What stands in for the value.
        if sign.trim_start_matches(':').starts_with(['-', '+']) {
            word.parts.push(Part::Unknown);
        }
        Ok(())
    }

    /// Text of an expansion up to its `}`; commands in it are part of what runs. Whether quotes quote in it depends on
    /// the operator and on the quotes around it.
    fn until_brace(&mut self, quoted: bool) -> Result<()> {
        self.deeper()?;
        let mut inside = Word::default();
        loop {
            let Some(c) = self.next() else {
                return Err(self.error("it has an expansion that is not closed"));
            };
            self.at += c.len_utf8();
            match c {
                '}' => break,
                '\'' | '"' if quoted => {
                    return Err(self.error("it has a quote inside of an expansion inside of quotes"));
                }
                '\'' => _ = self.until_quote()?,
                '"' => self.double_quoted(&mut inside)?,
                '\\' if self.rest().starts_with('\n') => {
                    return Err(self.error("it continues a line inside of an expansion"));
                }
                '\\' => self.at += self.next().map_or(0, char::len_utf8),
                '$' => self.dollar(&mut inside, quoted)?,
                '`' => self.backquoted(&mut inside, quoted)?,
                '<' | '>' if self.rest().starts_with('(') => {
                    return Err(self.error("it has an expansion that the guardrail does not know"));
                }
                _ => {}
            }
        }
        self.depth -= 1;
        Ok(())
    }

    /// Commands in backquotes, behind the first one.
    pub(super) fn backquoted(&mut self, word: &mut Word, quoted: bool) -> Result<()> {
        let mut text = String::new();
        let start = self.at;
        loop {
            let Some(c) = self.next() else {
                return Err(self.error("it has a backquote that is not closed"));
            };
            self.at += c.len_utf8();
            match c {
                '`' => break,
                '\\' => {
                    let escaped = self.next();
                    self.at += escaped.map_or(0, char::len_utf8);
                    match escaped {
                        Some(c @ ('`' | '\\' | '$')) => text.push(c),
                        Some('"') if quoted => text.push('"'),
                        Some(c) => text.extend(['\\', c]),
                        None => {}
                    }
                }
                other => text.push(other),
            }
        }
        let why = "it has a backquote with something inside that the guardrail does not know";
        self.inner(&text, start, why, |inner| inner.list(&[], Empty::Allowed))?;
        word.parts.push(Part::Output { quoted });
        Ok(())
    }

    /// Numbers and signs up to `))`. Names are evaluated again, subscripts and all.
    pub(super) fn arithmetic(&mut self) -> Result<()> {
        let mut open = 0_usize;
        while let Some(c) = self.next() {
            match c {
                ')' if open == 0 && self.rest().starts_with("))") => {
                    self.at += 2;
                    return Ok(());
                }
                ')' if open == 0 => break,
                ')' => open -= 1,
                '(' => open += 1,
                _ if c.is_ascii_digit() || " \t\n+-*/%<>=!&|^~?:,".contains(c) => {}
                _ => {
                    return Err(self.error("it has arithmetic with a variable, whose value may run commands"));
                }
            }
            self.at += 1;
        }
        Err(self.error("it has a bracket that is not closed"))
    }
}
