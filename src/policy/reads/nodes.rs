//! How large a policy's conditions are: what the budgets count.

use cedar_policy::pst::{Clause, Expr, Template};

/// Nodes of all conditions together.
pub(super) fn of(policy: &Template) -> usize {
    let clauses = policy.clauses().iter();
    clauses
        .map(|clause| {
            let (Clause::When(condition) | Clause::Unless(condition)) = clause;
            below(condition)
        })
        .sum()
}

fn below(expr: &Expr) -> usize {
    let further = match expr {
        Expr::UnaryOp { expr, .. }
        | Expr::Like { expr, .. }
        | Expr::GetAttr { expr, .. }
        | Expr::HasAttr { expr, .. } => below(expr),
        Expr::BinaryOp { left, right, .. } => below(left) + below(right),
        Expr::Is { expr, in_expr, .. } => {
            below(expr) + in_expr.as_ref().map_or(0, |right| below(right))
        }
        Expr::IfThenElse {
            cond,
            then_expr,
            else_expr,
        } => below(cond) + below(then_expr) + below(else_expr),
        Expr::Set(elements) => elements.iter().map(|element| below(element)).sum(),
        Expr::Record(fields) => fields.values().map(|field| below(field)).sum(),
        _ => 0,
    };
    1 + further
}
