//! Slices of policies that no review has seen: what others wrote, and what chance writes.

use crate::fault::Place;
use crate::operation::ResourceType;
use crate::policy::PrincipalType;
use crate::policy::about::About;
use crate::policy::annotation::{Annotations, Keep};
use crate::policy::compact::Pool;
use crate::policy::environment::{Shape, Shapes};
use crate::policy::reads;
use crate::policy::review::Rule;
use crate::policy::settled;
use crate::policy::slice::{Compiled, Slice, Slices};
use cedar_policy::{Entities, EntityUid, Policy, Request, pst};
use std::str::FromStr;
use std::sync::Arc;

/// What a policy says that says nothing of itself.
pub(super) fn unannotated(policy: &Policy) -> Annotations {
    Annotations {
        id: policy.id().to_string(),
        isolation: false,
        not_after: None,
        keep: Keep::Unsaid,
    }
}

/// A link says what its template would say with the ids written out.
pub(super) fn written_out(policy: &Policy) -> Policy {
    if policy.is_static() {
        return policy.clone();
    }
    let written_out = match policy.to_pst().unwrap() {
        pst::Policy::Linked(link) => pst::Policy::Static(link.into_static_policy().unwrap()),
        already @ pst::Policy::Static(_) => already,
    };
    let policy = Policy::from_pst(written_out).unwrap();
    assert!(policy.is_static(), "{policy}");
    policy
}

/// The policy as if it had passed: under its own id.
pub(super) fn rule(policy: &Policy) -> Rule {
    let annotations = unannotated(policy);
    let id: Arc<str> = policy.id().to_string().into();
    let compiled = Compiled::of(&id, policy, &annotations, &mut Pool::default());
    Rule {
        compiled: Arc::new(compiled),
        id,
        reads: reads::of(policy, &annotations).0,
        depends: settled::depends(policy),
        about: About::of(policy, &Place::default()),
        policy: policy.clone(),
        guard: false,
        nodes: 0,
    }
}

/// The environment that the request is of, in a schema of its own.
pub(super) fn shape(request: &Request, entities: &Entities) -> Shape {
    let action = request.action().unwrap();
    let groups = entities.ancestors(action).into_iter().flatten();
    Shape {
        index: 0,
        class: 0,
        name: action.id().unescaped().into(),
        action: action.clone(),
        groups: groups.cloned().collect(),
        types: (
            request.principal().unwrap().type_name().clone(),
            request.resource().unwrap().type_name().clone(),
        ),
        // The types' own labels, which slicing does not look at.
        principal: PrincipalType::User,
        resource: ResourceType::Resource,
        base: Entities::empty(),
        present: Arc::default(),
    }
}

/// A group in which no action is that anything is asked about.
pub(super) const ELSEWHERE: &str = r#"Action::"elsewhere""#;

/// Those of `rules` that the product's slicer finds for the request, in a schema that has another action.
pub(super) fn sliced(rules: &[Rule], shape: &Shape) -> Arc<Slice> {
    let other = Shape {
        name: "another".into(),
        action: EntityUid::from_str(r#"Action::"another""#).unwrap(),
        groups: vec![EntityUid::from_str(ELSEWHERE).unwrap()],
        ..shape.clone()
    };
    let shapes = Shapes::numbered(vec![other, shape.clone()]);
    let slices = Slices::of_platform(rules, &shapes);
    let mut all = shapes.all().iter();
    let own = all.find(|one| one.action == shape.action).unwrap();
    Arc::clone(slices.of(own.index, own.class).unwrap())
}
