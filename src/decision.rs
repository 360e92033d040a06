//! The PDP: what is to be asked about one request, answered from the cache or by the policies.
//!
//! [`Pdp::decide`] puts caller, target, scope and head into one set of facts; the cache's key and the
//! Cedar question are both made of those facts alone, so that nothing can reach the policies that
//! the key does not hold. An allow is a [`Permit`], which nobody else can make.

mod auditor;
mod cache;
mod entity;
mod extension;
mod facts;
mod key;
mod layers;
mod permit;
mod put;
mod question;
mod recorded;
mod shadow;
mod share;
mod view;

pub use auditor::Mismatch;
pub use cache::{Kept, Settings};
pub use permit::{By, Denied, Permit, public};
pub use put::{Asking, Keeping, Put};
pub use recorded::{Recorded, Unposed};
pub use shadow::{
    Answered, Asked as ShadowAsked, Example as ShadowExample, Row as ShadowRow, Shadow,
    ShadowSettings, Shadows, Shown as ShadowShown, State as ShadowState, Told as ShadowTold,
};

use crate::head::Head;
use crate::policy::{self, Answer, Ruling, Store};
use crate::reason::Reason;
use crate::route::Target;
use crate::scope::Scope;
use crate::telemetry::{DecisionSource, Metrics};
use crate::tenant::AccountId;
use crate::token::Caller;
use auditor::Auditor;
use cache::{Cache, Entry};
use facts::Facts;
use key::Key;
use layers::{Layers, Missing};
use permit::Allowed;
use question::Principals;
use std::sync::Arc;
use std::time::{Duration, Instant};

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

/// A question without an answer yet.
#[derive(Debug)]
pub enum Undecided<'a> {
    /// It is denied.
    Denied(Denied),
    /// It can be asked again once an account's policies are parsed.
    Cold(Box<Cold<'a>>),
}

/// The question, to be asked again.
#[derive(Debug)]
pub struct Cold<'a> {
    /// Whose policies are to be parsed first.
    pub account: AccountId,
    /// What was asked.
    pub question: Question<'a>,
}

impl From<Denied> for Undecided<'_> {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}

/// How often policies are parsed for one decision: both accounts of a question, and each once more,
/// should there be no room for it.
pub const LOADS_MAX: usize = 4;

/// The policy decision point. One for the process: its cache outlives rulesets, because the key holds
/// their hashes.
#[derive(Debug)]
pub struct Pdp {
    cache: Cache,
    auditor: Auditor,
    principals: Principals,
    metrics: Arc<Metrics>,
    /// It answers for somebody who only wants to know.
    aside: bool,
}

impl Pdp {
    /// With an empty cache.
    pub fn new(settings: Settings, metrics: Arc<Metrics>) -> Self {
        Self {
            cache: Cache::new(settings, Arc::clone(&metrics)),
            auditor: Auditor::new(settings.audit_every),
            principals: Principals::new(),
            metrics,
            aside: false,
        }
    }

    /// One for questions that nobody waits for to be served: it remembers nothing, tells the log nothing, and
    /// what takes long counts against nobody. `metrics` are not those of what serves.
    pub fn aside(metrics: Arc<Metrics>) -> Self {
        let nothing = Settings {
            bytes_max: 0,
            ttl: Duration::ZERO,
            audit_every: 0,
        };
        Self {
            aside: true,
            ..Self::new(nothing, metrics)
        }
    }

    /// Decides. Pure but for caches and metrics: equal questions to equal stores get equal answers.
    /// Policies that are cold are parsed while the caller waits.
    pub fn decide(&self, store: &Store, mut question: Question<'_>) -> Result<Permit, Denied> {
        // As many as there may be accounts in one question, and once more for what went cold again.
        for _ in 0..LOADS_MAX {
            let cold = match self.consider(store, question) {
                Ok(permit) => return Ok(permit),
                Err(Undecided::Denied(denied)) => return Err(denied),
                Err(Undecided::Cold(cold)) => *cold,
            };
            store.load(&cold.account);
            question = cold.question;
        }
        Err(Denied::of(Reason::OverlayUnavailable))
    }

