//! What a statement changes, table by table, in enough detail to look up its side effects in a catalogue.

use crate::names::quoted;

/// A change of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The schema, if the statement says it.
    pub schema: Option<String>,
    /// The table, folded as the server folds it.
    pub table: String,
    /// What is done with it.
    pub kind: ChangeKind,
}

/// What is done with a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChangeKind {
    /// Rows are inserted.
    Insert,
    /// Rows are updated.
    Update {
        /// The columns that are set; `None` if they are not known.
        columns: Option<Vec<String>>,
    },
    /// Rows are deleted.
    Delete,
    /// All rows are removed.
    Truncate {
        /// Whether tables that refer to it are emptied too.
        cascade: bool,
    },
    /// The table is dropped.
    Drop,
    /// The definition changes.
    Define(Definition),
}

/// A change of a table's definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// The form in capitals, such as `ADD FOREIGN KEY`.
    pub form: &'static str,
    /// The lock that it takes.
    pub lock: Lock,
    /// What it does with the rows that exist.
    pub work: Work,
    /// A variant without this lock, if there is one.
    pub instead: Option<&'static str>,
}

/// PostgreSQL's table locks that others notice ("Explicit Locking" in its manual).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// No reads, no writes.
    AccessExclusive,
    /// Reads, no writes, no row locks.
    Exclusive,
    /// Reads, no writes.
    ShareRowExclusive,
    /// Reads, no writes.
    Share,
}

impl Lock {
    /// The server's name for it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AccessExclusive => "ACCESS EXCLUSIVE",
            Self::Exclusive => "EXCLUSIVE",
            Self::ShareRowExclusive => "SHARE ROW EXCLUSIVE",
            Self::Share => "SHARE",
        }
    }

    fn effect(self) -> &'static str {
        match self {
            Self::AccessExclusive => "blocks reads and writes",
            Self::Exclusive | Self::ShareRowExclusive | Self::Share => "blocks writes",
        }
    }
}

/// What a change of a definition does with the rows that exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Work {
    /// Nothing: the lock is short once it is granted.
    Nothing,
    /// It reads all of them.
    Scan,
    /// It writes all of them again, with the indexes.
    Rewrite,
    /// It writes all of them again unless the new type only widens the old one.
    Retype {
        /// The column.
        column: String,
        /// The new type, as written.
        to: String,
        /// Whether an expression converts the values.
        using: bool,
    },
}

impl Definition {
    /// The sentence for reviewers, without sizes.
    #[must_use]
    pub fn note(&self, table: &str) -> String {
        let table = quoted(table);
        let (form, lock, effect) = (self.form, self.lock.name(), self.lock.effect());
        let note = match &self.work {
            Work::Nothing => format!("{form} takes {lock} on {table} for a moment, which {effect}"),
            Work::Scan => format!("{form} reads all of {table} under {lock}, which {effect}"),
            Work::Rewrite => format!("{form} rewrites {table} under {lock}, which {effect}"),
            Work::Retype { using: true, .. } => {
                format!("{form} … USING rewrites {table} under {lock}, which {effect}")
            }
            Work::Retype { .. } => {
                format!(
                    "{form} rewrites {table} under {lock}, which {effect}, unless it only widens the type"
                )
            }
        };
        match self.instead {
            Some(instead) => format!("{note}; {instead} avoids that"),
            None => note,
        }
    }
}
