//! What a script consists of, as far as the guardrails need it.

use std::collections::{BTreeMap, BTreeSet};

/// A script: all simple commands in it, wherever they are, in the order of the text.
#[derive(Debug, Default)]
pub(crate) struct Script {
    pub(crate) commands: Vec<Simple>,
    /// Functions that it defines. A call of one may also run a program of that name.
    pub(crate) functions: BTreeSet<String>,
    /// The variables that it sets, with all values if they are known.
    pub(crate) variables: BTreeMap<String, Option<Vec<String>>>,
}

/// A simple command: a program and its arguments.
#[derive(Debug, Clone, Default)]
pub(crate) struct Simple {
    /// The program first.
    pub(crate) words: Vec<Word>,
    /// The variables that it sets.
    pub(crate) assigned: Vec<String>,
    /// Files that it reads by redirection.
    pub(crate) reads: Vec<Word>,
    /// Files that it writes by redirection.
    pub(crate) writes: Vec<Word>,
    /// Why part of it is not known.
    pub(crate) hidden: Option<&'static str>,
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
    /// An expansion that is not looked into.
    Unknown,
}

impl Word {
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
            Some(Part::Pattern('~')) => false,
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
