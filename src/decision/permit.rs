//! The proof of an allow, and what a denial says.

use super::Question;
use super::cache::Entry;
use crate::policy::Ruling;
use crate::reason::Reason;
use crate::route::Target;
use crate::scope::{Held, Scope};
use crate::token::Caller;
use std::fmt::Display;
use std::sync::Arc;

/// Proof that a request is allowed: forwarding takes nothing else.
///
/// Only this module makes one. Whoever holds one can read it:
/// ```
/// fn forward(permit: palisade::decision::Permit) -> usize {
///     permit.determining().len()
/// }
/// ```
/// but nobody can put one together:
/// ```compile_fail,E0451
/// use palisade::decision::{By, Permit};
/// fn forge(permit: Permit) -> Permit {
///     Permit { by: By::Public, ..permit }
/// }
/// ```
#[derive(Clone, Debug)]
#[must_use = "a request that is allowed is to be forwarded"]
pub struct Permit {
    caller: Arc<Caller>,
    target: Arc<Target>,
    scope: Scope,
    by: By,
    determining: Arc<[Arc<str>]>,
    cached: Option<bool>,
}

/// What allowed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// Policies.
    Policies,
    /// The route is declared public (RULES 24): nobody was asked, no tenant is annotated.
    Public,
}

impl Permit {
    /// Who is allowed.
    pub fn caller(&self) -> &Arc<Caller> {
        &self.caller
    }

    /// What is allowed.
    pub fn target(&self) -> &Arc<Target> {
        &self.target
    }

    /// Where it is allowed.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// What allowed it.
    pub fn by(&self) -> By {
        self.by
    }

    /// Ids of the policies that permit it, sorted.
    pub fn determining(&self) -> &[Arc<str>] {
        &self.determining
    }

    /// Whether the answer was remembered. `None`: nobody was asked.
    pub fn cached(&self) -> Option<bool> {
        self.cached
    }
}

/// Why a request is not allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a denied request is to be refused"]
pub struct Denied {
    /// The code that the client gets.
    pub reason: Reason,
    /// Ids of the policies that forbid it, sorted; empty: none permits it. For log and audit only.
    pub determining: Arc<[Arc<str>]>,
    /// Policies that could not be evaluated, or why nothing could be asked. For log and audit only.
    pub errors: Arc<[Arc<str>]>,
    /// Whether the answer was remembered. `None`: nobody was asked.
    pub cached: Option<bool>,
}

impl Denied {
    pub(super) fn of(reason: Reason) -> Self {
        Self {
            reason,
            determining: Arc::default(),
            errors: Arc::default(),
            cached: None,
        }
    }

    /// The question does not fit the schema: a fault of the gate's, never an allow.
    pub(super) fn unaskable(why: &dyn Display) -> Self {
        tracing::error!(%why, "a question does not fit the schema");
        Self {
            errors: [Arc::from(why.to_string())].into(),
            ..Self::of(Reason::PolicyError)
        }
    }
}

/// The permit of a public route. `None`: the scope holds the request to a tenant, and policies have
/// to be asked.
pub fn public(caller: &Arc<Caller>, target: &Arc<Target>, scope: Scope) -> Option<Permit> {
    matches!(scope.held(), Held::Public).then(|| Permit {
        caller: Arc::clone(caller),
        target: Arc::clone(target),
        scope,
        by: By::Public,
        determining: Arc::default(),
        cached: None,
    })
}

/// The allows of one request so far.
#[derive(Default)]
pub(super) struct Allowed {
    /// `None`: nobody was asked yet.
    by: Option<Arc<[Arc<str>]>>,
    /// Whether none of them was evaluated afresh.
    cached: bool,
}

impl Allowed {
    /// Takes one more answer; `Err` if it is no allow.
    pub(super) fn add(&mut self, entry: &Entry, cached: bool) -> Result<(), Denied> {
        let reason = match entry.ruling {
            Ruling::Allow => {
                self.cached = cached && (self.cached || self.by.is_none());
                self.by = Some(match self.by.take() {
                    None => Arc::clone(&entry.determining),
                    Some(before) => merged(&before, &entry.determining),
                });
                return Ok(());
            }
            Ruling::Deny => Reason::PolicyDenied,
            Ruling::Error => Reason::PolicyError,
        };
        Err(Denied {
            reason,
            determining: Arc::clone(&entry.determining),
            errors: Arc::clone(&entry.erring),
            cached: Some(cached),
        })
    }
}

/// Both, sorted, each once.
fn merged(one: &[Arc<str>], other: &[Arc<str>]) -> Arc<[Arc<str>]> {
    let mut all: Vec<Arc<str>> = one.iter().chain(other).map(Arc::clone).collect();
    all.sort_unstable();
    all.dedup();
    all.into()
}

/// The proof, once everything that was to be asked is allowed.
pub(super) fn of(question: Question<'_>, allowed: Allowed) -> Result<Permit, Denied> {
    let Some(determining) = allowed.by else {
        return Err(Denied::unaskable(&"nothing was asked"));
    };
    Ok(Permit {
        caller: Arc::clone(question.caller),
        target: Arc::clone(question.target),
        scope: question.scope,
        by: By::Policies,
        determining,
        cached: Some(allowed.cached),
    })
}
