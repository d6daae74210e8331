//! Settings that change what the rest of a command means, or who it runs as.

use super::names::{bare, path};
use crate::analysis::{Kind, Statement};
use crate::names::quoted;
use squawk_syntax::{SyntaxKind, SyntaxNode};

/// Text after one of these is read in another way than the guardrail reads it.
const MEANING: [&str; 16] = [
    "search_path",
    "schema",
    "names",
    "standard_conforming_strings",
    "backslash_quote",
    "client_encoding",
    "session_replication_role",
    "local_preload_libraries",
    "session_preload_libraries",
    "dynamic_library_path",
    "default_transaction_read_only",
    "transaction_read_only",
    "row_security",
    "check_function_bodies",
    "default_tablespace",
    "plpgsql.variable_conflict",
];

/// Writes down what a SET changes.
pub(super) fn note(statement: &mut Statement, node: &SyntaxNode) {
    match node.kind() {
        SyntaxKind::CONFIG_PARAMETER_REF if !only_asks(node) => {
            let parts = path(node);
            let name = if parts.is_empty() { bare(node) } else { super::names::dotted(&parts) };
            let name = name.to_ascii_lowercase();
            if name == "role" || name == "session_authorization" {
                statement.act(Kind::Privilege, "SET ROLE");
            }
            if matches!(name.as_str(), "row_security" | "session_replication_role") {
                statement.act(Kind::Privilege, "SET ROW SECURITY");
            }
            if MEANING.contains(&name.as_str()) || name.trim_matches('"').is_empty() {
                statement
                    .hides(format!("it sets {}, which changes what other statements mean", quoted(&name)));
            }
        }
        SyntaxKind::SET_SCHEMA_VALUE => {
            statement.hides("it sets the schema, which changes what other statements mean");
        }
        _ => {}
    }
}

/// SHOW and RESET name settings as well.
fn only_asks(node: &SyntaxNode) -> bool {
    node.parent().is_some_and(|parent| matches!(parent.kind(), SyntaxKind::SHOW | SyntaxKind::RESET))
}
