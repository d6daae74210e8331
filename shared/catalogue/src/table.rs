//! Tables, views, columns, triggers and foreign keys.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::Name;

/// A table or a view.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Its name.
    #[serde(flatten)]
    pub name: Name,
    /// What it is.
    #[serde(rename = "k", default, skip_serializing_if = "TableKind::is_table")]
    pub kind: TableKind,
    /// About how many rows it has, by the server's statistics.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<u64>,
    /// About how many bytes it takes on disk, with its indexes.
    #[serde(rename = "b", default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Its storage engine, where tables have one.
    #[serde(rename = "e", default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<String>,
    /// Whether its storage engine keeps changes although they are rolled back.
    #[serde(rename = "t", default, skip_serializing_if = "std::ops::Not::not")]
    pub ignores_rollback: bool,
    /// Its columns, in their order.
    #[serde(rename = "c", default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<Column>,
    /// Its enabled triggers and rules.
    #[serde(rename = "g", default, skip_serializing_if = "Vec::is_empty")]
    pub triggers: Vec<Trigger>,
    /// The query of a view, with all names qualified; absent if it is no view or could not be read.
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<String>,
    /// The conditions that row security adds to each read.
    #[serde(rename = "p", default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<String>,
}

/// What a relation is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TableKind {
    /// A table, also a partitioned one.
    #[default]
    Table,
    /// A view: its query runs with each read.
    View,
    /// A materialised view.
    MaterializedView,
    /// A table of another server.
    Foreign,
}

impl TableKind {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde wants")]
    const fn is_table(&self) -> bool {
        matches!(self, Self::Table)
    }
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Its name.
    #[serde(rename = "n")]
    pub name: String,
    /// Its type as the server writes it, such as `character varying(20)`.
    #[serde(rename = "t")]
    pub type_name: String,
}

/// What a trigger waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TriggerEvent {
    /// INSERT.
    Insert,
    /// UPDATE.
    Update,
    /// DELETE.
    Delete,
    /// TRUNCATE.
    Truncate,
}

/// A trigger, or a rule of PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trigger {
    /// Its name.
    #[serde(rename = "n")]
    pub name: String,
    /// What it waits for.
    #[serde(rename = "e")]
    pub events: BTreeSet<TriggerEvent>,
    /// The columns whose update it waits for; empty for any.
    #[serde(rename = "c", default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// The function that it calls, where triggers call one.
    #[serde(rename = "f", default, skip_serializing_if = "Option::is_none")]
    pub function: Option<String>,
}

/// What a foreign key does with the rows that refer to a row that is deleted or whose key changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It refuses the change.
    #[default]
    Refuse,
    /// It deletes or updates them too.
    Cascade,
    /// It sets their columns to NULL.
    SetNull,
    /// It sets their columns to the default.
    SetDefault,
}

/// A foreign key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignKey {
    /// The table that has it.
    #[serde(rename = "t")]
    pub table: Name,
    /// The table that it refers to.
    #[serde(rename = "r")]
    pub references: Name,
    /// The columns that it refers to.
    #[serde(rename = "c", default, skip_serializing_if = "Vec::is_empty")]
    pub referenced_columns: Vec<String>,
    /// ON DELETE.
    #[serde(rename = "d", default)]
    pub on_delete: Action,
    /// ON UPDATE.
    #[serde(rename = "u", default)]
    pub on_update: Action,
}
