//! Two states of the policies: equal, or a question that only the one allows.
//!
//! Compared are the platform's policies over the operations of both, and then, over the newer platform, the
//! policies of each account that has changed them.

use super::asker;
use super::compare::Pair;
use super::example::Example;
use super::found::Found;
use super::isolation::environments;
use super::{Claim, Failure, Report, Tally};
use crate::fault::{Fault, Place};
use crate::operation::Operation;
use crate::policy::{OverlaySource, Settings, Source, Statements, Theory};
use crate::tenant::{AccountId, OverlayMode};
use cedar_policy::{RequestEnv, Schema};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

/// What is compared: before, and after.
struct Change {
    /// `platform`, or `account/acme`.
    of: String,
    account: bool,
    before: Vec<Statements>,
    after: Vec<Statements>,
    /// What an account is asked about; else everything.
    within: Statements,
    schema: Schema,
    environments: Vec<RequestEnv>,
}

/// What is claimed of a change: that it opens nothing, or that it closes nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Opens,
    Closes,
}

/// What was found of a claim, and what breaks it or why nothing is known to.
type Looked = (Tally, Option<Result<Example, String>>);

/// Compares them. Questions that only one allows are examples: of `opens`, the newer one.
pub fn diff(old: &Settings, new: &Settings, found: &Found) -> Result<Report, Failure> {
    let begun = Instant::now();
    let (operations, notes) = operations(old, new)?;
    let base = |platform: &[Source]| Settings {
        schema: new.schema.clone(),
        operations: operations.clone(),
        platform: platform.to_vec(),
        principals_act_in: new.principals_act_in,
        ..Settings::default()
    };
    let before = Theory::of(&base(&old.platform), None)?;
    let after = Theory::of(&base(&new.platform), None)?;
    let changes = changes((&before, &after), old, new)?;
    let tasks: Vec<(&Change, Way)> = changes
        .iter()
        .flat_map(|change| [(change, Way::Opens), (change, Way::Closes)])
        .collect();
    let answers = asker::all(found, &tasks, |asker, (change, way)| {
        change.look(&after, asker, *way)
    })?;
    let claims = tasks.iter().zip(answers);
    let claims = claims.map(|((change, way), found)| change.claim(*way, found));
    let mut report = Report::new("diff", found, claims.collect());
    report.notes = notes;
    report.millis = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(report)
}

fn changes(
    (before, after): (&Theory, &Theory),
    old: &Settings,
    new: &Settings,
) -> Result<Vec<Change>, Vec<Fault>> {
    let platforms = [before.platform(), after.platform()].map(Clone::clone);
    let [first, second] = platforms;
    let permits = |source: Option<&&Arc<OverlaySource>>| {
        source.is_some_and(|source| source.mode() == OverlayMode::Permit)
    };
    let platform = Change::new(
        after,
        "platform".to_owned(),
        (vec![first.clone()], vec![second.clone()]),
        Statements::default(),
    );
    let mut changes = vec![platform];
    let (before, now) = (overlays(old), overlays(new));
    let accounts: BTreeSet<&AccountId> = before.keys().chain(now.keys()).copied().collect();
    for account in accounts {
        let (was, is) = (before.get(account), now.get(account));
        // Where an account permits itself, a forbid of the platform may hold what only that permits: a change
        // of the platform is compared with it.
        let platform = if permits(was) || permits(is) {
            [&first, &second]
        } else {
            [&second; 2]
        };
        let kept = was.map(|one| one.hash()) == is.map(|one| one.hash());
        if kept && same(platform) {
            continue;
        }
        let read = |source: Option<&&Arc<OverlaySource>>| {
            source.map_or_else(|| Ok(Statements::default()), |source| after.overlay(source))
        };
        let (was, is) = (read(was)?, read(is)?);
        let own = after
            .own(account)
            .ok_or_else(|| vec![unbuilt(account.as_str())])?;
        changes.push(Change::new(
            after,
            format!("account/{account}"),
            (
                vec![platform[0].clone(), was],
                vec![platform[1].clone(), is],
            ),
            own,
        ));
    }
    Ok(changes)
}

/// Whether both are the same policies in the same words.
fn same([one, other]: [&Statements; 2]) -> bool {
    let told = |all: &Statements| -> Vec<(Arc<str>, String)> {
        let all = all.iter();
        all.map(|one| (Arc::clone(&one.id), one.policy.to_string()))
            .collect()
    };
    std::ptr::eq(one, other) || told(one) == told(other)
}

fn overlays(settings: &Settings) -> BTreeMap<&AccountId, &Arc<OverlaySource>> {
    let all = settings.overlays.iter();
    let all = all.filter(|one| !one.files().is_empty() || !one.faults().is_empty());
    all.map(|one| (one.account(), one)).collect()
}

