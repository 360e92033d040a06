//! The bench of whoever writes policies: each policy by itself, to be taken apart, and questions to put
//! its parts to.

use super::classes::Classes;
use super::review::{self, Layer, Rule};
use super::source::{Settings, Source};
use super::store::Store;
use super::{platform, stack};
use crate::clock::Timestamp;
use crate::tenant::AccountId;
use cedar_policy::{
    Entities, EntityUid, Policy, PolicyId, PolicySet, Request, ValidationMode, ValidationWarning,
};
use cedar_policy_core::ast::{self, Expr, Literal, SlotEnv, Value, ValueKind};
use cedar_policy_core::evaluator::Evaluator;
use cedar_policy_core::extensions::Extensions;
use std::sync::Arc;

/// Every policy of the platform and of some accounts, as written.
pub struct Bench<'a> {
    subjects: Vec<Subject>,
    store: &'a Store,
}

/// One policy.
#[derive(Debug)]
pub struct Subject {
    /// Its id.
    pub id: Arc<str>,
    /// Whose it is; `None`: the platform's.
    pub account: Option<AccountId>,
    /// Its file.
    pub file: String,
    /// Its line there.
    pub line: usize,
    /// Whether it is a guard.
    pub guard: bool,
    /// When it ends.
    pub not_after: Option<Timestamp>,
    /// What it says.
    pub policy: ast::Policy,
}

/// What an expression is to a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// True.
    True,
    /// False.
    False,
    /// It cannot be evaluated.
    Errs,
}

/// What the validator says of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    /// It is not valid.
    Refused,
    /// It is satisfied by no question that the schema lists.
    Impossible,
    /// It may be.
    Possible,
}

/// One question, to put expressions to.
pub struct Panel<'a>(Evaluator<'a>);

impl<'a> Panel<'a> {
    /// For that question.
    pub fn new(request: &Request, entities: &'a Entities) -> Self {
        let request: &ast::Request = request.as_ref();
        let extensions = Extensions::all_available();
        Self(Evaluator::new(
            request.clone(),
            entities.as_ref(),
            extensions,
        ))
    }

    /// What the expression comes to, or why it cannot be evaluated.
    pub fn sees(&self, expression: &Expr) -> Result<Value, String> {
        let value = self.0.interpret(expression, &SlotEnv::new());
        value.map_err(|error| error.to_string())
    }

    /// What the expression is to it.
    pub fn says(&self, expression: &Expr) -> Said {
        match self.0.interpret(expression, &SlotEnv::new()) {
            Ok(value) => match value.value {
                ValueKind::Lit(Literal::Bool(true)) => Said::True,
                ValueKind::Lit(Literal::Bool(false)) => Said::False,
                _ => Said::Errs,
            },
            Err(_) => Said::Errs,
        }
    }
}

/// The access groups of operations.
const ACCESS: [&str; 5] = ["read", "create", "update", "delete", "manage"];

impl<'a> Bench<'a> {
    /// The policies that `store` was built of, and `settings` hold: the platform's, and those of the
    /// accounts that are `asked` about. One that does not pass is left out.
    pub fn new(store: &'a Store, settings: &Settings, asked: &[AccountId]) -> Self {
        let classes = &store.types().classes;
        let subjects = stack::run(|| {
            let shipped = Source::new("guard.cedar", platform::GUARD);
            let sources: Vec<&Source> = [&shipped].into_iter().chain(&settings.platform).collect();
            let mut subjects = reviewed(Layer::Platform, &sources, classes);
            let overlays = settings.overlays.iter();
            for overlay in overlays.filter(|one| asked.contains(one.account())) {
                let sources: Vec<&Source> = overlay.files().iter().collect();
                let layer = Layer::Account(overlay.account(), overlay.mode());
                subjects.extend(reviewed(layer, &sources, classes));
            }
            subjects
        });
        Self {
            subjects: subjects.unwrap_or_default(),
            store,
        }
    }

