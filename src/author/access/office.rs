//! Where questions of access are asked: each is put to [`explain::tell`], which is to say to
//! [`crate::gate::decide`], and its answer is held against what is open of it.

use super::Error;
use super::cast::Person;
use super::maybe::{Maybe, Tree};
use super::open::Open;
use super::sample::{self, Sample};
use crate::author::asked;
use crate::clock::Timestamp;
use crate::decision::{Pdp, Put, Question};
use crate::explain::{self, Asked, Told};
use crate::gate::{Generation, Identity};
use crate::head::{ACT_IN, Peer, REASON, X_USER_ID};
use crate::policy::{self, Bench, Panel, Subject, Whose};
use crate::route::ReferenceRule;
use crate::tenant::AccountId;
use crate::token::{Caller, IssuerSettings};
use cedar_policy_core::ast::Effect;
use serde::{Serialize, Serializer};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// What a made-up Principal states.
const STATED: &str = "access review";

/// What questions of access are asked of.
#[derive(Clone, Copy)]
pub struct Material<'a> {
    /// What decides.
    pub generation: &'a Generation,
    /// What remembers.
    pub pdp: &'a Pdp,
    /// What the policies were made of.
    pub policies: &'a policy::Settings,
    /// Who may issue tokens.
    pub issuers: &'a [IssuerSettings],
    /// Which names mean tenants.
    pub references: &'a [ReferenceRule],
    /// The moment that is asked about.
    pub now: Timestamp,
    /// Whether somebody chose that moment: else it is any.
    pub at: bool,
}

/// The same, with the policies of some accounts taken apart.
pub(super) struct Office<'a> {
    pub(super) generation: &'a Generation,
    pub(super) issuers: &'a [IssuerSettings],
    pub(super) references: &'a [ReferenceRule],
    pub(super) now: Timestamp,
    at: bool,
    pdp: &'a Pdp,
    rules: Vec<Rule>,
    /// Whose policies are among them, beside the platform's.
    accounts: Vec<AccountId>,
}

/// One policy.
struct Rule {
    id: Arc<str>,
    account: Option<AccountId>,
    effect: Effect,
    not_after: Option<Timestamp>,
    condition: Tree,
}

/// What may become of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum May {
    /// It is allowed.
    Allow,
    /// It depends on what the question leaves open.
    Depends,
    /// It is refused.
    Deny,
}

/// What became of a question.
#[derive(Clone, Debug, Serialize)]
pub struct Answer {
    /// What may become of the requests that it stands for.
    pub answer: May,
    /// Why it is refused.
    pub code: Option<&'static str>,
    /// The policies that settle it, or may.
    pub policies: Vec<String>,
    /// What it depends on, as policies write it.
    pub depends_on: Vec<String>,
    /// What exactly happened; clients do not get it.
    pub detail: Option<String>,
}

impl May {
    /// `allow`, `depends`, `deny`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Depends => "depends",
            Self::Deny => "deny",
        }
    }
}

impl Answer {
    /// Before anything was asked.
    pub(super) fn none() -> Self {
        Self {
            answer: May::Deny,
            code: None,
            policies: Vec::new(),
            depends_on: Vec::new(),
            detail: None,
        }
    }
}

impl Serialize for May {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.label())
    }
}

impl<'a> Office<'a> {
    /// For questions about these accounts.
    pub(super) fn open(material: &Material<'a>, accounts: &[AccountId]) -> Self {
        let store = &material.generation.rules.store;
        let bench = Bench::new(store, material.policies, accounts);
        Self {
            generation: material.generation,
            issuers: material.issuers,
            references: material.references,
            now: material.now,
            at: material.at,
            pdp: material.pdp,
            rules: bench.subjects().iter().map(Rule::of).collect(),
            accounts: accounts.to_vec(),
        }
    }

    /// The groups that policies name.
    pub(super) fn groups(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        for rule in &self.rules {
            rule.condition.groups(&mut found);
        }
        found
    }

    /// What becomes of a request of that person. `known`: it is exactly this one, and no other with the same
    /// role.
    pub(super) fn ask(
        &self,
        sample: &Sample,
        person: &Person,
        known: bool,
    ) -> Result<(Answer, Option<Arc<Caller>>), Error> {
        let told = self.tell(sample, person)?;
        let caller = told.learnt.caller.clone();
        let is_principal = matches!(caller.as_deref(), Some(Caller::Principal(_)));
        let open = Open {
            person: !known,
            // A made-up one says that there was a second factor, and nothing else.
            token: person.made_up,
            stated: is_principal,
            moment: !self.at,
            ..sample.open()
        };
        let decision = &told.story.decision;
        let mut answer = Answer {
            answer: if decision.allowed {
                May::Allow
            } else {
                May::Deny
            },
            code: decision.code,
            policies: told
                .story
                .policies
                .iter()
                .map(|one| one.id.clone())
                .collect(),
            depends_on: Vec::new(),
            detail: decision.detail.clone().filter(|detail| !detail.is_empty()),
        };
        if let Some(puts) = self.puts(&told) {
            self.weigh(&puts, open, &mut answer);
        }
        Ok((answer, caller))
    }

