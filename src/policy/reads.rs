//! What of a request a policy can read: a walk over its public syntax tree.
//!
//! Claim: two questions for the same slice that agree on the caller, on account, workspace, roles,
//! tenant, catalogs and grant, on the resource's place and kind, and on whatever [`Reads`] names,
//! get the same answer, the same determining policies and the same errors, at any two moments of
//! one [`Window`](super::time::Window).
//!
//! Why: evaluation is a pure function of what its leaves read. The walk narrows a leaf only where it
//! is an attribute path straight off `context` or `resource`, or one of few known shapes; a bare
//! variable, and everything that the walk does not know, counts as reading everything behind it. So by
//! induction over the expression, equal leaves give equal results.

use super::annotation::Annotations;
use super::time::Clockwork;
use cedar_policy::pst::{
    self, BinaryOp, Clause, EntityOrSlot, Expr, Literal, ResourceConstraint, UnaryOp, Var,
};
use cedar_policy::{Entities, EvalResult, Expression, Policy, Request};
use std::str::FromStr;

/// What the policies of a slice can read, beyond what every question depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "one bit for each part of a question that can be read"
)]
pub struct Reads {
    /// `context.http`.
    pub http: bool,
    /// `context.ip`.
    pub ip: bool,
    /// `context.certificate`.
    pub certificate: bool,
    /// Which resource it is, beyond its place and kind: its uid, id, owner and tags.
    pub resource_id: bool,
    /// The time.
    pub clock: Clockwork,
}

impl Reads {
    pub(super) fn add(&mut self, other: &Self) {
        self.http |= other.http;
        self.ip |= other.ip;
        self.certificate |= other.certificate;
        self.resource_id |= other.resource_id;
        self.clock.add(&other.clock);
    }
}

/// What one policy reads, and how many nodes its conditions have.
pub(super) fn of(policy: &Policy, annotations: &Annotations) -> (Reads, usize) {
    let mut walk = Walk::default();
    match policy.to_pst() {
        Ok(pst) => walk.policy(pst.body()),
        Err(_) => walk.everything(),
    }
    let mut reads = walk.reads;
    if walk.opaque_now {
        reads.clock.opaque(annotations.keep);
    }
    reads.clock.keep(annotations.keep);
    if let Some(at) = annotations.not_after {
        reads.clock.ends(at);
    }
    (reads, walk.nodes)
}

/// Attributes of a resource that its place and kind settle; the key holds those always.
const RESOURCE_SETTLED: [&str; 5] = ["account", "workspace", "role", "accountRole", "kind"];
/// Types of which a resource has exactly its own place as ancestors.
const PLACES: [&str; 2] = ["Account", "Workspace"];
/// Types that a resource itself can have.
const RESOURCES: [&str; 3] = ["Resource", "AccountResource", "PlatformResource"];

#[derive(Default)]
struct Walk {
    reads: Reads,
    opaque_now: bool,
    nodes: usize,
}

impl Walk {
    fn everything(&mut self) {
        self.reads.http = true;
        self.reads.ip = true;
        self.reads.certificate = true;
        self.reads.resource_id = true;
        self.opaque_now = true;
    }

    fn policy(&mut self, body: &pst::Template) {
        match &body.resource {
            ResourceConstraint::Any | ResourceConstraint::Is(_) => {}
            ResourceConstraint::In(EntityOrSlot::Entity(uid))
            | ResourceConstraint::IsIn(_, EntityOrSlot::Entity(uid))
                if is_place(uid) => {}
            _ => self.reads.resource_id = true,
        }
        for clause in body.clauses() {
            let (Clause::When(condition) | Clause::Unless(condition)) = clause;
            self.expr(condition);
        }
    }

