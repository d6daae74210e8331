//! What a command is: the words in which every dialect's analysis answers.

use crate::Dialect;
use crate::change::{Change, ChangeKind};
use crate::shell::Script;
use crate::text::Position;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What is known about a command.
#[derive(Clone, PartialEq, Eq)]
pub struct Analysis {
    /// In what it is written.
    pub dialect: Dialect,
    /// False if any part was not understood: a syntax error, an unknown construct, too deep or too
    /// long. Everything fails closed then, whatever `statements` says.
    pub understood: bool,
    /// The statements, in order.
    pub statements: Vec<Statement>,
    /// Why it was not understood, in plain words that quote nothing of the command.
    pub why_not: Option<String>,
    /// Where the part begins that was not understood, if that is known.
    pub position: Option<Position>,
    /// What a shell's script consists of.
    pub(crate) script: Option<Arc<Script>>,
}

/// Commands never reach a `Debug`.
impl std::fmt::Debug for Analysis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Analysis")
            .field("dialect", &self.dialect)
            .field("understood", &self.understood)
            .field("statements", &self.statements.iter().map(|s| s.verb.as_str()).collect::<Vec<_>>())
            .field("why_not", &self.why_not)
            .field("position", &self.position)
            .finish()
    }
}

impl Analysis {
    pub(crate) fn understood(dialect: Dialect, statements: Vec<Statement>) -> Self {
        Self { dialect, understood: true, statements, why_not: None, position: None, script: None }
    }

    pub(crate) fn not_understood(dialect: Dialect, why: impl Into<NotUnderstood>) -> Self {
        let NotUnderstood { why, position } = why.into();
        Self {
            dialect,
            understood: false,
            statements: Vec::new(),
            why_not: Some(why),
            position,
            script: None,
        }
    }

    /// Why the command was not understood and where, for messages.
    pub(crate) fn reason(&self) -> String {
        let why = self.why_not.as_deref().unwrap_or("it is not in the grammar that the guardrail knows");
        match self.position {
            Some(position) => format!("{position}: {why}"),
            None => why.to_owned(),
        }
    }
}

/// Why a command is not understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NotUnderstood {
    /// In plain words that quote nothing of the command.
    pub(crate) why: String,
    /// Where, if that is known.
    pub(crate) position: Option<Position>,
}

impl NotUnderstood {
    /// With the offset of the part that is not understood.
    pub(crate) fn at(command: &str, offset: usize, why: impl Into<String>) -> Self {
        Self { why: why.into(), position: Some(Position::of(command, offset)) }
    }
}

impl<T: Into<String>> From<T> for NotUnderstood {
    fn from(why: T) -> Self {
        Self { why: why.into(), position: None }
    }
}

/// What sort of thing a statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Answers from what is stored.
    Read,
    /// BEGIN, COMMIT, SAVEPOINT.
    Transaction,
    /// SET, LISTEN, PREPARE, cursors: the session's own state.
    Session,
    /// INSERT, UPDATE, DELETE, MERGE, TRUNCATE.
    Write,
    /// COPY, LOAD DATA: data in and out by the bulk.
    Copy,
    /// VACUUM, REINDEX, CHECKPOINT.
    Maintenance,
    /// CREATE, ALTER, DROP, COMMENT.
    Definition,
    /// Who may do what: GRANT, REVOKE, roles, owners, policies.
    Privilege,
    /// CALL, DO, EXECUTE: code that is not (or not wholly) in the command.
    Procedural,
    /// Programs of a shell.
    Program,
    /// Something that is none of these.
    Other,
}

impl Kind {
    /// The word for it in rules.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Transaction => "transaction",
            Self::Session => "session",
            Self::Write => "write",
            Self::Copy => "copy",
            Self::Maintenance => "maintenance",
            Self::Definition => "definition",
            Self::Privilege => "privilege",
            Self::Procedural => "procedural",
            Self::Program => "program",
            Self::Other => "other",
        }
    }
}

/// One thing that a statement does: the statement itself, or one that stands inside of it (a DELETE
/// in a WITH, the DROP COLUMN of an ALTER TABLE).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Action {
    /// What sort of thing.
    pub kind: Kind,
    /// In capitals: `DELETE`, `DROP TABLE`.
    pub verb: String,
}

/// How a statement uses a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Use {
    /// Its rows are read.
    Read,
    /// Its rows or its definition are changed (or it is locked).
    Written,
}

/// A table, view or other relation, named as the statement names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TableName {
    /// The schema (with the database before it, if it is given), if the statement says it.
    pub schema: Option<String>,
    /// Its name: unquoted ones in the case that the dialect folds them to.
    pub name: String,
    /// How it is used.
    pub usage: Use,
}

impl std::fmt::Display for TableName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// What is in one column of a query's answer, as far as it can be seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OutputColumn {
    /// The name that the query gives it.
    pub alias: Option<String>,
    /// The columns that its expression refers to, unqualified, through subqueries and WITH, sorted.
    pub columns: Vec<String>,
    /// It may hold any column of the tables: `*`, a whole row, a column renamed by its position.
    pub star: bool,
}

