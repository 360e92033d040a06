//! What policies say where some of a question is open: yes, no, or that it depends.
//!
//! Parts of conditions that read nothing open are evaluated by Cedar, on the very question that
//! [`crate::decision`] puts; of the others only is told what they read. Nothing is ever guessed: what is
//! not settled by the closed parts depends.

use super::open::{Open, Read, reads};
use crate::policy::{Panel, Said};
use cedar_policy_core::ast::{Expr, ExprKind, UnaryOp};
use std::collections::BTreeSet;

/// A condition, taken apart at `&&`, `||`, `!` and `if`.
pub(super) enum Tree {
    And(Box<[Tree; 2]>),
    Or(Box<[Tree; 2]>),
    Not(Box<Tree>),
    If(Box<[Tree; 3]>),
    Leaf {
        expression: Expr,
        reads: BTreeSet<Read>,
    },
}

/// What a condition, or a policy, says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Maybe {
    Yes,
    No,
    /// It cannot be evaluated.
    Errs,
    /// It depends on these.
    Depends(BTreeSet<String>),
}

/// Nothing behind it is settled: where it errs, that is the answer.
const ERRS: &str = "whether it can be evaluated";

impl Tree {
    pub(super) fn read(expression: &Expr) -> Self {
        match expression.expr_kind() {
            ExprKind::And { left, right } => {
                Self::And(Box::new([Self::read(left), Self::read(right)]))
            }
            ExprKind::Or { left, right } => {
                Self::Or(Box::new([Self::read(left), Self::read(right)]))
            }
            ExprKind::UnaryApp {
                op: UnaryOp::Not,
                arg,
            } => Self::Not(Box::new(Self::read(arg))),
            ExprKind::If {
                test_expr,
                then_expr,
                else_expr,
            } => Self::If(Box::new(
                [test_expr, then_expr, else_expr].map(|part| Self::read(part)),
            )),
            _ => Self::Leaf {
                expression: expression.clone(),
                reads: reads(expression),
            },
        }
    }

    /// Every group that it names.
    pub(super) fn groups(&self, found: &mut BTreeSet<String>) {
        match self {
            Self::And(parts) | Self::Or(parts) => parts.iter().for_each(|part| part.groups(found)),
            Self::Not(part) => part.groups(found),
            Self::If(parts) => parts.iter().for_each(|part| part.groups(found)),
            Self::Leaf { reads, .. } => found.extend(reads.iter().filter_map(|read| match read {
                Read::Group(id) => Some(id.clone()),
                _ => None,
            })),
        }
    }

    /// What it says to the question of `panel`, of which `open` is open.
    pub(super) fn ask(&self, panel: &Panel<'_>, open: Open) -> Maybe {
        match self {
            Self::And(parts) => joined(&**parts, &Maybe::No, Maybe::Yes, panel, open),
            Self::Or(parts) => joined(&**parts, &Maybe::Yes, Maybe::No, panel, open),
            Self::Not(part) => match part.ask(panel, open) {
                Maybe::Yes => Maybe::No,
                Maybe::No => Maybe::Yes,
                other => other,
            },
            Self::If(parts) => {
                let [test, then, other] = &**parts;
                match test.ask(panel, open) {
                    Maybe::Yes => then.ask(panel, open),
                    Maybe::No => other.ask(panel, open),
                    Maybe::Errs => Maybe::Errs,
                    Maybe::Depends(on) => either(on, then.ask(panel, open), other.ask(panel, open)),
                }
            }
            Self::Leaf { expression, reads } => {
                let on: BTreeSet<String> =
                    reads.iter().filter_map(|read| open.name(read)).collect();
                if !on.is_empty() {
                    return Maybe::Depends(on);
                }
                match panel.says(expression) {
                    Said::True => Maybe::Yes,
                    Said::False => Maybe::No,
                    Said::Errs => Maybe::Errs,
                }
            }
        }
    }
}

