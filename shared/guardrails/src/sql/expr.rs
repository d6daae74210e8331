//! Expressions, queries and tables that only read: an allow-list.

use sqlparser::ast::{BinaryOperator, Expr, Query, Select, SetExpr, TableFactor, UnaryOperator};

/// Whether an expression is of a kind that only reads (its parts and functions are looked at on
/// their own).
pub(super) fn is_calm(expr: &Expr) -> bool {
    match expr {
        Expr::BinaryOp { op, .. } => is_calm_operator(op),
        Expr::UnaryOp { op, .. } => {
            matches!(
                op,
                UnaryOperator::Plus
                    | UnaryOperator::Minus
                    | UnaryOperator::Not
                    | UnaryOperator::BitwiseNot
                    | UnaryOperator::BangNot
            )
        }
        Expr::Identifier(_)
        | Expr::CompoundIdentifier(_)
        | Expr::IsFalse(_)
        | Expr::IsNotFalse(_)
        | Expr::IsTrue(_)
        | Expr::IsNotTrue(_)
        | Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::IsUnknown(_)
        | Expr::IsNotUnknown(_)
        | Expr::IsDistinctFrom(..)
        | Expr::IsNotDistinctFrom(..)
        | Expr::In { .. }
        | Expr::Between { .. }
        | Expr::Like { .. }
        | Expr::RLike { .. }
        | Expr::AnyOp { .. }
        | Expr::AllOp { .. }
        | Expr::Convert { .. }
        | Expr::Cast { .. }
        | Expr::Extract { .. }
        | Expr::Ceil { .. }
        | Expr::Floor { .. }
        | Expr::Position { .. }
        | Expr::Substring { .. }
        | Expr::Trim { .. }
        | Expr::Collate { .. }
        | Expr::Nested(_)
        | Expr::Value(_)
        | Expr::Prefixed { .. }
        | Expr::TypedString(_)
        | Expr::Function(_)
        | Expr::Case { .. }
        | Expr::Exists { .. }
        | Expr::Subquery(_)
        | Expr::Tuple(_)
        | Expr::Interval(_)
        | Expr::MatchAgainst { .. }
        | Expr::MemberOf(_)
        | Expr::Wildcard(_)
        | Expr::QualifiedWildcard(..) => true,
        _ => false,
    }
}

fn is_calm_operator(op: &BinaryOperator) -> bool {
    matches!(
        op,
        BinaryOperator::Plus
            | BinaryOperator::Minus
            | BinaryOperator::Multiply
            | BinaryOperator::Divide
            | BinaryOperator::Modulo
            | BinaryOperator::StringConcat
            | BinaryOperator::Gt
            | BinaryOperator::Lt
            | BinaryOperator::GtEq
            | BinaryOperator::LtEq
            | BinaryOperator::Spaceship
            | BinaryOperator::Eq
            | BinaryOperator::NotEq
            | BinaryOperator::And
            | BinaryOperator::Or
            | BinaryOperator::Xor
            | BinaryOperator::BitwiseOr
            | BinaryOperator::BitwiseAnd
            | BinaryOperator::BitwiseXor
            | BinaryOperator::MyIntegerDivide
            | BinaryOperator::Match
            | BinaryOperator::Regexp
            | BinaryOperator::Glob
            | BinaryOperator::PGBitwiseShiftLeft
            | BinaryOperator::PGBitwiseShiftRight
            | BinaryOperator::Arrow
            | BinaryOperator::LongArrow
            | BinaryOperator::Is
            | BinaryOperator::IsNot
    )
}

/// What is in a query that does more than read, or that is not known.
pub(super) fn query(query: &Query) -> Option<&'static str> {
    if !query.locks.is_empty() {
        Some("it locks the rows that it reads")
    } else if query.for_clause.is_some()
        || query.settings.is_some()
        || query.format_clause.is_some()
        || !query.pipe_operators.is_empty()
    {
        Some("it has a clause that is not known to only read")
    } else if !calm_body(&query.body) {
        Some("it has a statement inside that is not a read")
    } else {
        None
    }
}

fn calm_body(body: &SetExpr) -> bool {
    match body {
        SetExpr::Select(_) | SetExpr::Query(_) | SetExpr::Values(_) | SetExpr::Table(_) => true,
        SetExpr::SetOperation { left, right, .. } => calm_body(left) && calm_body(right),
        SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_) => false,
    }
}

/// What is in a SELECT that does more than read, or that is not known.
pub(super) fn select(select: &Select) -> Option<&'static str> {
    if select.into.is_some() {
        return Some("it writes what it selects (INTO)");
    }
    let plain = select.top.is_none()
        && select.lateral_views.is_empty()
        && select.prewhere.is_none()
        && select.connect_by.is_empty()
        && select.cluster_by.is_empty()
        && select.distribute_by.is_empty()
        && select.sort_by.is_empty()
        && select.qualify.is_none()
        && select.value_table_mode.is_none()
        && select.exclude.is_none()
        && select.optimizer_hints.is_empty();
    (!plain).then_some("it has a clause that is not known to only read")
}

/// Whether a table of a FROM is of a kind that only reads.
pub(super) fn is_calm_table(table: &TableFactor) -> bool {
    match table {
        TableFactor::Table { version, json_path, sample, with_ordinality, .. } => {
            version.is_none() && json_path.is_none() && sample.is_none() && !with_ordinality
        }
        TableFactor::Derived { sample, .. } => sample.is_none(),
        TableFactor::NestedJoin { .. } | TableFactor::JsonTable { .. } => true,
        _ => false,
    }
}