/// One statement.
#[derive(Clone, PartialEq, Eq)]
pub struct Statement {
    /// The strongest kind of what it does.
    pub kind: Kind,
    /// Its own verb: `SELECT`, `DROP TABLE`, `COPY TO PROGRAM`; a program's name; a method.
    pub verb: String,
    /// Everything that it does, itself first, each once.
    pub actions: Vec<Action>,
    /// Tables and views, sorted, each once.
    pub tables: Vec<TableName>,
    /// The changes of tables that it makes, in the order of the text.
    pub changes: Vec<Change>,
    /// Functions that it calls, sorted, each once; schema-qualified where it says so.
    pub functions: Vec<String>,
    /// It changes all rows: UPDATE or DELETE without WHERE or with one that holds for every row,
    /// TRUNCATE.
    pub unbounded: bool,
    /// It changes rows in a part of it (a WITH) that the reported number of rows does not count.
    pub nested_writes: bool,
    /// It locks rows or tables: FOR UPDATE, FOR SHARE, LOCK TABLE.
    pub locks: bool,
    /// The columns of its answer; empty where nothing can be said.
    pub output: Vec<OutputColumn>,
    /// Part of what it does is not in its tree: a DO block, a prepared statement, a text that a
    /// function runs. Says what; rules that depend on understanding hit.
    pub opaque: Option<String>,
    /// Why it is not provably a read; `None` if it is.
    pub not_a_read: Option<String>,
    /// It calls code that is not the database's own: what that changes, nobody sees here.
    pub unknown_code: Option<String>,
    /// It calls a function that acts on something that is no row: a session, a sequence, a large object, a file.
    pub acts_outside: Option<String>,
    /// High risk by itself: ends sessions, reads files, runs programs.
    pub dangerous: bool,
    /// What a reviewer should know, in plain words.
    pub notes: Vec<String>,
}

/// Commands never reach a `Debug`.
impl std::fmt::Debug for Statement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Statement")
            .field("kind", &self.kind)
            .field("verb", &self.verb)
            .finish_non_exhaustive()
    }
}

impl Statement {
    pub(crate) fn new(kind: Kind, verb: impl Into<String>) -> Self {
        let verb = verb.into();
        Self {
            kind,
            verb: verb.clone(),
            actions: vec![Action { kind, verb }],
            tables: Vec::new(),
            changes: Vec::new(),
            functions: Vec::new(),
            unbounded: false,
            nested_writes: false,
            locks: false,
            output: Vec::new(),
            opaque: None,
            not_a_read: None,
            unknown_code: None,
            acts_outside: None,
            dangerous: false,
            notes: Vec::new(),
        }
    }

    /// Adds something that it does.
    pub(crate) fn act(&mut self, kind: Kind, verb: impl Into<String>) {
        let action = Action { kind, verb: verb.into() };
        self.kind = self.kind.max(kind);
        if !self.actions.contains(&action) {
            self.actions.push(action);
        }
    }

    /// Keeps the first reason why it is not a read.
    pub(crate) fn not_read(&mut self, why: impl Into<String>) {
        self.not_a_read.get_or_insert_with(|| why.into());
    }

    /// Keeps the first reason why part of it is hidden.
    pub(crate) fn hides(&mut self, what: impl Into<String>) {
        let what = what.into();
        self.not_read(what.clone());
        self.opaque.get_or_insert(what);
    }

    /// Keeps the first piece of code that is not the database's own.
    pub(crate) fn calls_unknown(&mut self, what: impl Into<String>) {
        let what = what.into();
        self.not_read(what.clone());
        self.unknown_code.get_or_insert(what);
    }

    pub(crate) fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// The changes of rows by its verbs, where the tree does not tell them table by table: each verb counts for each table
    /// that it changes.
    pub(crate) fn changes_by_verb(&mut self) {
        let kinds: Vec<ChangeKind> = self
            .actions
            .iter()
            .flat_map(|action| match action.verb.as_str() {
                "INSERT" => vec![ChangeKind::Insert],
                "UPDATE" => vec![ChangeKind::Update { columns: None }],
                "DELETE" => vec![ChangeKind::Delete],
                // A row that is replaced is deleted first.
                "REPLACE" => vec![ChangeKind::Delete, ChangeKind::Insert],
                "TRUNCATE" => vec![ChangeKind::Truncate { cascade: false }],
                "DROP TABLE" => vec![ChangeKind::Drop],
                _ => Vec::new(),
            })
            .collect();
        for table in self.tables.iter().filter(|table| table.usage == Use::Written) {
            let change = |kind: &ChangeKind| Change {
                schema: table.schema.clone(),
                table: table.name.clone(),
                kind: kind.clone(),
            };
            self.changes.extend(kinds.iter().map(change));
        }
    }

    /// Sorts, and leaves each table and function once; written wins over read.
    pub(crate) fn settle(&mut self) {
        if self.tables.len() <= 1 && self.functions.len() <= 1 {
            return;
        }
        let written: BTreeSet<(Option<String>, String)> = self
            .tables
            .iter()
            .filter(|table| table.usage == Use::Written)
            .map(|table| (table.schema.clone(), table.name.clone()))
            .collect();
        let tables = std::mem::take(&mut self.tables).into_iter().filter(|table| {
            table.usage == Use::Written || !written.contains(&(table.schema.clone(), table.name.clone()))
        });
        self.tables = tables.collect::<BTreeSet<_>>().into_iter().collect();
        self.functions =
            std::mem::take(&mut self.functions).into_iter().collect::<BTreeSet<_>>().into_iter().collect();
    }
}
