//! Lists, pipelines and compound commands.

use super::{Parser, Result};
use crate::shell::syntax::{Input, Simple};

/// Words that begin or end a construct where a command may begin.
const RESERVED: [&str; 19] = [
    "if", "then", "elif", "else", "fi", "for", "select", "while", "until", "do", "done", "case", "esac",
    "in", "function", "{", "}", "[[", "coproc",
];

/// Whether a list may have no command.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Empty {
    Allowed,
    Refused,
}

impl Parser<'_> {
    /// Commands up to one of these words, which is not consumed; without words, up to a bracket or the end.
    pub(super) fn list(&mut self, ends: &[&str], empty: Empty) -> Result<()> {
        self.deeper()?;
        let mut found = empty == Empty::Allowed;
        loop {
            self.line()?;
            let rest = self.rest();
            if rest.is_empty() || rest.starts_with(')') || rest.starts_with(";;") || rest.starts_with(";&") {
                break;
            }
            if ends.iter().any(|end| self.is_reserved(end)) {
                break;
            }
            found = true;
            self.and_or()?;
            let rest = self.rest();
            if rest.starts_with(";;") || rest.starts_with(";&") {
                break;
            } else if rest.starts_with([';', '&']) {
                self.at += 1;
            } else if !rest.is_empty() && !rest.starts_with(['\n', ')', '#']) {
                return Err(self.error("it has something here that the guardrail does not know"));
            }
        }
        if !found {
            return Err(self.error("a command is expected here"));
        }
        self.depth -= 1;
        Ok(())
    }

    /// The ends of lines before a command. Bash reads a line as a whole before it runs it, and the next one after that:
    /// commands before the last line may read what follows them.
    fn line(&mut self) -> Result<()> {
        self.blanks();
        if self.eat("\n") {
            self.bodies()?;
            let more = self.at < self.text_end;
            if self.depth == 1 && more {
                self.script.last_line = self.script.commands.len();
            }
        }
        self.newlines()
    }

    fn and_or(&mut self) -> Result<()> {
        loop {
            self.pipeline()?;
            self.blanks();
            let rest = self.rest();
            if !rest.starts_with("&&") && !rest.starts_with("||") {
                return Ok(());
            }
            self.at += 2;
            self.newlines()?;
        }
    }

    fn pipeline(&mut self) -> Result<()> {
        loop {
            self.blanks();
            if self.is_reserved("!") {
                self.at += 1;
            } else if self.is_reserved("time") {
                self.at += 4;
                self.blanks();
                if self.is_reserved("-p") {
                    self.at += 2;
                }
            } else {
                break;
            }
        }
        let mut piped = None;
        loop {
            self.blanks();
            self.command()?;
            if let Some(from) = piped {
                self.feed(from, Input::Given);
            }
            self.blanks();
            if !self.rest().starts_with('|') || self.rest().starts_with("||") {
                return Ok(());
            }
            self.at += 1;
            self.eat("&");
            self.newlines()?;
            if self.is_reserved("!") || self.is_reserved("time") {
                return Err(self.error("a command is expected here"));
            }
            piped = Some(self.script.commands.len());
        }
    }
}

