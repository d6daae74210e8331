//! The query that counts the rows of a single DELETE or UPDATE.

use super::names::{dotted, path};
use crate::count::CountQuery;
use squawk_syntax::SyntaxKind::*;
use squawk_syntax::{SourceFile, SyntaxKind, SyntaxNode};

/// `SELECT count(*)` over the table and the condition of the command, in its own words. `None` for all but a single DELETE
/// or UPDATE of one table.
pub(crate) fn query(command: &str) -> Option<CountQuery> {
    let parse = SourceFile::parse(command);
    if !parse.errors().is_empty() {
        return None;
    }
    let root = parse.syntax_node();
    let mut statements = root.children().filter(|child| child.kind() != EMPTY_STMT);
    let (statement, None) = (statements.next()?, statements.next()) else { return None };
    if !matches!(statement.kind(), DELETE | UPDATE) {
        return None;
    }
    // A join changes a row once, but counts it once for each partner.
    let known = |kind: SyntaxKind| {
        matches!(kind, RELATION_NAME | OPTIONAL_AS_ALIAS | SET_CLAUSE | WHERE_CLAUSE | RETURNING_CLAUSE)
            || is_alias(kind)
    };
    if !statement.children().all(|child| known(child.kind())) {
        return None;
    }
    let child = |kind: SyntaxKind| statement.children().find(|child| child.kind() == kind);
    let relation = child(RELATION_NAME)?;
    let alias = statement.children().find(|child| is_alias(child.kind()));
    let condition = child(WHERE_CLAUSE);
    let text = |node: &SyntaxNode| node.text().to_string();
    let sql = format!(
        "SELECT count(*) FROM {}\n{}\n{}",
        text(&relation),
        alias.as_ref().map(text).unwrap_or_default(),
        condition.as_ref().map(text).unwrap_or_default()
    );
    Some(CountQuery { table: dotted(&path(&relation)), sql })
}

fn is_alias(kind: SyntaxKind) -> bool {
    format!("{kind:?}").ends_with("ALIAS")
}
