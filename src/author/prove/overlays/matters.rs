//! Policies of an account that match nothing, or whatever their head does.

use super::Account;
use crate::author::prove::asker::Asker;
use crate::author::prove::{Claim, Tally, Unanswered, Verdict};
use crate::policy::Statement;
use cedar_policy::{
    ActionConstraint, Effect, EntityUid, Policy, PrincipalConstraint, RequestEnv,
    ResourceConstraint,
};
use cedar_policy_symcc::CompiledPolicy;

/// What a policy does in the environments that its head lets it in.
#[derive(Default)]
struct Matches {
    some: bool,
    /// Somewhere it does not.
    not_all: bool,
}

impl Account<'_> {
    /// That a policy matches nothing, or everything, is what the solver says of all questions: there is no
    /// example of it.
    pub(super) fn matters(&self, asker: &mut Asker<'_>) -> Claim {
        let told = self.told(
            "matters",
            "each of its policies matches something, and none with conditions everything",
        );
        let mut claim = Tally::default().claim(told, &self.environments, None);
        claim.environments = self.environments.len();
        for one in self.overlay.iter() {
            match self.matches(asker, one) {
                Ok(found) if !found.some => {
                    claim.refuted.push(format!("{} matches nothing", one.id));
                }
                Ok(found) if !found.not_all && one.policy.has_non_scope_constraint() => {
                    claim.refuted.push(format!(
                        "{} matches whatever its head does: its conditions are always true",
                        one.id
                    ));
                }
                Ok(_) => {}
                Err(why) => {
                    claim.unknown.push(one.id.to_string());
                    claim.why.get_or_insert_with(|| why.to_string());
                }
            }
        }
        claim.verdict = match (claim.refuted.is_empty(), claim.unknown.is_empty()) {
            (false, _) => Verdict::Refuted,
            (true, false) => Verdict::Unknown,
            (true, true) => Verdict::Proved,
        };
        claim
    }

    /// Whether the policy's head may let in what is asked there, by types and action.
    fn admits(&self, policy: &Policy, env: &RequestEnv) -> bool {
        let lies_in = |group: &EntityUid| {
            env.action() == group || self.actions.is_ancestor_of(group, env.action())
        };
        let action = match policy.action_constraint() {
            ActionConstraint::Any => true,
            ActionConstraint::Eq(uid) => *env.action() == uid,
            ActionConstraint::In(groups) => groups.iter().any(lies_in),
        };
        let principal = match policy.principal_constraint() {
            PrincipalConstraint::Any | PrincipalConstraint::In(_) => true,
            PrincipalConstraint::Eq(uid) => uid.type_name() == env.principal(),
            PrincipalConstraint::Is(name) | PrincipalConstraint::IsIn(name, _) => {
                name == *env.principal()
            }
        };
        let resource = match policy.resource_constraint() {
            ResourceConstraint::Any | ResourceConstraint::In(_) => true,
            ResourceConstraint::Eq(uid) => uid.type_name() == env.resource(),
            ResourceConstraint::Is(name) | ResourceConstraint::IsIn(name, _) => {
                name == *env.resource()
            }
        };
        action && principal && resource
    }

    fn matches(&self, asker: &mut Asker<'_>, one: &Statement) -> Result<Matches, Unanswered> {
        let mut found = Matches::default();
        let [permits, forbids] = &self.asked;
        let about = match one.policy.effect() {
            Effect::Permit => permits,
            Effect::Forbid => forbids,
        };
        for env in &self.environments {
            let policy = CompiledPolicy::compile(&one.policy, env, &self.schema)?;
            let own = CompiledPolicy::compile(about, env, &self.schema)?;
            if asker.ask(async |c| c.check_matches_disjoint_opt(&own, &policy).await)? {
                // Where the head shuts it out by type or action, its conditions have no say.
                found.not_all |= self.admits(&one.policy, env);
                continue;
            }
            found.some = true;
            if !asker.ask(async |c| c.check_matches_implies_opt(&own, &policy).await)? {
                found.not_all = true;
                break;
            }
        }
        Ok(found)
    }
}