    /// Decides, if nothing has to be parsed for it.
    pub fn consider<'a>(
        &self,
        store: &Store,
        question: Question<'a>,
    ) -> Result<Permit, Undecided<'a>> {
        match self.ask(store, &question) {
            Ok(allowed) => Ok(permit::of(question, allowed)?),
            Err(Missing::Denied(denied)) => Err(Undecided::Denied(denied)),
            Err(Missing::Cold(account)) => {
                let cold = Cold { account, question };
                Err(Undecided::Cold(Box::new(cold)))
            }
        }
    }

    fn ask(&self, store: &Store, question: &Question<'_>) -> Result<Allowed, Missing> {
        let mut allowed = Allowed::default();
        if facts::asked(question).nth(1).is_some() {
            all_parsed(store, question)?;
        }
        for about in facts::asked(question) {
            let facts = Facts::read(question, about);
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
        Ok(allowed)
    }

    /// How many answers are remembered.
    pub fn kept(&self) -> Kept {
        self.cache.kept()
    }

    /// The bytes of remembered answers that `account` asked for first.
    pub fn remembered_of(&self, account: &AccountId) -> u64 {
        self.cache.taken(account)
    }

    /// Why nothing is remembered any more; `None`: nothing was found wrong.
    pub fn mismatch(&self) -> Option<Arc<Mismatch>> {
        self.auditor.found()
    }

    fn answer(
        &self,
        store: &Store,
        facts: &Facts<'_>,
    ) -> Result<(Arc<Entry>, DecisionSource), Missing> {
        let layers = Layers::find(store, facts)?;
        let key = Key::of(store, &layers, facts);
        let asked = Asked {
            store,
            layers,
            facts,
        };
        if let Some(entry) = self.cache.find(&key, facts.head.now) {
            if !self.auditor.is_due() || self.holds(&entry, &key, &asked)? {
                return Ok((entry, DecisionSource::Cache));
            }
            self.cache.turn_off();
            self.metrics.decision_cache_mismatch();
        }
        let answer = self.put(&asked, false)?;
        if !self.aside {
            log(&answer, facts);
            self.note_slow(store, &asked.layers, facts, &answer);
        }
        Ok((self.keep(answer, &key, &asked), DecisionSource::Evaluated))
    }

    /// Puts the question to the policies. With `checked` it is held to the schema as well, and put to the
    /// policies as they are written.
    fn put(&self, asked: &Asked<'_>, checked: bool) -> Result<Answer, Denied> {
        let facts = asked.facts;
        let build = || {
            let principal = self.principals.of(facts)?;
            let environment = asked.layers.environment;
            let checked = checked || cfg!(debug_assertions);
            question::build(asked.store, environment, facts, &principal, checked)
        };
        let (request, entities) = build().map_err(|error| Denied::unaskable(&error))?;
        let now = facts.head.now;
        let evaluate = |as_written| {
            let consulted = asked.layers.consulted(as_written);
            policy::evaluate(&consulted, &request, &entities, now)
        };
        let answer = evaluate(checked);
        debug_assert_eq!(answer, evaluate(!checked), "what is settled changed it");
        Ok(answer)
    }

    /// Whether a remembered answer is what the policies say.
    fn holds(&self, entry: &Entry, key: &Key, asked: &Asked<'_>) -> Result<bool, Denied> {
        // A policy's own word lets its answer be another one by now.
        if !asked.layers.reads().all(|reads| reads.clock.is_exact()) {
            return Ok(true);
        }
        let fresh = self.put(asked, true)?;
        if fresh.errors.iter().any(|error| error.transient) {
            return Ok(true);
        }
        self.metrics.decision_cache_audit();
        let facts = asked.facts;
        let seen = || {
            let action = Arc::clone(&facts.operation.name);
            (facts.head.now, action, auditor::hex(key.bytes()))
        };
        Ok(self.auditor.agree(entry, &fresh, seen))
    }

    /// Keeps an answer for as long as it holds.
    fn keep(&self, answer: Answer, key: &Key, asked: &Asked<'_>) -> Arc<Entry> {
        // What failed for want of stack may succeed on the next thread.
        let repeats = !answer.errors.iter().any(|error| error.transient);
        let entry = Entry::new(answer, |policy| self.metrics.policy_counter(policy));
        let facts = asked.facts;
        match asked.layers.window(facts).filter(|_| repeats) {
            Some(window) => {
                let (now, payer) = (facts.head.now, facts.caller.account());
                self.cache.keep(key, entry, (window, now), payer)
            }
            None => Arc::new(entry),
        }
    }

    /// An overlay that takes too long is an account's way to slow everybody down (RULES 34).
    fn note_slow(&self, store: &Store, layers: &Layers<'_>, facts: &Facts<'_>, answer: &Answer) {
        let owners = layers.owners(facts);
        let slow = answer
            .slow
            .0
            .iter()
            .filter_map(|index| *owners.get(*index)?);
        for account in slow {
            self.metrics.overlay_slow();
            if store.was_slow(account, facts.head.now) {
                let quarantined = store.quarantined().len();
                self.metrics.overlays_quarantined(quarantined as u64);
            }
        }
    }
}

/// Of several questions none is asked before all of them can be: what waits is asked anew from the first
/// on, and its answer would count twice.
fn all_parsed(store: &Store, question: &Question<'_>) -> Result<(), Missing> {
    let all = facts::asked(question).filter_map(|about| Facts::read(question, about).ok());
    for facts in all {
        if let Err(cold @ Missing::Cold(_)) = Layers::find(store, &facts) {
            return Err(cold);
        }
    }
    Ok(())
}

/// One question, and whom it is put to.
struct Asked<'a> {
    store: &'a Store,
    layers: Layers<'a>,
    facts: &'a Facts<'a>,
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
