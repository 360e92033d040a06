//! What a request environment settles of a policy: the types of principal and resource, the groups of the
//! action, and what the schema says that every question has. What it rules out is neither asked nor read.
//!
//! A condition that is settled is the same condition: in every question of the environment it gives the
//! same value, or the same error. So only a side that Cedar would not evaluate is dropped, and nothing
//! is taken out of its place: `true && x` stays, because it errs where `x` is neither true nor false.

use super::environment::Shape;
use super::reads::{Name, Path, Root, plain};
use cedar_policy::pst::{self, BinaryOp, Clause, Expr, Literal, StaticPolicy, UnaryOp, Var};
use cedar_policy::{EntityUid, Policy};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What is known of every question of an environment.
#[derive(Clone, Debug)]
pub(super) struct Settled {
    /// The principal's type.
    principal: String,
    /// The resource's type.
    resource: String,
    /// Actions that the action is in: itself, if it is known, and its groups.
    within: BTreeSet<Name>,
    /// Groups that it is not in.
    without: BTreeSet<Name>,
    /// What is there.
    present: Arc<BTreeSet<Path>>,
}

impl Settled {
    /// What is known of questions of that shape, about `action` if there is one; `groups` are those of all
    /// actions.
    pub(super) fn of(shape: &Shape, action: Option<&Name>, groups: &BTreeSet<Name>) -> Self {
        let own = shape.groups.iter().map(Name::from);
        let within: BTreeSet<Name> = own.chain(action.cloned()).collect();
        Self {
            principal: shape.types.0.to_string(),
            resource: shape.types.1.to_string(),
            without: groups.difference(&within).cloned().collect(),
            within,
            present: Arc::clone(&shape.present),
        }
    }

    /// The policy in that environment. `None`: it stays as it is.
    pub(super) fn apply(&self, policy: &Policy) -> Option<Policy> {
        let Ok(pst::Policy::Static(policy)) = policy.to_pst() else {
            return None;
        };
        let template = policy.body().clone();
        let clauses = template.clauses().iter().map(|clause| match clause {
            Clause::When(condition) => Clause::When(self.fold(condition)),
            Clause::Unless(condition) => Clause::Unless(self.fold(condition)),
        });
        let clauses: Vec<Clause> = clauses.collect();
        let template = template.try_with_clauses(clauses).ok()?;
        let settled = StaticPolicy::try_from(template).ok()?;
        Policy::from_pst(pst::Policy::Static(settled)).ok()
    }

    /// The condition in that environment.
    fn fold(&self, expr: &Arc<Expr>) -> Arc<Expr> {
        match expr.as_ref() {
            Expr::UnaryOp {
                op: op @ UnaryOp::Not,
                expr: of,
            } => {
                let of = self.fold(of);
                match known(&of) {
                    Some(flag) => constant(!flag),
                    None => Arc::new(Expr::UnaryOp { op: *op, expr: of }),
                }
            }
            Expr::BinaryOp {
                op: op @ (BinaryOp::And | BinaryOp::Or),
                left,
                right,
            } => self.junction(*op, left, right),
            Expr::BinaryOp {
                op: BinaryOp::In,
                left,
                right,
            } if **left == Expr::Var(Var::Action) => {
                self.is_in(right).map_or_else(|| Arc::clone(expr), constant)
            }
            Expr::Is {
                expr: of,
                entity_type,
                in_expr,
            } => match (self.is(of, &entity_type.to_string()), in_expr) {
                (None, _) => Arc::clone(expr),
                (Some(true), Some(right)) => Arc::new(Expr::BinaryOp {
                    op: BinaryOp::In,
                    left: Arc::clone(of),
                    right: Arc::clone(right),
                }),
                (Some(flag), _) => constant(flag),
            },
            Expr::HasAttr { expr: base, attrs }
                if self.has(base, attrs.iter().map(AsRef::as_ref)) =>
            {
                constant(true)
            }
            Expr::IfThenElse {
                cond,
                then_expr,
                else_expr,
            } => {
                let cond = self.fold(cond);
                match known(&cond) {
                    Some(true) => self.fold(then_expr),
                    Some(false) => self.fold(else_expr),
                    None => Arc::new(Expr::IfThenElse {
                        cond,
                        then_expr: self.fold(then_expr),
                        else_expr: self.fold(else_expr),
                    }),
                }
            }
            _ => Arc::clone(expr),
        }
    }

