//! Policies as they might be by mistake: each differs from a real one in one thing.

use super::coverage::head;
use super::prover::{Prover, text};
use crate::policy::{Bench, Leaf, Node, Reach, Subject};
use cedar_policy::EntityUid;
use cedar_policy_core::ast::{ActionConstraint, BinaryOp, Effect, Expr, ExprKind, Literal, Var};

/// A policy that is another one, or gone.
pub(super) struct Mutant {
    /// Whose it is, by its number on the bench.
    pub(super) subject: usize,
    /// The line of what differs.
    pub(super) line: usize,
    /// What differs.
    pub(super) what: String,
    /// `None`: the policy is gone.
    pub(super) policy: Option<Changed>,
    /// A policy that is satisfied where the two can differ. `None`: they can.
    pub(super) witness: Option<String>,
}

/// What it is instead.
pub(super) struct Changed {
    pub(super) effect: Effect,
    pub(super) condition: Expr,
    /// As Cedar writes it.
    pub(super) text: String,
}

/// A part of a condition that is another one.
struct Variant {
    line: Option<usize>,
    what: String,
    condition: Node,
    witness: Reach,
}

/// Everything that one policy might be by mistake.
pub(super) fn all(
    bench: &Bench<'_>,
    prover: &Prover<'_>,
    number: usize,
    subject: &Subject,
) -> Vec<Mutant> {
    let condition = Node::of(subject);
    let expression = condition.as_ref().map(Node::expression);
    let maker = Maker {
        bench,
        prover,
        subject,
        number,
        nests: bench.nests(),
    };
    let mut mutants = vec![
        Mutant {
            subject: number,
            line: subject.line,
            what: "the policy is removed".to_owned(),
            policy: None,
            witness: Some(prover.satisfied(subject, expression.clone())),
        },
        maker.flipped(expression.as_ref()),
    ];
    mutants.extend(maker.widened(expression.as_ref()));
    if let Some(condition) = &condition {
        mutants.push(maker.unconditional(condition));
        let mut variants = Vec::new();
        maker.vary(condition, &Reach::new(), &mut variants);
        mutants.extend(variants.into_iter().map(|variant| maker.varied(variant)));
    }
    mutants
}

struct Maker<'a> {
    bench: &'a Bench<'a>,
    prover: &'a Prover<'a>,
    subject: &'a Subject,
    number: usize,
    nests: bool,
}

