//! Where two policies can differ at all, and where a condition can be what no case saw: asked of Cedar's
//! validator, as a policy that is satisfied nowhere else.

use crate::policy::{Bench, Judged, Node, Subject};
use cedar_policy_core::ast::{Effect, Expr, ExprKind};
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;

/// Writes the policies that the validator is asked about.
pub(super) struct Prover<'a> {
    bench: &'a Bench<'a>,
    /// What it said of policies about attributes.
    known: RefCell<HashMap<String, Judged>>,
}

/// Types of principals and of resources.
const TYPES: [(&str, [&str; 3]); 2] = [
    ("principal", ["User", "Service", "Principal"]),
    (
        "resource",
        ["Resource", "AccountResource", "PlatformResource"],
    ),
];

impl<'a> Prover<'a> {
    pub(super) fn new(bench: &'a Bench<'a>) -> Self {
        Self {
            bench,
            known: RefCell::default(),
        }
    }

    /// A permit with the head of `subject` that is satisfied where all of these are true.
    pub(super) fn satisfied(
        &self,
        subject: &Subject,
        all: impl IntoIterator<Item = Expr>,
    ) -> String {
        let all: Vec<Node> = all.into_iter().map(|one| Node::read(&one)).collect();
        let mut known = BTreeSet::new();
        for one in &all {
            exist(one, &mut known);
        }
        let all = all.iter().map(|one| self.settled(one, &known).expression());
        let all = all.reduce(Expr::and).unwrap_or_else(|| Expr::val(true));
        text(subject, Effect::Permit, Some(&all))
    }

    /// The validator takes any entity for one that may be missing, and `has` for a question about that.
    /// Of one that was read already, `has` asks no more than its type.
    fn settled(&self, node: &Node, known: &BTreeSet<String>) -> Node {
        if let Node::Leaf(leaf) = node {
            let asked = asked(&leaf.expression).filter(|(of, _)| known.contains(of));
            let said = asked.and_then(|(of, attribute)| self.of_type(&of, &attribute));
            return said.map_or_else(|| node.clone(), |said| Node::read(&said));
        }
        let parts = node.parts().iter().enumerate();
        parts.fold(node.clone(), |changed, (index, part)| {
            changed.with(index, self.settled(part, known))
        })
    }

    /// `of has attribute`, of an entity that is there, as a question about types. `None`: it is more.
    fn of_type(&self, of: &str, attribute: &str) -> Option<Expr> {
        let read = format!("{of}.{attribute} == {of}.{attribute}");
        if let Some((_, types)) = TYPES.iter().find(|(name, _)| *name == of) {
            let mut tests = Vec::new();
            for name in types {
                let head = match of {
                    "principal" => {
                        format!("permit (principal is Tenancy::{name}, action, resource)")
                    }
                    _ => format!("permit (principal, action, resource is Tenancy::{name})"),
                };
                if self.judged(format!("{head} when {{ {read} }};")) != Judged::Refused {
                    tests.push(format!("{of} is Tenancy::{name}").parse::<Expr>().ok()?);
                } else if self.judged(format!("{head} when {{ {of} has {attribute} }};"))
                    != Judged::Impossible
                {
                    // Some of that type have it.
                    return None;
                }
            }
            return tests.into_iter().reduce(Expr::or);
        }
        let there = of.replacen('.', " has ", 1);
        let policy = format!("permit (principal, action, resource) when {{ {there} && {read} }};");
        // What rests on this `has` goes on resting on it.
        let kept = || there.parse().ok();
        (self.judged(policy) != Judged::Refused)
            .then(kept)
            .flatten()
    }

    fn judged(&self, policy: String) -> Judged {
        let known = self.known.borrow().get(&policy).copied();
        known.unwrap_or_else(|| {
            let judged = self.bench.judge(&[&policy]);
            let judged = judged.first().copied().unwrap_or(Judged::Possible);
            self.known.borrow_mut().insert(policy, judged);
            judged
        })
    }
}

/// A policy with the head of `subject`, as Cedar writes it.
pub(super) fn text(subject: &Subject, effect: Effect, condition: Option<&Expr>) -> String {
    let policy = &subject.policy;
    let (who, of) = (policy.principal_constraint(), policy.resource_constraint());
    let mut text = format!("{effect} ({who}, {}, {of})", policy.action_constraint());
    if let Some(condition) = condition {
        // Writing to a String cannot fail.
        let _ = write!(text, " when {{ {condition} }}");
    }
    text.push(';');
    text
}

/// What `of has attribute` asks about; of a longer `has`, its last step.
fn asked(expression: &Expr) -> Option<(String, String)> {
    match expression.expr_kind() {
        ExprKind::HasAttr { expr, attr } => Some((expr.to_string(), attr.to_string())),
        ExprKind::ExtHasAttr { expr, attrs } => {
            let names: Vec<String> = attrs.iter().map(ToString::to_string).collect();
            let (last, before) = names.split_last()?;
            let of = before
                .iter()
                .fold(expr.to_string(), |of, name| format!("{of}.{name}"));
            Some((of, last.clone()))
        }
        _ => None,
    }
}

/// The entities and records that are there if `node` is true: each was read.
fn exist(node: &Node, known: &mut BTreeSet<String>) {
    match node {
        Node::And(parts) => parts.iter().for_each(|part| exist(part, known)),
        Node::Leaf(leaf) => {
            let mut parts = leaf.expression.subexpressions();
            if parts.any(is_lazy) {
                return;
            }
            known.extend(asked(&leaf.expression).map(|(of, _)| of));
            let parts = leaf.expression.subexpressions();
            known.extend(parts.filter_map(|part| match part.expr_kind() {
                ExprKind::GetAttr { expr, .. } => Some(expr.to_string()),
                _ => None,
            }));
        }
        Node::Or(_) | Node::Not(_) | Node::If(_) => {}
    }
}

/// Whether it may leave a part of itself aside.
fn is_lazy(expression: &Expr) -> bool {
    matches!(
        expression.expr_kind(),
        ExprKind::And { .. } | ExprKind::Or { .. } | ExprKind::If { .. }
    )
}
