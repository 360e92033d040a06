//! What accounts' policies do to what the platform's say, each account by itself, over the questions that its
//! policies are asked: about resources of its own, never the Portal.

mod matters;

use super::asker::{self, Asker};
use super::compare::{Pair, compiled, together};
use super::example::{self, Example, Says, Side};
use super::found::Found;
use super::isolation::environments;
use super::{Claim, Failure, Report, Tally, Unanswered, Verdict};
use crate::fault::{Fault, Place};
use crate::policy::{OverlaySource, Statement, Statements, Theory};
use crate::tenant::OverlayMode;
use cedar_policy::{Effect, Entities, Policy, PolicyId, RequestEnv, Schema};
use cedar_policy_symcc::CompiledPolicy;
use std::sync::Arc;
use std::time::Instant;

/// One account.
struct Account<'a> {
    theory: &'a Theory,
    name: String,
    /// Whether it may widen what the platform permits.
    may_permit: bool,
    overlay: Statements,
    own: Statements,
    /// And only by its own people and clients.
    at_home: Statements,
    /// What its permits are asked about, and what its forbids are: these also of who reads a catalog of another
    /// account from here.
    asked: [Policy; 2],
    schema: Schema,
    actions: Entities,
    environments: Vec<RequestEnv>,
}

/// Proves of each of `sources` that it restricts only, locks nobody out, never errs, and has no policy that
/// matches nothing or everything. An account that may permit is held to restricting only where `strict`.
pub fn overlays(
    theory: &Theory,
    sources: &[Arc<OverlaySource>],
    strict: bool,
    found: &Found,
) -> Result<Report, Failure> {
    let begun = Instant::now();
    let mut accounts = Vec::new();
    let mut faults = Vec::new();
    for source in sources {
        match Account::new(theory, source) {
            Ok(account) => accounts.push(account),
            Err(found) => faults.extend(found),
        }
    }
    if !faults.is_empty() {
        return Err(Failure::Invalid(faults));
    }
    let claims = asker::all(found, &accounts, |asker, account| {
        account.claims(asker, strict)
    })?;
    let mut report = Report::new("overlays", found, claims.into_iter().flatten().collect());
    let widen = accounts
        .iter()
        .filter(|account| account.may_permit && !strict);
    let widen: Vec<&str> = widen.map(|account| account.name.as_str()).collect();
    if !widen.is_empty() {
        report.notes.push(format!(
            "may permit more than the platform does, within the guards (`overlay: permit`): {}; \
             `--restricts-only` asks whether they do",
            widen.join(", ")
        ));
    }
    report.millis = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(report)
}

impl<'a> Account<'a> {
    fn new(theory: &'a Theory, source: &OverlaySource) -> Result<Self, Vec<Fault>> {
        let account = source.account();
        let unbuilt = || {
            let message = "what is proved cannot be put together";
            vec![Fault::error(
                "proof_form",
                Place::file(account.as_str()),
                message,
            )]
        };
        let overlay = theory.overlay(source)?;
        let own = theory.own(account).ok_or_else(unbuilt)?;
        let at_home = theory.at_home(account).ok_or_else(unbuilt)?.and(&own);
        let of = |slot: &str| {
            format!("({slot} has account && {slot}.account == Tenancy::Account::\"{account}\")")
        };
        let asked = |condition: &str| {
            let text = format!("permit (principal, action, resource) when {{ {condition} }};");
            Policy::parse(Some(PolicyId::new("asked")), text).map_err(|_| unbuilt())
        };
        let (here, from_here) = (of("resource"), of("context"));
        let asked = [asked(&here)?, asked(&format!("{here} || {from_here}"))?];
        let schema = theory.schema(&theory.platform().and(&overlay));
        let mut environments = environments(&schema);
        environments.retain(|env| !env.action().id().unescaped().starts_with("portal/"));
        Ok(Self {
            theory,
            name: account.to_string(),
            may_permit: source.mode() == OverlayMode::Permit,
            overlay,
            own,
            at_home,
            asked,
            actions: schema.action_entities().map_err(|_| unbuilt())?,
            schema,
            environments,
        })
    }

    fn claims(&self, asker: &mut Asker<'_>, strict: bool) -> Vec<Claim> {
        let mut claims = Vec::new();
        if strict || !self.may_permit {
            claims.push(self.restricts(asker));
        }
        claims.push(self.stays_open(asker));
        claims.push(self.never_errs(asker));
        claims.push(self.matters(asker));
        claims
    }

    fn told(
        &self,
        claim: &'static str,
        says: &'static str,
    ) -> (String, &'static str, &'static str) {
        (format!("account/{}", self.name), claim, says)
    }

    /// Without a permit it can only restrict, by the way in which the gate combines what it is told.
    fn restricts(&self, asker: &mut Asker<'_>) -> Claim {
        let told = self.told(
            "restricts-only",
            "it allows nothing that the platform alone does not",
        );
        let permits = self
            .overlay
            .iter()
            .any(|one| one.policy.effect() == Effect::Permit);
        let mut tally = Tally::default();
        if !permits {
            for index in 0..self.environments.len() {
                tally.add(index, Ok(true));
            }
            return tally.claim(told, &self.environments, None);
        }
        let platform = self.theory.platform();
        let (left, right) = ([platform, &self.overlay], [platform]);
        let pair = Pair {
            left: &left,
            right: &right,
            within: &self.own,
        };
        for (index, env) in self.environments.iter().enumerate() {
            tally.add(index, pair.holds(asker, (&self.schema, env)));
        }
        let first = tally
            .refuted
            .first()
            .and_then(|index| self.environments.get(*index));
        let example = first.map(|env| pair.example(self.theory, asker, (&self.schema, env)));
        tally.claim(told, &self.environments, example)
    }

