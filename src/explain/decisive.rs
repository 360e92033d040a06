//! The smallest parts of a condition that made it what it is to a question.

use crate::policy::{Leaf, Node, Panel, Said};
use cedar_policy_core::ast::{Expr, ExprKind, Var};

/// Leaves that settle a condition, in the order of the text.
pub(super) type Leaves<'a> = Vec<(&'a Leaf, Said)>;

/// What the condition is to the question, and the leaves that make it so: of what fails with its first part,
/// that part; of what needs all its parts, all of them. What Cedar does not reach is not among them.
pub(super) fn decisive<'a>(node: &'a Node, panel: &Panel<'_>) -> (Said, Leaves<'a>) {
    match node {
        Node::And(parts) => joined(parts, panel, (Said::False, Said::True)),
        Node::Or(parts) => joined(parts, panel, (Said::True, Said::False)),
        Node::Not(part) => {
            let (said, leaves) = decisive(part, panel);
            let said = match said {
                Said::True => Said::False,
                Said::False => Said::True,
                Said::Errs => Said::Errs,
            };
            (said, leaves)
        }
        Node::If(parts) => {
            let [test, then, other] = &**parts;
            let (tested, mut leaves) = decisive(test, panel);
            let taken = match tested {
                Said::True => then,
                Said::False => other,
                Said::Errs => return (Said::Errs, leaves),
            };
            let (said, others) = decisive(taken, panel);
            leaves.extend(others);
            (said, leaves)
        }
        Node::Leaf(leaf) => {
            let said = panel.says(&leaf.expression);
            (said, vec![(leaf, said)])
        }
    }
}

/// Of parts that end with the first which is `end`; `otherwise`, if none is.
fn joined<'a>(
    parts: &'a [Node],
    panel: &Panel<'_>,
    (end, otherwise): (Said, Said),
) -> (Said, Leaves<'a>) {
    let mut passed = Vec::new();
    for part in parts {
        let (said, leaves) = decisive(part, panel);
        if said == end || said == Said::Errs {
            return (said, leaves);
        }
        passed.extend(leaves);
    }
    (otherwise, passed)
}

/// The longest ways from principal, action, resource and context in an expression: what it looks at.
/// The context as a whole is none, nor is what `has` asks about: that may not be there.
pub(super) fn paths<'a>(expression: &'a Expr, found: &mut Vec<&'a Expr>) {
    match expression.expr_kind() {
        ExprKind::Var(Var::Context) => {}
        ExprKind::Var(_) => found.push(expression),
        ExprKind::GetAttr { expr, .. } if is_path(expr) => found.push(expression),
        ExprKind::GetAttr { expr, .. }
        | ExprKind::Like { expr, .. }
        | ExprKind::Is { expr, .. }
        | ExprKind::UnaryApp { arg: expr, .. } => paths(expr, found),
        ExprKind::BinaryApp { arg1, arg2, .. }
        | ExprKind::And {
            left: arg1,
            right: arg2,
        }
        | ExprKind::Or {
            left: arg1,
            right: arg2,
        } => {
            paths(arg1, found);
            paths(arg2, found);
        }
        ExprKind::If {
            test_expr,
            then_expr,
            else_expr,
        } => {
            for part in [test_expr, then_expr, else_expr] {
                paths(part, found);
            }
        }
        ExprKind::ExtensionFunctionApp { args: parts, .. } | ExprKind::Set(parts) => {
            parts.iter().for_each(|part| paths(part, found));
        }
        ExprKind::Record(fields) => fields.values().for_each(|part| paths(part, found)),
        _ => {}
    }
}

/// The way that an expression is, if it is one: `context.tenant.plan`.
pub fn way(expression: &Expr) -> Option<String> {
    is_path(expression).then(|| written(expression))
}

fn is_path(expression: &Expr) -> bool {
    match expression.expr_kind() {
        ExprKind::Var(_) => true,
        ExprKind::GetAttr { expr, .. } => is_path(expr),
        _ => false,
    }
}

/// A way as policies write it.
pub(super) fn written(path: &Expr) -> String {
    match path.expr_kind() {
        ExprKind::GetAttr { expr, attr } if is_path(expr) => {
            format!("{}.{attr}", written(expr))
        }
        _ => path.to_string(),
    }
}
