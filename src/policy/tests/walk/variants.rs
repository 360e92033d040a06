//! Which variants of the public syntax tree occur in a policy.

use cedar_policy::pst::{
    ActionConstraint, Clause, EntityOrSlot, Expr, Literal, PatternElem, Policy,
    PrincipalConstraint, ResourceConstraint,
};
use std::collections::BTreeMap;

/// Every variant, as [`Variants`] names it. Cedar's enums can grow, so no match is held to be complete by
/// the compiler; what is not on this list fails the test that meets it.
pub(super) const ALL: &[&str] = &[
    "Permit",
    "Forbid",
    "When",
    "Unless",
    "principal",
    "principal ==",
    "principal in",
    "principal is",
    "principal is in",
    "principal slot",
    "action",
    "action ==",
    "action in",
    "resource",
    "resource ==",
    "resource in",
    "resource is",
    "resource is in",
    "resource slot",
    "Bool",
    "Long",
    "String",
    "EntityUID",
    "Principal",
    "Action",
    "Resource",
    "Context",
    "Not",
    "Neg",
    "IsEmpty",
    "Datetime",
    "Decimal",
    "Duration",
    "Ip",
    "IsIPv4",
    "IsIPV6",
    "IsLoopback",
    "IsMulticast",
    "ToDate",
    "ToTime",
    "ToMilliseconds",
    "ToSeconds",
    "ToMinutes",
    "ToHours",
    "ToDays",
    "Eq",
    "NotEq",
    "Less",
    "LessEq",
    "Greater",
    "GreaterEq",
    "And",
    "Or",
    "Add",
    "Sub",
    "Mul",
    "In",
    "Contains",
    "ContainsAll",
    "ContainsAny",
    "GetTag",
    "HasTag",
    "IsInRange",
    "Offset",
    "DurationSince",
    "DecimalLessThan",
    "DecimalLessEq",
    "DecimalGreater",
    "DecimalGreaterEq",
    "GetAttr",
    "HasAttr",
    "HasAttr of several",
    "Like",
    "Char",
    "Wildcard",
    "Is",
    "Is in",
    "IfThenElse",
    "Set",
    "Record",
];

/// How often each occurred.
#[derive(Debug, Default)]
pub(super) struct Variants(BTreeMap<String, usize>);

impl Variants {
    /// Those that never occurred, and those that the list does not know.
    pub(super) fn missing_and_unknown(&self) -> (Vec<&str>, Vec<&str>) {
        let missing = ALL.iter().filter(|name| !self.0.contains_key(**name));
        let known = |name: &&str| !ALL.contains(name);
        let unknown = self.0.keys().map(String::as_str).filter(known);
        (missing.copied().collect(), unknown.collect())
    }

    fn saw(&mut self, name: impl Into<String>) {
        *self.0.entry(name.into()).or_default() += 1;
    }

    pub(super) fn of(&mut self, policy: &Policy) {
        let body = policy.body();
        self.saw(format!("{:?}", body.effect));
        self.principal(&body.principal);
        self.resource(&body.resource);
        self.saw(match &body.action {
            ActionConstraint::Any => "action",
            ActionConstraint::Eq(_) => "action ==",
            ActionConstraint::In(_) => "action in",
        });
        for clause in body.clauses() {
            let (name, condition) = match clause {
                Clause::When(condition) => ("When", condition),
                Clause::Unless(condition) => ("Unless", condition),
            };
            self.saw(name);
            self.expression(condition);
        }
    }

    fn principal(&mut self, constraint: &PrincipalConstraint) {
        let (name, which) = match constraint {
            PrincipalConstraint::Any => ("principal", None),
            PrincipalConstraint::Eq(which) => ("principal ==", Some(which)),
            PrincipalConstraint::In(which) => ("principal in", Some(which)),
            PrincipalConstraint::Is(_) => ("principal is", None),
            PrincipalConstraint::IsIn(_, which) => ("principal is in", Some(which)),
        };
        self.saw(name);
        if matches!(which, Some(EntityOrSlot::Slot(_))) {
            self.saw("principal slot");
        }
    }

    fn resource(&mut self, constraint: &ResourceConstraint) {
        let (name, which) = match constraint {
            ResourceConstraint::Any => ("resource", None),
            ResourceConstraint::Eq(which) => ("resource ==", Some(which)),
            ResourceConstraint::In(which) => ("resource in", Some(which)),
            ResourceConstraint::Is(_) => ("resource is", None),
            ResourceConstraint::IsIn(_, which) => ("resource is in", Some(which)),
        };
        self.saw(name);
        if matches!(which, Some(EntityOrSlot::Slot(_))) {
            self.saw("resource slot");
        }
    }

    fn expression(&mut self, expression: &Expr) {
        match expression {
            Expr::Literal(literal) => self.saw(literal_name(literal)),
            Expr::Var(variable) => self.saw(format!("{variable:?}")),
            Expr::UnaryOp { op, expr } => {
                self.saw(format!("{op:?}"));
                self.expression(expr);
            }
            Expr::BinaryOp { op, left, right } => {
                self.saw(format!("{op:?}"));
                self.expression(left);
                self.expression(right);
            }
            Expr::GetAttr { expr, .. } => {
                self.saw("GetAttr");
                self.expression(expr);
            }
            Expr::HasAttr { expr, attrs } => {
                let several = attrs.len() > 1;
                self.saw(if several {
                    "HasAttr of several"
                } else {
                    "HasAttr"
                });
                self.expression(expr);
            }
            Expr::Like { expr, pattern } => {
                self.saw("Like");
                for element in pattern {
                    self.saw(match element {
                        PatternElem::Char(_) => "Char",
                        PatternElem::Wildcard => "Wildcard",
                    });
                }
                self.expression(expr);
            }
            Expr::Is { expr, in_expr, .. } => {
                self.saw(if in_expr.is_some() { "Is in" } else { "Is" });
                self.expression(expr);
                if let Some(above) = in_expr {
                    self.expression(above);
                }
            }
            Expr::IfThenElse {
                cond,
                then_expr,
                else_expr,
            } => {
                self.saw("IfThenElse");
                for part in [cond, then_expr, else_expr] {
                    self.expression(part);
                }
            }
            Expr::Set(elements) => {
                self.saw("Set");
                for element in elements {
                    self.expression(element);
                }
            }
            Expr::Record(fields) => {
                self.saw("Record");
                for field in fields.values() {
                    self.expression(field);
                }
            }
            unknown => self.saw(format!("{unknown:?}")),
        }
    }
}

fn literal_name(literal: &Literal) -> &'static str {
    match literal {
        Literal::Bool(_) => "Bool",
        Literal::Long(_) => "Long",
        Literal::String(_) => "String",
        Literal::EntityUID(_) => "EntityUID",
        _ => "a literal that the list does not know",
    }
}