    /// The policies that `store` asks: the platform's, and those of the accounts that are `asked` about, as far
    /// as they pass. All of them passed their review once, which is not repeated.
    pub fn serving(store: &'a Store, asked: &[AccountId]) -> Self {
        let subjects = stack::run(|| {
            let shipped = Source::new("guard.cedar", platform::GUARD);
            let platform = [&shipped].into_iter().chain(store.platform_sources());
            let platform: Vec<&Source> = platform.collect();
            let mut subjects = subjects_of(review::parsed(Layer::Platform, &platform), None);
            for account in asked {
                let Some(overlay) = store.serving(account) else {
                    continue;
                };
                let sources: Vec<&Source> = overlay.files().iter().collect();
                let layer = Layer::Account(overlay.account(), overlay.mode());
                let rules = review::parsed(layer, &sources);
                subjects.extend(subjects_of(rules, Some(account)));
            }
            subjects
        });
        Self {
            subjects: subjects.unwrap_or_default(),
            store,
        }
    }

    /// All of them: the guards first, then the platform's others, then those of accounts.
    pub fn subjects(&self) -> &[Subject] {
        &self.subjects
    }

    /// What the validator says of policies that were made up.
    pub fn judge(&self, texts: &[&str]) -> Vec<Judged> {
        let classes = &self.store.types().classes;
        let all = || texts.iter().map(|text| judged(text, classes)).collect();
        stack::run(all).unwrap_or_else(|_| vec![Judged::Possible; texts.len()])
    }

    /// The group of an action by its access: `read`, `create`, `update`, `delete`, `manage`.
    pub fn access_of(&self, action: &EntityUid) -> Option<EntityUid> {
        let mut environments = self.store.environments();
        let environment = environments.find(|one| one.action == *action)?;
        let mut groups = environment.base.ancestors(action)?;
        let found = groups.find(|group| ACCESS.contains(&group.id().unescaped()));
        found.cloned()
    }

    /// Whether an entity of some type may lie in another of the same type: else `==` and `in` are the same
    /// between entities that are no actions.
    pub fn nests(&self) -> bool {
        let schema = self.store.schema();
        let nests = |name: &cedar_policy::EntityTypeName| {
            let mut above = schema.ancestors(name).into_iter().flatten();
            above.any(|one| one == name)
        };
        schema.entity_types().any(nests)
    }
}

fn reviewed(layer: Layer<'_>, sources: &[&Source], classes: &Classes) -> Vec<Subject> {
    let account = match layer {
        Layer::Platform => None,
        Layer::Account(account, _) => Some(account),
    };
    let rules =
        review::review(layer, sources, classes).map_or_else(|_| Vec::new(), |found| found.0);
    subjects_of(rules, account)
}

fn subjects_of(rules: Vec<Rule>, account: Option<&AccountId>) -> Vec<Subject> {
    let rules = rules.into_iter();
    rules.map(|rule| subject(&rule, account.cloned())).collect()
}

fn subject(rule: &Rule, account: Option<AccountId>) -> Subject {
    Subject {
        id: Arc::clone(&rule.id),
        account,
        file: rule.about.file.clone(),
        line: rule.about.line.unwrap_or(1),
        guard: rule.guard,
        not_after: rule.compiled.not_after,
        policy: rule.policy.as_ref().clone(),
    }
}

/// Call it on a large stack only (`stack::run`).
fn judged(text: &str, classes: &Classes) -> Judged {
    let Ok(policy) = Policy::parse(Some(PolicyId::new("made-up")), text) else {
        return Judged::Refused;
    };
    let validator = classes.validator([&policy].into_iter());
    let Ok(set) = PolicySet::from_policies([policy.clone()]) else {
        return Judged::Refused;
    };
    let result = validator.validate_with_level(&set, ValidationMode::Strict, super::LEVEL);
    if result.validation_errors().next().is_some() {
        return Judged::Refused;
    }
    let impossible =
        |warning: &ValidationWarning| matches!(warning, ValidationWarning::ImpossiblePolicy(_));
    if result.validation_warnings().any(impossible) {
        Judged::Impossible
    } else {
        Judged::Possible
    }
}
