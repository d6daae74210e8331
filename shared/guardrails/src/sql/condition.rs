//! Conditions, translated for [`crate::condition`].

use crate::Dialect;
use crate::condition::{Comparison, Condition, Effort, Own, Term, is_aggregate, restricts, restricts_own};
use core::ops::ControlFlow;
use sqlparser::ast::{
    BinaryOperator, Expr, InTarget, JoinConstraint, Query, SetExpr, TableFactor, UnaryOperator, Value, Visit,
    Visitor,
};

/// True if a condition cannot tell one row from another: no column stands in it, or it holds whatever the columns of
/// the changed table are. `targets` are the tables whose rows are changed, in lower case; `joins` are the conditions of
/// the joins with other tables.
pub(super) fn holds_for_all(
    condition: &Expr,
    joins: &[&JoinConstraint],
    dialect: Dialect,
    targets: &[String],
    own: &Own,
    effort: &Effort,
) -> bool {
    if !mentions_column(condition) {
        return true;
    }
    let translation = Translation { dialect, targets, own };
    let condition = translation.condition(condition);
    if !restricts(&condition, effort) {
        return true;
    }
    let joined = joins.iter().fold(condition, |all, join| {
        let one = match join {
            JoinConstraint::On(on) => translation.condition(on),
            JoinConstraint::Using(_) | JoinConstraint::UsingAlias(..) | JoinConstraint::Natural => {
                Condition::Unknown("using".to_owned())
            }
            JoinConstraint::None => Condition::Always,
        };
        Condition::And(Box::new(all), Box::new(one))
    });
    !restricts_own(&joined, effort)
}

struct Translation<'a> {
    dialect: Dialect,
    targets: &'a [String],
    own: &'a Own,
}

