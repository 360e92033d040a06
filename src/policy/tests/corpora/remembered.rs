//! The corpora with answers that are kept under what the slices can read.
//!
//! Each question is asked again and again with a few things changed, and all questions of one set share
//! one cache: what it remembers has to be what a fresh evaluation says.

use super::Layers;
use super::case::{self, Case};
use super::varied::Parts;
use crate::clock::Timestamp;
use crate::policy::Slice;
use crate::policy::oracle::Oracle;
use crate::policy::tests::bare;
use crate::policy::tests::remembered::{Kept, Verdict, key, window};
use crate::random::Random;
use cedar_policy::{Entities, Request};
use std::collections::HashMap;

/// How often each question is asked.
const ASKED: usize = 24;
/// No policy of the corpora asks for the time.
const NOW: Timestamp = Timestamp(0);

/// What was seen: a cache that never finds anything shows nothing.
#[derive(Debug, Default)]
struct Tally {
    asked: usize,
    remembered: usize,
    /// Of these, those where some policy errs.
    erring: usize,
}

type Remembered = HashMap<[String; 3], Kept<()>>;

fn holds(case: &Case, seed: u64, tally: &mut Tally) {
    let random = &mut Random(seed);
    let layers = Layers::deal(&case.policies, random);
    let parts = Parts::of(case);
    let mut cache = Remembered::new();
    for (asked, _) in &case.questions {
        for _ in 0..ASKED {
            let (request, entities) = parts.vary(asked, random);
            ask(&layers, (&request, &entities), &mut cache, tally);
        }
    }
}

fn ask(
    layers: &Layers,
    (request, entities): (&Request, &Entities),
    cache: &mut Remembered,
    tally: &mut Tally,
) {
    let shape = bare::shape(request, entities);
    let slices = layers.slices(request, entities);
    let slices: Vec<&Slice> = slices[..2].iter().map(AsRef::as_ref).collect();
    tally.asked += 1;
    let Some(window) = window(&slices, NOW, None) else {
        return;
    };
    assert!(
        window.contains(Timestamp::MAX.plus_millis(-1)),
        "a time is asked for"
    );
    let fresh = Verdict::of(&slices, (request, entities), NOW);
    let (principal, resource) = &shape.types;
    let environment = [
        principal.to_string(),
        shape.action.to_string(),
        resource.to_string(),
    ];
    let kept = cache.entry(environment).or_default();
    let key = key(&slices, &Oracle { request, entities });
    let erring = !fresh.erring.is_empty();
    if let Some((remembered, ())) = kept.find(key, NOW, (window, fresh.clone(), ())) {
        assert_eq!(remembered, fresh, "{request}");
        tally.remembered += 1;
        tally.erring += usize::from(erring);
    }
}

fn run(corpus: &str) -> Tally {
    let mut tally = Tally::default();
    for (case, seed) in case::corpus(corpus).iter().zip(0..) {
        holds(case, seed, &mut tally);
    }
    tally
}

#[test]
fn remembered_answers_of_the_corpora_are_the_fresh_ones() {
    for corpus in ["use-cases.ndjson", "handwritten.ndjson", "fuzz.ndjson"] {
        let tally = run(corpus);
        assert!(tally.remembered * 3 > tally.asked, "{corpus}: {tally:?}");
        assert!(tally.erring > 0, "{corpus}: {tally:?}");
    }
}
