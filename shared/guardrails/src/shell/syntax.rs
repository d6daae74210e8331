//! What a script consists of, as far as the guardrails need it.

use super::programs;
use std::collections::{BTreeMap, BTreeSet};

/// Texts that a word may become; more are not followed.
const MAX_TEXTS: usize = 64;

/// A script: all simple commands in it, wherever they are, in the order of the text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Script {
    pub(crate) commands: Vec<Simple>,
    /// The first command of its last line.
    pub(crate) last_line: usize,
    /// Functions that it defines. A call of one may also run a program of that name.
    pub(crate) functions: BTreeSet<String>,
    /// The variables that it sets, with all values if they are known.
    pub(crate) variables: BTreeMap<String, Option<Vec<String>>>,
}

impl Script {
    /// Adds a value that a variable may have, or that it may have any.
    pub(super) fn assign(&mut self, name: &str, values: Option<Vec<String>>) {
        let known = self.variables.entry(name.to_owned()).or_insert_with(|| Some(Vec::new()));
        match (known.as_mut(), values) {
            (Some(known), Some(values)) => known.extend(values),
            _ => *known = None,
        }
    }

    /// The texts that a word may become, if all of its variables are set by this script alone, to plain texts.
    pub(crate) fn texts(&self, word: &Word) -> Option<Vec<String>> {
        if let Some(text) = word.literal() {
            return Some(vec![text]);
        }
        let sets = |simple: &Simple| {
            let program = simple.words.first();
            program.is_some_and(|word| word.literal().is_none_or(|name| programs::is_setter(&name)))
        };
        if self.commands.iter().any(sets) {
            return None;
        }
        let mut texts = vec![String::new()];
        for part in &word.parts {
            let values = match part {
                Part::Plain(text) | Part::Quoted(text) => std::slice::from_ref(text),
                Part::Variable { name, .. } => self.values(name)?,
                Part::Pattern(_) | Part::Output { .. } | Part::Process | Part::Unknown => return None,
            };
            if texts.len() * values.len() > MAX_TEXTS {
                return None;
            }
            texts = texts
                .iter()
                .flat_map(|text| values.iter().map(move |value| format!("{text}{value}")))
                .collect();
        }
        Some(texts)
    }

    /// The values that this script sets a variable to: plain words, which stay one word and are no pattern.
    fn values(&self, name: &str) -> Option<&[String]> {
        let values = self.variables.get(name)?.as_ref().filter(|values| !values.is_empty())?;
        let is_plain = |value: &String| {
            !value.is_empty() && value.chars().all(|c| c.is_alphanumeric() || "_./:@-".contains(c))
        };
        // Variables that bash sets itself.
        let own = ["PWD", "OLDPWD", "REPLY", "_", "OPTARG", "DIRSTACK", "FUNCNAME"].contains(&name)
            || name.starts_with("BASH");
        (!own && values.iter().all(is_plain)).then_some(values)
    }

    /// Adds something that is not known.
    pub(super) fn hide(&mut self, why: &'static str) {
        self.commands.push(Simple { hidden: Some(why), ..Simple::default() });
    }
}

/// Where a command's standard input comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Input {
    /// It is the shell's own, from which the shell reads the script.
    #[default]
    Script,
    /// A pipe, a file or a text.
    Given,
    /// Another descriptor, which may be the shell's own input.
    Copied,
}

/// A simple command: a program and its arguments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Simple {
    /// The program first.
    pub(crate) words: Vec<Word>,
    /// The variables that it sets.
    pub(crate) assigned: Vec<String>,
    /// Files that it reads by redirection.
    pub(crate) reads: Vec<Word>,
    /// Files that it writes by redirection.
    pub(crate) writes: Vec<Word>,
    pub(crate) input: Input,
    /// More of the script follows in later lines.
    pub(crate) followed: bool,
    /// Why part of it is not known.
    pub(crate) hidden: Option<&'static str>,
}

impl Simple {
    /// Whether it redirects something.
    pub(super) fn redirects(&self) -> bool {
        !self.reads.is_empty() || !self.writes.is_empty() || self.input != Input::Script
    }
}

/// A word.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Word {
    /// Its parts, in order.
    pub(crate) parts: Vec<Part>,
}

/// A part of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// Text without quotes, escapes undone.
    Plain(String),
    /// Text in quotes, or escaped.
    Quoted(String),
    /// `*`, `?`, `[`, `{`, `~`: becomes file names or several words.
    Pattern(char),
    /// A variable. In quotes it stays one word.
    Variable {
        /// Its name.
        name: String,
        /// In double quotes.
        quoted: bool,
    },
    /// The output of commands. In quotes it stays one word.
    Output {
        /// In double quotes.
        quoted: bool,
    },
    /// The path of a pipe to commands: `<(…)`, `>(…)`.
    Process,
    /// An expansion that is not looked into.
    Unknown,
}

impl Word {
    /// Adds a character without quotes.
    pub(super) fn plain(&mut self, c: char) {
        match self.parts.last_mut() {
            Some(Part::Plain(text)) => text.push(c),
            _ => self.parts.push(Part::Plain(c.to_string())),
        }
    }

    /// Adds text in quotes.
    pub(super) fn quoted(&mut self, more: &str) {
        match self.parts.last_mut() {
            Some(Part::Quoted(text)) => text.push_str(more),
            _ => self.parts.push(Part::Quoted(more.to_owned())),
        }
    }

    /// Adds a variable. `$@` becomes several words, also in quotes.
    pub(super) fn variable(&mut self, name: String, quoted: bool) {
        let quoted = quoted && name != "@";
        self.parts.push(Part::Variable { name, quoted });
    }

    /// Its text with quotes taken away, if nothing in it expands.
    pub(crate) fn literal(&self) -> Option<String> {
        self.parts.iter().try_fold(String::new(), |mut text, part| match part {
            Part::Plain(plain) | Part::Quoted(plain) => {
                text.push_str(plain);
                Some(text)
            }
            _ => None,
        })
    }

    /// Its text, if it has no quotes at all: a word of the grammar may be meant.
    pub(crate) fn bare(&self) -> Option<&str> {
        match self.parts.as_slice() {
            [Part::Plain(text)] => Some(text),
            _ => None,
        }
    }

    /// The text that it has whatever expands, for messages and rules about words.
    pub(crate) fn visible(&self) -> String {
        let parts = self.parts.iter().map(|part| match part {
            Part::Plain(text) | Part::Quoted(text) => text.as_str(),
            _ => "",
        });
        parts.collect()
    }

    /// Whether it may begin with `-`, or become several words: then it may be an option.
    pub(crate) fn may_be_option(&self) -> bool {
        let begins = match self.parts.first() {
            Some(Part::Plain(text) | Part::Quoted(text)) => text.is_empty() || text.starts_with('-'),
            Some(Part::Pattern('~') | Part::Process) => false,
            _ => true,
        };
        let splits = self.parts.iter().any(|part| {
            matches!(
                part,
                Part::Variable { quoted: false, .. } | Part::Output { quoted: false } | Part::Unknown
            ) || matches!(part, Part::Pattern('{'))
        });
        begins || splits
    }
}