fn unbuilt(file: &str) -> Fault {
    Fault::error(
        "proof_form",
        Place::file(file),
        "what is compared cannot be put together",
    )
}

/// Operations, and what is to be told of them.
type Operations = (Vec<Arc<Operation>>, Vec<String>);

/// The operations of both, each once.
fn operations(old: &Settings, new: &Settings) -> Result<Operations, Vec<Fault>> {
    let types = |settings: &Settings| {
        let own = settings.schema.iter();
        let own = own.filter(|source| !source.file.ends_with("core.cedarschema"));
        let mut texts: Vec<Arc<str>> = own.map(|source| Arc::clone(&source.text)).collect();
        texts.sort();
        (texts, settings.principals_act_in)
    };
    if types(old) != types(new) {
        let message = "the two have different schemas, or differ in `principals.act_in`";
        let fault = Fault::error("proof_form", Place::file("arguments"), message);
        return Err(vec![fault.help(
            "compare them under one: what differs in types has no question in common",
        )]);
    }
    let by_name = |settings: &Settings| {
        let all = settings.operations.iter();
        let all = all.map(|one| (Arc::clone(&one.name), Arc::clone(one)));
        all.collect::<BTreeMap<Arc<str>, Arc<Operation>>>()
    };
    let (before, now) = (by_name(old), by_name(new));
    let mut faults = Vec::new();
    for (name, operation) in &now {
        if before.get(name).is_some_and(|other| other != operation) {
            let message = format!(
                "`{name}` is another operation in each: access, catalog or resource differ"
            );
            let fault = Fault::error("proof_form", Place::file("operations"), message);
            faults.push(fault.help("give the new one a name of its own"));
        }
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    let mut notes = Vec::new();
    for (all, others, word) in [(&now, &before, "new"), (&before, &now, "old")] {
        let only: Vec<&str> = all
            .keys()
            .filter(|name| !others.contains_key(*name))
            .map(AsRef::as_ref)
            .collect();
        if !only.is_empty() {
            notes.push(format!(
                "only the {word} one has routes for: {}",
                only.join(", ")
            ));
        }
    }
    let all: BTreeMap<_, _> = before.into_iter().chain(now).collect();
    Ok((all.into_values().collect(), notes))
}

impl Change {
    fn new(
        theory: &Theory,
        of: String,
        (before, after): (Vec<Statements>, Vec<Statements>),
        within: Statements,
    ) -> Self {
        let all = before.iter().chain(&after);
        let all = all.fold(Statements::default(), |all, one| all.and(one));
        let schema = theory.schema(&all);
        let account = !within.is_empty();
        let mut environments = environments(&schema);
        // The Portal asks the platform alone.
        environments
            .retain(|env| !account || !env.action().id().unescaped().starts_with("portal/"));
        Self {
            of,
            account,
            before,
            after,
            within,
            schema,
            environments,
        }
    }

    fn look(&self, theory: &Theory, asker: &mut asker::Asker<'_>, way: Way) -> Looked {
        let before: Vec<&Statements> = self.before.iter().collect();
        let after: Vec<&Statements> = self.after.iter().collect();
        let (left, right) = match way {
            Way::Opens => (&after, &before),
            Way::Closes => (&before, &after),
        };
        let pair = Pair {
            left,
            right,
            within: &self.within,
        };
        let mut tally = Tally::default();
        for (index, env) in self.environments.iter().enumerate() {
            tally.add(index, pair.holds(asker, (&self.schema, env)));
        }
        let refuted = tally.refuted.iter().take(EXAMPLES_MAX);
        let refuted = refuted.filter_map(|index| self.environments.get(*index));
        let mut why = None;
        for env in refuted {
            match pair.example(theory, asker, (&self.schema, env)) {
                Ok(example) => return (tally, Some(Ok(example))),
                Err(found) => why = Some(Err(found)),
            }
        }
        (tally, why)
    }

    fn claim(&self, way: Way, (tally, example): Looked) -> Claim {
        let says = match (way, self.account) {
            (Way::Opens, false) => "what the new policies allow, the old ones did",
            (Way::Closes, false) => "what the old policies allowed, the new ones do",
            (Way::Opens, true) => "with the account's new policies nothing more is allowed",
            (Way::Closes, true) => "with the account's new policies nothing less is allowed",
        };
        let claim = match way {
            Way::Opens => "opens-nothing",
            Way::Closes => "closes-nothing",
        };
        tally.claim((self.of.clone(), claim, says), &self.environments, example)
    }
}

/// Counterexamples that are looked at, until one is confirmed.
const EXAMPLES_MAX: usize = 4;
