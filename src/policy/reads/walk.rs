//! A walk over a policy's public syntax tree, which finds its atoms.
//!
//! It narrows what is read only where a path goes straight from principal, resource, context or a named
//! entity; anything else, and every kind of expression that it does not know, counts as reading
//! everything.

use super::atom::{Bit, Name, Of, Path, Read, Root, Term};
use super::operator::{compares, converts, joins};
use super::{Reads, moment};
use crate::policy::time::Clockwork;
use cedar_policy::pst::{
    self, BinaryOp, Clause, EntityOrSlot, Expr, Literal, PrincipalConstraint, ResourceConstraint,
    UnaryOp, Var,
};
use std::collections::BTreeSet;

#[derive(Default)]
pub(super) struct Walk {
    bits: BTreeSet<Bit>,
    values: BTreeSet<Read>,
    everything: bool,
    /// The time is read in a way of which nothing is known.
    pub(super) opaque_now: bool,
    pub(super) clock: Clockwork,
}

impl Walk {
    /// All that the policy reads.
    pub(super) fn of(policy: &pst::Policy) -> Self {
        let mut walk = Self::default();
        let body = policy.body();
        walk.principal_head(&body.principal);
        walk.resource_head(&body.resource);
        for clause in body.clauses() {
            let (Clause::When(condition) | Clause::Unless(condition)) = clause;
            walk.truth(condition);
        }
        walk
    }

    /// A policy that cannot be walked.
    pub(super) fn everything() -> Self {
        let mut walk = Self::default();
        walk.unknown();
        walk
    }

    pub(super) fn reads(self) -> Reads {
        Reads {
            behind: Vec::new(),
            bits: self.bits.into_iter().collect(),
            values: self.values.into_iter().collect(),
            everything: self.everything,
            clock: self.clock,
        }
    }

    fn unknown(&mut self) {
        self.everything = true;
        self.opaque_now = true;
    }

    fn bit(&mut self, bit: Bit) {
        self.bits.insert(bit);
    }

    // === the head: the types of principal and resource, and the action, are in every key

    fn principal_head(&mut self, constraint: &PrincipalConstraint) {
        match constraint {
            PrincipalConstraint::Any | PrincipalConstraint::Is(_) => {}
            PrincipalConstraint::Eq(which) => self.head_same(Root::Principal, which),
            PrincipalConstraint::In(which) | PrincipalConstraint::IsIn(_, which) => {
                self.head_in(Root::Principal, which);
            }
        }
    }

    fn resource_head(&mut self, constraint: &ResourceConstraint) {
        match constraint {
            ResourceConstraint::Any | ResourceConstraint::Is(_) => {}
            ResourceConstraint::Eq(which) => self.head_same(Root::Resource, which),
            ResourceConstraint::In(which) | ResourceConstraint::IsIn(_, which) => {
                self.head_in(Root::Resource, which);
            }
        }
    }

    fn head_same(&mut self, root: Root, which: &EntityOrSlot) {
        match which {
            EntityOrSlot::Entity(uid) => {
                let own = Term::Path(Path::root(root));
                self.bit(Bit::Same(own, Term::Entity(Name::of(uid))));
            }
            EntityOrSlot::Slot(_) => self.unknown(),
        }
    }

    fn head_in(&mut self, root: Root, which: &EntityOrSlot) {
        match which {
            EntityOrSlot::Entity(uid) => {
                let of = Of::One(Term::Entity(Name::of(uid)));
                self.bit(Bit::In(Path::root(root), of));
            }
            EntityOrSlot::Slot(_) => self.unknown(),
        }
    }

    // === conditions

    /// Only whether the expression is true matters.
    fn truth(&mut self, expr: &Expr) {
        match (term(expr), expr) {
            (Some(Term::Path(path)), _) => self.bit(Bit::True(path)),
            (Some(_), _) => {}
            (
                None,
                Expr::IfThenElse {
                    cond,
                    then_expr,
                    else_expr,
                },
            ) => {
                for part in [cond, then_expr, else_expr] {
                    self.truth(part);
                }
            }
            (None, _) => self.value(expr),
        }
    }

    /// The value of the expression matters: whatever it may be is read.
    fn value(&mut self, expr: &Expr) {
        for path in self.origins(expr) {
            if path == Path::root(Root::Context) {
                self.unknown();
            }
            if path.is_now() {
                self.opaque_now = true;
            } else if !path.is_named() {
                self.values.insert(Read::Value(path));
            }
        }
    }

