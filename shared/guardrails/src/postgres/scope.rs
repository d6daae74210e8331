//! Which names are those of a WITH.

use super::names::segment;
use squawk_syntax::{SyntaxKind, SyntaxNode};
use std::collections::HashMap;

/// The names that one WITH brings into the statement that it stands in.
pub(super) struct Scope {
    /// Where the clause ends: what stands after it sees all names.
    end: u32,
    recursive: bool,
    /// Name to its place among its neighbours, and the place where each neighbour begins.
    names: HashMap<String, usize>,
    starts: Vec<u32>,
}

impl Scope {
    /// The scope that a statement opens, if it begins with WITH.
    pub(super) fn of(statement: &SyntaxNode) -> Option<Self> {
        let clause = statement.children().find(|child| child.kind() == SyntaxKind::WITH_CLAUSE)?;
        let recursive =
            clause.children_with_tokens().any(|element| element.kind() == SyntaxKind::RECURSIVE_KW);
        let mut scope = Self {
            end: clause.text_range().end().into(),
            recursive,
            names: HashMap::new(),
            starts: Vec::new(),
        };
        for (place, table) in
            clause.children().filter(|child| child.kind() == SyntaxKind::WITH_TABLE).enumerate()
        {
            scope.starts.push(table.text_range().start().into());
            if let Some(name) = table.children().find(|child| child.kind() == SyntaxKind::CTE_NAME) {
                scope.names.entry(segment(&name).text).or_insert(place);
            }
        }
        Some(scope)
    }

    /// Whether a name at a place in the text means one of this WITH.
    pub(super) fn has(&self, name: &str, at: u32) -> bool {
        let Some(&place) = self.names.get(name) else { return false };
        if at >= self.end || self.recursive {
            return true;
        }
        // Inside the clause, only what stands before: `WITH t AS (SELECT * FROM t)` reads the table.
        let inside = self.starts.partition_point(|&start| start <= at);
        place + 1 < inside
    }
}
