//! Two sets of policies: whether whatever the one allows, the other does, and a question that shows that not.
//!
//! A solver reads policies as Cedar does, which skips a forbid that errs; the gate denies. So where a forbid may
//! err, nothing is said of either set.

use super::Unanswered;
use super::asker::Asker;
use super::example::{self, Example, Says, Side};
use crate::policy::{Statements, Theory};
use cedar_policy::{Effect, RequestEnv, Schema};
use cedar_policy_symcc::{CompiledPolicy, CompiledPolicySet};

/// Sets in layers: the platform's policies, and then an account's.
#[derive(Clone, Copy)]
pub(super) struct Pair<'a> {
    /// What allows,
    pub(super) left: &'a [&'a Statements],
    /// and what is to allow as much.
    pub(super) right: &'a [&'a Statements],
    /// What is asked at all; empty: everything.
    pub(super) within: &'a Statements,
}

/// As a solver reads them there.
pub(super) fn compiled(
    policies: &Statements,
    env: &RequestEnv,
    schema: &Schema,
) -> Result<CompiledPolicySet, Unanswered> {
    let twice = || Unanswered::Engine("two policies have one id".to_owned());
    let set = policies.set().ok_or_else(twice)?;
    Ok(CompiledPolicySet::compile(&set, env, schema)?)
}

/// All layers as one set.
pub(super) fn together(layers: &[&Statements], within: &Statements) -> Statements {
    let all = layers.iter();
    all.fold(within.clone(), |all, layer| all.and(layer))
}

/// Whether none of the forbids errs there.
pub(super) fn forbids_hold(
    asker: &mut Asker<'_>,
    (schema, env): (&Schema, &RequestEnv),
    policies: &Statements,
) -> Result<(), Unanswered> {
    for one in policies.iter() {
        if one.policy.effect() == Effect::Forbid && !one.guard {
            let policy = CompiledPolicy::compile(&one.policy, env, schema)?;
            if !asker.ask(async |c| c.check_never_errors_opt(&policy).await)? {
                let why = format!("`{}` may err, and denies then", one.id);
                return Err(Unanswered::Engine(why));
            }
        }
    }
    Ok(())
}

impl Pair<'_> {
    /// Whether whatever the left allows there, the right does.
    pub(super) fn holds(
        &self,
        asker: &mut Asker<'_>,
        (schema, env): (&Schema, &RequestEnv),
    ) -> Result<bool, Unanswered> {
        let left = together(self.left, self.within);
        let right = together(self.right, &Statements::default());
        let (one, other) = (
            compiled(&left, env, schema)?,
            compiled(&right, env, schema)?,
        );
        forbids_hold(asker, (schema, env), &left)?;
        forbids_hold(asker, (schema, env), &right)?;
        asker.ask(async |c| c.check_implies_opt(&one, &other).await)
    }

    /// A question that the left allows and the right does not, which the code that serves confirms.
    pub(super) fn example(
        &self,
        theory: &Theory,
        asker: &mut Asker<'_>,
        (schema, env): (&Schema, &RequestEnv),
    ) -> Result<Example, String> {
        let everything = theory.made_up("everything", "permit (principal, action, resource);");
        let everything = everything.ok_or("what is compared cannot be put together")?;
        let within = self.within.and(&everything);
        let plain = example::plain(theory).unwrap_or_default();
        for left in [plain.and(self.within), self.within.clone()] {
            let left = together(self.left, &left);
            let right = together(self.right, &Statements::default());
            let model = compiled(&left, env, schema).and_then(|left| {
                let right = compiled(&right, env, schema)?;
                asker.ask(async |c| c.check_implies_with_counterexample_opt(&left, &right).await)
            });
            if let Some(model) = model.map_err(|why| why.to_string())? {
                let inside = [&within];
                let sides = [
                    Side::new(self.left, Says::Allowed),
                    Side::new(self.right, Says::Refused),
                    Side::new(&inside, Says::Allowed),
                ];
                let found = example::replay(schema, &model, &sides)?;
                let routed = theory.has_operation(env.action().id().unescaped());
                return Ok(Example {
                    open: true,
                    routed,
                    ..found
                });
            }
        }
        Err("the solver found none when it was asked for it".to_owned())
    }
}
