//! The order of steps, on one screen. Pure: the same request and ruleset give the same verdict.
//!
//! A body is read between the two halves of a [`Case`], and only for routes that ask for it.

use super::refusal::Refusal;
use super::{site, standing};
use crate::body::Seen;
use crate::decision::{self, Denied, Pdp, Permit, Question, Undecided};
use crate::head::{Credential, Head};
use crate::limit::{InFlight, Limits, Payer, Plan};
use crate::reason::Reason;
use crate::route::{Found, Target};
use crate::ruleset::Ruleset;
use crate::scope::{self, Held, Scope};
use crate::tenant::AccountId;
use crate::token::{self, Caller, Verified};
use http::HeaderMap;
use std::sync::Arc;

/// What a decision needs beside ruleset and head.
pub struct Input<'a> {
    /// The token step's result.
    pub identity: Identity,
    /// The request's fields, for references in headers.
    pub headers: &'a HeaderMap,
    /// The request's body, for references in it.
    pub body: Seen<'a>,
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

impl Identity {
    /// The token that holds.
    pub(super) fn verified(&self) -> Option<&Arc<Verified>> {
        match self {
            Self::Verified(verified) => Some(verified),
            Self::Anonymous | Self::Refused(_) => None,
        }
    }
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
    /// What policies said; `None`: nobody asked them.
    pub said: Option<Result<(), Reason>>,
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

/// Decides one request whose body, where it is to be read, was read.
pub fn decide(rules: &Ruleset, head: &Head, input: Input<'_>) -> Verdict {
    let mut learnt = Learnt::default();
    let mut case = Case::open(rules, head, input.limits, &mut learnt);
    let outcome = case
        .approach(input.identity, input.headers)
        .and_then(|found| case.place(found, input.headers, input.body))
        .and_then(|placed| case.judge(placed, input.pdp));
    let in_flight = case.in_flight();
    Verdict {
        learnt,
        outcome,
        in_flight,
    }
}

/// What a request asks for, and what it is held to: all that policies are asked about.
pub(super) struct Placed {
    target: Arc<Target>,
    scope: Scope,
}

/// No permit: refused, or to be asked again once that account's policies are parsed.
pub(super) enum Pending {
    Refused(Refusal),
    Cold(Box<(Placed, AccountId)>),
}

/// One request on its way through the steps.
pub(super) struct Case<'a> {
    rules: &'a Ruleset,
    head: &'a Head,
    limits: Option<&'a Limits>,
    caller: Arc<Caller>,
    learnt: &'a mut Learnt,
    in_flight: Option<InFlight>,
}

impl<'a> Case<'a> {
    /// Nothing is known yet; what will be goes to `learnt`.
    pub(super) fn open(
        rules: &'a Ruleset,
        head: &'a Head,
        limits: Option<&'a Limits>,
        learnt: &'a mut Learnt,
    ) -> Self {
        Self {
            rules,
            head,
            limits,
            caller: Arc::new(Caller::Anonymous),
            learnt,
            in_flight: None,
        }
    }

    /// Who calls; anonymous until [`Case::approach`] has found out.
    pub(super) fn caller(&self) -> &Caller {
        &self.caller
    }

    /// What counts the request as in flight while it is held.
    pub(super) fn in_flight(self) -> Option<InFlight> {
        self.in_flight
    }

    /// Head -> Caller -> limit -> route: everything that comes before a body is read.
    pub(super) fn approach(
        &mut self,
        identity: Identity,
        headers: &HeaderMap,
    ) -> Result<Found, Refusal> {
        self.caller = identify(self.rules, self.head, identity)?;
        self.learnt.caller = Some(Arc::clone(&self.caller));
        self.in_flight = admit(self.rules, self.head, &self.caller, self.limits)?;
        let found = self.rules.router.find(&self.head.method, &self.head.path);
        let public = found.as_ref().is_ok_and(|found| found.route.set.public);
        if matches!(*self.caller, Caller::Anonymous) && !public {
            // Strangers learn nothing about which routes exist.
            return Err(Refusal::new(Reason::TokenMissing, "no token"));
        }
        let found = found?;
        site::admit(&found.route, self.head, headers)?;
        // Not served as if it had asked for nothing: its client waits for a WebSocket (RULES 20).
        if self.head.websocket.is_some() && !found.route.websocket {
            return Err(Refusal::new(
                Reason::UpgradeRefused,
                "the route has no WebSocket",
            ));
        }
        Ok(found)
    }

    /// route -> Target -> Scope.
    pub(super) fn place(
        &mut self,
        found: Found,
        headers: &HeaderMap,
        body: Seen<'_>,
    ) -> Result<Placed, Refusal> {
        let references = &self.rules.references;
        let target = Target::read(found, self.head, headers, body, references)?;
        let target = Arc::new(target);
        self.learnt.target = Some(Arc::clone(&target));
        let found = &mut self.learnt.scope;
        let scope = standing::place(self.rules, &self.caller, &target, self.head, found)?;
        self.admit_acted_for(&scope)?;
        Ok(Placed { target, scope })
    }

