//! What is in each column of a query's answer.

use crate::analysis::OutputColumn;
use squawk_syntax::SyntaxNode;

pub(super) fn columns(_node: &SyntaxNode) -> Vec<OutputColumn> {
    Vec::new()
}
