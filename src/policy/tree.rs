//! A policy's condition as a tree of `&&`, `||`, `!` and `if`, whose leaves are everything else.

use super::bench::{Panel, Said, Subject};
use cedar_policy_core::ast::{BinaryOp, Expr, ExprKind, UnaryOp, Var};
use cedar_policy_core::parser::Loc;
use std::sync::Arc;

/// A condition, or a part of one.
#[derive(Clone, Debug)]
pub enum Node {
    /// `&&` of all.
    And(Vec<Node>),
    /// `||` of all.
    Or(Vec<Node>),
    /// `!`.
    Not(Box<Node>),
    /// `if`, `then`, `else`.
    If(Box<[Node; 3]>),
    /// Anything else.
    Leaf(Leaf),
}

/// A part that says yes or no and is not made of such parts.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// Its number in the condition.
    pub index: usize,
    /// What it says.
    pub expression: Arc<Expr>,
}

/// Where a part of a condition matters: only if all of these are true.
pub type Reach = Vec<Expr>;

impl Node {
    /// The condition of a policy; `None`: it has none.
    pub fn of(subject: &Subject) -> Option<Self> {
        Some(Self::read(subject.policy.non_scope_constraints()?))
    }

    /// Of an expression.
    pub fn read(expression: &Expr) -> Self {
        read(expression, &mut 0)
    }

    /// The same as Cedar writes it.
    pub fn expression(&self) -> Expr {
        match self {
            Self::And(parts) => joined(parts, Expr::and, true),
            Self::Or(parts) => joined(parts, Expr::or, false),
            Self::Not(part) => Expr::not(part.expression()),
            Self::If(parts) => {
                let [test, then, other] = &**parts;
                Expr::ite(test.expression(), then.expression(), other.expression())
            }
            Self::Leaf(leaf) => leaf.expression.as_ref().clone(),
        }
    }

    /// What it is to a question, as Cedar evaluates it: what is not reached is not `seen`.
    pub fn ask(&self, panel: &Panel<'_>, seen: &mut impl FnMut(usize, Said)) -> Said {
        match self {
            Self::And(parts) => first(parts, Said::False, Said::True, |part| part.ask(panel, seen)),
            Self::Or(parts) => first(parts, Said::True, Said::False, |part| part.ask(panel, seen)),
            Self::Not(part) => match part.ask(panel, seen) {
                Said::True => Said::False,
                Said::False => Said::True,
                Said::Errs => Said::Errs,
            },
            Self::If(parts) => {
                let [test, then, other] = &**parts;
                match test.ask(panel, seen) {
                    Said::True => then.ask(panel, seen),
                    Said::False => other.ask(panel, seen),
                    Said::Errs => Said::Errs,
                }
            }
            Self::Leaf(leaf) => {
                let said = panel.says(&leaf.expression);
                seen(leaf.index, said);
                said
            }
        }
    }

    /// Every leaf, with what must be true for it to matter.
    pub fn leaves(&self) -> Vec<(&Leaf, Reach)> {
        let mut found = Vec::new();
        self.collect(&Vec::new(), &mut found);
        found
    }

    fn collect<'a>(&'a self, reach: &Reach, found: &mut Vec<(&'a Leaf, Reach)>) {
        match self {
            Self::Leaf(leaf) => found.push((leaf, reach.clone())),
            Self::Not(part) => part.collect(reach, found),
            Self::And(_) | Self::Or(_) | Self::If(_) => {
                for (index, part) in self.parts().iter().enumerate() {
                    part.collect(&self.inside(index, reach), found);
                }
            }
        }
    }

    /// What it is made of.
    pub fn parts(&self) -> &[Node] {
        match self {
            Self::And(parts) | Self::Or(parts) => parts,
            Self::Not(part) => std::slice::from_ref(part),
            Self::If(parts) => parts.as_slice(),
            Self::Leaf(_) => &[],
        }
    }

    /// The same with another part in the place of one.
    #[must_use]
    pub fn with(&self, index: usize, part: Node) -> Self {
        let mut changed = self.clone();
        let slot = match &mut changed {
            Self::And(parts) | Self::Or(parts) => parts.get_mut(index),
            Self::Not(inner) => Some(&mut **inner),
            Self::If(parts) => parts.get_mut(index),
            Self::Leaf(_) => None,
        };
        if let Some(slot) = slot {
            *slot = part;
        }
        changed
    }

    /// The same without one part; what is left of two is the other.
    pub fn without(&self, index: usize) -> Option<Self> {
        let left = |parts: &[Node]| {
            let all = parts.iter().enumerate();
            let kept = all.filter(|(at, _)| *at != index);
            kept.map(|(_, part)| part.clone()).collect::<Vec<_>>()
        };
        match self {
            Self::And(parts) => Some(Self::And(left(parts))),
            Self::Or(parts) => Some(Self::Or(left(parts))),
            Self::Not(_) | Self::If(_) | Self::Leaf(_) => None,
        }
    }