    /// The paths at which the value of the expression may stand; what else evaluating it reads is noted.
    /// Empty: it stands nowhere, but is made here.
    fn origins(&mut self, expr: &Expr) -> Vec<Path> {
        match expr {
            Expr::Literal(Literal::EntityUID(uid)) => vec![Path::root(Root::Entity(Name::of(uid)))],
            // Actions have no attributes, and which one it is is in the key.
            Expr::Literal(_) | Expr::Var(Var::Action) => Vec::new(),
            Expr::Var(Var::Principal) => vec![Path::root(Root::Principal)],
            Expr::Var(Var::Resource) => vec![Path::root(Root::Resource)],
            Expr::Var(Var::Context) => vec![Path::root(Root::Context)],
            Expr::GetAttr { expr, attr } => {
                let bases = self.bases(expr).into_iter();
                bases.map(|base| base.attribute(attr)).collect()
            }
            Expr::HasAttr { expr, attrs } => {
                let bases = self.bases(expr);
                let names: Vec<&str> = attrs.iter().map(AsRef::as_ref).collect();
                self.has(bases, &names);
                Vec::new()
            }
            Expr::UnaryOp { op, expr } => {
                self.unary(*op, expr);
                Vec::new()
            }
            Expr::BinaryOp { op, left, right } => self.binary(*op, left, right),
            Expr::Like { expr, .. } => {
                self.value(expr);
                Vec::new()
            }
            Expr::Is { expr, in_expr, .. } => {
                self.is(expr, in_expr.as_deref());
                Vec::new()
            }
            Expr::IfThenElse {
                cond,
                then_expr,
                else_expr,
            } => {
                self.truth(cond);
                let mut either = self.origins(then_expr);
                either.extend(self.origins(else_expr));
                either
            }
            // No operator takes an element out of a set again, and taking one out of a record that is
            // written out counts as reading everything.
            Expr::Set(elements) => {
                for element in elements {
                    self.value(element);
                }
                Vec::new()
            }
            Expr::Record(fields) => {
                for field in fields.values() {
                    self.value(field);
                }
                Vec::new()
            }
            _ => {
                self.unknown();
                Vec::new()
            }
        }
    }

    /// Where something is looked at further. Of what is made here, the parts may be anything.
    fn bases(&mut self, expr: &Expr) -> Vec<Path> {
        if is_made(expr) {
            self.unknown();
        }
        self.origins(expr)
    }

    /// `base has a.b.c`: each step, because the next is looked at only where there is one.
    fn has(&mut self, bases: Vec<Path>, names: &[&str]) {
        for mut path in bases {
            for name in names {
                path = path.attribute(name);
                self.bit(Bit::Has(path.clone()));
            }
        }
    }

    fn unary(&mut self, op: UnaryOp, expr: &Expr) {
        match (op, term(expr)) {
            (UnaryOp::Not, _) => self.truth(expr),
            (UnaryOp::IsEmpty, Some(Term::Path(path))) => self.bit(Bit::Empty(path)),
            _ if converts(op) => self.value(expr),
            _ => self.unknown(),
        }
    }

    fn binary(&mut self, op: BinaryOp, left: &Expr, right: &Expr) -> Vec<Path> {
        match op {
            BinaryOp::GetTag | BinaryOp::HasTag => return self.tag(op, left, right),
            BinaryOp::And | BinaryOp::Or => {
                self.truth(left);
                self.truth(right);
            }
            BinaryOp::In => self.membership(left, right),
            BinaryOp::Contains => self.contains(left, right),
            BinaryOp::ContainsAll | BinaryOp::ContainsAny => self.contains_each(left, right),
            _ if compares(op) && (self.moment(left, right) || self.moment(right, left)) => {}
            BinaryOp::Eq | BinaryOp::NotEq => self.same(left, right),
            _ if joins(op) => self.both(left, right),
            _ => self.unknown(),
        }
        Vec::new()
    }

    fn both(&mut self, left: &Expr, right: &Expr) {
        self.value(left);
        self.value(right);
    }

    fn same(&mut self, left: &Expr, right: &Expr) {
        match (term(left), term(right)) {
            (Some(left), Some(right)) => self.bit(Bit::Same(left, right)),
            _ => self.both(left, right),
        }
    }

    /// `{set}.contains(x)`. A set that is written out is asked element by element.
    fn contains(&mut self, left: &Expr, right: &Expr) {
        match (term(left), terms(left), term(right)) {
            (Some(Term::Path(path)), _, Some(right)) => self.bit(Bit::Contains(path, right)),
            (None, Some(elements), Some(right)) => {
                for element in elements {
                    self.bit(Bit::Same(element, right.clone()));
                }
                // Evaluating it errs where it is absent, even where the set is empty.
                self.value_of(right);
            }
            _ => self.both(left, right),
        }
    }

    /// `containsAll` and `containsAny` of elements that are written out.
    fn contains_each(&mut self, left: &Expr, right: &Expr) {
        match (term(left), terms(right)) {
            (Some(Term::Path(path)), Some(elements)) => {
                if elements.is_empty() {
                    // Whether it is a set at all.
                    self.bit(Bit::Empty(path.clone()));
                }
                for element in elements {
                    self.bit(Bit::Contains(path.clone(), element));
                }
            }
            _ => self.both(left, right),
        }
    }

    /// Whether there is something, where only a literal was compared.
    fn value_of(&mut self, term: Term) {
        if let Term::Path(path) = term {
            self.bit(Bit::Same(Term::Path(path.clone()), Term::Path(path)));
        }
    }

