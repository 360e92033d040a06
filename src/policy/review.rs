//! Parsed policies become rules: annotated, re-identified, held to their layer, validated.

use super::about::About;
use super::annotation;
use super::budget::Budget;
use super::classes::Classes;
use super::compact::Pool;
use super::diagnose;
use super::foreign;
use super::form;
use super::parse;
use super::reads::{self, Name, Reads};
use super::settled;
use super::slice::Compiled;
use super::source::Source;
use super::validate;
use crate::fault::{Fault, Place};
use crate::tenant::{AccountId, OverlayMode};
use cedar_policy::{Effect, Policy, PolicyId, PolicySet};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Whose policies they are.
#[derive(Clone, Copy, Debug)]
pub(super) enum Layer<'a> {
    /// The platform's: guards in files of the stem `guard`, and everything else.
    Platform,
    /// One account's.
    Account(&'a AccountId, OverlayMode),
}

/// A policy that may be consulted.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    /// `platform/<file>/<id>` or `account/<account>/<id>`.
    pub(super) id: Arc<str>,
    /// Cedar's form of it, under that id.
    pub(super) policy: Policy,
    /// Whether it is a guard: always consulted.
    pub(super) guard: bool,
    pub(super) reads: Reads,
    /// Of its conditions.
    pub(super) nodes: usize,
    /// Which actions it names where types and groups may settle something of it.
    pub(super) depends: Option<BTreeSet<Name>>,
    /// What is asked.
    pub(super) compiled: Arc<Compiled>,
    /// For people.
    pub(super) about: About,
}

/// The stem of files that hold guards.
const GUARD: &str = "guard";

/// Reviews all files of one layer: every rule, or every fault. Warnings come with the rules.
/// Call it on a large stack only (`stack::run`).
pub(super) fn review(
    layer: Layer<'_>,
    sources: &[&Source],
    classes: &Classes,
) -> Result<(Vec<Rule>, Vec<Fault>), Vec<Fault>> {
    let review = run(layer, sources, Some(classes));
    if review.faults.is_empty() {
        Ok((review.rules, review.warnings))
    } else {
        Err([review.faults, review.warnings].concat())
    }
}

/// What can be said of a layer's files while the schema is not known: everything but types.
/// Call it on a large stack only (`stack::run`).
pub(super) fn untyped(layer: Layer<'_>, sources: &[&Source]) -> Vec<Fault> {
    run(layer, sources, None).faults
}

/// The rules of files that passed a review before: they are not held to types again.
/// Call it on a large stack only (`stack::run`).
pub(super) fn parsed(layer: Layer<'_>, sources: &[&Source]) -> Vec<Rule> {
    run(layer, sources, None).rules
}

fn run<'a>(layer: Layer<'a>, sources: &[&'a Source], classes: Option<&'a Classes>) -> Review<'a> {
    let mut review = Review {
        layer,
        rules: Vec::new(),
        seen: HashMap::new(),
        nodes: 0,
        sets: Vec::new(),
        faults: Vec::new(),
        warnings: Vec::new(),
        pool: Pool::default(),
    };
    // Before any parser sees a byte.
    review.weigh(sources);
    if review.faults.is_empty() {
        for source in sources {
            if review.faults.len() >= parse::FAULTS_MAX {
                break;
            }
            review.file(source);
        }
        // Validation costs the most, and is for what keeps the bounds only.
        if review.within(sources)
            && let Some(classes) = classes
            && review.names_few(classes, sources)
        {
            review.validate_all(classes);
        }
    }
    review
}

struct Review<'a> {
    layer: Layer<'a>,
    rules: Vec<Rule>,
    seen: HashMap<String, Place>,
    nodes: usize,
    /// What is to be validated, file by file.
    sets: Vec<(&'a Source, bool, PolicySet)>,
    faults: Vec<Fault>,
    warnings: Vec<Fault>,
    /// What conditions have in common.
    pool: Pool,
}

impl<'a> Review<'a> {
    fn budget(&self) -> Budget {
        match self.layer {
            Layer::Platform => Budget::PLATFORM,
            Layer::Account(..) => Budget::OVERLAY,
        }
    }

    fn over(&mut self, sources: &[&Source], message: String) {
        let place = sources.last().map(|source| diagnose::file(source));
        let fault = Fault::error("policy_budget", place.unwrap_or_default(), message);
        self.faults
            .push(fault.help("say the same with fewer or shorter policies"));
    }

    fn weigh(&mut self, sources: &[&Source]) {
        let bytes: usize = sources.iter().map(|source| source.text.len()).sum();
        let max = self.budget().bytes;
        if bytes > max {
            self.over(sources, format!("{bytes} bytes of policies, at most {max}"));
        }
    }

    fn within(&mut self, sources: &[&Source]) -> bool {
        let budget = self.budget();
        let before = self.faults.len();
        if self.rules.len() > budget.policies {
            let message = format!("{} policies, at most {}", self.rules.len(), budget.policies);
            self.over(sources, message);
        }
        if self.nodes > budget.nodes {
            let message = format!(
                "conditions of {} nodes, at most {}",
                self.nodes, budget.nodes
            );
            self.over(sources, message);
        }
        self.faults.len() == before
    }

