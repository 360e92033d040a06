//! Cedar's own corpora, asked through the product's slices, layers and evaluation.
//!
//! Nobody here wrote these policies, stores, requests or answers. Each set of policies is dealt at
//! random among the layers that one question can consult; however it is dealt, the combined answer has
//! to be what Cedar says of the whole set, but for the one departure of the contract ([`contract`]).

mod case;
mod remembered;
mod varied;

use super::bare;
use crate::clock::Timestamp;
use crate::policy::review::Rule;
use crate::policy::{Answer, Consulted, Ruling, Slice, Whose, evaluate};
use crate::random::Random;
use case::{Case, Said};
use cedar_policy::{Decision, Effect, Entities, Policy, Request};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Deals of each set of policies.
const DEALS: u64 = 8;
/// When everything is asked, and when some permits end: what ends now has ended.
const NOW: Timestamp = Timestamp(0);

/// The layers of one question: the platform's, the resource's account's, and the reader's, of which
/// only forbids are asked.
struct Layers([Vec<Rule>; 3]);

/// What was seen in the course of a corpus: a test that never slices or never splits shows nothing.
#[derive(Debug, Default)]
struct Tally {
    questions: usize,
    split: usize,
    sliced_away: usize,
    permits_left_out: usize,
    permits_ended: usize,
    departures: usize,
}

impl Layers {
    fn deal(policies: &[Policy], random: &mut Random) -> Self {
        let mut layers = [Vec::new(), Vec::new(), Vec::new()];
        for policy in policies {
            let mut rule = bare::rule(policy);
            if !forbids(&rule) && random.once_in(6) {
                Arc::get_mut(&mut rule.compiled).unwrap().not_after = Some(NOW);
            }
            layers[random.below(3)].push(rule);
        }
        Self(layers)
    }

    /// What of it counts.
    fn standing(&self) -> impl Iterator<Item = &Policy> {
        let [platform, overlay, reader] = &self.0;
        let standing = |rule: &&Rule| rule.compiled.not_after.is_none();
        let forbids = reader.iter().filter(|rule| forbids(rule));
        let rules = platform.iter().chain(overlay).filter(standing);
        rules.chain(forbids).map(|rule| &rule.policy)
    }

    /// What is asked: a permit that has ended counts for nothing, but may err.
    fn whole(&self) -> impl Iterator<Item = &Policy> {
        let [platform, overlay, reader] = &self.0;
        let forbids = reader.iter().filter(|rule| forbids(rule));
        let rules = platform.iter().chain(overlay).chain(forbids);
        rules.map(|rule| &rule.policy)
    }

    fn slices(&self, request: &Request, entities: &Entities) -> [Arc<Slice>; 3] {
        let shape = bare::shape(request, entities);
        self.0.each_ref().map(|rules| bare::sliced(rules, &shape))
    }

    fn ask(&self, request: &Request, entities: &Entities) -> Answer {
        let [platform, overlay, reader] = self.slices(request, entities);
        let consulted = [
            (&platform, Whose::Platform),
            (&overlay, Whose::Owner),
            (&reader, Whose::Reader),
        ];
        let consulted = consulted.map(|(slice, whose)| Consulted {
            slice,
            whose,
            as_written: false,
        });
        evaluate(&consulted, request, entities, NOW)
    }
}

fn forbids(rule: &Rule) -> bool {
    rule.policy.effect() == Effect::Forbid
}

/// The one departure from Cedar (DESIGN 4): a forbid that errs denies, unless another one forbids
/// anyway. Everything else is as Cedar says.
fn contract<'a>(
    said: &Said,
    policies: impl Iterator<Item = &'a Policy>,
) -> (Ruling, BTreeSet<String>) {
    let forbids: BTreeSet<String> = policies
        .filter(|policy| policy.effect() == Effect::Forbid)
        .map(|policy| policy.id().to_string())
        .collect();
    let forbidden = said.decision == Decision::Deny && !said.reason.is_empty();
    if !forbidden && !said.errors.is_disjoint(&forbids) {
        return (Ruling::Error, BTreeSet::new());
    }
    let ruling = match said.decision {
        Decision::Allow => Ruling::Allow,
        Decision::Deny => Ruling::Deny,
    };
    (ruling, said.reason.clone())
}

fn holds(case: &Case, seed: u64, tally: &mut Tally) {
    let layers = Layers::deal(&case.policies, &mut Random(seed));
    let parts = layers.0.iter().filter(|rules| !rules.is_empty()).count();
    let permits = layers.0[2].iter().filter(|rule| !forbids(rule)).count();
    let ended = layers.whole().count() - layers.standing().count();
    for (request, _) in &case.questions {
        let what = format!("{} dealt by {seed}: {request}", case.name);
        let said = Said::by_cedar(layers.standing(), request, &case.entities);
        let (ruling, determining) = contract(&said, layers.whole());
        let erring = Said::by_cedar(layers.whole(), request, &case.entities).errors;
        let answer = layers.ask(request, &case.entities);
        assert_eq!(answer.ruling, ruling, "{what}: {answer:?}");
        let ids = answer.determining.iter().map(ToString::to_string);
        assert_eq!(ids.collect::<BTreeSet<_>>(), determining, "{what}");
        let errors = answer.errors.iter().map(|error| error.policy.to_string());
        assert_eq!(errors.collect::<BTreeSet<_>>(), erring, "{what}");

        let slices = layers.slices(request, &case.entities);
        let left = slices
            .iter()
            .map(|slice| slice.policy_ids().count())
            .sum::<usize>();
        tally.questions += 1;
        tally.split += usize::from(parts > 1);
        tally.sliced_away += case.policies.len() - left;
        tally.permits_left_out += permits;
        tally.permits_ended += ended;
        tally.departures += usize::from(ruling == Ruling::Error);
    }
}

fn run(corpus: &str) -> Tally {
    let mut tally = Tally::default();
    for (case, number) in case::corpus(corpus).iter().zip(0..) {
        for (request, expected) in &case.questions {
            let said = Said::by_cedar(&case.policies, request, &case.entities);
            assert!(
                expected.is_said_by(&said),
                "{}: {request}: {said:?}",
                case.name
            );
        }
        for deal in 0..DEALS {
            holds(case, number * DEALS + deal, &mut tally);
        }
    }
    let Tally {
        sliced_away,
        permits_left_out,
        permits_ended,
        ..
    } = tally;
    assert!(
        sliced_away > 0 && permits_left_out > 0 && permits_ended > 0,
        "{tally:?}"
    );
    tally
}

#[test]
fn example_policy_sets_are_answered_as_cedar_answers_them() {
    let tally = run("use-cases.ndjson");
    assert!(tally.split > tally.questions / 2, "{tally:?}");
}

#[test]
fn handwritten_tests_are_answered_as_cedar_answers_them() {
    let tally = run("handwritten.ndjson");
    assert!(tally.split > tally.questions / 10, "{tally:?}");
}

#[test]
fn generated_tests_are_answered_as_cedar_answers_them() {
    let tally = run("fuzz.ndjson");
    assert!(tally.departures > 0, "no forbid erred: {tally:?}");
}