    /// `left in right`.
    fn membership(&mut self, left: &Expr, right: &Expr) {
        let of = match terms(right) {
            Some(each) => Some(Of::Each(each)),
            None => term(right).map(Of::One),
        };
        // An action's groups are its own; those that are named are settled with it.
        if matches!(left, Expr::Var(Var::Action)) {
            if !of.is_some_and(|of| of.is_named()) {
                self.unknown();
            }
            return;
        }
        let left = match term(left) {
            Some(Term::Path(path)) => Some(path),
            Some(Term::Entity(name)) => Some(Path::root(Root::Entity(name))),
            _ => None,
        };
        match (left, of) {
            (Some(left), Some(of)) => self.bit(Bit::In(left, of)),
            // What a computed entity is below of is read from the store.
            _ => self.unknown(),
        }
    }

    fn is(&mut self, expr: &Expr, in_expr: Option<&Expr>) {
        for path in self.bases(expr) {
            let typed = matches!(path.root, Root::Principal | Root::Resource);
            if !(typed && path.steps.is_empty()) {
                self.values.insert(Read::Type(path));
            }
        }
        if let Some(right) = in_expr {
            self.membership(expr, right);
        }
    }

    /// Tags are texts: one behind a computed key is a value, and never the base of a path.
    fn tag(&mut self, op: BinaryOp, left: &Expr, right: &Expr) -> Vec<Path> {
        let bases = self.bases(left).into_iter();
        let Expr::Literal(Literal::String(key)) = right else {
            self.value(right);
            self.values.extend(bases.map(Read::Tags));
            return Vec::new();
        };
        let tags = bases.map(|base| base.tag(key));
        if op == BinaryOp::GetTag {
            return tags.collect();
        }
        self.bits.extend(tags.map(Bit::Has));
        Vec::new()
    }

    /// `context.now`, or its time of day, against something whose moment is known.
    fn moment(&mut self, left: &Expr, right: &Expr) -> bool {
        if is_now(left) {
            if let Some(at) = moment::datetime(right) {
                self.clock.compare_instant(at);
                return true;
            }
            // Its value is in the key, so that an entry's stretch of time is that grant's.
            if let Some(path) = plain(right).filter(|path| path.is_context(&["grant", "until"])) {
                self.values.insert(Read::Value(path));
                self.clock.compare_grant_end();
                return true;
            }
        }
        if let Expr::UnaryOp { op, expr } = left
            && *op == UnaryOp::ToTime
            && is_now(expr)
            && let Some(at) = moment::duration(right)
        {
            self.clock.compare_time_of_day(at);
            return true;
        }
        false
    }
}

fn is_now(expr: &Expr) -> bool {
    plain(expr).is_some_and(|path| path.is_now())
}

/// Whether looking further into it may lead to a part of something that no path names.
fn is_made(expr: &Expr) -> bool {
    match expr {
        Expr::Record(_) | Expr::Set(_) => true,
        Expr::IfThenElse {
            then_expr,
            else_expr,
            ..
        } => is_made(then_expr) || is_made(else_expr),
        Expr::GetAttr { expr, .. } => is_made(expr),
        Expr::BinaryOp {
            op: BinaryOp::GetTag,
            left,
            right,
        } => is_made(left) || !matches!(right.as_ref(), Expr::Literal(Literal::String(_))),
        _ => false,
    }
}

/// The path that the expression is.
pub(in crate::policy) fn plain(expr: &Expr) -> Option<Path> {
    match expr {
        Expr::Var(Var::Principal) => Some(Path::root(Root::Principal)),
        Expr::Var(Var::Resource) => Some(Path::root(Root::Resource)),
        Expr::Var(Var::Context) => Some(Path::root(Root::Context)),
        Expr::Literal(Literal::EntityUID(uid)) => Some(Path::root(Root::Entity(Name::of(uid)))),
        Expr::GetAttr { expr, attr } => Some(plain(expr)?.attribute(attr)),
        Expr::BinaryOp {
            op: BinaryOp::GetTag,
            left,
            right,
        } => match right.as_ref() {
            Expr::Literal(Literal::String(key)) => Some(plain(left)?.tag(key)),
            _ => None,
        },
        _ => None,
    }
}

/// The literal or path that the expression is, if a bit can be asked of it. Not the time, and not the
/// context as a whole, which holds the time.
fn term(expr: &Expr) -> Option<Term> {
    match expr {
        Expr::Literal(Literal::EntityUID(uid)) => Some(Term::Entity(Name::of(uid))),
        Expr::Literal(Literal::String(text)) => Some(Term::Text(text.as_str().into())),
        Expr::Literal(Literal::Long(number)) => Some(Term::Number(*number)),
        Expr::Literal(Literal::Bool(flag)) => Some(Term::Flag(*flag)),
        _ => plain(expr)
            .filter(|path| !path.is_now() && *path != Path::root(Root::Context))
            .map(Term::Path),
    }
}

/// The elements of a set that is written out, if each is a term.
fn terms(expr: &Expr) -> Option<Vec<Term>> {
    match expr {
        Expr::Set(elements) => elements.iter().map(|element| term(element)).collect(),
        _ => None,
    }
}
