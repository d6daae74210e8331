//! Names in PostgreSQL's tree: of tables, functions, types and operators, folded as the server does.

use squawk_syntax::ast::normalize_name_node;
use squawk_syntax::{SyntaxKind, SyntaxNode};

/// One part of a dotted name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) text: String,
    pub(super) quoted: bool,
}

/// The parts of a dotted name below a node, in order.
pub(super) fn path(node: &SyntaxNode) -> Vec<Segment> {
    node.descendants()
        .filter(|part| matches!(part.kind(), SyntaxKind::PATH_SEGMENT | SyntaxKind::PATH_SEGMENT_REF))
        .map(|part| segment(&part))
        .collect()
}

/// A single name.
pub(super) fn segment(node: &SyntaxNode) -> Segment {
    let first = node.text().to_string();
    let quoted = first.starts_with('"') || first.starts_with("u&\"") || first.starts_with("U&\"");
    Segment { text: normalize_name_node(node), quoted }
}

/// The name that a call calls: `None` if it is no plain (dotted) name.
pub(super) fn callee(call: &SyntaxNode) -> Option<Vec<Segment>> {
    let first = call.children().next()?;
    let mut parts = Vec::new();
    collect(&first, &mut parts)?;
    Some(parts)
}

fn collect(node: &SyntaxNode, parts: &mut Vec<Segment>) -> Option<()> {
    match node.kind() {
        SyntaxKind::NAME_REF => parts.push(segment(node)),
        SyntaxKind::FIELD_EXPR => {
            // A chain of fields is as deep as it is long; a name has at most three parts.
            if parts.len() > 3 {
                return None;
            }
            let mut children = node.children();
            collect(&children.next()?, parts)?;
            collect(&children.next()?, parts)?;
        }
        _ => return None,
    }
    Some(())
}

/// Parts joined by dots.
pub(super) fn dotted(parts: &[Segment]) -> String {
    parts.iter().map(|part| part.text.as_str()).collect::<Vec<_>>().join(".")
}

/// The text of a node without spaces and comments.
pub(super) fn bare(node: &SyntaxNode) -> String {
    node.descendants_with_tokens()
        .filter_map(squawk_syntax::SyntaxElement::into_token)
        .filter(|token| !token.kind().is_trivia())
        .map(|token| token.text().to_owned())
        .collect()
}
