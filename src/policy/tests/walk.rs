//! The walk finds every read: a generator that writes every kind of expression tries to hide one.
//!
//! Claim: two questions of one environment that give equal answers to all that a slice can read get the
//! same decision, the same determining policies and the same erring ones, at any two moments of one
//! stretch of time. Policies, stores, requests and moments are random; whenever keys are equal, answers
//! have to be. No schema holds anything to its type, so that much errs, is absent or is missing.

mod dropped;
mod generator;
mod hiding;
mod variants;
mod world;

use super::bare;
use super::remembered::{Kept, Verdict, key, window};
use crate::policy::reads;
use crate::policy::review::Rule;
use crate::policy::{Slice, Window};
use crate::random::Random;
use cedar_policy::{EntityUid, Policy, PolicyId, PolicySet, Template, pst};
use dropped::Drops;
use generator::Author;
use hiding::places;
use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;
use variants::Variants;
use world::Question;

/// Sets of policies.
const SETS: usize = 3_000;
/// And those of which each atom is left out in turn.
const SETS_DROPPED: usize = 300;
const ASKED_DROPPED: usize = 240;
/// Questions that are there in all, and those that one set is asked.
const WORLDS: usize = 12;
const OF_EACH_WORLD: usize = 60;
const ASKED: usize = 60;

/// What was seen: a test that never finds equal keys, or where nothing errs, shows nothing.
#[derive(Debug, Default)]
struct Tally {
    asked: usize,
    /// Slices that read everything, or the time in a way that nothing is kept.
    opaque: usize,
    kept: usize,
    /// Questions whose key another question had.
    shared: usize,
    /// Of these, those where some policy errs.
    shared_erring: usize,
}

fn parsed(text: &str) -> PolicySet {
    PolicySet::from_str(text).unwrap_or_else(|error| panic!("{text}\n{error}"))
}

/// The template with its slots filled in. The walk does not know what they hold, and says so.
fn linked(template: &Template) -> Policy {
    let named = |kind: &str, id: &str| pst::EntityUID {
        ty: pst::EntityType::from_name(pst::Name::unqualified(kind).unwrap()),
        eid: id.into(),
    };
    let values = HashMap::from([
        (pst::SlotId::Principal, named("User", "a")),
        (pst::SlotId::Resource, named("Doc", "x")),
    ]);
    let template = Arc::new(template.to_pst().unwrap());
    let id = pst::PolicyID("linked".into());
    let link = pst::LinkedPolicy::new(template, values, id).unwrap();
    Policy::from_pst(pst::Policy::Linked(link)).unwrap()
}

/// A policy by chance; one in twenty comes from a template.
fn policy(random: &mut Random, depth_max: usize, variants: &mut Variants) -> Policy {
    let slots = random.once_in(20);
    let text = Author { random, depth_max }.policy(slots);
    let set = parsed(&text);
    let policy = match set.templates().next() {
        None => set.policies().next().unwrap().clone(),
        Some(template) => {
            let linked = linked(template);
            assert!(reads::of(&linked, &bare::unannotated(&linked)).0.everything);
            linked
        }
    };
    let pst = policy.to_pst().unwrap();
    variants.of(&pst);
    bare::written_out(&policy).new_id(PolicyId::new(text))
}

/// What is asked of one set of policies: a slice for each action, because all principals are users and
/// all resources are documents.
struct Set {
    rules: Vec<Rule>,
    slices: HashMap<EntityUid, Arc<Slice>>,
}

impl Set {
    fn new(policies: &[Policy]) -> Self {
        Self {
            rules: policies.iter().map(bare::rule).collect(),
            slices: HashMap::new(),
        }
    }

    fn slice(&mut self, question: &Question) -> Arc<Slice> {
        let action = question.request.action().unwrap().clone();
        let rules = &self.rules;
        let slice = self.slices.entry(action).or_insert_with(|| {
            bare::sliced(rules, &bare::shape(&question.request, &question.entities))
        });
        Arc::clone(slice)
    }
}

fn verdict(slice: &Slice, question: &Question) -> Verdict {
    Verdict::of(
        &[slice],
        (&question.request, &question.entities),
        question.now,
    )
}

