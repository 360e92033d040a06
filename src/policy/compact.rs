//! Conditions as small as they can be. Parsed, each node says where it stands in its text, which it keeps
//! alive; and what policies repeat (`resource has id`, `action in ..`) is there once for each time.

use cedar_policy_core::ast::{EntityUID, Expr, ExprBuilder, ExprKind, Literal};
use cedar_policy_core::expr_builder::ExprBuilder as _;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

/// The largest expression that is looked for among the others: to compare it takes its whole length.
const SHARED_NODES_MAX: usize = 16;

/// What the policies of one layer have in common.
#[derive(Default)]
pub(super) struct Pool(HashSet<Arc<Expr>>);

impl Pool {
    /// The same expression, without places. Call it on a large stack only (`stack::run`).
    pub(super) fn compact(&mut self, expr: &Expr) -> Arc<Expr> {
        self.node(expr).0
    }

    /// With the number of its nodes.
    fn node(&mut self, expr: &Expr) -> (Arc<Expr>, usize) {
        let (expr, nodes) = self.plain(expr);
        if nodes > SHARED_NODES_MAX {
            return (Arc::new(expr), nodes);
        }
        if let Some(known) = self.0.get(&expr) {
            return (Arc::clone(known), nodes);
        }
        let expr = Arc::new(expr);
        self.0.insert(Arc::clone(&expr));
        (expr, nodes)
    }

    fn plain(&mut self, expr: &Expr) -> (Expr, usize) {
        let mut nodes = 1;
        let kind = match expr.expr_kind() {
            ExprKind::Lit(Literal::EntityUID(uid)) => ExprKind::Lit(unplaced(uid)),
            ExprKind::If {
                test_expr,
                then_expr,
                else_expr,
            } => ExprKind::If {
                test_expr: self.child(test_expr, &mut nodes),
                then_expr: self.child(then_expr, &mut nodes),
                else_expr: self.child(else_expr, &mut nodes),
            },
            ExprKind::And { left, right } => {
                let (left, right) = (self.child(left, &mut nodes), self.child(right, &mut nodes));
                ExprKind::And { left, right }
            }
            ExprKind::Or { left, right } => {
                let (left, right) = (self.child(left, &mut nodes), self.child(right, &mut nodes));
                ExprKind::Or { left, right }
            }
            ExprKind::UnaryApp { op, arg } => ExprKind::UnaryApp {
                op: *op,
                arg: self.child(arg, &mut nodes),
            },
            ExprKind::BinaryApp { op, arg1, arg2 } => ExprKind::BinaryApp {
                op: *op,
                arg1: self.child(arg1, &mut nodes),
                arg2: self.child(arg2, &mut nodes),
            },
            other => self.further(other, &mut nodes),
        };
        (ExprBuilder::with_data(()).with_expr_kind(kind), nodes)
    }

    fn further(&mut self, kind: &ExprKind, nodes: &mut usize) -> ExprKind {
        match kind {
            ExprKind::GetAttr { expr, attr } => ExprKind::GetAttr {
                expr: self.child(expr, nodes),
                attr: attr.clone(),
            },
            ExprKind::HasAttr { expr, attr } => ExprKind::HasAttr {
                expr: self.child(expr, nodes),
                attr: attr.clone(),
            },
            ExprKind::ExtHasAttr { expr, attrs } => ExprKind::ExtHasAttr {
                expr: self.child(expr, nodes),
                attrs: attrs.clone(),
            },
            ExprKind::Like { expr, pattern } => ExprKind::Like {
                expr: self.child(expr, nodes),
                pattern: pattern.clone(),
            },
            ExprKind::Is { expr, entity_type } => ExprKind::Is {
                expr: self.child(expr, nodes),
                entity_type: entity_type.with_loc(None),
            },
            ExprKind::ExtensionFunctionApp { fn_name, args } => ExprKind::ExtensionFunctionApp {
                fn_name: fn_name.clone(),
                args: Arc::new(self.each(args, nodes)),
            },
            ExprKind::Set(elements) => ExprKind::Set(Arc::new(self.each(elements, nodes))),
            ExprKind::Record(fields) => {
                let fields = fields.iter();
                let fields: BTreeMap<_, _> = fields
                    .map(|(name, field)| (name.clone(), self.whole(field, nodes)))
                    .collect();
                ExprKind::Record(Arc::new(fields))
            }
            // Without parts, or unknown: as it is.
            other => other.clone(),
        }
    }

    fn child(&mut self, expr: &Expr, nodes: &mut usize) -> Arc<Expr> {
        let (child, inner) = self.node(expr);
        *nodes += inner;
        child
    }

    fn whole(&mut self, expr: &Expr, nodes: &mut usize) -> Expr {
        let (child, inner) = self.plain(expr);
        *nodes += inner;
        child
    }

    fn each(&mut self, exprs: &[Expr], nodes: &mut usize) -> Vec<Expr> {
        exprs.iter().map(|expr| self.whole(expr, nodes)).collect()
    }
}

fn unplaced(uid: &EntityUID) -> Literal {
    let (entity_type, eid) = uid.clone().components();
    let uid = EntityUID::from_components(entity_type.with_loc(None), eid, None);
    Literal::EntityUID(Arc::new(uid))
}

#[cfg(test)]
mod tests;
