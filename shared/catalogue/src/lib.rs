//! What a database consists of, as far as Countersign uses it: tables with sizes, triggers and foreign keys, functions
//! with their volatility, types, views.
//!
//! [`Catalogue`] is a snapshot that `countersign-targets` reads and `countersign-storage` keeps. `countersign-guardrails`
//! uses it to prove reads and to describe side effects.
//!
//! | module | content |
//! |---|---|
//! | [`table`] | tables, views, columns, triggers, foreign keys |
//! | [`code`] | functions, operators and types that are not part of the server |
//! | [`names`] | comparison of names as the server compares them |
//! | [`bounds`] | limits on the size of a snapshot, and what was left out |
//!
//! **Invariant:** pure, and depends on no other crate of this workspace.
//!
//! **Invariant:** an absent entry proves nothing. A snapshot can be older than the database and can be cut.

pub mod bounds;
pub mod code;
pub mod names;
pub mod table;

use serde::{Deserialize, Serialize};

pub use code::{Function, FunctionKind, Operator, TypeKind, UserType, Volatility};
pub use names::{Folding, Name};
pub use table::{Action, Column, ForeignKey, Table, TableKind, Trigger, TriggerEvent};

/// A snapshot of a database's catalogue.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalogue {
    /// The server and its version, such as `PostgreSQL 15.18`.
    pub server: String,
    /// How the server compares names of tables.
    pub folding: Folding,
    /// The schemas in which a name without a schema is looked up, in this order.
    pub search_path: Vec<String>,
    /// Whether cascades of foreign keys fire no triggers (InnoDB).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub silent_cascades: bool,
    /// Tables and views.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<Table>,
    /// Foreign keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub foreign_keys: Vec<ForeignKey>,
    /// Functions that are not part of the server.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub functions: Vec<Function>,
    /// Operators that are not part of the server.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operators: Vec<Operator>,
    /// Types that are not part of the server.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<UserType>,
    /// Sentences that say which parts are missing, such as `the definitions of views`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
}
