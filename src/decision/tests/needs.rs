//! What each part of the key is for: without it, two questions with different answers have one key.
//!
//! Each question of a history is asked again with one thing of it changed, whatever the isolation rules
//! would say of that: what only the guards notice is noticed here too.

use super::histories::forgetful;
use super::history::{Asked, history, stores};
use super::neighbours::neighbours;
use crate::clock::Timestamp;
use crate::decision::Pdp;
use crate::decision::facts::{self, Facts};
use crate::decision::key::{Key, Part};
use crate::decision::layers::Layers;
use crate::policy::{Bit, Of, Read, Reads, Ruling, Store, Window};
use crate::random::Random;
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// One thing that a key holds.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Holds {
    Part(Part),
    Bit(Bit),
    Value(Read),
}

/// The answer, and when it holds.
type Answer = (Ruling, Vec<Arc<str>>, Vec<Arc<str>>);
type Answers = Vec<(Window, Answer)>;

/// What was asked while one thing was left out of the key.
#[derive(Default)]
struct Lacking {
    answers: Answers,
    /// What that thing said.
    said: HashSet<Vec<u8>>,
}

#[derive(Default)]
struct Without {
    /// The answers under each key: whole, and without each thing. Keys are digests here.
    whole: HashMap<u64, Answers>,
    lacking: HashMap<Holds, HashMap<u64, Lacking>>,
    needed: HashSet<Holds>,
}

impl Without {
    fn note(&mut self, forgetting: &Pdp, store: &Store, facts: &Facts<'_>) -> Option<()> {
        let layers = Layers::find(store, facts).ok()?;
        let window = layers.window(facts)?;
        let (entry, _) = forgetting.answer(store, facts).ok()?;
        let answer = (
            entry.ruling,
            entry.determining.to_vec(),
            entry.erring.to_vec(),
        );
        let held = held(store, &layers, facts);
        let digests: Vec<u64> = held.iter().map(digest).collect();
        let whole = digests
            .iter()
            .fold(0_u64, |sum, one| sum.wrapping_add(*one));
        let now = facts.head.now;
        let known = self.whole.entry(whole).or_default();
        let other = contradicts(known, &answer, now);
        assert!(other.is_none(), "{other:?} is not {answer:?}: {facts:?}");
        remember(known, window, &answer);
        for ((holds, bytes), digest) in held.into_iter().zip(digests) {
            if self.needed.contains(&holds) {
                continue;
            }
            let known = self.lacking.entry(holds.clone()).or_default();
            let known = known.entry(whole.wrapping_sub(digest)).or_default();
            if contradicts(&known.answers, &answer, now).is_some() {
                self.lacking.remove(&holds);
                self.needed.insert(holds);
            } else {
                remember(&mut known.answers, window, &answer);
                known.said.insert(bytes);
            }
        }
        Some(())
    }

    /// What differed between two questions that were the same otherwise, and never mattered.
    fn needless(&self) -> Vec<String> {
        let alone =
            |lacking: &HashMap<u64, Lacking>| lacking.values().any(|one| one.said.len() > 1);
        let varied = self.lacking.iter().filter(|(_, lacking)| alone(lacking));
        let mut needless: Vec<String> = varied.map(|(holds, _)| told(holds)).collect();
        needless.sort();
        needless
    }

    fn needs(&self, such: impl Fn(&Holds) -> bool) -> bool {
        self.needed.iter().any(such)
    }
}

fn told(holds: &Holds) -> String {
    match holds {
        Holds::Part(part) => format!("{part:?}"),
        Holds::Bit(bit) => crate::policy::oracle::text(bit),
        Holds::Value(Read::Value(path)) => crate::policy::oracle::path(path),
        Holds::Value(other) => format!("{other:?}"),
    }
}