    fn expr(&mut self, expr: &Expr) {
        self.nodes += 1;
        match expr {
            Expr::Literal(Literal::EntityUID(uid)) => {
                // Whether such an entity is in the store depends on which resource was asked about.
                self.reads.resource_id |= is_resource(uid);
            }
            Expr::Literal(_) => {}
            Expr::Var(var) => self.whole(var),
            Expr::GetAttr { expr: base, .. } => self.attribute(base, expr),
            Expr::HasAttr { expr: base, attrs } => self.has(base, attrs.first()),
            Expr::UnaryOp { expr, .. } | Expr::Like { expr, .. } => self.expr(expr),
            Expr::BinaryOp { op, left, right } => self.binary(*op, left, right),
            Expr::Is { expr, in_expr, .. } => {
                if !is_resource_var(expr) {
                    self.expr(expr);
                }
                if let Some(right) = in_expr {
                    self.membership(expr, right);
                }
            }
            Expr::IfThenElse {
                cond,
                then_expr,
                else_expr,
            } => {
                for part in [cond, then_expr, else_expr] {
                    self.expr(part);
                }
            }
            Expr::Set(elements) => elements.iter().for_each(|element| self.expr(element)),
            Expr::Record(fields) => fields.values().for_each(|field| self.expr(field)),
            _ => self.everything(),
        }
    }

    /// A variable that is not the base of a plain path.
    fn whole(&mut self, var: &Var) {
        match var {
            // The key holds both whole.
            Var::Principal | Var::Action => {}
            Var::Resource => self.reads.resource_id = true,
            Var::Context => {
                self.reads.http = true;
                self.reads.ip = true;
                self.reads.certificate = true;
                self.opaque_now = true;
            }
        }
    }

    fn attribute(&mut self, base: &Expr, whole: &Expr) {
        match path(whole) {
            Some((Var::Context, first)) => self.context_attribute(first),
            Some((Var::Resource, first)) => self.resource_attribute(first),
            Some((Var::Principal | Var::Action, _)) => {}
            None => self.expr(base),
        }
    }

    fn has(&mut self, base: &Expr, first: &str) {
        match base {
            // `now` is in every context.
            Expr::Var(Var::Context) if first == "now" => {}
            Expr::Var(Var::Context) => self.context_attribute(first),
            Expr::Var(Var::Resource) => self.resource_attribute(first),
            other => self.expr(other),
        }
    }

    fn context_attribute(&mut self, name: &str) {
        match name {
            "http" => self.reads.http = true,
            "ip" => self.reads.ip = true,
            "certificate" => self.reads.certificate = true,
            "now" => self.opaque_now = true,
            // Everything else of the context is in the key always.
            _ => {}
        }
    }

    fn resource_attribute(&mut self, name: &str) {
        self.reads.resource_id |= !RESOURCE_SETTLED.contains(&name);
    }

    fn binary(&mut self, op: BinaryOp, left: &Expr, right: &Expr) {
        let compares = matches!(
            op,
            BinaryOp::Less
                | BinaryOp::LessEq
                | BinaryOp::Greater
                | BinaryOp::GreaterEq
                | BinaryOp::Eq
                | BinaryOp::NotEq
        );
        if compares && (self.moment(left, right) || self.moment(right, left)) {
            return;
        }
        if op == BinaryOp::In {
            if !is_resource_var(left) {
                self.expr(left);
            }
            self.membership(left, right);
            return;
        }
        self.expr(left);
        self.expr(right);
    }

    /// `left in right`, as far as `left` is the resource; `right` is walked in any case.
    fn membership(&mut self, left: &Expr, right: &Expr) {
        self.expr(right);
        let settled = match right {
            Expr::Set(elements) => elements.iter().all(|element| names_place(element)),
            single => names_place(single),
        };
        self.reads.resource_id |= is_resource_var(left) && !settled;
    }

