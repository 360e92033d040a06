//! The PDP: what is to be asked about one request, answered from the cache or by the policies.
//!
//! [`Pdp::decide`] puts caller, target, scope and head into one set of facts; the cache's key and the
//! Cedar question are both made of those facts alone, so that nothing can reach the policies that
//! the key does not hold. An allow is a [`Permit`], which nobody else can make.

mod cache;
mod entity;
mod facts;
mod key;
mod layers;
mod permit;
mod question;
mod view;

pub use cache::{Kept, Settings};
pub use permit::{By, Denied, Permit, public};

use crate::head::Head;
use crate::policy::{self, Answer, Ruling, Store};
use crate::route::Target;
use crate::scope::Scope;
use crate::telemetry::{DecisionSource, Metrics};
use crate::token::Caller;
use cache::{Cache, Entry};
use facts::Facts;
use key::Key;
use layers::Layers;
use permit::Allowed;
use question::Principals;
use std::sync::Arc;
use std::time::Instant;

/// What is asked: may this caller do what the target says, held to this scope. One request may come to
/// several questions of Cedar's; all of them must be allowed.
#[derive(Clone, Debug)]
pub struct Question<'a> {
    /// Who the token proves.
    pub caller: &'a Arc<Caller>,
    /// What the request asks for.
    pub target: &'a Arc<Target>,
    /// What the request is held to.
    pub scope: Scope,
    /// The request's head; its `now` is the one of this question.
    pub head: &'a Head,
}

/// The policy decision point. One for the process: its cache outlives rulesets, because the key holds
/// their hashes.
#[derive(Debug)]
pub struct Pdp {
    cache: Cache,
    principals: Principals,
    metrics: Arc<Metrics>,
}

impl Pdp {
    /// With an empty cache.
    pub fn new(settings: Settings, metrics: Arc<Metrics>) -> Self {
        Self {
            cache: Cache::new(settings, Arc::clone(&metrics)),
            principals: Principals::new(),
            metrics,
        }
    }

    /// Decides. Pure but for caches and metrics: equal questions to equal stores get equal answers.
    pub fn decide(&self, store: &Store, question: Question<'_>) -> Result<Permit, Denied> {
        let mut allowed = Allowed::default();
        for about in facts::asked(&question) {
            let facts = Facts::read(&question, about);
            let facts = facts.map_err(|error| Denied::unaskable(&error))?;
            let started = Instant::now();
            let (entry, source) = self.answer(store, &facts)?;
            self.metrics.decision(source, started.elapsed());
            for counter in &entry.counters {
                counter.inc();
            }
            if entry.isolation {
                self.metrics.isolation_disagreement();
            }
            allowed.add(&entry, source == DecisionSource::Cache)?;
        }
        permit::of(question, allowed)
    }

    /// How many answers are remembered.
    pub fn kept(&self) -> Kept {
        self.cache.kept()
    }

    fn answer(
        &self,
        store: &Store,
        facts: &Facts<'_>,
    ) -> Result<(Arc<Entry>, DecisionSource), Denied> {
        let layers = Layers::find(store, facts)?;
        let key = Key::of(store, &layers, facts);
        if let Some(entry) = self.cache.find(&key, facts.head.now) {
            return Ok((entry, DecisionSource::Cache));
        }
        let entry = self
            .evaluate(store, &layers, facts, &key)
            .map_err(|error| Denied::unaskable(&error))?;
        Ok((entry, DecisionSource::Evaluated))
    }

    /// Asks the policies, and keeps the answer for as long as it holds.
    fn evaluate(
        &self,
        store: &Store,
        layers: &Layers<'_>,
        facts: &Facts<'_>,
        key: &Key,
    ) -> Result<Arc<Entry>, question::Error> {
        let principal = self.principals.of(facts)?;
        let (request, entities) = question::build(store, layers.environment, facts, &principal)?;
        let now = facts.head.now;
        let answer = policy::evaluate(&layers.consulted(), &request, &entities, now);
        log(&answer, facts);
        // What failed for want of stack may succeed on the next thread.
        let repeats = !answer.errors.iter().any(|error| error.transient);
        let entry = Entry::new(answer, |policy| self.metrics.policy_counter(policy));
        Ok(match layers.window(facts).filter(|_| repeats) {
            Some(window) => self.cache.keep(key, entry, window, now),
            None => Arc::new(entry),
        })
    }
}

/// The operators hear of an isolation rule that let through what a guard holds, and of policies that
/// err; who sent the request is in the audit record.
fn log(answer: &Answer, facts: &Facts<'_>) {
    let action = &facts.operation.name;
    if answer.isolation {
        tracing::error!(
            %action,
            determining = ?answer.determining,
            "isolation guards deny what the isolation rules admitted"
        );
    }
    for error in &answer.errors {
        tracing::warn!(
            %action,
            policy = %error.policy,
            forbids = error.forbids,
            error = %error.message,
            denied = answer.ruling == Ruling::Error,
            "a policy could not be evaluated"
        );
    }
}

#[cfg(test)]
mod tests;
