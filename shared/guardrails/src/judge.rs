//! Questions that the rest of the product asks about a command.

use crate::analysis::{Analysis, Kind, Statement, TableName};
use crate::{Dialect, names};
use std::borrow::Cow;
use std::collections::BTreeSet;

impl Analysis {
    /// Whether the command provably only reads: every statement on the allow-list, every function,
    /// operator and type the database's own, no locks. The error says why not.
    ///
    /// # Errors
    /// The first reason why it is not provable, in plain words.
    pub fn is_provable_read(&self) -> Result<(), String> {
        if !self.understood {
            return Err(format!("the command could not be understood: {}", self.reason()));
        }
        if self.statements.is_empty() {
            return Err("the command has no statement".to_owned());
        }
        for (number, statement) in (1_usize..).zip(&self.statements) {
            if statement.kind != Kind::Read || statement.locks || statement.opaque.is_some() {
                let why = statement.not_a_read.as_deref().or(statement.opaque.as_deref());
                return Err(self.numbered(number, why.unwrap_or("it does more than read")));
            }
            if let Some(why) = &statement.not_a_read {
                return Err(self.numbered(number, why));
            }
        }
        Ok(())
    }

    /// Whether the numbers of affected rows that the database reports are all rows that the command
    /// changes by itself (what triggers and cascades change is never reported).
    ///
    /// # Errors
    /// Why a bound on rows would not mean anything.
    pub fn may_bound_rows(&self) -> Result<(), String> {
        if !self.dialect.is_sql() {
            return Err(format!("a bound on rows means nothing for {} commands", self.dialect.label()));
        }
        if !self.understood {
            return Err(format!("the command could not be understood: {}", self.reason()));
        }
        for (number, statement) in (1_usize..).zip(&self.statements) {
            bounded(statement).map_err(|why| self.numbered(number, &why))?;
        }
        Ok(())
    }

    /// Whether a plain EXPLAIN may be made of any statement of the command, for an estimate.
    #[must_use]
    pub fn explainable(&self) -> bool {
        !self.plannable_statements().is_empty()
    }

    /// The places of the statements, from 0, of which a plain EXPLAIN may be made: those that read or change rows, with
    /// nothing in them that planning could run.
    #[must_use]
    pub fn plannable_statements(&self) -> Vec<usize> {
        if !self.understood || !matches!(self.dialect, Dialect::Postgres | Dialect::Mysql) {
            return Vec::new();
        }
        let places = self.statements.iter().enumerate().filter(|(_, statement)| is_plannable(statement));
        places.map(|(place, _)| place).collect()
    }

    fn numbered(&self, number: usize, why: &str) -> String {
        if self.statements.len() == 1 { why.to_owned() } else { format!("statement {number}: {why}") }
    }
}

fn is_plannable(statement: &Statement) -> bool {
    let about_rows = matches!(
        statement.verb.as_str(),
        "SELECT" | "VALUES" | "TABLE" | "INSERT" | "UPDATE" | "DELETE" | "MERGE" | "REPLACE"
    );
    about_rows
        && statement.kind <= Kind::Write
        && statement.opaque.is_none()
        && statement.unknown_code.is_none()
        && !statement.dangerous
}

fn bounded(statement: &Statement) -> Result<(), String> {
    match statement.verb.as_str() {
        "SELECT" | "VALUES" | "TABLE" | "SHOW" if statement.kind == Kind::Read => {}
        "INSERT" | "UPDATE" | "DELETE" | "MERGE" | "REPLACE" if statement.kind == Kind::Write => {
            // What stands in a WITH is not in the number that the server reports.
            let others = statement.nested_writes;
            if others {
                return Err(
                    "it changes rows in a part of it, which the reported number does not count".to_owned()
                );
            }
        }
        _ if statement.nested_writes => {
            return Err(
                "it changes rows in a part of it, which the reported number does not count".to_owned()
            );
        }
        verb => return Err(format!("the number of rows that {verb} changes is not reported")),
    }
    if let Some(why) = &statement.opaque {
        return Err(why.clone());
    }
    if let Some(why) = &statement.unknown_code {
        return Err(format!("{why}; rows that it changes are not counted"));
    }
    if let Some(why) = &statement.acts_outside {
        return Err(format!("{why}; a bound on rows does not limit that, and a rollback does not undo it"));
    }
    Ok(())
}

