//! Whether a condition leaves every row in.

use super::names::bare;
use super::statement;
use squawk_syntax::{SyntaxElement, SyntaxKind, SyntaxNode};

/// How far a chain of AND and OR is followed; what is longer is taken for a real condition only if a
/// column stands in it.
const MOST: usize = 200;

/// True if a condition cannot tell one row from another: no column stands in it, or it compares
/// something with itself.
pub(super) fn holds_for_all(condition: &SyntaxNode) -> bool {
    all(condition, 0)
}

fn all(node: &SyntaxNode, depth: usize) -> bool {
    if !mentions_column(node) {
        return true;
    }
    if depth > MOST {
        return false;
    }
    match node.kind() {
        SyntaxKind::PAREN_EXPR => node.children().next().is_some_and(|inner| all(&inner, depth + 1)),
        SyntaxKind::BIN_EXPR => {
            let mut operands = node.children().filter(|child| !is_operator(child.kind()));
            let (Some(left), Some(right), None) = (operands.next(), operands.next(), operands.next()) else {
                return false;
            };
            match operator(node).as_str() {
                "OR" => all(&left, depth + 1) || all(&right, depth + 1),
                "AND" => all(&left, depth + 1) && all(&right, depth + 1),
                "=" | ">=" | "<=" | "IS NOT DISTINCT FROM" | "LIKE" | "ILIKE" => {
                    bare(&left).eq_ignore_ascii_case(&bare(&right))
                }
                _ => false,
            }
        }
        _ => false,
    }
}

/// Operators of more than one word are nodes of their own.
fn is_operator(kind: SyntaxKind) -> bool {
    matches!(
        kind,
        SyntaxKind::OP
            | SyntaxKind::CUSTOM_OP
            | SyntaxKind::OPERATOR_CALL
            | SyntaxKind::NOT_LIKE
            | SyntaxKind::NOT_ILIKE
            | SyntaxKind::NOT_IN
            | SyntaxKind::IS_NOT
            | SyntaxKind::IS_DISTINCT_FROM
            | SyntaxKind::IS_NOT_DISTINCT_FROM
            | SyntaxKind::SIMILAR_TO
            | SyntaxKind::NOT_SIMILAR_TO
            | SyntaxKind::AT_TIME_ZONE
            | SyntaxKind::COLON_COLON
    )
}

/// The operator of an expression with two operands, in capitals.
fn operator(node: &SyntaxNode) -> String {
    let words = node.children_with_tokens().filter(|element| {
        !element.kind().is_trivia() && (element.as_token().is_some() || is_operator(element.kind()))
    });
    let words: Vec<String> = words
        .map(|element| match element {
            SyntaxElement::Node(node) => statement::spelt(node.kind()),
            SyntaxElement::Token(token) => token.text().to_ascii_uppercase(),
        })
        .collect();
    words.join(" ")
}

/// Names that are values of the session, not columns.
const VALUES: [&str; 13] = [
    "current_catalog",
    "current_date",
    "current_role",
    "current_schema",
    "current_time",
    "current_timestamp",
    "current_user",
    "localtime",
    "localtimestamp",
    "session_user",
    "system_user",
    "user",
    "default",
];

fn mentions_column(node: &SyntaxNode) -> bool {
    node.descendants().any(|name| {
        if name.kind() != SyntaxKind::NAME_REF || VALUES.contains(&bare(&name).to_ascii_lowercase().as_str())
        {
            return false;
        }
        // The name of a function is no column: it stands first in its call, perhaps with a schema.
        let mut at = name;
        while let Some(parent) = at.parent() {
            let first = parent.children().next().as_ref() == Some(&at);
            match parent.kind() {
                SyntaxKind::CALL_EXPR => return !first,
                SyntaxKind::FIELD_EXPR => at = parent,
                _ => return true,
            }
        }
        true
    })
}
