//! What each part of the key is for: without it, two questions with different answers have one key.
//!
//! Each question of a history is asked again with one thing of it changed, whatever the isolation rules
//! would say of that: what only the guards notice is noticed here too.

use super::histories::forgetful;
use super::history::{self, history, stores};
use super::neighbours::neighbours;
use crate::clock::Timestamp;
use crate::decision::facts::{self, Facts};
use crate::decision::key::{Key, Part};
use crate::decision::layers::{Layer, Layers};
use crate::decision::{Asked, Pdp};
use crate::policy::{Bit, Consulted, Of, Read, Reads, Ruling, Store, Window};
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

/// What a key can hold, by where it stands in the list of all that was met.
#[derive(Default)]
struct Things {
    all: Vec<Holds>,
    places: HashMap<Holds, usize>,
    /// Of the slices of one question: taken apart once, because thousands of questions are put to them.
    read: HashMap<Slices, Arc<[(usize, Reads)]>>,
}

/// The slices of one question: the hashes of platform, overlay and reader, and the environment.
type Slices = ([u8; 32], [Option<[u8; 32]>; 2], u32);

impl Things {
    fn place(&mut self, holds: Holds) -> usize {
        *self.places.entry(holds).or_insert_with_key(|holds| {
            self.all.push(holds.clone());
            self.all.len() - 1
        })
    }

    /// All that the slices can read, thing by thing, each once: two layers may read the same.
    fn read(&mut self, store: &Store, layers: &Layers<'_>) -> Arc<[(usize, Reads)]> {
        let hash = |layer: &Option<Layer>| layer.as_ref().map(|layer| layer.hash);
        let overlays = [hash(&layers.overlay), hash(&layers.reader)];
        let slices = (*store.platform_hash(), overlays, layers.environment.index);
        if let Some(known) = self.read.get(&slices) {
            return Arc::clone(known);
        }
        let mut seen = HashSet::new();
        let mut read = Vec::new();
        for reads in layers.reads() {
            assert!(!reads.everything);
            let bits = reads.bits.iter().map(|bit| {
                let bits = vec![bit.clone()];
                let one = Reads {
                    bits,
                    ..Reads::default()
                };
                (Holds::Bit(bit.clone()), one)
            });
            let values = reads.values.iter().map(|value| {
                let values = vec![value.clone()];
                let one = Reads {
                    values,
                    ..Reads::default()
                };
                (Holds::Value(value.clone()), one)
            });
            let all = bits.chain(values);
            let all = all.map(|(holds, alone)| (self.place(holds), alone));
            read.extend(all.filter(|(place, _)| seen.insert(*place)));
        }
        let read: Arc<[_]> = read.into();
        self.read.insert(slices, Arc::clone(&read));
        read
    }

    /// All that the key holds, each with its bytes.
    fn held(
        &mut self,
        store: &Store,
        layers: &Layers<'_>,
        facts: &Facts<'_>,
    ) -> Vec<(usize, Vec<u8>)> {
        let read = self.read(store, layers);
        let parts = Part::ALL.into_iter().map(|part| {
            let key = Key::with([part], [], store, layers, facts);
            (self.place(Holds::Part(part)), key.bytes().to_vec())
        });
        let alone = read.iter().map(|(place, alone)| {
            let key = Key::with([], [alone], store, layers, facts);
            (*place, key.bytes().to_vec())
        });
        parts.chain(alone).collect()
    }
}

#[derive(Default)]
struct Without {
    things: Things,
    /// The answers under each key: whole, and without each thing. Keys are digests here.
    whole: HashMap<u64, Answers>,
    lacking: HashMap<usize, HashMap<u64, Lacking>>,
    needed: HashSet<usize>,
}

impl Without {
    /// Puts the question to that store. `None`: it is none, or nothing of it is remembered.
    fn note(&mut self, forgetting: &Pdp, store: &Store, facts: &Facts<'_>) -> Option<()> {
        let layers = Layers::find(store, facts).ok()?;
        let window = layers.window(facts)?;
        let asked = Asked {
            store,
            layers: layers.clone(),
            facts,
        };
        let answer = forgetting.put(&asked, false).ok()?;
        let erring = answer.errors.into_iter().map(|error| error.policy);
        let answer = (answer.ruling, answer.determining, erring.collect());
        let held = self.things.held(store, &layers, facts);
        let digests: Vec<u64> = held.iter().map(digest).collect();
        let whole = digests
            .iter()
            .fold(0_u64, |sum, one| sum.wrapping_add(*one));
        let now = facts.head.now;
        let known = self.whole.entry(whole).or_default();
        let other = contradicts(known, &answer, now);
        assert!(other.is_none(), "{other:?} is not {answer:?}: {facts:?}");
        remember(known, window, &answer);
        for ((place, bytes), digest) in held.into_iter().zip(digests) {
            if self.needed.contains(&place) {
                continue;
            }
            let known = self.lacking.entry(place).or_default();
            let known = known.entry(whole.wrapping_sub(digest)).or_default();
            if contradicts(&known.answers, &answer, now).is_some() {
                self.lacking.remove(&place);
                self.needed.insert(place);
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
        let mut needless: Vec<String> = varied
            .map(|(place, _)| told(&self.things.all[*place]))
            .collect();
        needless.sort();
        needless
    }

    fn needs(&self, such: impl Fn(&Holds) -> bool) -> bool {
        let mut needed = self.needed.iter().map(|place| &self.things.all[*place]);
        needed.any(such)
    }
}

/// Whether two stores put a question to the same policies.
fn same(one: &Store, other: &Store, facts: &Facts<'_>) -> bool {
    let (Ok(one), Ok(other)) = (Layers::find(one, facts), Layers::find(other, facts)) else {
        return false;
    };
    let (one, other) = (one.consulted(false), other.consulted(false));
    let same = |(one, other): (&Consulted<'_>, &Consulted<'_>)| {
        one.whose == other.whose && one.slice.says_the_same(other.slice)
    };
    one.len() == other.len() && one.iter().zip(&other).all(same)
}

fn told(holds: &Holds) -> String {
    match holds {
        Holds::Part(part) => format!("{part:?}"),
        Holds::Bit(bit) => crate::policy::oracle::text(bit),
        Holds::Value(Read::Value(path)) => crate::policy::oracle::path(path),
        Holds::Value(other) => format!("{other:?}"),
    }
}

fn digest(held: &(usize, Vec<u8>)) -> u64 {
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
    let questions: Vec<_> = asked.iter().map(history::Asked::question).collect();
    let all: Vec<Facts<'_>> = questions
        .iter()
        .flat_map(|question| {
            facts::asked(question).map(|about| Facts::read(question, about).unwrap())
        })
        .collect();
    let mut without = Without::default();
    let mut noted = 0;
    let last = stores.last().unwrap();
    for one in &all {
        let store = &stores[random.below(stores.len())];
        for near in neighbours(one, &mut random, &all) {
            let said = without.note(&forgetting, last, &near);
            noted += usize::from(said.is_some());
            // Where both ask the same, both keys hold the same but for their platforms.
            if !same(store, last, &near) {
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
        assert!(without.needs(|one| *one == Holds::Part(part)), "{part:?}");
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
