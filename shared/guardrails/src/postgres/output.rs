//! What is in each column of a query's answer: the names that its expression refers to, followed
//! through subqueries and WITH by name. Too much rather than too little: masking uses it.

use super::names::segment;
use crate::analysis::OutputColumn;
use squawk_syntax::{SyntaxElement, SyntaxKind, SyntaxNode};
use std::collections::{BTreeMap, BTreeSet};

/// Sources with more names than this are not followed: everything may be in them.
const MOST: usize = 2000;

/// The columns of a statement's answer; empty if it is no query.
pub(super) fn columns(statement: &SyntaxNode) -> Vec<OutputColumn> {
    let Some(lists) = branches(statement) else { return Vec::new() };
    let names = Names::of(statement);
    let mut columns: Vec<OutputColumn> = Vec::new();
    for list in &lists {
        for (place, target) in targets(list).into_iter().enumerate() {
            let column = names.resolve(&target);
            match columns.get_mut(place) {
                // The branches of a UNION share their columns by place.
                Some(shared) => {
                    shared.star |= column.star;
                    shared.columns.extend(column.columns);
                }
                None => columns.push(column),
            }
        }
    }
    let starred = lists.len() > 1 && columns.iter().any(|column| column.star);
    for column in &mut columns {
        column.columns.sort();
        column.columns.dedup();
        // A star in one branch moves the others' places.
        column.star |= starred;
    }
    columns
}

/// The target lists of a query, one for each branch of a UNION.
fn branches(query: &SyntaxNode) -> Option<Vec<SyntaxNode>> {
    let mut found = Vec::new();
    let mut open = vec![query.clone()];
    while let Some(node) = open.pop() {
        match node.kind() {
            SyntaxKind::SELECT => {
                let clause = node.children().find(|child| child.kind() == SyntaxKind::SELECT_CLAUSE)?;
                found.extend(clause.children().find(|child| child.kind() == SyntaxKind::TARGET_LIST));
            }
            SyntaxKind::TABLE | SyntaxKind::VALUES => found.push(node),
            SyntaxKind::COMPOUND_SELECT | SyntaxKind::PAREN_SELECT => {
                let inner: Vec<SyntaxNode> = node
                    .children()
                    .filter(|child| {
                        matches!(
                            child.kind(),
                            SyntaxKind::SELECT
                                | SyntaxKind::TABLE
                                | SyntaxKind::VALUES
                                | SyntaxKind::COMPOUND_SELECT
                                | SyntaxKind::PAREN_SELECT
                        )
                    })
                    .collect();
                open.extend(inner.into_iter().rev());
            }
            SyntaxKind::INSERT | SyntaxKind::UPDATE | SyntaxKind::DELETE | SyntaxKind::MERGE => {
                let returning = node.children().find(|child| child.kind() == SyntaxKind::RETURNING_CLAUSE)?;
                found.extend(returning.children().find(|child| child.kind() == SyntaxKind::TARGET_LIST));
            }
            _ => return None,
        }
    }
    Some(found)
}

/// What one target says.
struct Target {
    alias: Option<String>,
    names: BTreeSet<String>,
    star: bool,
}

fn targets(list: &SyntaxNode) -> Vec<Target> {
    match list.kind() {
        SyntaxKind::TABLE => vec![Target { alias: None, names: BTreeSet::new(), star: true }],
        SyntaxKind::VALUES => {
            let Some(row) = list.descendants().find(|node| node.kind() == SyntaxKind::ROW) else {
                return Vec::new();
            };
            let mut columns: Vec<Target> = row.children().map(|cell| target(&cell)).collect();
            // Other rows may hold other things.
            if list.descendants().filter(|node| node.kind() == SyntaxKind::ROW).nth(1).is_some() {
                let all = target(list);
                for column in &mut columns {
                    column.names.extend(all.names.iter().cloned());
                    column.star |= all.star;
                }
            }
            columns
        }
        _ => list
            .children()
            .filter(|child| child.kind() == SyntaxKind::TARGET)
            .map(|child| target(&child))
            .collect(),
    }
}