impl Maker<'_> {
    fn mutant(
        &self,
        line: usize,
        what: String,
        policy: Changed,
        witness: Option<String>,
    ) -> Mutant {
        Mutant {
            subject: self.number,
            line,
            what,
            policy: Some(policy),
            witness,
        }
    }

    fn changed(&self, effect: Effect, condition: Option<&Expr>) -> Changed {
        let head = head(self.subject);
        Changed {
            effect,
            text: text(self.subject, effect, condition),
            condition: match condition {
                Some(condition) => Expr::and(head, condition.clone()),
                None => head,
            },
        }
    }

    fn flipped(&self, condition: Option<&Expr>) -> Mutant {
        let (effect, what) = match self.subject.policy.effect() {
            Effect::Permit => (Effect::Forbid, "`permit` is `forbid`"),
            Effect::Forbid => (Effect::Permit, "`forbid` is `permit`"),
        };
        let witness = self.prover.satisfied(self.subject, condition.cloned());
        let changed = self.changed(effect, condition);
        self.mutant(self.subject.line, what.to_owned(), changed, Some(witness))
    }

    /// For all operations of the same access, in the place of the one that the head names.
    fn widened(&self, condition: Option<&Expr>) -> Option<Mutant> {
        let ActionConstraint::Eq(named) = self.subject.policy.action_constraint() else {
            return None;
        };
        let named = EntityUid::from(named.as_ref().clone());
        let group = self.bench.access_of(&named)?;
        let what = format!("`action == {named}` is `action in {group}`");
        let policy = &self.subject.policy;
        let action = Expr::binary_app(
            BinaryOp::In,
            Expr::var(Var::Action),
            Expr::val(Literal::from(group.as_ref().clone())),
        );
        let head = Expr::and(policy.principal_constraint().as_expr(), action);
        let head = Expr::and(head, policy.resource_constraint().as_expr());
        let effect = self.subject.policy.effect();
        let written = text(self.subject, effect, condition);
        let changed = Changed {
            effect,
            condition: match condition {
                Some(condition) => Expr::and(head, condition.clone()),
                None => head,
            },
            text: written.replacen(
                &format!("action == {named}"),
                &format!("action in {group}"),
                1,
            ),
        };
        Some(self.mutant(self.subject.line, what, changed, None))
    }

    /// Without any condition.
    fn unconditional(&self, condition: &Node) -> Mutant {
        let never = Expr::not(condition.expression());
        self.mutant(
            condition.line().unwrap_or(self.subject.line),
            "its conditions are dropped".to_owned(),
            self.changed(self.subject.policy.effect(), None),
            Some(self.prover.satisfied(self.subject, [never])),
        )
    }

    fn varied(&self, variant: Variant) -> Mutant {
        let condition = variant.condition.expression();
        let witness = (!variant.witness.is_empty())
            .then(|| self.prover.satisfied(self.subject, variant.witness));
        self.mutant(
            variant.line.unwrap_or(self.subject.line),
            variant.what,
            self.changed(self.subject.policy.effect(), Some(&condition)),
            witness,
        )
    }

    /// Everything that differs in one place below `node`, which matters where all of `reach` is true.
    fn vary(&self, node: &Node, reach: &Reach, found: &mut Vec<Variant>) {
        if let Node::Leaf(leaf) = node {
            found.extend(self.leaf(leaf, reach));
            return;
        }
        for (index, part) in node.parts().iter().enumerate() {
            if let Some(less) = node.without(index) {
                found.push(Variant {
                    line: part.line(),
                    what: format!("`{}` is dropped", shown(part)),
                    condition: less,
                    witness: dropped(node, index, reach),
                });
            }
            let mut inner = Vec::new();
            self.vary(part, &node.inside(index, reach), &mut inner);
            found.extend(inner.into_iter().map(|variant| Variant {
                condition: node.with(index, variant.condition),
                ..variant
            }));
        }
    }

    fn leaf(&self, leaf: &Leaf, reach: &Reach) -> Vec<Variant> {
        let expression = leaf.expression.as_ref();
        let variant = |what: String, condition: Expr, witness: Reach| Variant {
            line: leaf.line(),
            what,
            condition: Node::Leaf(Leaf {
                index: leaf.index,
                expression: condition.into(),
            }),
            witness,
        };
        let negated = Expr::not(expression.clone());
        let what = format!("`{}` is negated", leaf.text());
        let mut found = vec![variant(what, negated.clone(), reach.clone())];
        if let Some(wider) = self.wider(expression) {
            let what = format!("`{}` has `in` in the place of `==`", leaf.text());
            let differ = [Expr::and(wider.clone(), negated)];
            let witness = reach.iter().cloned().chain(differ).collect();
            found.push(variant(what, wider, witness));
        }
        found
    }

    /// `==` widened to `in`: for an action, to the operations of the same access; for other entities as it
    /// stands, which says something else only where entities of a type lie in others of it.
    fn wider(&self, expression: &Expr) -> Option<Expr> {
        let ExprKind::BinaryApp { op, arg1, arg2 } = expression.expr_kind() else {
            return None;
        };
        if *op != BinaryOp::Eq {
            return None;
        }
        let wide = |group: Expr| Expr::binary_app(BinaryOp::In, arg1.as_ref().clone(), group);
        if let (ExprKind::Var(Var::Action), ExprKind::Lit(Literal::EntityUID(named))) =
            (arg1.expr_kind(), arg2.expr_kind())
        {
            let group = self
                .bench
                .access_of(&EntityUid::from(named.as_ref().clone()))?;
            return Some(wide(Expr::val(Literal::from(group.as_ref().clone()))));
        }
        self.nests.then(|| wide(arg2.as_ref().clone()))
    }
}

/// Where it matters that a part of `&&` or `||` is gone.
fn dropped(node: &Node, index: usize, reach: &Reach) -> Reach {
    let mut witness = node.inside(index, reach);
    if let Some(part) = node.parts().get(index) {
        witness.push(match node {
            Node::And(_) => Expr::not(part.expression()),
            _ => part.expression(),
        });
    }
    witness
}

/// As written, cut.
fn shown(node: &Node) -> String {
    let leaves = node.leaves();
    let first = leaves.first().map(|(leaf, _)| leaf.text());
    let first = first.unwrap_or_default();
    match (node, leaves.len()) {
        (Node::Leaf(_), _) => first,
        (Node::Not(_), 1) => format!("!({first})"),
        _ => format!("{first} .."),
    }
}
