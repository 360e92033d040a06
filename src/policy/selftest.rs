//! The guards prove themselves at every build, on the engine that will answer (RULES 28).
//!
//! (a) With guards and a permit for everything, every environment with an empty store, and with the
//! action alone in it, is denied without an error. (b) One minimal violation for each shipped guard is
//! denied by that guard alone. (c) Each guard alone denies without the action in the store whatever
//! it denies with it: a narrowed head, which a solver proves right, is found here.

use super::environment::Shape;
use super::operations::type_name;
use super::review::Rule;
use crate::fault::{Fault, Place};
use cedar_policy::{
    Authorizer, Context, Decision, Entities, EntityId, EntityTypeName, EntityUid, Policy, PolicyId,
    PolicySet, Request, Response,
};
use std::str::FromStr;

mod violation;

/// Runs it over every class of environments; all failures at once.
pub(super) fn run<'a>(
    rules: &[Rule],
    classes: impl Iterator<Item = &'a Shape>,
) -> Result<(), Vec<Fault>> {
    let guards: Vec<&Rule> = rules.iter().filter(|rule| rule.guard).collect();
    let Some(test) = Test::new(&guards) else {
        return Err(vec![fault(
            "platform/guard",
            "the self-test cannot be set up",
        )]);
    };
    let mut faults = test.violations(&guards);
    // Guards name groups and types only, so one environment stands for its class.
    for shape in classes {
        faults.extend(test.nothing_in_the_store(shape));
        faults.extend(guards.iter().filter_map(|guard| test.alone(guard, shape)));
    }
    faults.dedup();
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults)
    }
}

fn fault(guard: &str, message: impl Into<String>) -> Fault {
    let place = Place {
        key: guard.to_owned(),
        ..Place::file("guard.cedar")
    };
    Fault::error("policy_selftest", place, message)
        .help("a guard is `forbid (principal, action, resource) unless { .. }`, with a `has` before every attribute")
}

struct Test {
    authorizer: Authorizer,
    everything: Policy,
    all: PolicySet,
}

impl Test {
    fn new(guards: &[&Rule]) -> Option<Self> {
        let id = Some(PolicyId::new("everything"));
        let everything = Policy::parse(id, "permit (principal, action, resource);").ok()?;
        let with_everything = guards
            .iter()
            .map(|guard| guard.policy.clone())
            .chain([everything.clone()]);
        Some(Self {
            authorizer: Authorizer::new(),
            all: PolicySet::from_policies(with_everything).ok()?,
            everything,
        })
    }

    fn violations(&self, guards: &[&Rule]) -> Vec<Fault> {
        violation::all()
            .into_iter()
            .filter_map(|violation| {
                let guard = violation.guard;
                let Some((request, entities)) = violation.question() else {
                    return Some(fault(guard, "its violation cannot be asked about"));
                };
                if !guards.iter().any(|known| *known.id == *guard) {
                    return Some(fault(guard, "it is missing"));
                }
                let response = self
                    .authorizer
                    .is_authorized(&request, &self.all, &entities);
                let by: Vec<String> = response
                    .diagnostics()
                    .reason()
                    .map(ToString::to_string)
                    .collect();
                // A deployment's further guards may deny it too; the shipped ones may not.
                let shipped = by.iter().filter(|id| violation::is_shipped(id));
                let denied = response.decision() == Decision::Deny;
                let alone = shipped.eq([guard]);
                (!denied || !alone || errs(&response)).then(|| {
                    fault(
                        guard,
                        format!("what violates it alone is answered by {by:?}"),
                    )
                })
            })
            .collect()
    }

    fn nothing_in_the_store(&self, shape: &Shape) -> Option<Fault> {
        let request = request(shape)?;
        let stores = [Entities::empty(), shape.base.clone()];
        let holds = stores.iter().all(|entities| {
            let response = self.authorizer.is_authorized(&request, &self.all, entities);
            response.decision() == Decision::Deny && !errs(&response)
        });
        (!holds).then(|| {
            fault(
                "platform/guard",
                format!(
                    "a store without entities is not denied, or errs, on `{}`",
                    shape.name
                ),
            )
        })
    }

    fn alone(&self, guard: &Rule, shape: &Shape) -> Option<Fault> {
        let request = request(shape)?;
        let policies =
            PolicySet::from_policies([guard.policy.clone(), self.everything.clone()]).ok()?;
        let denies = |entities: &Entities| {
            let response = self.authorizer.is_authorized(&request, &policies, entities);
            response.decision() == Decision::Deny
        };
        (denies(&shape.base) && !denies(&Entities::empty())).then(|| {
            fault(
                &guard.id,
                format!(
                    "it denies on `{}` only while the action is in the store",
                    shape.name
                ),
            )
        })
    }
}

fn errs(response: &Response) -> bool {
    response.diagnostics().errors().next().is_some()
}

/// A request with a full context and nobody behind the names.
fn request(shape: &Shape) -> Option<Request> {
    let scoped = shape
        .groups
        .iter()
        .any(|uid| uid.id().unescaped() == "scoped");
    let context = violation::context(scoped);
    Request::new(
        uid(shape.principal.label(), "nobody")?,
        shape.action.clone(),
        uid(type_name(shape.resource), "nothing")?,
        Context::from_json_value(context, None).ok()?,
        None,
    )
    .ok()
}

fn uid(kind: &str, id: &str) -> Option<EntityUid> {
    let name = EntityTypeName::from_str(&format!("Tenancy::{kind}")).ok()?;
    Some(EntityUid::from_type_name_and_id(name, EntityId::new(id)))
}
