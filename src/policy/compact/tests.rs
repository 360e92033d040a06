//! What is made smaller stays the same.

use super::*;
use cedar_policy::Policy;
use std::str::FromStr;

fn condition(text: &str) -> Expr {
    Policy::from_str(text).unwrap().as_ref().condition()
}

/// Every kind of expression.
const ALL: &str = r#"
forbid (principal in Tenancy::Group::"acme/g", action in [Tenancy::Action::"read"], resource is Tenancy::Resource)
when { if principal.a && !(resource.b || context.c) then -1 < context.n + 2 else principal == Tenancy::User::"acme/ana" }
when { resource has a && resource has "b c" && resource has a.b.c && resource.name like "m*\*n" }
when { principal is Tenancy::User && principal in [Tenancy::Group::"acme/g", Tenancy::Group::"acme/h"] }
unless { {a: 1, "b c": [true, "x", context.at]}.a == 1 && ["x"].contains(resource.kind) }
unless { ip(context.peer).isInRange(ip("10.0.0.0/8")) && principal.hasTag("t") && principal.getTag("t") == "u" };
"#;

#[test]
fn a_compact_expression_is_the_same_without_places() {
    let whole = condition(ALL);
    let compact = Pool::default().compact(&whole);
    assert_eq!(*compact, whole);
    assert_eq!(compact.to_string(), whole.to_string());
    assert!(whole.subexpressions().any(|one| one.source_loc().is_some()));
    for one in compact.subexpressions() {
        assert_eq!(one.source_loc(), None, "{one}");
        let placed = match one.expr_kind() {
            ExprKind::Lit(Literal::EntityUID(uid)) => {
                uid.loc().is_some() || uid.entity_type().loc().is_some()
            }
            ExprKind::Is { entity_type, .. } => entity_type.loc().is_some(),
            _ => false,
        };
        assert!(!placed, "{one}");
    }
}

#[test]
fn what_is_said_twice_is_there_once() {
    let mut pool = Pool::default();
    let policy = |id: &str| {
        let text = "permit (principal, action, resource) when { resource has id && resource.id == ";
        condition(&format!("{text}\"{id}\" }};"))
    };
    let (one, same, other) = (policy("a"), policy("a"), policy("b"));
    let one = pool.compact(&one);
    assert!(Arc::ptr_eq(&one, &pool.compact(&same)));
    let before = pool.0.len();
    assert_ne!(*one, *pool.compact(&other));
    // The other id, the comparison with it, and each conjunction that it is a part of.
    assert!(pool.0.len() <= before + 6, "{} {before}", pool.0.len());
}
