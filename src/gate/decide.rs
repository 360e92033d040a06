//! The order of steps, on one screen. Pure: the same request and ruleset give the same verdict.

use super::refusal::Refusal;
use crate::decision::{self, Pdp, Permit, Question};
use crate::head::{Credential, Head};
use crate::limit::{InFlight, Limits};
use crate::reason::Reason;
use crate::route::Target;
use crate::ruleset::Ruleset;
use crate::scope::{self, Held};
use crate::token::{self, Caller, Verified};
use http::HeaderMap;
use std::sync::Arc;

/// What a decision needs beside ruleset and head.
pub struct Input<'a> {
    /// The token step's result.
    pub identity: Identity,
    /// The request's fields, for references in headers.
    pub headers: &'a HeaderMap,
    /// The decision point and its cache.
    pub pdp: &'a Pdp,
    /// Counts the request against its account; `None`: nothing is counted (tests, explanations).
    pub limits: Option<&'a Limits>,
}

/// What the token step found.
pub enum Identity {
    /// No token was sent.
    Anonymous,
    /// The token holds.
    Verified(Arc<Verified>),
    /// It does not.
    Refused(token::Error),
}

/// What was learnt on the way, for the record and the metrics only: no step reads it.
#[derive(Clone, Debug, Default)]
pub struct Learnt {
    /// Who.
    pub caller: Option<Arc<Caller>>,
    /// What.
    pub target: Option<Arc<Target>>,
    /// Where.
    pub scope: Option<crate::scope::Scope>,
    /// Policies that settled it.
    pub determining: Arc<[Arc<str>]>,
    /// Whether the decision came from the cache; `None`: there was none.
    pub cached: Option<bool>,
}

/// The answer, and what was learnt on the way to it.
pub struct Verdict {
    /// For the record.
    pub learnt: Learnt,
    /// A proof of the allow, or why not.
    pub outcome: Result<Permit, Refusal>,
    /// Counts the request as in flight while it is held.
    pub in_flight: Option<InFlight>,
}

/// Decides one request.
pub fn decide(rules: &Ruleset, head: &Head, input: Input<'_>) -> Verdict {
    let mut learnt = Learnt::default();
    let mut in_flight = None;
    let outcome = steps(rules, head, input, &mut learnt, &mut in_flight);
    Verdict {
        learnt,
        outcome,
        in_flight,
    }
}

fn steps(
    rules: &Ruleset,
    head: &Head,
    input: Input<'_>,
    learnt: &mut Learnt,
    in_flight: &mut Option<InFlight>,
) -> Result<Permit, Refusal> {
    let caller = identify(rules, head, input.identity)?;
    learnt.caller = Some(Arc::clone(&caller));

    *in_flight = admit(rules, head, &caller, input.limits)?;

    let found = rules.router.find(&head.method, &head.path);
    if matches!(*caller, Caller::Anonymous)
        && !found.as_ref().is_ok_and(|found| found.route.set.public)
    {
        // Strangers learn nothing about which routes exist.
        return Err(Refusal::new(Reason::TokenMissing, "no token"));
    }
    let target = Arc::new(Target::read(
        found?,
        head,
        input.headers,
        &rules.references,
    )?);
    learnt.target = Some(Arc::clone(&target));

    let scope = scope::admit(&caller, &target, &rules.directory, head)?;
    learnt.scope = Some(scope.clone());

    if matches!(scope.held(), Held::Public) {
        return decision::public(&caller, &target, scope).ok_or_else(|| {
            Refusal::new(Reason::Internal, "a public scope without a public route")
        });
    }
    let question = Question {
        caller: &caller,
        target: &target,
        scope,
        head,
    };
    match input.pdp.decide(&rules.store, question) {
        Ok(permit) => {
            learnt.determining = permit.determining().into();
            learnt.cached = permit.cached();
            Ok(permit)
        }
        Err(denied) => {
            learnt.determining = Arc::clone(&denied.determining);
            learnt.cached = denied.cached;
            Err(denied.into())
        }
    }
}

fn identify(rules: &Ruleset, head: &Head, identity: Identity) -> Result<Arc<Caller>, Refusal> {
    match identity {
        Identity::Verified(verified) => {
            Ok(rules.issuers.bind(&verified, &rules.directory, head.now)?)
        }
        Identity::Refused(error) => Err(error.into()),
        Identity::Anonymous => match head.credential {
            Credential::None => Ok(Arc::new(Caller::Anonymous)),
            // A credential that nobody verified proves nothing.
            Credential::Bearer(_) | Credential::Malformed => Err(Refusal::new(
                Reason::TokenMalformed,
                "the bearer credential is not a token",
            )),
        },
    }
}

fn admit(
    rules: &Ruleset,
    head: &Head,
    caller: &Caller,
    limits: Option<&Limits>,
) -> Result<Option<InFlight>, Refusal> {
    let (Some(limits), Some(id)) = (limits, caller.account()) else {
        return Ok(None);
    };
    let plan = rules
        .directory
        .account(id)
        .and_then(|account| rules.plans.get(&account.plan));
    let Some(plan) = plan else { return Ok(None) };
    Ok(Some(limits.admit(id, *plan, head.now)?))
}