    /// What must be true for the part with that index to matter.
    pub fn inside(&self, index: usize, reach: &Reach) -> Reach {
        let mut reach = reach.clone();
        let others = |parts: &[Node]| {
            let all = parts.iter().enumerate();
            let others = all.filter(|(at, _)| *at != index);
            others
                .map(|(at, part)| (at, part.clone()))
                .collect::<Vec<_>>()
        };
        match self {
            // What comes later may rest on this part; of that, only what stands alone can be asked apart.
            Self::And(parts) => {
                let others = others(parts).into_iter();
                let others = others.filter(|(at, part)| *at < index || part.stands_alone());
                reach.extend(others.map(|(_, part)| part.expression()));
            }
            Self::Or(parts) => {
                let others = others(parts).into_iter();
                reach.extend(others.map(|(_, part)| Expr::not(part.expression())));
            }
            Self::If(parts) => {
                let [test, ..] = &**parts;
                let test = test.expression();
                match index {
                    0 => {}
                    1 => reach.push(test),
                    _ => reach.push(Expr::not(test)),
                }
            }
            Self::Not(_) | Self::Leaf(_) => {}
        }
        reach
    }

    /// Whether it looks at nothing but types, the action's groups and what is there: it rests on nothing.
    fn stands_alone(&self) -> bool {
        match self {
            Self::Leaf(leaf) => match leaf.expression.expr_kind() {
                ExprKind::Is { .. } => true,
                ExprKind::HasAttr { expr, .. } | ExprKind::ExtHasAttr { expr, .. } => {
                    matches!(expr.expr_kind(), ExprKind::Var(_))
                }
                ExprKind::BinaryApp { op, arg1, .. } => {
                    *op == BinaryOp::In && matches!(arg1.expr_kind(), ExprKind::Var(Var::Action))
                }
                _ => false,
            },
            Self::If(_) => false,
            Self::And(_) | Self::Or(_) | Self::Not(_) => {
                self.parts().iter().all(Self::stands_alone)
            }
        }
    }

    /// The line on which it begins.
    pub fn line(&self) -> Option<usize> {
        match self {
            Self::Leaf(leaf) => leaf.line(),
            _ => self.parts().iter().find_map(Self::line),
        }
    }
}

impl Leaf {
    /// The line on which it begins.
    pub fn line(&self) -> Option<usize> {
        let loc = loc(&self.expression)?;
        let before = loc.src.get(..loc.span.offset())?;
        Some(before.matches('\n').count() + 1)
    }

    /// As written, on one line.
    pub fn text(&self) -> String {
        let text = loc(&self.expression).map(|loc| written(loc).to_owned());
        let text = text.unwrap_or_else(|| self.expression.to_string());
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

fn read(expression: &Expr, next: &mut usize) -> Node {
    match expression.expr_kind() {
        ExprKind::And { left, right } => {
            let parts = [read(left, next), read(right, next)].into_iter();
            let flat = parts.flat_map(|part| match part {
                Node::And(parts) => parts,
                other => vec![other],
            });
            Node::And(flat.collect())
        }
        ExprKind::Or { left, right } => {
            let parts = [read(left, next), read(right, next)].into_iter();
            let flat = parts.flat_map(|part| match part {
                Node::Or(parts) => parts,
                other => vec![other],
            });
            Node::Or(flat.collect())
        }
        ExprKind::UnaryApp {
            op: UnaryOp::Not,
            arg,
        } if !is_comparison(arg) => Node::Not(Box::new(read(arg, next))),
        ExprKind::If {
            test_expr,
            then_expr,
            else_expr,
        } => {
            let parts = [test_expr, then_expr, else_expr];
            Node::If(Box::new(parts.map(|part| read(part, next))))
        }
        _ => {
            *next += 1;
            Node::Leaf(Leaf {
                index: *next - 1,
                expression: Arc::new(expression.clone()),
            })
        }
    }
}

/// Cedar reads `a != b` as `!(a == b)`, and `a > b` as `!(a <= b)`: that is one leaf, as it is written.
fn is_comparison(negated: &Expr) -> bool {
    let ExprKind::BinaryApp { op, .. } = negated.expr_kind() else {
        return false;
    };
    let compares = matches!(op, BinaryOp::Eq | BinaryOp::Less | BinaryOp::LessEq);
    compares && loc(negated).is_some_and(|loc| written(loc).contains(['!', '>']))
}

/// Where an expression stands; of one that stands for another, where that does.
fn loc(expression: &Expr) -> Option<&Loc> {
    let own = expression.source_loc();
    own.or_else(|| match expression.expr_kind() {
        ExprKind::UnaryApp { arg, .. } => arg.source_loc(),
        _ => None,
    })
}

fn written(loc: &Loc) -> &str {
    let start = loc.span.offset();
    let written = loc.src.get(start..start + loc.span.len());
    written.unwrap_or_default()
}

/// The first part that is `end` or cannot be evaluated; `otherwise`, if none is.
fn first(parts: &[Node], end: Said, otherwise: Said, mut ask: impl FnMut(&Node) -> Said) -> Said {
    for part in parts {
        let said = ask(part);
        if said == end || said == Said::Errs {
            return said;
        }
    }
    otherwise
}

fn joined(parts: &[Node], join: fn(Expr, Expr) -> Expr, empty: bool) -> Expr {
    let parts = parts.iter().map(Node::expression);
    parts.reduce(join).unwrap_or_else(|| Expr::val(empty))
}