impl Translation<'_> {
    fn condition(&self, expr: &Expr) -> Condition {
        match expr {
            Expr::Nested(inner) => self.condition(inner),
            Expr::UnaryOp { op: UnaryOperator::Not | UnaryOperator::BangNot, expr } => {
                not(self.condition(expr))
            }
            Expr::BinaryOp { left, op, right } => self.binary(left, op, right),
            Expr::IsTrue(inner) => Condition::Is(Box::new(self.condition(inner)), Some(true)),
            Expr::IsFalse(inner) => Condition::Is(Box::new(self.condition(inner)), Some(false)),
            Expr::IsUnknown(inner) => Condition::Is(Box::new(self.condition(inner)), None),
            Expr::IsNotTrue(inner) => not(Condition::Is(Box::new(self.condition(inner)), Some(true))),
            Expr::IsNotFalse(inner) => not(Condition::Is(Box::new(self.condition(inner)), Some(false))),
            Expr::IsNotUnknown(inner) => not(Condition::Is(Box::new(self.condition(inner)), None)),
            Expr::IsNull(inner) => Condition::IsNull(self.term(inner)),
            Expr::IsNotNull(inner) => not(Condition::IsNull(self.term(inner))),
            Expr::IsDistinctFrom(left, right) => not(Condition::Same(self.term(left), self.term(right))),
            Expr::IsNotDistinctFrom(left, right) => Condition::Same(self.term(left), self.term(right)),
            Expr::Between { expr, negated, low, high } => {
                let within = |comparison, bound: &Expr| {
                    Box::new(Condition::Compare(comparison, self.term(expr), self.term(bound)))
                };
                let within = Condition::And(
                    within(Comparison::GreaterOrEqual, low),
                    within(Comparison::LessOrEqual, high),
                );
                if *negated { not(within) } else { within }
            }
            Expr::In { expr, target, negated, global: false } => {
                let is_in = self.is_in(expr, target);
                if *negated { not(is_in) } else { is_in }
            }
            Expr::Like { negated, any: false, expr, pattern, escape_char: None } => {
                let like =
                    Condition::Like { text: self.term(expr), pattern: self.term(pattern), folds: true };
                if *negated { not(like) } else { like }
            }
            Expr::Exists { subquery, negated } => {
                let exists = self.query(subquery);
                if *negated { not(exists) } else { exists }
            }
            Expr::AnyOp { compare_op: BinaryOperator::Eq, right, .. } => match right.as_ref() {
                Expr::Subquery(query) => self.query(query),
                _ => Condition::Unknown(key(expr)),
            },
            Expr::Like { .. } | Expr::RLike { .. } | Expr::MatchAgainst { .. } => self.unknown(expr),
            // A value alone compares nothing: all rows but those with 0 or NULL.
            _ => Condition::Always,
        }
    }

    fn binary(&self, left: &Expr, op: &BinaryOperator, right: &Expr) -> Condition {
        let two = |join: fn(Box<Condition>, Box<Condition>) -> Condition| {
            join(Box::new(self.condition(left)), Box::new(self.condition(right)))
        };
        let compare = |comparison| Condition::Compare(comparison, self.term(left), self.term(right));
        match op {
            BinaryOperator::And | BinaryOperator::PGOverlap => two(Condition::And),
            BinaryOperator::Or => two(Condition::Or),
            // MySQL's `||` is an OR, unless its sql_mode says otherwise.
            BinaryOperator::StringConcat if self.dialect == Dialect::Mysql => two(Condition::Or),
            BinaryOperator::Xor => two(Condition::Xor),
            BinaryOperator::Eq => compare(Comparison::Equal),
            BinaryOperator::NotEq => compare(Comparison::NotEqual),
            BinaryOperator::Lt => compare(Comparison::Less),
            BinaryOperator::LtEq => compare(Comparison::LessOrEqual),
            BinaryOperator::Gt => compare(Comparison::Greater),
            BinaryOperator::GtEq => compare(Comparison::GreaterOrEqual),
            BinaryOperator::Spaceship => Condition::Same(self.term(left), self.term(right)),
            BinaryOperator::Is => self.is(left, right),
            BinaryOperator::IsNot => not(self.is(left, right)),
            BinaryOperator::Regexp | BinaryOperator::Match | BinaryOperator::Glob => {
                if self.is_foreign(left) && (self.is_foreign(right) || matches!(right, Expr::Value(_))) {
                    return self.unknown(left);
                }
                Condition::Unknown(format!("{} {op} {}", key(left), key(right)))
            }
            _ => Condition::Always,
        }
    }

    /// SQLite's `IS` compares any two values.
    fn is(&self, left: &Expr, right: &Expr) -> Condition {
        match right {
            Expr::Value(value) if matches!(value.value, Value::Boolean(_)) => {
                let wanted = matches!(value.value, Value::Boolean(true));
                Condition::Is(Box::new(self.condition(left)), Some(wanted))
            }
            _ => Condition::Same(self.term(left), self.term(right)),
        }
    }

    fn is_in(&self, expr: &Expr, target: &InTarget) -> Condition {
        match target {
            InTarget::List(list) => {
                Condition::In(self.term(expr), list.iter().map(|one| self.term(one)).collect())
            }
            InTarget::Subquery(query) => self.query(query),
            _ => Condition::Always,
        }
    }

    /// Whether a query has rows. One over the changed table itself has them for every row, unless it compares a column
    /// with a constant, or counts.
    fn query(&self, query: &Query) -> Condition {
        if !self.reads_target(query) || (limits(query) && names_constant(query)) || aggregates(query) {
            Condition::Unknown(key(query))
        } else {
            Condition::Always
        }
    }

    fn reads_target(&self, query: &Query) -> bool {
        struct Targets<'a>(&'a [String]);
        impl Visitor for Targets<'_> {
            type Break = ();
            fn pre_visit_table_factor(&mut self, table: &TableFactor) -> ControlFlow<()> {
                let name = match table {
                    TableFactor::Table { name, .. } => super::walk::dotted(name).to_lowercase(),
                    _ => return ControlFlow::Continue(()),
                };
                let last = name.rsplit('.').next().unwrap_or_default();
                if self.0.iter().any(|target| target == last) {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            }
        }
        query.visit(&mut Targets(self.targets)).is_break()
    }

    /// A condition that is not looked into.
    fn unknown(&self, expr: &Expr) -> Condition {
        if self.is_foreign(expr) {
            Condition::Compare(Comparison::Equal, Term::foreign(key(expr)), Term::Number(1.0))
        } else {
            Condition::Unknown(key(expr))
        }
    }

    fn variable(&self, expr: &Expr) -> Term {
        let text = key(expr);
        if self.is_foreign(expr) {
            return Term::foreign(text);
        }
        // `t.id` and `id` are one column, as far as it can be told.
        let key = match expr {
            Expr::CompoundIdentifier(parts) => {
                parts.last().map_or(text.clone(), |last| last.value.to_lowercase())
            }
            _ => text.clone(),
        };
        Term::variable(key, &text)
    }

    /// Whether all columns of an expression are of other tables than the changed one.
    fn is_foreign(&self, expr: &Expr) -> bool {
        struct Tables<'a>(&'a Own, bool);
        impl Visitor for Tables<'_> {
            type Break = ();
            fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
                match expr {
                    Expr::Identifier(_) => ControlFlow::Break(()),
                    Expr::CompoundIdentifier(parts) => {
                        let qualifier = parts.iter().rev().nth(1).map(|part| part.value.to_lowercase());
                        if qualifier.is_some_and(|qualifier| self.0.is_foreign(&qualifier)) {
                            self.1 = true;
                            ControlFlow::Continue(())
                        } else {
                            ControlFlow::Break(())
                        }
                    }
                    _ => ControlFlow::Continue(()),
                }
            }
        }
        let mut tables = Tables(self.own, false);
        self.own.others && expr.visit(&mut tables).is_continue() && tables.1
    }

    fn term(&self, expr: &Expr) -> Term {
        match expr {
            Expr::Nested(inner) => self.term(inner),
            Expr::Value(value) => match &value.value {
                Value::Number(text, _) => text.parse().map_or_else(|_| self.variable(expr), Term::Number),
                Value::Boolean(value) => Term::Number(f64::from(*value)),
                Value::Null => Term::Null,
                Value::SingleQuotedString(text) => Term::Text(text.clone()),
                Value::DoubleQuotedString(text) if self.dialect == Dialect::Mysql => Term::Text(text.clone()),
                _ => self.variable(expr),
            },
            Expr::UnaryOp { op: UnaryOperator::Plus, expr } => self.term(expr),
            Expr::UnaryOp { op: UnaryOperator::Minus, expr } => {
                Term::Arithmetic('-', Box::new(Term::Number(0.0)), Box::new(self.term(expr)))
            }
            Expr::BinaryOp { left, op, right } => {
                let sign = match op {
                    BinaryOperator::Plus => '+',
                    BinaryOperator::Minus => '-',
                    BinaryOperator::Multiply => '*',
                    _ if is_truth(op) => return self.variable(expr).of_truth(),
                    _ => return self.variable(expr),
                };
                Term::Arithmetic(sign, Box::new(self.term(left)), Box::new(self.term(right)))
            }
            // `a IS NULL NOT LIKE 'x'` compares 0 or 1.
            Expr::IsNull(_)
            | Expr::IsNotNull(_)
            | Expr::IsTrue(_)
            | Expr::IsNotTrue(_)
            | Expr::IsFalse(_)
            | Expr::IsNotFalse(_)
            | Expr::IsUnknown(_)
            | Expr::IsNotUnknown(_)
            | Expr::IsDistinctFrom(..)
            | Expr::IsNotDistinctFrom(..)
            | Expr::Between { .. }
            | Expr::In { .. }
            | Expr::Like { .. }
            | Expr::RLike { .. }
            | Expr::Exists { .. }
            | Expr::UnaryOp { op: UnaryOperator::Not | UnaryOperator::BangNot, .. } => {
                self.variable(expr).of_truth()
            }
            _ => self.variable(expr),
        }
    }
}