    fn junction(&self, op: BinaryOp, left: &Arc<Expr>, right: &Arc<Expr>) -> Arc<Expr> {
        let left = self.fold(left);
        let ends = op == BinaryOp::Or;
        if known(&left) == Some(ends) {
            return left;
        }
        let right = self.fold(right);
        match (known(&left), known(&right)) {
            (Some(_), Some(_)) => right,
            _ => Arc::new(Expr::BinaryOp { op, left, right }),
        }
    }

    fn is(&self, expr: &Expr, entity_type: &str) -> Option<bool> {
        match expr {
            Expr::Var(Var::Principal) => Some(self.principal == entity_type),
            Expr::Var(Var::Resource) => Some(self.resource == entity_type),
            _ => None,
        }
    }

    /// Whether it has all of them in any case, one after the other.
    fn has<'a>(&self, base: &Expr, names: impl Iterator<Item = &'a str>) -> bool {
        let Some(mut path) = plain(base) else {
            return false;
        };
        let is_there = |path: &Path| path.steps.is_empty() || self.present.contains(path);
        let own = !matches!(path.root, Root::Entity(_)) && is_there(&path);
        own && names.fold(true, |all, name| {
            path = path.clone().attribute(name);
            all && self.present.contains(&path)
        })
    }

    fn is_in(&self, right: &Expr) -> Option<bool> {
        let named = named(right)?;
        if named.iter().any(|name| self.within.contains(name)) {
            return Some(true);
        }
        let none = named.iter().all(|name| self.without.contains(name));
        none.then_some(false)
    }
}

/// Which actions the policy names where an environment may settle something of it. `None`: there is
/// nothing to be settled.
pub(super) fn depends(policy: &Policy) -> Option<BTreeSet<Name>> {
    let Ok(pst::Policy::Static(policy)) = policy.to_pst() else {
        return None;
    };
    let mut found = Found::default();
    for clause in policy.body().clauses() {
        let (Clause::When(condition) | Clause::Unless(condition)) = clause;
        found.below(condition);
    }
    found.any.then_some(found.actions)
}

#[derive(Default)]
struct Found {
    any: bool,
    actions: BTreeSet<Name>,
}

impl Found {
    fn below(&mut self, expr: &Expr) {
        match expr {
            Expr::UnaryOp {
                op: UnaryOp::Not,
                expr,
            } => self.below(expr),
            Expr::BinaryOp {
                op: BinaryOp::And | BinaryOp::Or,
                left,
                right,
            } => {
                self.below(left);
                self.below(right);
            }
            Expr::BinaryOp {
                op: BinaryOp::In,
                left,
                right,
            } if **left == Expr::Var(Var::Action) => {
                let named = named(right);
                self.any |= named.is_some();
                self.actions.extend(named.into_iter().flatten());
            }
            Expr::HasAttr { expr, .. } => self.any |= plain(expr).is_some(),
            Expr::Is { expr, .. } => {
                self.any |= matches!(**expr, Expr::Var(Var::Principal | Var::Resource));
            }
            Expr::IfThenElse {
                cond,
                then_expr,
                else_expr,
            } => {
                self.below(cond);
                self.below(then_expr);
                self.below(else_expr);
            }
            _ => {}
        }
    }
}

/// The entities that are written out.
fn named(expr: &Expr) -> Option<Vec<Name>> {
    let one = |expr: &Expr| match expr {
        Expr::Literal(Literal::EntityUID(uid)) => Some(Name::of(uid)),
        _ => None,
    };
    match expr {
        Expr::Set(elements) => elements.iter().map(|element| one(element)).collect(),
        other => Some(vec![one(other)?]),
    }
}

fn known(expr: &Expr) -> Option<bool> {
    match expr {
        Expr::Literal(Literal::Bool(flag)) => Some(*flag),
        _ => None,
    }
}

fn constant(flag: bool) -> Arc<Expr> {
    Arc::new(Expr::Literal(Literal::Bool(flag)))
}

impl From<&EntityUid> for Name {
    fn from(uid: &EntityUid) -> Self {
        Self {
            entity_type: uid.type_name().to_string().as_str().into(),
            id: uid.id().unescaped().into(),
        }
    }
}