fn target(node: &SyntaxNode) -> Target {
    let mut found = Target { alias: None, names: BTreeSet::new(), star: false };
    for part in node.descendants() {
        match part.kind() {
            SyntaxKind::AS_NAME if part.parent().as_ref() == Some(node) => {
                let name = part.children().find(|child| child.kind() == SyntaxKind::COLUMN_NAME);
                found.alias = name.map(|name| segment(&name).text);
            }
            SyntaxKind::NAME_REF if !is_callee(&part) && !qualifies(&part) => {
                found.names.insert(segment(&part).text.to_lowercase());
            }
            // The table of a subquery may be read whole.
            SyntaxKind::TABLE => found.star = true,
            SyntaxKind::TARGET | SyntaxKind::FIELD_EXPR => {
                let star = part
                    .children_with_tokens()
                    .filter_map(SyntaxElement::into_token)
                    .any(|token| token.kind() == SyntaxKind::STAR);
                found.star |= star;
            }
            _ => {}
        }
    }
    // A plain column names itself.
    if found.alias.is_none() {
        let last = node.children().next().and_then(|expression| match expression.kind() {
            SyntaxKind::NAME_REF => Some(expression),
            SyntaxKind::FIELD_EXPR => {
                expression.children().filter(|child| child.kind() == SyntaxKind::NAME_REF).last()
            }
            _ => None,
        });
        found.alias = last.map(|name| segment(&name).text);
    }
    found
}

/// `t` of `t.email`: names the table only to find the column.
fn qualifies(name: &SyntaxNode) -> bool {
    name.parent().is_some_and(|parent| {
        parent.kind() == SyntaxKind::FIELD_EXPR
            && parent.children().next().as_ref() == Some(name)
            && parent.children().nth(1).is_some()
    })
}

/// The name of a function, at the head of its call.
fn is_callee(name: &SyntaxNode) -> bool {
    let mut at = name.clone();
    while let Some(parent) = at.parent() {
        match parent.kind() {
            SyntaxKind::CALL_EXPR => return parent.children().next().as_ref() == Some(&at),
            SyntaxKind::FIELD_EXPR => at = parent,
            _ => return false,
        }
    }
    false
}

/// What names mean in a statement, without regard to where they stand.
struct Names {
    /// Aliases of columns of subqueries and WITHs, and what they are made of.
    made_of: BTreeMap<String, BTreeSet<String>>,
    /// Names that may hold any column: tables, their aliases, columns renamed by their place.
    anything: BTreeSet<String>,
    too_many: bool,
}

impl Names {
    fn of(statement: &SyntaxNode) -> Self {
        let mut names = Self { made_of: BTreeMap::new(), anything: BTreeSet::new(), too_many: false };
        let mut count = 0_usize;
        for node in statement.descendants() {
            match node.kind() {
                SyntaxKind::TARGET => {
                    let target = target(&node);
                    count += target.names.len();
                    let Some(alias) = target.alias else { continue };
                    if target.star {
                        names.anything.insert(alias.to_lowercase());
                    }
                    names.made_of.entry(alias.to_lowercase()).or_default().extend(target.names);
                }
                // `t` in an expression is the whole row of the table `t`.
                SyntaxKind::TABLE_ALIAS | SyntaxKind::CTE_NAME => {
                    names.anything.insert(segment(&node).text.to_lowercase());
                }
                SyntaxKind::RELATION_NAME_REF => {
                    let last = super::names::path(&node).pop();
                    names.anything.extend(last.map(|name| name.text.to_lowercase()));
                }
                // `FROM t AS a(x, y)` and `WITH w(x, y)` rename by place.
                SyntaxKind::COLUMN_LIST | SyntaxKind::COLUMN_DEF_LIST => {
                    let renamed = node.descendants().filter(|part| part.kind() == SyntaxKind::COLUMN_NAME);
                    names.anything.extend(renamed.map(|name| segment(&name).text.to_lowercase()));
                }
                _ => {}
            }
            if count > MOST {
                names.too_many = true;
                break;
            }
        }
        names
    }

    fn resolve(&self, target: &Target) -> OutputColumn {
        let mut seen: BTreeSet<String> = BTreeSet::new();
        let mut open: Vec<String> = target.names.iter().cloned().collect();
        let mut star = target.star || self.too_many;
        while let Some(name) = open.pop() {
            if self.too_many || !seen.insert(name.clone()) {
                continue;
            }
            star |= self.anything.contains(&name);
            open.extend(self.made_of.get(&name).into_iter().flatten().cloned());
        }
        let mut columns: BTreeSet<String> = seen;
        columns.extend(target.names.iter().cloned());
        OutputColumn { alias: target.alias.clone(), columns: columns.into_iter().collect(), star }
    }
}
