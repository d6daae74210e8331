//! Whether a condition leaves every row in.

use core::ops::ControlFlow;
use sqlparser::ast::{BinaryOperator, Expr, Visit, Visitor};

/// True if a condition cannot tell one row from another: no column stands in it, or it compares
/// something with itself.
pub(super) fn holds_for_all(condition: &Expr) -> bool {
    if !mentions_column(condition) {
        return true;
    }
    match condition {
        Expr::Nested(inner) => holds_for_all(inner),
        Expr::BinaryOp { left, op, right } => match op {
            // MySQL's `||` is an OR, unless its sql_mode says otherwise.
            BinaryOperator::Or | BinaryOperator::StringConcat => holds_for_all(left) || holds_for_all(right),
            BinaryOperator::And | BinaryOperator::PGOverlap => holds_for_all(left) && holds_for_all(right),
            BinaryOperator::Eq
            | BinaryOperator::GtEq
            | BinaryOperator::LtEq
            | BinaryOperator::Spaceship
            | BinaryOperator::Is => same(left, right),
            _ => false,
        },
        Expr::IsNotDistinctFrom(left, right) => same(left, right),
        Expr::Like { negated: false, expr, pattern, .. } => same(expr, pattern),
        _ => false,
    }
}

fn same(left: &Expr, right: &Expr) -> bool {
    left.to_string().eq_ignore_ascii_case(&right.to_string())
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
