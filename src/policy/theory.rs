//! What proofs are about: policies as a solver reads them and as the gate asks them, side by side, and the
//! schema that they are proved over.

use super::about::About;
use super::annotation::{Annotations, Keep};
use super::compact::Pool;
use super::diagnose;
use super::parse;
use super::platform::{self, Types};
use super::reads::Reads;
use super::review::{self, Layer, Rule};
use super::selftest;
use super::slice::{Compiled, Slice};
use super::source::{OverlaySource, Settings, Source};
use super::validate;
use crate::clock::Timestamp;
use crate::fault::{Fault, Place};
use crate::tenant::AccountId;
use cedar_policy::{Effect, Policy, PolicyId, PolicySet, Schema};
use std::sync::Arc;

/// The platform's policies, reviewed as for serving, and what every other is reviewed against.
pub struct Theory {
    types: Types,
    platform: Statements,
}

/// A policy.
#[derive(Clone, Debug)]
pub struct Statement {
    /// `platform/<file>/<id>`, `account/<account>/<id>`, or what made-up ones are called.
    pub id: Arc<str>,
    /// Where it stands.
    pub about: About,
    /// Whether it is a guard.
    pub guard: bool,
    /// As solvers read it. A permit with an end has the end among its conditions: to a solver annotations
    /// say nothing.
    pub policy: Policy,
    /// As the gate asks it.
    compiled: Arc<Compiled>,
}

/// Policies that are asked together.
#[derive(Clone, Debug, Default)]
pub struct Statements(Vec<Statement>);

/// The annotations that a policy of a spec may have.
const OF_SPECS: [&str; 3] = ["id", "description", "reason"];
/// The policies of one spec at most.
const SPEC_POLICIES_MAX: usize = 200;

impl Theory {
    /// Of those files; with `guards` in the place of those that are compiled in, if there are any. Parses, so
    /// call it on a stack of [`super::PARSE_STACK_BYTES`] only.
    pub fn of(settings: &Settings, guards: Option<&Source>) -> Result<Self, Vec<Fault>> {
        let types = Types::of(settings)?;
        let shipped = Source::new("guard.cedar", platform::GUARD);
        let first = guards.unwrap_or(&shipped);
        let sources: Vec<&Source> = [first].into_iter().chain(&settings.platform).collect();
        let (rules, _warnings) = review::review(Layer::Platform, &sources, &types.classes)?;
        // What is tried in the place of guards is what the proof is to find fault with.
        if guards.is_none() {
            selftest::run(&rules, types.shapes.classes())?;
        }
        Ok(Self {
            types,
            platform: statements(rules)?,
        })
    }

    /// The platform's policies, guards first.
    pub fn platform(&self) -> &Statements {
        &self.platform
    }

    /// The policies of an account, reviewed as for serving.
    pub fn overlay(&self, source: &OverlaySource) -> Result<Statements, Vec<Fault>> {
        if !source.faults().is_empty() {
            return Err(source.faults().to_vec());
        }
        let files: Vec<&Source> = source.files().iter().collect();
        let layer = Layer::Account(source.account(), source.mode());
        let (rules, _warnings) = review::review(layer, &files, &self.types.classes)?;
        statements(rules)
    }

    /// Permits that say what may be allowed, or what may never be.
    pub fn spec(&self, source: &Source) -> Result<Statements, Vec<Fault>> {
        let parsed = parse::parse(source)?;
        let mut faults: Vec<Fault> = parsed.iter().filter_map(misfit).collect();
        if parsed.len() > SPEC_POLICIES_MAX {
            let message = format!("{} policies, at most {SPEC_POLICIES_MAX}", parsed.len());
            let fault = Fault::error("spec_form", diagnose::file(source), message);
            faults.push(fault.help("say it in several files: each is proved by itself"));
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let stem = source.stem();
        let named = parsed.iter().enumerate().map(|(index, one)| {
            let id: Arc<str> = format!("spec/{stem}/{}", index + 1).into();
            let policy = one.policy.new_id(PolicyId::new(&id));
            statement(id, policy, About::of(&one.policy, &one.place), None)
        });
        let statements = Statements(named.collect());
        let classes = &self.types.classes;
        let validator = classes.validator(statements.policies());
        let set = statements.set().unwrap_or_default();
        let found = validate::validate((classes, &validator), source, true, &set);
        let errors: Vec<Fault> = found.into_iter().filter(Fault::is_error).collect();
        if errors.is_empty() {
            Ok(statements)
        } else {
            Err(errors)
        }
    }

    /// A policy of ours. `None`: it is none.
    pub fn made_up(&self, id: &str, text: &str) -> Option<Statements> {
        let policy = Policy::parse(Some(PolicyId::new(id)), text).ok()?;
        let about = About::of(&policy, &Place::default());
        Some(Statements(vec![statement(id.into(), policy, about, None)]))
    }

    /// What these are proved over: one operation of each class that the routes have, and those that are named.
    pub fn schema(&self, policies: &Statements) -> Schema {
        self.types.classes.schema(policies.policies())
    }

    /// The same, and one operation of each class that routes may come to have. `None`: it cannot be built.
    pub fn universe(&self, policies: &Statements) -> Option<Schema> {
        self.types.classes.universe(policies.policies())
    }

    /// What this account is asked about: resources of its own.
    pub fn own(&self, account: &AccountId) -> Option<Statements> {
        // Ids of accounts have no letter that ends a string.
        let text = format!(
            "forbid (principal, action, resource) unless {{ resource has account && \
            resource.account == Tenancy::Account::\"{account}\" }};"
        );
        self.made_up("own", &text)
    }

    /// Who asks for this account: people and clients of its own.
    pub fn at_home(&self, account: &AccountId) -> Option<Statements> {
        let text = format!(
            "forbid (principal, action, resource) unless {{ principal has account && \
            principal.account == Tenancy::Account::\"{account}\" }};"
        );
        self.made_up("at-home", &text)
    }

    /// The schema of every question.
    pub fn whole(&self) -> &Schema {
        &self.types.schema
    }

    /// Whether a route has an operation of that action.
    pub fn has_operation(&self, action: &str) -> bool {
        self.types.classes.names().any(|name| name == action)
    }
}

impl Statements {
    /// These and those.
    #[must_use]
    pub fn and(&self, others: &Self) -> Self {
        Self(self.0.iter().chain(&others.0).cloned().collect())
    }

