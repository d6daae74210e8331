//! Conditions, translated for [`crate::condition`].

use super::names::bare;
use super::statement;
use crate::condition::{Comparison, Condition, Effort, Own, Term, is_aggregate, restricts, restricts_own};
use squawk_syntax::{SyntaxElement, SyntaxKind, SyntaxNode};

/// True if a condition cannot tell one row from another: no column stands in it, or it holds whatever the columns of
/// the changed table are. `target` is the table whose rows are changed.
pub(super) fn holds_for_all(
    condition: &SyntaxNode,
    target: Option<&str>,
    own: &Own,
    effort: &Effort,
) -> bool {
    if !mentions_column(condition) {
        return true;
    }
    let condition = Translation { target, own }.condition(condition);
    !restricts(&condition, effort) || !restricts_own(&condition, effort)
}

struct Translation<'a> {
    target: Option<&'a str>,
    own: &'a Own,
}

impl Translation<'_> {
    fn condition(&self, node: &SyntaxNode) -> Condition {
        match node.kind() {
            SyntaxKind::PAREN_EXPR => match node.children().next() {
                Some(inner) => self.condition(&inner),
                None => Condition::Always,
            },
            SyntaxKind::PREFIX_EXPR if has_token(node, SyntaxKind::NOT_KW) => match node.children().last() {
                Some(inner) => not(self.condition(&inner)),
                None => Condition::Always,
            },
            SyntaxKind::POSTFIX_EXPR => match node.children().next() {
                Some(inner) if has_token(node, SyntaxKind::ISNULL_KW) => Condition::IsNull(self.term(&inner)),
                Some(inner) if has_token(node, SyntaxKind::NOTNULL_KW) => {
                    not(Condition::IsNull(self.term(&inner)))
                }
                _ => Condition::Unknown(key(node)),
            },
            SyntaxKind::BETWEEN_EXPR => self.between(node),
            SyntaxKind::BIN_EXPR => {
                let mut operands = node.children().filter(|child| !is_operator(child.kind()));
                match (operands.next(), operands.next(), operands.next()) {
                    (Some(left), Some(right), None) => self.binary(node, &left, &right),
                    _ => Condition::Always,
                }
            }
            SyntaxKind::LITERAL if has_token(node, SyntaxKind::FALSE_KW) => not(Condition::Always),
            SyntaxKind::LITERAL => Condition::Always,
            _ if has_query(node) => self.query(node),
            // A column of the type boolean, or a function that gives one.
            _ => self.unknown(node),
        }
    }

    /// A condition that is not looked into.
    fn unknown(&self, node: &SyntaxNode) -> Condition {
        if self.is_foreign(node) {
            Condition::Compare(Comparison::Equal, Term::foreign(key(node)), Term::Number(1.0))
        } else {
            Condition::Unknown(key(node))
        }
    }

    fn variable(&self, node: &SyntaxNode) -> Term {
        let text = key(node);
        if self.is_foreign(node) {
            return Term::foreign(text);
        }
        // `t.id` and `id` are one column, as far as it can be told.
        let key = match node.kind() {
            SyntaxKind::FIELD_EXPR => text.rsplit('.').next().unwrap_or_default().to_owned(),
            _ => text.clone(),
        };
        Term::variable(key, &text)
    }

    /// Whether all columns of an expression are of other tables than the changed one.
    fn is_foreign(&self, node: &SyntaxNode) -> bool {
        let mut foreign = false;
        if !self.own.others {
            return false;
        }
        for part in node.descendants() {
            let parent = part.parent().map(|parent| parent.kind());
            match part.kind() {
                SyntaxKind::FIELD_EXPR => {
                    let qualifier = part.children().next().map(|first| key(&first)).unwrap_or_default();
                    let last = qualifier.rsplit('.').next().unwrap_or_default();
                    if !self.own.is_foreign(last) {
                        return false;
                    }
                    foreign = true;
                }
                SyntaxKind::NAME_REF
                    if !matches!(parent, Some(SyntaxKind::FIELD_EXPR | SyntaxKind::CALL_EXPR)) =>
                {
                    return false;
                }
                _ => {}
            }
        }
        foreign
    }

    fn between(&self, node: &SyntaxNode) -> Condition {
        let mut operands = node.children().filter(|child| !is_operator(child.kind()));
        let (Some(text), Some(low), Some(high)) = (operands.next(), operands.next(), operands.next()) else {
            return Condition::Always;
        };
        let within = |comparison, bound: &SyntaxNode| {
            Box::new(Condition::Compare(comparison, self.term(&text), self.term(bound)))
        };
        let within =
            Condition::And(within(Comparison::GreaterOrEqual, &low), within(Comparison::LessOrEqual, &high));
        if has_token(node, SyntaxKind::NOT_KW) { not(within) } else { within }
    }

    fn binary(&self, node: &SyntaxNode, left: &SyntaxNode, right: &SyntaxNode) -> Condition {
        let two = |join: fn(Box<Condition>, Box<Condition>) -> Condition| {
            join(Box::new(self.condition(left)), Box::new(self.condition(right)))
        };
        let compare = |comparison| Condition::Compare(comparison, self.term(left), self.term(right));
        let like = |folds| Condition::Like { text: self.term(left), pattern: self.term(right), folds };
        match operator(node).as_str() {
            "OR" => two(Condition::Or),
            "AND" => two(Condition::And),
            "=" if is_any(right) => self.query(right),
            "=" => compare(Comparison::Equal),
            "<>" | "!=" => compare(Comparison::NotEqual),
            "<" => compare(Comparison::Less),
            "<=" => compare(Comparison::LessOrEqual),
            ">" => compare(Comparison::Greater),
            ">=" => compare(Comparison::GreaterOrEqual),
            "IS NOT DISTINCT FROM" => Condition::Same(self.term(left), self.term(right)),
            "IS DISTINCT FROM" => not(Condition::Same(self.term(left), self.term(right))),
            "LIKE" | "~~" => like(false),
            "ILIKE" | "~~*" => like(true),
            "NOT LIKE" | "!~~" => not(like(false)),
            "NOT ILIKE" | "!~~*" => not(like(true)),
            "IN" => self.is_in(left, right),
            "NOT IN" => not(self.is_in(left, right)),
            "IS" => self.is(left, right),
            "IS NOT" => not(self.is(left, right)),
            _ => Condition::Unknown(key(node)),
        }
    }

    fn is(&self, left: &SyntaxNode, right: &SyntaxNode) -> Condition {
        match bare(right).to_ascii_lowercase().as_str() {
            "null" => Condition::IsNull(self.term(left)),
            "true" => Condition::Is(Box::new(self.condition(left)), Some(true)),
            "false" => Condition::Is(Box::new(self.condition(left)), Some(false)),
            "unknown" => Condition::Is(Box::new(self.condition(left)), None),
            _ => Condition::Unknown(format!("{} is {}", key(left), key(right))),
        }
    }

    fn is_in(&self, left: &SyntaxNode, right: &SyntaxNode) -> Condition {
        if has_query(right) {
            return self.query(right);
        }
        Condition::In(self.term(left), right.children().map(|one| self.term(&one)).collect())
    }

    /// Whether a query has rows. One over the changed table itself has them for every row, unless it compares
    /// something with a constant, or gives one row of many.
    fn query(&self, node: &SyntaxNode) -> Condition {
        let mut conditions = node.descendants().filter(|part| {
            matches!(
                part.kind(),
                SyntaxKind::WHERE_CLAUSE
                    | SyntaxKind::HAVING_CLAUSE
                    | SyntaxKind::LIMIT_CLAUSE
                    | SyntaxKind::ON_CLAUSE
            )
        });
        let names_constant =
            conditions.any(|part| part.descendants().any(|part| part.kind() == SyntaxKind::LITERAL));
        let reads_target = node.descendants().any(|part| {
            part.kind() == SyntaxKind::RELATION_NAME_REF
                && self.target.is_some_and(|target| {
                    bare(&part).rsplit('.').next().is_some_and(|name| name.eq_ignore_ascii_case(target))
                })
        });
        if !reads_target || names_constant || aggregates(node) {
            Condition::Unknown(key(node))
        } else {
            Condition::Always
        }
    }

    fn term(&self, node: &SyntaxNode) -> Term {
        match node.kind() {
            SyntaxKind::PAREN_EXPR => node.children().next().map_or(Term::Null, |inner| self.term(&inner)),
            SyntaxKind::LITERAL => literal(node),
            SyntaxKind::PREFIX_EXPR if has_token(node, SyntaxKind::MINUS) => match node.children().last() {
                Some(inner) => {
                    Term::Arithmetic('-', Box::new(Term::Number(0.0)), Box::new(self.term(&inner)))
                }
                None => self.variable(node),
            },
            SyntaxKind::BIN_EXPR => {
                let mut operands = node.children().filter(|child| !is_operator(child.kind()));
                let sign = match operator(node).as_str() {
                    "+" => '+',
                    "-" => '-',
                    "*" => '*',
                    _ => return self.variable(node),
                };
                match (operands.next(), operands.next()) {
                    (Some(left), Some(right)) => {
                        Term::Arithmetic(sign, Box::new(self.term(&left)), Box::new(self.term(&right)))
                    }
                    _ => self.variable(node),
                }
            }
            _ => self.variable(node),
        }
    }
}