impl Parser<'_> {
    fn command(&mut self) -> Result<()> {
        let start = self.script.commands.len();
        if self.rest().starts_with("((") {
            self.at += 2;
            self.arithmetic()?;
            self.script.hide("it has arithmetic, which evaluates variables");
            return self.redirects_of_compound(start);
        }
        if self.eat("(") {
            self.list(&[], Empty::Refused)?;
            self.expect(")")?;
            return self.redirects_of_compound(start);
        }
        let Some(word) = RESERVED.iter().find(|word| self.is_reserved(word)) else { return self.simple() };
        self.at += word.len();
        match *word {
            "if" => self.if_()?,
            "while" | "until" => {
                self.list(&["do"], Empty::Refused)?;
                self.body()?;
            }
            "for" => self.for_()?,
            "case" => self.case()?,
            "function" => return self.function(),
            "{" => {
                self.list(&["}"], Empty::Refused)?;
                self.reserved("}")?;
            }
            "[[" => self.condition()?,
            _ => return Err(self.error("it has a word of the grammar where a command is expected")),
        }
        self.redirects_of_compound(start)
    }

    fn if_(&mut self) -> Result<()> {
        self.list(&["then"], Empty::Refused)?;
        self.reserved("then")?;
        self.list(&["elif", "else", "fi"], Empty::Refused)?;
        if self.is_reserved("elif") {
            self.at += 4;
            return self.if_();
        }
        if self.is_reserved("else") {
            self.at += 4;
            self.list(&["fi"], Empty::Refused)?;
        }
        self.reserved("fi")
    }

    fn body(&mut self) -> Result<()> {
        self.reserved("do")?;
        self.list(&["done"], Empty::Refused)?;
        self.reserved("done")
    }

    fn for_(&mut self) -> Result<()> {
        self.blanks();
        if self.rest().starts_with("((") {
            return Err(self.error("it has a loop with arithmetic, which evaluates variables"));
        }
        let name = self.name().ok_or_else(|| self.error("a variable is expected here"))?;
        if !self.rest().starts_with([' ', '\t', '\n', ';']) {
            return Err(self.error("a variable is expected here"));
        }
        self.blanks();
        let alone = self.rest().starts_with(';');
        if !alone {
            self.newlines()?;
        }
        let mut values = Some(Vec::new());
        if !alone && self.is_reserved("in") {
            self.at += 2;
            while let Some(word) = self.word_if_there()? {
                match (word.literal(), &mut values) {
                    (Some(text), Some(values)) => values.push(text),
                    _ => values = None,
                }
            }
        } else {
            // The script's own arguments.
            values = None;
        }
        self.script.assign(&name, values);
        self.script.commands.push(Simple { assigned: vec![name], ..Simple::default() });
        self.blanks();
        if !self.rest().starts_with(";;") {
            self.eat(";");
        }
        self.newlines()?;
        self.body()
    }

    fn case(&mut self) -> Result<()> {
        self.word_if_there()?.ok_or_else(|| self.error("a word is expected here"))?;
        self.newlines()?;
        self.reserved("in")?;
        loop {
            self.newlines()?;
            if self.is_reserved("esac") {
                return self.reserved("esac");
            }
            self.eat("(");
            loop {
                self.blanks();
                self.word_if_there()?.ok_or_else(|| self.error("a pattern is expected here"))?;
                self.blanks();
                if !self.eat("|") {
                    break;
                }
            }
            self.expect(")")?;
            self.list(&["esac"], Empty::Allowed)?;
            if !(self.eat(";;&") || self.eat(";;") || self.eat(";&")) {
                self.newlines()?;
                return self.reserved("esac");
            }
        }
    }

    fn function(&mut self) -> Result<()> {
        self.blanks();
        let word =
            self.word_if_there()?.ok_or_else(|| self.error("the name of a function is expected here"))?;
        self.blanks();
        if self.eat("(") {
            self.blanks();
            self.expect(")")?;
        }
        self.function_body(word.bare())
    }

    pub(super) fn function_body(&mut self, name: Option<&str>) -> Result<()> {
        let plain = |name: &&str| name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.:".contains(c));
        let name = name.filter(plain).filter(|name| !RESERVED.contains(name));
        let name = name.ok_or_else(|| self.error("the name of a function is expected here"))?.to_owned();
        self.newlines()?;
        let compound = self.rest().starts_with('(')
            || ["{", "if", "for", "while", "until", "case", "[["].iter().any(|word| self.is_reserved(word));
        if !compound {
            return Err(self.error("the body of a function is expected here"));
        }
        self.script.functions.insert(name);
        self.command()
    }
}