    /// Those that fit.
    #[must_use]
    pub fn only(&self, fits: impl Fn(&Statement) -> bool) -> Self {
        Self(self.0.iter().filter(|one| fits(one)).cloned().collect())
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Statement> {
        self.0.iter()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As solvers read them. `None`: two have one id, which those of different layers never do.
    pub fn set(&self) -> Option<PolicySet> {
        PolicySet::from_policies(self.policies().cloned()).ok()
    }

    /// As the gate asks them.
    pub fn slice(&self) -> Arc<Slice> {
        Arc::new(Slice {
            policies: self.0.iter().map(|one| Arc::clone(&one.compiled)).collect(),
            reads: Reads::default(),
        })
    }

    fn policies(&self) -> impl Iterator<Item = &Policy> {
        self.0.iter().map(|one| &one.policy)
    }
}

fn misfit(one: &parse::Parsed) -> Option<Fault> {
    if one.policy.effect() == Effect::Forbid {
        let message = "a forbid, and a spec says what may be allowed";
        let fault = Fault::error("spec_form", one.place.clone(), message);
        return Some(fault.help(
            "write permits: in `only-*.cedar` what may be allowed, in `never-*.cedar` what may not",
        ));
    }
    let mut names = one.policy.annotations().map(|(name, _)| name);
    let other = names.find(|name| !OF_SPECS.contains(name))?;
    let message = format!("`@{other}` says nothing in a spec");
    let fault = Fault::error("spec_form", one.annotation(Some(other)), message);
    Some(fault.help("only `@description`, `@reason` and `@id`"))
}

fn statements(rules: Vec<Rule>) -> Result<Statements, Vec<Fault>> {
    let all = rules.into_iter().map(|rule| {
        let policy = match rule.compiled.not_after {
            None => rule.policy.clone(),
            Some(end) => ending(&rule.policy, end).ok_or_else(|| {
                let place = Place::file(rule.about.file.clone());
                let message = format!("`{}` cannot be proved anything of", rule.id);
                vec![Fault::error("proof_form", place, message)]
            })?,
        };
        Ok(Statement {
            id: rule.id,
            about: rule.about,
            guard: rule.guard,
            policy,
            compiled: rule.compiled,
        })
    });
    all.collect::<Result<_, _>>().map(Statements)
}

/// The permit with its end among its conditions.
fn ending(policy: &Policy, end: Timestamp) -> Option<Policy> {
    let text = policy.to_cedar()?;
    // On a line of its own: a comment may stand before the `;`.
    let text = text.trim_end().strip_suffix(';')?;
    let end = end.rfc3339();
    let text = format!("{text}\nwhen {{ context.now < datetime(\"{end}\") }};");
    Policy::parse(Some(policy.id().clone()), text).ok()
}

fn statement(id: Arc<str>, policy: Policy, about: About, end: Option<Timestamp>) -> Statement {
    let annotations = Annotations {
        id: id.to_string(),
        isolation: false,
        not_after: end,
        keep: Keep::Unsaid,
    };
    let compiled = Compiled::of(&id, &policy, &annotations, &mut Pool::default());
    Statement {
        id,
        about,
        guard: false,
        policy,
        compiled: Arc::new(compiled),
    }
}