/// What a reviewer sees of a command's risk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RiskSummary {
    /// How bad it could be.
    pub level: RiskLevel,
    /// Verbs, in order, each once.
    pub statements: Vec<String>,
    /// Tables and views, each once.
    pub tables: Vec<String>,
    /// In plain words.
    pub notes: Vec<String>,
}

/// How bad a command could be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RiskLevel {
    /// Provably a read.
    Low,
    /// Changes something, in bounds; or a read that cannot be proved to be one.
    Medium,
    /// Deletes or rewrites everything, changes rights, runs programs, or was not understood.
    High,
}

impl RiskLevel {
    /// The word for it in the API.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// At most so many entries a list.
const ENTRIES: usize = 20;
/// At most so many characters an entry.
const CHARACTERS: usize = 200;

impl Analysis {
    /// The command's risk in plain words, short enough to be stored and shown anywhere.
    #[must_use]
    pub fn risk(&self) -> RiskSummary {
        let mut notes = Entries::default();
        if !self.understood {
            notes.add(format!("could not be understood: {}", self.reason()));
        }
        if self.statements.len() > 1 {
            notes.add(format!("{} statements", self.statements.len()));
        }
        let mut level = if self.is_provable_read().is_ok() { RiskLevel::Low } else { RiskLevel::Medium };
        if !self.understood {
            level = RiskLevel::High;
        }
        let mut statements = Entries::default();
        let mut tables = Entries::default();
        for statement in &self.statements {
            level = level.max(weigh(statement));
            statement.actions.iter().for_each(|action| statements.add(action.verb.as_str()));
            statement.tables.iter().for_each(|table| tables.add(spelt(table)));
            if statement.verb.starts_with("DROP") && !statement.tables.is_empty() {
                let names: Vec<String> =
                    statement.tables.iter().map(|table| names::quoted(&spelt(table))).collect();
                notes.add(format!("drops {}", names.join(", ")));
            }
            statement.notes.iter().for_each(|note| notes.add(note.as_str()));
            statement.opaque.iter().for_each(|what| notes.add(what.as_str()));
            if let Some(why) = &statement.not_a_read
                && statement.kind == Kind::Read
                && statement.opaque.is_none()
                && statement.notes.is_empty()
            {
                notes.add(why.as_str());
            }
        }
        RiskSummary { level, statements: statements.list(), tables: tables.list(), notes: notes.list() }
    }
}

fn weigh(statement: &Statement) -> RiskLevel {
    let drops = statement.actions.iter().any(|action| action.verb.starts_with("DROP"));
    let high = statement.unbounded
        || statement.dangerous
        || statement.opaque.is_some()
        || drops
        || statement
            .actions
            .iter()
            .any(|action| matches!(action.kind, Kind::Privilege | Kind::Procedural | Kind::Other));
    if high { RiskLevel::High } else { RiskLevel::Low }
}

/// A table with its schema.
fn spelt(table: &TableName) -> Cow<'_, str> {
    match &table.schema {
        Some(_) => Cow::Owned(table.to_string()),
        None => Cow::Borrowed(&table.name),
    }
}

/// Each once, at most [`ENTRIES`] (the last says how many more), each at most [`CHARACTERS`].
#[derive(Default)]
struct Entries<'a> {
    kept: Vec<String>,
    seen: BTreeSet<Cow<'a, str>>,
    more: usize,
}

impl<'a> Entries<'a> {
    fn add(&mut self, entry: impl Into<Cow<'a, str>>) {
        let entry = entry.into();
        if self.seen.contains(&entry) {
            return;
        }
        if self.kept.len() < ENTRIES - 1 {
            self.kept.push(names::cut(&entry, CHARACTERS));
        } else {
            self.more += 1;
        }
        self.seen.insert(entry);
    }

    fn list(mut self) -> Vec<String> {
        if self.more > 0 {
            self.kept.push(format!("and {} more", self.more));
        }
        self.kept
    }
}