    /// That something is still allowed to its own people and clients counts once the code that serves allows an
    /// example of it; that nothing is, where the platform alone would allow one. A reader from another account
    /// says nothing of who is locked out here.
    fn stays_open(&self, asker: &mut Asker<'_>) -> Claim {
        let told = self.told("stays-open", "with it the account can still do something");
        let platform = self.theory.platform();
        let (alone, both) = ([platform], [platform, &self.overlay]);
        let mut tally = Tally::default();
        let mut lost = None;
        for (index, env) in self.environments.iter().enumerate() {
            let closed = self.closed(asker, env, &both);
            match closed {
                Ok(true) => {
                    let pair = Pair {
                        left: &alone,
                        right: &both,
                        within: &self.at_home,
                    };
                    if lost.is_none() && self.closed(asker, env, &alone) == Ok(false) {
                        lost = pair.example(self.theory, asker, (&self.schema, env)).ok();
                    }
                    tally.add(index, Ok(false));
                }
                Ok(false) => {
                    let example = self.witness(asker, env, &both);
                    if example.is_ok() {
                        return Claim {
                            verdict: Verdict::Proved,
                            environments: self.environments.len(),
                            ..Tally::default().claim(told, &self.environments, None)
                        };
                    }
                    let why = example.err().unwrap_or_default();
                    tally.add(index, Err(Unanswered::Engine(why)));
                }
                Err(why) => tally.add(index, Err(why)),
            }
        }
        if lost.is_none() && tally.unknown.is_empty() {
            tally.why = Some("the platform alone allows nothing here either".to_owned());
        }
        // As long as one environment may be open, nobody knows.
        let example = lost.filter(|_| tally.unknown.is_empty()).map(Ok);
        tally.claim(told, &self.environments, example)
    }

    fn closed(
        &self,
        asker: &mut Asker<'_>,
        env: &RequestEnv,
        layers: &[&Statements],
    ) -> Result<bool, Unanswered> {
        let all = together(layers, &self.at_home);
        let set = compiled(&all, env, &self.schema)?;
        asker.ask(async |c| c.check_always_denies_opt(&set).await)
    }

    fn witness(
        &self,
        asker: &mut Asker<'_>,
        env: &RequestEnv,
        layers: &[&Statements],
    ) -> Result<Example, String> {
        let plain = example::plain(self.theory).unwrap_or_default();
        for within in [self.at_home.and(&plain), self.at_home.clone()] {
            let all = together(layers, &within);
            let set = compiled(&all, env, &self.schema).map_err(|why| why.to_string())?;
            let model =
                asker.ask(async |c| c.check_always_denies_with_counterexample_opt(&set).await);
            if let Some(model) = model.map_err(|why| why.to_string())? {
                let sides = [Side::new(layers, Says::Allowed)];
                return example::replay(&self.schema, &model, &sides);
            }
        }
        Err("none is found when it is asked for".to_owned())
    }

    fn never_errs(&self, asker: &mut Asker<'_>) -> Claim {
        let told = self.told(
            "never-errs",
            "each of its policies can be evaluated for every request",
        );
        let mut tally = Tally::default();
        let mut found: Option<Result<Example, String>> = None;
        for (index, env) in self.environments.iter().enumerate() {
            let mut holds = Ok(true);
            for one in self.overlay.iter() {
                match self.errs(asker, env, one) {
                    Ok(None) => {}
                    Ok(Some(example)) => {
                        holds = Ok(false);
                        if !matches!(found, Some(Ok(_))) {
                            found = Some(example);
                        }
                    }
                    Err(why) => holds = holds.and(Err(why)),
                }
            }
            tally.add(index, holds);
        }
        tally.claim(told, &self.environments, found)
    }

    fn errs(
        &self,
        asker: &mut Asker<'_>,
        env: &RequestEnv,
        one: &Statement,
    ) -> Result<Option<Result<Example, String>>, Unanswered> {
        let policy = CompiledPolicy::compile(&one.policy, env, &self.schema)?;
        if asker.ask(async |c| c.check_never_errors_opt(&policy).await)? {
            return Ok(None);
        }
        let model =
            asker.ask(async |c| c.check_never_errors_with_counterexample_opt(&policy).await)?;
        let nobody = Statements::default();
        let layers = [&nobody, &self.overlay];
        let sides = [Side::new(&layers, Says::Errs(&one.id))];
        let none = || "none is found when it is asked for".to_owned();
        let example = model.ok_or_else(none);
        Ok(Some(example.and_then(|model| {
            let example = example::replay(&self.schema, &model, &sides)?;
            let routed = self.theory.has_operation(env.action().id().unescaped());
            Ok(Example {
                by: vec![one.id.to_string()],
                open: true,
                routed,
                ..example
            })
        })))
    }
}
