//! Rules: data that says what is blocked before anybody is asked.

mod check;
mod only;
mod parse;
mod preset;
mod vocabulary;

use crate::Dialect;
use crate::analysis::Analysis;
use regex::Regex;

pub use parse::RuleError;
pub use preset::{PRESETS, preset};

/// What a rule is about: any one of them hits.
#[derive(Debug, Clone, Default)]
pub(crate) struct Deny {
    /// Verbs (`DROP TABLE`), their first words (`DROP`), kinds (`definition`), programs, methods.
    pub(crate) statement: Vec<String>,
    /// Tables, `schema.table`, with `*`.
    pub(crate) table: Vec<String>,
    /// Tables that may be read but not changed.
    pub(crate) written_table: Vec<String>,
    /// Functions, with `*`.
    pub(crate) function: Vec<String>,
    /// UPDATE or DELETE of every row, TRUNCATE.
    pub(crate) missing_where: bool,
    /// More than one statement.
    pub(crate) multiple_statements: bool,
    /// Everything that is not provably a read.
    pub(crate) not_a_read: bool,
    /// Words and sequences of words, anywhere in the text.
    pub(crate) words: Vec<Vec<String>>,
    /// A regular expression over the text.
    pub(crate) pattern: Option<Regex>,
    /// A regular expression over the output.
    pub(crate) output_pattern: Option<Regex>,
}

impl Deny {
    /// Whether it can only be judged by who understands the command.
    fn needs_understanding(&self) -> bool {
        self.looks_inside() || self.multiple_statements || self.not_a_read
    }

    /// Whether hidden code could hide what it is about.
    fn looks_inside(&self) -> bool {
        !self.statement.is_empty()
            || !self.table.is_empty()
            || !self.written_table.is_empty()
            || !self.function.is_empty()
            || self.missing_where
    }
}

/// The rule that all connections over HTTP have.
const VALID_REQUEST: &str = "valid-request";

/// One rule.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) message: String,
    pub(crate) deny: Deny,
    /// It is known by name: what it lists is for all dialects.
    pub(crate) is_preset: bool,
    /// The commands that may run at all, for runners.
    pub(crate) only: Option<only::Only>,
}

/// The rules of one connection.
#[derive(Debug, Clone, Default)]
pub struct RuleSet {
    rules: Vec<Rule>,
}

/// A rule that blocks a command, or an output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The rule's name.
    pub rule: String,
    /// What the requester is told.
    pub message: String,
}

impl RuleSet {
    /// Whether there are no rules.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Programs that an `only` rule lets have any option, although an option of theirs may run code or write files.
    pub fn wide_entries(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().filter_map(|rule| rule.only.as_ref()).flat_map(only::Only::wide)
    }

    /// Whether any rule is about output.
    #[must_use]
    pub fn checks_output(&self) -> bool {
        self.rules.iter().any(|rule| rule.deny.output_pattern.is_some())
    }

    /// The first rule that blocks the command. A request that cannot be sent is blocked without a rule.
    #[must_use]
    pub fn check(&self, command: &str, analysis: &Analysis) -> Option<Hit> {
        if analysis.dialect == Dialect::Http && !analysis.understood {
            let message = format!("the command is no request that can be sent: {}", analysis.reason());
            return Some(Hit { rule: VALID_REQUEST.to_owned(), message });
        }
        if self.rules.is_empty() {
            return None;
        }
        let texts = check::Texts::new(command, analysis);
        self.rules.iter().find_map(|rule| {
            let message = check::message(rule, &texts, analysis)?;
            Some(Hit { rule: rule.name.clone(), message })
        })
    }

    /// The first rule that blocks an output, by its text. A value that is cut into two texts is not
    /// found: give it whole lines, or all of it.
    #[must_use]
    pub fn check_output(&self, text: &str) -> Option<Hit> {
        let hit =
            |rule: &&Rule| rule.deny.output_pattern.as_ref().is_some_and(|pattern| pattern.is_match(text));
        let rule = self.rules.iter().find(hit)?;
        Some(Hit { rule: rule.name.clone(), message: rule.message.clone() })
    }

    /// Whether every rule can be judged for commands of this kind, and can ever hit. A rule that cannot be judged
    /// blocks everything, and one that never hits protects nothing, so both are refused when a connection is saved.
    ///
    /// # Errors
    /// The first such rule or entry, with its place in the list.
    pub fn fits(&self, dialect: Dialect) -> Result<(), RuleError> {
        for (place, rule) in self.rules.iter().enumerate() {
            if rule.only.is_some() && dialect != Dialect::Shell {
                return Err(RuleError {
                    pointer: format!("/{place}/only"),
                    message: format!(
                        "rule `{}`: `only` is for runners, not for {} commands",
                        rule.name,
                        dialect.label()
                    ),
                });
            }
            if let Some(what) = check::unfit(&rule.deny, dialect) {
                return Err(RuleError {
                    pointer: format!("/{place}"),
                    message: format!(
                        "rule `{}` is about {what}, which {} commands do not have; use `words`, `pattern` or `statement`",
                        rule.name,
                        dialect.label()
                    ),
                });
            }
            if let Some((member, at, message)) = never(&rule.deny, dialect).filter(|_| !rule.is_preset) {
                return Err(RuleError {
                    pointer: format!("/{place}/deny/{member}/{at}"),
                    message: format!("rule `{}`: {message}", rule.name),
                });
            }
        }
        Ok(())
    }
}

/// The first entry of a rule that no command can meet: its member, its place, and why.
fn never(deny: &Deny, dialect: Dialect) -> Option<(&'static str, usize, String)> {
    let find =
        |member: &'static str, entries: &[String], check: &dyn Fn(&str) -> Option<vocabulary::Never>| {
            let mut entries = entries.iter().enumerate();
            entries.find_map(|(at, entry)| Some((member, at, check(entry)?.message(entry))))
        };
    find("statement", &deny.statement, &|entry| vocabulary::statement(entry, dialect))
        .or_else(|| find("table", &deny.table, &vocabulary::table))
        .or_else(|| find("written_table", &deny.written_table, &vocabulary::table))
        .or_else(|| find("function", &deny.function, &vocabulary::function))
}

/// A command without comments and strings, as rules read it.
pub(crate) fn code(command: &str, dialect: Dialect) -> String {
    match dialect {
        Dialect::Postgres => crate::postgres::code(command),
        Dialect::Mysql | Dialect::Sqlite => crate::sql::code(command, dialect),
        Dialect::Shell => command.to_owned(),
        Dialect::Http => crate::http::code(command),
    }
}