fn not(condition: Condition) -> Condition {
    Condition::Not(Box::new(condition))
}

fn has_token(node: &SyntaxNode, kind: SyntaxKind) -> bool {
    node.children_with_tokens().any(|element| element.kind() == kind)
}

fn has_query(node: &SyntaxNode) -> bool {
    node.descendants().any(|part| statement::classify(part.kind()).is_some())
}

/// `= ANY (SELECT …)` is IN.
fn is_any(node: &SyntaxNode) -> bool {
    let text = key(node);
    has_query(node) && (text.starts_with("any") || text.starts_with("some"))
}

/// Whether a query gives one row of its table's many.
fn aggregates(node: &SyntaxNode) -> bool {
    let list = node.descendants().find(|part| part.kind() == SyntaxKind::TARGET_LIST);
    list.is_some_and(|list| {
        let mut targets = list.children().peekable();
        targets.peek().is_some() && targets.all(|target| is_aggregate(&key(&target)))
    })
}

fn literal(node: &SyntaxNode) -> Term {
    let text = bare(node);
    let lower = text.to_ascii_lowercase();
    if lower == "null" {
        return Term::Null;
    }
    if let Ok(number) = text.parse::<f64>() {
        return Term::Number(number);
    }
    match text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')) {
        Some(inner) => Term::Text(inner.replace("''", "'")),
        None => Term::variable(key(node), &key(node)),
    }
}

/// A spelling in which equal expressions are equal.
fn key(node: &SyntaxNode) -> String {
    bare(node).to_ascii_lowercase().replace('"', "")
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