/// Whether an operator makes a condition of its operands.
fn is_truth(op: &BinaryOperator) -> bool {
    matches!(
        op,
        BinaryOperator::And
            | BinaryOperator::Or
            | BinaryOperator::Xor
            | BinaryOperator::Eq
            | BinaryOperator::NotEq
            | BinaryOperator::Lt
            | BinaryOperator::LtEq
            | BinaryOperator::Gt
            | BinaryOperator::GtEq
            | BinaryOperator::Spaceship
            | BinaryOperator::Is
            | BinaryOperator::IsNot
            | BinaryOperator::Regexp
            | BinaryOperator::Match
            | BinaryOperator::Glob
    )
}

fn not(condition: Condition) -> Condition {
    Condition::Not(Box::new(condition))
}

/// A spelling in which equal expressions are equal.
fn key(part: &impl ToString) -> String {
    part.to_string().to_lowercase().replace(['`', '"', '[', ']'], "")
}

/// Whether a query has something by which it leaves rows out.
fn limits(query: &Query) -> bool {
    let SetExpr::Select(select) = query.body.as_ref() else { return true };
    select.selection.is_some()
        || select.having.is_some()
        || query.limit_clause.is_some()
        || select.from.len() > 1
        || select.from.iter().any(|table| !table.joins.is_empty())
}

/// Whether a query gives one row of its table's many.
fn aggregates(query: &Query) -> bool {
    let SetExpr::Select(select) = query.body.as_ref() else { return false };
    !select.projection.is_empty() && select.projection.iter().all(|item| is_aggregate(&key(item)))
}

fn names_constant(query: &Query) -> bool {
    struct Constants;
    impl Visitor for Constants {
        type Break = ();
        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            match expr {
                Expr::BinaryOp { left, right, .. }
                    if [left, right].iter().any(|side| matches!(side.as_ref(), Expr::Value(_)))
                        && [left, right].iter().any(|side| mentions_column(side)) =>
                {
                    ControlFlow::Break(())
                }
                Expr::In { .. }
                | Expr::Between { .. }
                | Expr::Like { .. }
                | Expr::IsNull(_)
                | Expr::IsNotNull(_) => ControlFlow::Break(()),
                _ => ControlFlow::Continue(()),
            }
        }
    }
    query.visit(&mut Constants).is_break()
}

struct Columns;

impl Visitor for Columns {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::Identifier(name) => {
                let value = name.value.to_ascii_lowercase();
                // Variables and words of the grammar are no columns.
                let no_column = name.quote_style.is_none()
                    && (value.starts_with('@')
                        || matches!(
                            value.as_str(),
                            "true"
                                | "false"
                                | "null"
                                | "current_date"
                                | "current_time"
                                | "current_timestamp"
                                | "current_user"
                        ));
                if no_column { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            }
            Expr::CompoundIdentifier(_) => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }
}

fn mentions_column(expr: &Expr) -> bool {
    expr.visit(&mut Columns).is_break()
}