    /// `context.now`, or its time of day, against something whose moment is known.
    fn moment(&mut self, left: &Expr, right: &Expr) -> bool {
        if is_now(left) {
            if let Some(text) = literal_of(right, UnaryOp::Datetime) {
                return millis_of_datetime(text)
                    .map(|at| self.reads.clock.compare_instant(at))
                    .is_some();
            }
            if is_grant_end(right) {
                self.reads.clock.compare_grant_end();
                return true;
            }
        }
        if let Expr::UnaryOp {
            op: UnaryOp::ToTime,
            expr,
        } = left
            && is_now(expr)
            && let Some(text) = literal_of(right, UnaryOp::Duration)
        {
            return millis_of_duration(text)
                .map(|at| self.reads.clock.compare_time_of_day(at))
                .is_some();
        }
        false
    }
}

/// The variable and the first attribute of `variable.first...`.
fn path(expr: &Expr) -> Option<(&Var, &str)> {
    let Expr::GetAttr { expr: base, attr } = expr else {
        return None;
    };
    match base.as_ref() {
        Expr::Var(var) => Some((var, attr)),
        inner => path(inner),
    }
}

fn attribute_of<'a>(expr: &'a Expr, name: &str) -> Option<&'a Expr> {
    match expr {
        Expr::GetAttr { expr, attr } if attr.as_str() == name => Some(expr),
        _ => None,
    }
}

fn is_now(expr: &Expr) -> bool {
    matches!(attribute_of(expr, "now"), Some(Expr::Var(Var::Context)))
}

fn is_grant_end(expr: &Expr) -> bool {
    let grant = attribute_of(expr, "until").and_then(|expr| attribute_of(expr, "grant"));
    matches!(grant, Some(Expr::Var(Var::Context)))
}

fn is_resource_var(expr: &Expr) -> bool {
    matches!(expr, Expr::Var(Var::Resource))
}

fn names_place(expr: &Expr) -> bool {
    match expr {
        Expr::Literal(Literal::EntityUID(uid)) => is_place(uid),
        other => matches!(
            path(other),
            Some((Var::Context | Var::Resource, "account" | "workspace"))
        ),
    }
}

fn is_place(uid: &pst::EntityUID) -> bool {
    PLACES.contains(&uid.ty.0.id.as_ref())
}

fn is_resource(uid: &pst::EntityUID) -> bool {
    RESOURCES.contains(&uid.ty.0.id.as_ref())
}

fn literal_of(expr: &Expr, constructor: UnaryOp) -> Option<&str> {
    match expr {
        Expr::UnaryOp { op, expr } if *op == constructor => match expr.as_ref() {
            Expr::Literal(Literal::String(text)) => Some(text),
            _ => None,
        },
        _ => None,
    }
}

/// Cedar itself reads its literals, so that both mean the same moment.
fn millis_of_datetime(text: &str) -> Option<i64> {
    let plain = text
        .bytes()
        .all(|b| b.is_ascii_digit() || b"TZ:.+-".contains(&b));
    let epoch = r#"durationSince(datetime("1970-01-01"))"#;
    millis(
        plain,
        &format!(r#"datetime("{text}").{epoch}.toMilliseconds()"#),
    )
}

fn millis_of_duration(text: &str) -> Option<i64> {
    let plain = text
        .bytes()
        .all(|b| b.is_ascii_digit() || b"dhms-".contains(&b));
    millis(plain, &format!(r#"duration("{text}").toMilliseconds()"#))
}

fn millis(plain: bool, expression: &str) -> Option<i64> {
    if !plain {
        return None;
    }
    let expression = Expression::from_str(expression).ok()?;
    let nobody = cedar_policy::EntityUid::from_str(r#"Tenancy::User::"nobody""#).ok()?;
    let request = Request::new(
        nobody.clone(),
        nobody.clone(),
        nobody,
        cedar_policy::Context::empty(),
        None,
    )
    .ok()?;
    match cedar_policy::eval_expression(&request, &Entities::empty(), &expression) {
        Ok(EvalResult::Long(millis)) => Some(millis),
        _ => None,
    }
}