/// All that the key holds, each with its bytes.
fn held(store: &Store, layers: &Layers<'_>, facts: &Facts<'_>) -> Vec<(Holds, Vec<u8>)> {
    let parts = Part::ALL.into_iter().map(|part| {
        let key = Key::with([part], [], store, layers, facts);
        (Holds::Part(part), key.bytes().to_vec())
    });
    let mut held: Vec<(Holds, Vec<u8>)> = parts.collect();
    let alone = |reads: &Reads| {
        Key::with([], [reads], store, layers, facts)
            .bytes()
            .to_vec()
    };
    for reads in layers.reads() {
        assert!(!reads.everything);
        for bit in &reads.bits {
            let bits = vec![bit.clone()];
            let one = Reads {
                bits,
                ..Reads::default()
            };
            held.push((Holds::Bit(bit.clone()), alone(&one)));
        }
        for read in &reads.values {
            let values = vec![read.clone()];
            let one = Reads {
                values,
                ..Reads::default()
            };
            held.push((Holds::Value(read.clone()), alone(&one)));
        }
    }
    // Two layers may read the same.
    let mut seen = HashSet::new();
    held.retain(|(holds, _)| seen.insert(holds.clone()));
    held
}

fn digest(held: &(Holds, Vec<u8>)) -> u64 {
    let mut hasher = DefaultHasher::new();
    held.hash(&mut hasher);
    hasher.finish()
}

fn contradicts<'a>(known: &'a Answers, answer: &Answer, now: Timestamp) -> Option<&'a Answer> {
    let mut held = known.iter().filter(|(window, _)| window.contains(now));
    held.find(|(_, earlier)| earlier != answer)
        .map(|(_, earlier)| earlier)
}

fn remember(known: &mut Answers, window: Window, answer: &Answer) {
    if known.len() < 20
        && !known
            .iter()
            .any(|(one, other)| *one == window && other == answer)
    {
        known.push((window, answer.clone()));
    }
}

/// What differs alone and never matters.
const IMPLIED: [&str; 3] = [
    // On resources of the platform, where only a grant of everything counts.
    r#"context.grant has "account""#,
    // Where it would matter, the isolation guards tell the workspaces apart.
    r#"resource in Tenancy::Workspace::"acme/acme-prod""#,
    // The name of a workspace holds that of its account.
    "resource.account == context.account",
];

#[test]
fn every_part_of_the_key_is_needed() {
    let stores = stores();
    let forgetting = forgetful();
    let asked = history(2, 240);
    let mut random = Random(5);
    let questions: Vec<_> = asked.iter().map(Asked::question).collect();
    let all: Vec<Facts<'_>> = questions
        .iter()
        .flat_map(|question| {
            facts::asked(question).map(|about| Facts::read(question, about).unwrap())
        })
        .collect();
    let mut without = Without::default();
    let mut noted = 0;
    for one in &all {
        let store = random.below(stores.len());
        for near in neighbours(one, &mut random, &all) {
            for store in [&stores[store], stores.last().unwrap()] {
                noted += usize::from(without.note(&forgetting, store, &near).is_some());
            }
        }
        for store in &stores {
            without.note(&forgetting, store, one);
        }
    }
    assert!(noted > 5_000, "{noted}");
    assert_eq!(without.needless(), IMPLIED);
    for part in Part::ALL {
        assert!(without.needed.contains(&Holds::Part(part)), "{part:?}");
    }
    let bit =
        |kind: fn(&Bit) -> bool| without.needs(|one| matches!(one, Holds::Bit(bit) if kind(bit)));
    assert!(bit(|bit| matches!(bit, Bit::Has(_))));
    assert!(bit(|bit| matches!(bit, Bit::True(_))));
    assert!(bit(|bit| matches!(bit, Bit::Empty(_))));
    assert!(bit(|bit| matches!(bit, Bit::Same(..))));
    assert!(bit(|bit| matches!(bit, Bit::In(_, Of::One(_)))));
    assert!(bit(|bit| matches!(bit, Bit::In(_, Of::Each(_)))));
    assert!(bit(|bit| matches!(bit, Bit::Contains(..))));
    // No attribute of the schema has two types, so `Read::Type` says nothing here.
    assert!(without.needs(|one| matches!(one, Holds::Value(Read::Value(_)))));
    assert!(without.needs(|one| matches!(one, Holds::Value(Read::Tags(_)))));
}