    /// Whether few enough operations are named, and not for everything there is.
    fn names_few(&mut self, classes: &Classes, sources: &[&Source]) -> bool {
        let budget = self.budget();
        let policies = || self.rules.iter().map(|rule| &rule.policy);
        let named: usize = policies().map(|policy| classes.operations_of(policy)).sum();
        let all = classes.named(policies()).len();
        let looks = |rule: &Rule| (1 + rule.nodes) * classes.looks(&rule.policy).unwrap_or(all);
        let looks: usize = self.rules.iter().map(looks).sum();
        let message = if named > budget.operations {
            format!("{named} names of operations, at most {}", budget.operations)
        } else if looks > budget.looks {
            format!(
                "conditions of {} nodes, for {all} operations by name",
                self.nodes
            )
        } else {
            return true;
        };
        self.over(sources, message);
        false
    }

    fn file(&mut self, source: &'a Source) {
        let stem = source.stem();
        if !annotation::is_id(stem) {
            let message = format!("the file's name `{stem}` cannot be part of a policy id");
            let fault = Fault::error("policy_file_name", diagnose::file(source), message);
            self.faults
                .push(fault.help("name it with A-Z a-z 0-9 . _ - only"));
            return;
        }
        let parsed = match parse::parse(source) {
            Ok(parsed) => parsed,
            Err(found) => return self.faults.extend(found),
        };
        let mut set = PolicySet::new();
        let guards = matches!(self.layer, Layer::Platform) && stem == GUARD;
        for one in parsed {
            if self.faults.len() >= parse::FAULTS_MAX {
                break;
            }
            if let Some(rule) = self.rule(stem, guards, &one) {
                // Ids are unique in the layer by now, so this cannot clash.
                let _ = set.add(rule.policy.clone());
                self.rules.push(rule);
            }
        }
        self.sets.push((source, guards, set));
    }

    fn validate_all(&mut self, classes: &Classes) {
        let validator = classes.validator(self.rules.iter().map(|rule| &rule.policy));
        for (source, guards, set) in std::mem::take(&mut self.sets) {
            let mut found = validate::validate((classes, &validator), source, guards, &set);
            let tenant = matches!(self.layer, Layer::Account(..));
            for fault in &mut found {
                validate::settle_lookalike(fault, tenant);
            }
            let (mut errors, mut warnings): (Vec<Fault>, Vec<Fault>) =
                found.into_iter().partition(Fault::is_error);
            errors.truncate(parse::FAULTS_MAX);
            warnings.truncate(parse::FAULTS_MAX);
            self.faults.extend(errors);
            self.warnings.extend(warnings);
        }
    }

    fn rule(&mut self, stem: &str, guard: bool, parsed: &parse::Parsed) -> Option<Rule> {
        let annotations = match annotation::read(&parsed.policy, guard) {
            Ok(annotations) => annotations,
            Err(errors) => {
                self.faults.extend(errors.into_iter().map(|error| {
                    let place = parsed.annotation(error.name());
                    Fault::error("policy_annotation", place, error.to_string()).help(error.help())
                }));
                return None;
            }
        };
        if let Some(first) = self
            .seen
            .insert(annotations.id.clone(), parsed.place.clone())
        {
            let message = format!("a second policy `@id(\"{}\")` in its layer", annotations.id);
            let fault = Fault::error("policy_duplicate_id", parsed.place.clone(), message);
            self.faults
                .push(fault.help(format!("the first is at {first}")));
            return None;
        }
        if let Some(fault) = self.out_of_layer(parsed) {
            self.faults.push(fault);
        }
        if let Layer::Account(account, _) = self.layer {
            self.faults.extend(foreign::faults(parsed, account));
        }
        if guard {
            let departures = form::departures(&parsed.policy);
            self.faults.extend(departures.into_iter().map(|departure| {
                let message = format!("not of the form of guards: {departure}");
                Fault::error("policy_guard_form", parsed.place.clone(), message)
                    .help("write `forbid (principal, action, resource) unless { .. }` with a `has` before every attribute")
            }));
        }
        let id: Arc<str> = match self.layer {
            Layer::Platform => format!("platform/{stem}/{}", annotations.id),
            Layer::Account(account, _) => format!("account/{account}/{}", annotations.id),
        }
        .into();
        let (reads, nodes) = reads::of(&parsed.policy, &annotations);
        self.nodes += nodes;
        let compiled = Compiled::of(&id, &parsed.policy, &annotations, &mut self.pool);
        Some(Rule {
            depends: settled::depends(&parsed.policy),
            about: About::of(&parsed.policy, &parsed.place),
            compiled: Arc::new(compiled),
            policy: parsed.policy.new_id(PolicyId::new(&id)),
            id,
            guard,
            reads,
            nodes,
        })
    }

    fn out_of_layer(&self, parsed: &parse::Parsed) -> Option<Fault> {
        let Layer::Account(account, mode) = self.layer else {
            return None;
        };
        let permits = parsed.policy.effect() == Effect::Permit;
        let (message, help) = match mode {
            OverlayMode::None => (
                format!("account `{account}` has no policies of its own (`overlay: none`)"),
                "remove the file, or say `overlay: forbid` in the account's entry",
            ),
            OverlayMode::Forbid if permits => (
                format!("a permit, and the policies of account `{account}` may only forbid"),
                "write it as a forbid, or say `overlay: permit` in the account's entry",
            ),
            OverlayMode::Forbid | OverlayMode::Permit => return None,
        };
        Some(Fault::error("policy_layer", parsed.place.clone(), message).help(help))
    }
}