fn kept_for(slice: &Slice, question: &Question) -> Option<Window> {
    if slice.reads.everything {
        return None;
    }
    window(&[slice], question.now, question.grant_end)
}

/// Asks them all, and holds every answer against one that was kept.
fn holds(set: &mut Set, questions: &[Question], tally: &mut Tally) {
    let mut kept: HashMap<EntityUid, Kept<usize>> = HashMap::new();
    for (index, question) in questions.iter().enumerate() {
        tally.asked += 1;
        let slice = set.slice(question);
        let Some(window) = kept_for(&slice, question) else {
            tally.opaque += 1;
            continue;
        };
        let fresh = verdict(&slice, question);
        let key = key(&[&slice], &question.asked());
        let action = question.request.action().unwrap().clone();
        let kept = kept.entry(action).or_default();
        let entry = (window, fresh.clone(), index);
        let Some((remembered, other)) = kept.find(key, question.now, entry) else {
            tally.kept += 1;
            continue;
        };
        tally.shared += 1;
        tally.shared_erring += usize::from(!fresh.erring.is_empty());
        let other = &questions[other];
        assert_eq!(
            remembered, fresh,
            "\nread: {:#?}\none: {other}\nother: {question}",
            slice.reads
        );
    }
}

#[test]
fn equal_keys_mean_equal_answers_whatever_the_policies_say() {
    let random = &mut Random(20_261_125);
    let questions = world::questions(random, WORLDS, OF_EACH_WORLD);
    let mut tally = Tally::default();
    let mut variants = Variants::default();
    for _ in 0..SETS {
        let policies: Vec<Policy> = (0..=random.below(3))
            .map(|_| policy(random, 3, &mut variants))
            .collect();
        let first = random.below(questions.len() - ASKED);
        let asked = &questions[first..first + ASKED];
        holds(&mut Set::new(&policies), asked, &mut tally);
    }
    let (missing, unknown) = variants.missing_and_unknown();
    assert!(missing.is_empty(), "the generator never wrote {missing:?}");
    assert!(unknown.is_empty(), "the generator wrote {unknown:?}");
    assert!(tally.opaque * 2 < tally.asked, "{tally:?}");
    assert!(tally.shared * 10 > tally.asked, "{tally:?}");
    assert!(tally.shared_erring * 20 > tally.asked, "{tally:?}");
}

fn of_place(place: &str) -> Policy {
    let set = parsed(&format!(
        "permit (principal, action, resource) when {{ {place} }};"
    ));
    let policy = set.policies().next().unwrap();
    policy.new_id(PolicyId::new(place))
}

#[test]
fn a_read_cannot_hide_in_any_of_the_known_places() {
    let questions = world::questions(&mut Random(2), WORLDS, OF_EACH_WORLD);
    let mut tally = Tally::default();
    for place in places() {
        let set = &mut Set::new(&[of_place(place)]);
        holds(set, &questions, &mut tally);
        let mut verdicts = questions
            .iter()
            .map(|asked| verdict(&set.slice(asked), asked));
        let first = verdicts.next();
        assert!(
            verdicts.any(|other| Some(other) != first),
            "nothing depends on {place}"
        );
    }
    assert!(tally.shared * 2 > tally.asked, "{tally:?}");
}

#[test]
fn a_key_that_leaves_something_out_gives_wrong_answers() {
    let random = &mut Random(5);
    let questions = world::questions(random, WORLDS, OF_EACH_WORLD);
    let by_chance = (0..SETS_DROPPED).map(|_| policy(random, 2, &mut Variants::default()));
    let policies: Vec<Policy> = by_chance.chain(places().map(of_place)).collect();
    let mut drops = Drops::default();
    for policy in policies {
        let first = random.below(questions.len() - ASKED_DROPPED);
        let asked = &questions[first..first + ASKED_DROPPED];
        drops.each(&mut Set::new(&[policy]), asked);
    }
    let Drops {
        atoms,
        everything,
        time,
    } = drops;
    assert!(atoms.caught * 2 > atoms.exposed, "{atoms:?}");
    assert!(everything.caught * 4 > everything.exposed, "{everything:?}");
    assert!(time.caught * 4 > time.exposed, "{time:?}");
}