    /// Scope -> Permit. Policies that are cold are parsed while the caller waits.
    pub(super) fn judge(&mut self, placed: Placed, pdp: &Pdp) -> Result<Permit, Refusal> {
        let Placed { target, scope } = placed;
        if matches!(scope.held(), Held::Public) {
            return public(&self.caller, &target, scope);
        }
        let answer = pdp.decide(&self.rules.store, self.question(&target, scope));
        self.learn(&answer);
        Ok(answer?)
    }

    /// The same, if nothing has to be parsed for it.
    pub(super) fn consider(&mut self, placed: Placed, pdp: &Pdp) -> Result<Permit, Pending> {
        let Placed { target, scope } = placed;
        if matches!(scope.held(), Held::Public) {
            return public(&self.caller, &target, scope).map_err(Pending::Refused);
        }
        let question = self.question(&target, scope);
        let answer = match pdp.consider(&self.rules.store, question) {
            Ok(permit) => Ok(permit),
            Err(Undecided::Denied(denied)) => Err(denied),
            Err(Undecided::Cold(cold)) => {
                let (scope, account) = (cold.question.scope, cold.account);
                let placed = Placed { target, scope };
                return Err(Pending::Cold(Box::new((placed, account))));
            }
        };
        self.learn(&answer);
        answer.map_err(|denied| Pending::Refused(denied.into()))
    }

    fn question<'b>(&'b self, target: &'b Arc<Target>, scope: Scope) -> Question<'b> {
        Question {
            caller: &self.caller,
            target,
            scope,
            head: self.head,
        }
    }

    fn learn(&mut self, answer: &Result<Permit, Denied>) {
        let outcome;
        (self.learnt.determining, self.learnt.cached, outcome) = match answer {
            Ok(permit) => (permit.determining().into(), permit.cached(), Ok(())),
            Err(denied) => {
                let determining = Arc::clone(&denied.determining);
                (determining, denied.cached, Err(denied.reason))
            }
        };
        self.learnt.said = self.learnt.cached.map(|_| outcome);
    }
}

impl Case<'_> {
    /// Whoever is acted for pays too, from the bucket of its own tokens.
    fn admit_acted_for(&self, scope: &scope::Scope) -> Result<(), Refusal> {
        let (Some(limits), Some(acting), Some(account)) =
            (self.limits, scope.acting(), scope.account())
        else {
            return Ok(());
        };
        let Some(plan) = plan_of(self.rules, account) else {
            return Ok(());
        };
        let member = acting.member.as_ref().map(|member| &*member.subject);
        let user = (Caller::USER, member.unwrap_or(acting.user.as_str()));
        Ok(limits.admit_acted_for(account, user, plan, self.head.now)?)
    }
}

fn public(caller: &Arc<Caller>, target: &Arc<Target>, scope: Scope) -> Result<Permit, Refusal> {
    decision::public(caller, target, scope)
        .ok_or_else(|| Refusal::new(Reason::Internal, "a public scope without a public route"))
}

fn identify(rules: &Ruleset, head: &Head, identity: Identity) -> Result<Arc<Caller>, Refusal> {
    match identity {
        Identity::Verified(verified) => standing::caller(rules, &verified, head.now),
        Identity::Refused(error) => Err(error.into()),
        Identity::Anonymous => match head.credential {
            Credential::None => Ok(Arc::new(Caller::Anonymous)),
            // A credential that nobody verified proves nothing.
            Credential::Bearer(_) | Credential::Cookie(_) | Credential::Malformed => Err(
                Refusal::new(Reason::TokenMalformed, "the credential is not a token"),
            ),
        },
    }
}

/// The caller's own limits, before any body is read. Strangers have paid by their address.
fn admit(
    rules: &Ruleset,
    head: &Head,
    caller: &Caller,
    limits: Option<&Limits>,
) -> Result<Option<InFlight>, Refusal> {
    let Some(limits) = limits else {
        return Ok(None);
    };
    let payer = match caller {
        Caller::Anonymous => return Ok(None),
        Caller::Principal(principal) => {
            limits.admit_principal(&principal.subject, rules.principals, head.now)?;
            return Ok(None);
        }
        Caller::User(user) => Payer {
            account: &user.account,
            workspace: &user.workspace,
            caller: (caller.kind(), &user.subject),
        },
        Caller::Service(service) => Payer {
            account: &service.account,
            workspace: &service.workspace,
            caller: (caller.kind(), service.client.as_str()),
        },
    };
    let plan = plan_of(rules, payer.account);
    let Some(plan) = plan else { return Ok(None) };
    Ok(Some(limits.admit(payer, plan, head.now)?))
}

fn plan_of(rules: &Ruleset, account: &AccountId) -> Option<Plan> {
    let account = rules.directory.account(account)?;
    rules.plans.get(&account.plan).copied()
}