    fn tell(&self, sample: &Sample, person: &Person) -> Result<Told, Error> {
        let mut parts = sample.parts(self)?;
        if let Some(user) = &person.acts_for {
            sample::add(&mut parts.headers, &X_USER_ID, user.as_str())?;
        }
        if let Some(workspace) = &person.acts_in {
            sample::add(&mut parts.headers, &ACT_IN, workspace.as_str())?;
            sample::add(&mut parts.headers, &REASON, STATED)?;
        }
        let issuers = &self.generation.rules.issuers;
        let identity = match &person.claims {
            Some(claims) => asked::on_trust(issuers, claims, self.now),
            None => Identity::Anonymous,
        };
        let asked = Asked {
            parts,
            body: None,
            peer: Peer::plain(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            identity,
            now: self.now,
        };
        Ok(explain::tell(self.generation, self.pdp, asked))
    }

    /// What was put to the policies; `None`: it did not come so far.
    fn puts(&self, told: &Told) -> Option<Vec<Arc<Put>>> {
        let learnt = &told.learnt;
        let question = Question {
            caller: learnt.caller.as_ref()?,
            target: learnt.target.as_ref()?,
            scope: learnt.scope.clone()?,
            head: told.head.as_deref()?,
        };
        let puts = self.pdp.put_of(&self.generation.rules.store, &question);
        Some(puts).filter(|puts| !puts.is_empty())
    }

    /// Holds what became of the sample against what may become of the others that it stands for.
    fn weigh(&self, puts: &[Arc<Put>], open: Open, answer: &mut Answer) {
        let said: Vec<Said> = puts.iter().map(|put| self.says(put, open)).collect();
        let sampled = answer.answer;
        let denied = said.iter().any(|said| said.may == May::Deny);
        // Somebody was asked whose policies were not taken apart: what they leave open is not known.
        let foreign = puts.iter().any(|put| !self.has_all(put));
        let depends = || said.iter().any(|said| said.may == May::Depends);
        answer.answer = match sampled {
            May::Allow if foreign => May::Depends,
            _ if !denied && depends() => May::Depends,
            May::Allow if !denied => May::Allow,
            May::Deny if denied => May::Deny,
            // The two do not agree, so neither is told.
            May::Allow | May::Deny | May::Depends => May::Depends,
        };
        if answer.answer != May::Depends {
            return;
        }
        let on: BTreeSet<String> = said.iter().flat_map(|said| said.on.clone()).collect();
        let policies: BTreeSet<String> = said.into_iter().flat_map(|said| said.policies).collect();
        answer.depends_on = on.into_iter().collect();
        answer.policies = policies.into_iter().collect();
        if answer.depends_on.is_empty() {
            answer
                .depends_on
                .push("more than is told here: see `palisade explain`".to_owned());
        }
        answer.code = None;
        answer.detail = None;
    }

    fn has_all(&self, put: &Put) -> bool {
        let accounts = put.layers.iter().filter_map(|layer| layer.account.as_ref());
        accounts
            .into_iter()
            .all(|account| self.accounts.contains(account))
    }

    fn says(&self, put: &Put, open: Open) -> Said {
        let panel = Panel::new(&put.request, &put.entities);
        let asked = self.rules.iter().filter(|rule| rule.is_asked(put));
        let votes = asked.map(|rule| (rule, rule.condition.ask(&panel, open)));
        let votes: Vec<(&Rule, Maybe)> = votes.collect();
        let of = |effect| votes.iter().filter(move |(rule, _)| rule.effect == effect);
        let mut said = Said::default();
        for (rule, vote) in of(Effect::Forbid) {
            match vote {
                Maybe::Yes | Maybe::Errs => return Said::default(),
                Maybe::Depends(on) => said.take(rule, on),
                Maybe::No => {}
            }
        }
        let permits = |(_, vote): &&(&Rule, Maybe)| *vote == Maybe::Yes;
        let mut sure = of(Effect::Permit).filter(permits).peekable();
        if sure.peek().is_some() {
            said.may = if said.on.is_empty() {
                May::Allow
            } else {
                May::Depends
            };
            said.policies
                .extend(sure.map(|(rule, _)| rule.id.to_string()));
            return said;
        }
        let mut some = false;
        for (rule, vote) in of(Effect::Permit) {
            if let Maybe::Depends(on) = vote {
                said.take(rule, on);
                some = true;
            }
        }
        if some {
            said.may = May::Depends;
            said
        } else {
            Said::default()
        }
    }
}

/// What the policies say to one question.
struct Said {
    may: May,
    on: BTreeSet<String>,
    policies: BTreeSet<String>,
}

impl Default for Said {
    fn default() -> Self {
        Self {
            may: May::Deny,
            on: BTreeSet::new(),
            policies: BTreeSet::new(),
        }
    }
}

impl Said {
    fn take(&mut self, rule: &Rule, on: &BTreeSet<String>) {
        self.on.extend(on.iter().cloned());
        self.policies.insert(rule.id.to_string());
    }
}

impl Rule {
    fn of(subject: &Subject) -> Self {
        Self {
            id: Arc::clone(&subject.id),
            account: subject.account.clone(),
            effect: subject.policy.effect(),
            not_after: subject.not_after,
            condition: Tree::read(&subject.policy.condition()),
        }
    }

    /// Whether it is asked at all.
    fn is_asked(&self, put: &Put) -> bool {
        let ended = self.not_after.is_some_and(|end| end <= put.now);
        let mut layers = put.layers.iter();
        let asked = layers.any(|layer| {
            let own = layer.account == self.account;
            own && (layer.whose != Whose::Reader || self.effect == Effect::Forbid)
        });
        asked && !(ended && self.effect == Effect::Permit)
    }
}
