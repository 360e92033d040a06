//! The one form of a guard, held by a lint (DESIGN 4).
//!
//! `forbid (principal, action, resource) unless { positive evidence, every attribute behind a has }`:
//! an open head cannot be missed because an entity is not in the store, and a condition that looks
//! before it reads cannot err; whatever is absent counts against the request.

use cedar_policy::pst::{
    ActionConstraint, BinaryOp, Clause, Effect, Expr, PrincipalConstraint, ResourceConstraint,
    UnaryOp, Var,
};
use cedar_policy::{Policy, pst};
use std::collections::BTreeSet;

/// How a policy departs from the form of guards; empty: it does not.
pub(super) fn departures(policy: &Policy) -> Vec<String> {
    let Ok(pst) = policy.to_pst() else {
        return vec!["it cannot be taken apart".to_owned()];
    };
    let body = pst.body();
    let mut lint = Lint::default();
    if body.effect != Effect::Forbid {
        lint.found("it is no forbid");
    }
    if !is_open(body) {
        lint.found("its head is narrowed: say it in the condition");
    }
    match body.clauses().as_slice() {
        [Clause::Unless(condition)] => {
            lint.truth(condition, &BTreeSet::new());
        }
        _ => lint.found("it has not exactly one `unless`"),
    }
    if policy.annotation("reason").is_none_or(str::is_empty) {
        lint.found("it has no `@reason`");
    }
    lint.departures.into_iter().collect()
}

fn is_open(body: &pst::Template) -> bool {
    matches!(body.principal, PrincipalConstraint::Any)
        && matches!(body.action, ActionConstraint::Any)
        && matches!(body.resource, ResourceConstraint::Any)
}

/// A variable and attributes behind it.
type Path = Vec<String>;

#[derive(Default)]
struct Lint {
    departures: BTreeSet<String>,
}

impl Lint {
    fn found(&mut self, what: &str) {
        self.departures.insert(what.to_owned());
    }

    /// Walks a condition of which `known` paths are there; the paths known once it is true.
    fn truth(&mut self, expr: &Expr, known: &BTreeSet<Path>) -> BTreeSet<Path> {
        match expr {
            Expr::BinaryOp {
                op: BinaryOp::And,
                left,
                right,
            } => {
                let known = self.truth(left, known);
                self.truth(right, &known)
            }
            Expr::BinaryOp {
                op: BinaryOp::Or,
                left,
                right,
            } => {
                let left = self.truth(left, known);
                let right = self.truth(right, known);
                left.intersection(&right).cloned().collect()
            }
            Expr::HasAttr { expr, attrs } => {
                self.value(expr, known);
                let mut known = known.clone();
                if let Some(mut path) = path(expr) {
                    for attr in attrs.iter() {
                        path.push(attr.to_string());
                        known.insert(path.clone());
                    }
                }
                known
            }
            Expr::UnaryOp {
                op: UnaryOp::Not,
                expr,
            } => {
                self.truth(expr, known);
                known.clone()
            }
            other => {
                self.value(other, known);
                known.clone()
            }
        }
    }

    fn value(&mut self, expr: &Expr, known: &BTreeSet<Path>) {
        match expr {
            Expr::Literal(_) | Expr::Var(_) => {}
            Expr::GetAttr { expr: base, attr } => self.attribute(expr, base, attr, known),
            Expr::BinaryOp {
                op: BinaryOp::And | BinaryOp::Or,
                ..
            }
            | Expr::HasAttr { .. }
            | Expr::UnaryOp {
                op: UnaryOp::Not, ..
            } => {
                self.truth(expr, known);
            }
            Expr::BinaryOp {
                op: BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Offset,
                ..
            }
            | Expr::UnaryOp {
                op: UnaryOp::Neg, ..
            } => self.found("it does arithmetic, which can overflow"),
            Expr::BinaryOp {
                op: BinaryOp::GetTag | BinaryOp::HasTag,
                ..
            } => self.found("it reads tags, which are not for guards"),
            Expr::BinaryOp { left, right, .. } => {
                self.value(left, known);
                self.value(right, known);
            }
            Expr::UnaryOp { expr, .. } | Expr::Like { expr, .. } => self.value(expr, known),
            Expr::Is { expr, in_expr, .. } => {
                self.value(expr, known);
                if let Some(right) = in_expr {
                    self.value(right, known);
                }
            }
            Expr::Set(elements) => {
                for element in elements {
                    self.value(element, known);
                }
            }
            _ => self.found("it uses an expression that guards do not use"),
        }
    }

    fn attribute(&mut self, whole: &Expr, base: &Expr, attr: &str, known: &BTreeSet<Path>) {
        match path(whole) {
            Some(path) if !known.contains(&path) => {
                self.found(&format!("it reads `{}` without a `has`", path.join(".")));
            }
            Some(_) => {}
            None => self.found(&format!(
                "it reads `.{attr}` off something that is no plain path"
            )),
        }
        if !matches!(base, Expr::Var(_)) {
            self.value(base, known);
        }
    }
}

fn path(expr: &Expr) -> Option<Path> {
    match expr {
        Expr::Var(var) => Some(vec![
            match var {
                Var::Principal => "principal",
                Var::Action => "action",
                Var::Resource => "resource",
                Var::Context => "context",
            }
            .to_owned(),
        ]),
        Expr::GetAttr { expr, attr } => {
            let mut path = path(expr)?;
            path.push(attr.to_string());
            Some(path)
        }
        _ => None,
    }
}