/// `&&` and `||`: `end` settles them wherever it stands, because what stands before can only settle them
/// the same way, or err. What errs behind something open errs only sometimes.
fn joined(parts: &[Tree], end: &Maybe, otherwise: Maybe, panel: &Panel<'_>, open: Open) -> Maybe {
    let mut on = BTreeSet::new();
    for part in parts {
        match part.ask(panel, open) {
            said if said == *end && !on.contains(ERRS) => return said,
            Maybe::Errs if on.is_empty() => return Maybe::Errs,
            Maybe::Errs => {
                on.insert(ERRS.to_owned());
            }
            Maybe::Depends(more) => on.extend(more),
            Maybe::Yes | Maybe::No => {}
        }
    }
    if on.is_empty() {
        otherwise
    } else {
        Maybe::Depends(on)
    }
}

/// An `if` whose test is open.
fn either(mut on: BTreeSet<String>, then: Maybe, other: Maybe) -> Maybe {
    if then == other && !matches!(then, Maybe::Depends(_)) {
        return then;
    }
    for part in [then, other] {
        match part {
            Maybe::Depends(more) => on.extend(more),
            Maybe::Errs => {
                on.insert(ERRS.to_owned());
            }
            Maybe::Yes | Maybe::No => {}
        }
    }
    Maybe::Depends(on)
}

#[cfg(test)]
mod tests {
    //! Closed parts settle, open ones never do.

    use super::*;
    use cedar_policy::{Context, Entities, Request};

    const OPEN: Open = Open {
        person: false,
        token: true,
        resource: false,
        owner: false,
        stated: false,
        moment: false,
    };

    fn says(text: &str) -> Maybe {
        let uid = |text: &str| text.parse().unwrap();
        let request = Request::new(
            uid("U::\"a\""),
            uid("Action::\"x\""),
            uid("R::\"r\""),
            Context::empty(),
            None,
        );
        let (request, entities) = (request.unwrap(), Entities::empty());
        let panel = Panel::new(&request, &entities);
        let expression: Expr = text.parse().unwrap();
        Tree::read(&expression).ask(&panel, OPEN)
    }

    fn depends(more: &[&str]) -> Maybe {
        let names = more.iter().chain(&["principal.mfa"]);
        Maybe::Depends(names.map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn what_is_closed_settles_whatever_is_open() {
        for (text, said) in [
            ("principal.mfa && 1 == 2", Maybe::No),
            ("1 == 2 && principal.mfa", Maybe::No),
            ("principal.mfa || 1 == 1", Maybe::Yes),
            ("!(principal.mfa && 1 == 2)", Maybe::Yes),
            ("if principal.mfa then 1 == 1 else 2 == 2", Maybe::Yes),
            ("if 1 == 2 then principal.mfa else 1 == 2", Maybe::No),
            ("action == Action::\"x\"", Maybe::Yes),
        ] {
            assert_eq!(says(text), said, "{text}");
        }
    }

    #[test]
    fn what_is_not_settled_depends() {
        for text in [
            "principal.mfa",
            "!principal.mfa",
            "principal.mfa && 1 == 1",
            "1 == 2 || principal.mfa",
            "principal.mfa && !principal.mfa",
            "if principal.mfa then 1 == 1 else 1 == 2",
            "if principal.mfa then 1 == 2 else principal.mfa",
        ] {
            assert_eq!(says(text), depends(&[]), "{text}");
        }
        for text in [
            "principal.mfa || 9223372036854775807 + 1 == 0",
            "principal.mfa && 9223372036854775807 + 1 == 0 && 1 == 2",
            "(principal.mfa && 9223372036854775807 + 1 == 0) || 1 == 1",
            "(if principal.mfa then 9223372036854775807 + 1 == 0 else 1 == 1) || 1 == 1",
        ] {
            assert_eq!(says(text), depends(&[ERRS]), "{text}");
        }
    }

    #[test]
    fn what_errs_before_anything_open_errs() {
        assert_eq!(says("9223372036854775807 + 1 == 0"), Maybe::Errs);
        assert_eq!(
            says("9223372036854775807 + 1 == 0 && principal.mfa"),
            Maybe::Errs
        );
    }
}
