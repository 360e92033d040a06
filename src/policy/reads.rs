//! What of a question the policies of a slice can read: the decision cache's key holds that, and
//! nothing else of it.
//!
//! Claim: two questions for the same slices, of the same action, principal type and resource type, that
//! give equal answers to all of [`Reads`], get the same decision, the same determining policies and the
//! same erring ones, at any two moments of one [`Window`](super::time::Window).
//!
//! Why: evaluation is a pure function of what its leaves read. Each leaf that reads principal, resource,
//! context or an entity is an atom, or stands below one; that something is absent, or that reading it
//! errs, is an answer too. So by induction over the expression, equal answers give equal results. What
//! the walk does not know makes the whole question an atom.

mod atom;
mod known;
mod moment;
mod nodes;
mod operator;
mod walk;

pub use atom::{Bit, Name, Of, Path, Read, Root, Step, Term, View};
pub use known::{Attribute, Kind, Names, Word};

use super::annotation::Annotations;
use super::time::Clockwork;
use cedar_policy::Policy;
use std::collections::HashMap;
use walk::Walk;
pub(super) use walk::plain;

/// What the policies of a slice can read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// What is yes or no; sorted, each once.
    pub bits: Vec<Bit>,
    /// For each bit the one, before it, that says whether there is what it is about: where that is not so,
    /// it cannot be told, and need not be looked at.
    pub(crate) behind: Vec<Option<u16>>,
    /// What is read as it is; sorted, each once.
    pub values: Vec<Read>,
    /// Something that the walk does not know may read everything there is.
    pub everything: bool,
    /// The time.
    pub clock: Clockwork,
}

impl Reads {
    pub(super) fn add(&mut self, other: &Self) {
        self.bits.extend(other.bits.iter().cloned());
        self.bits.sort_unstable();
        self.bits.dedup();
        self.values.extend(other.values.iter().cloned());
        self.values.sort_unstable();
        self.values.dedup();
        self.everything |= other.everything;
        self.clock.add(&other.clock);
    }

    /// Once all are added: notes what need not be looked at.
    pub(super) fn arrange(&mut self) {
        self.behind = behind(&self.bits);
    }

    /// Appends what `view` says of all of it. Injective: for one `Reads`, equal bytes are equal answers.
    /// Two bits say what is yes, no, or cannot be told; values follow, each of a length that it tells.
    pub fn answer(&self, view: &impl View, out: &mut Vec<u8>) {
        let start = out.len();
        out.resize(start + self.bits.len().div_ceil(4), 0);
        let Some(answers) = out.get_mut(start..) else {
            return;
        };
        for (index, bit) in self.bits.iter().enumerate() {
            let behind = self.behind.get(index).copied().flatten();
            let is_there = behind.is_none_or(|at| read(answers, usize::from(at)) == YES);
            let answer = match is_there.then(|| view.bit(bit)).flatten() {
                Some(false) => NO,
                Some(true) => YES,
                None => UNTOLD,
            };
            if let Some(byte) = answers.get_mut(index / 4) {
                *byte |= answer << (index % 4 * 2);
            }
        }
        for read in &self.values {
            view.value(read, out);
        }
        if self.everything {
            view.everything(out);
        }
    }
}

const NO: u8 = 0;
const YES: u8 = 1;
const UNTOLD: u8 = 2;

fn read(answers: &[u8], index: usize) -> u8 {
    let byte = answers.get(index / 4).copied().unwrap_or_default();
    byte >> (index % 4 * 2) & 3
}

/// For each bit the longest path before it that it cannot do without.
fn behind(bits: &[Bit]) -> Vec<Option<u16>> {
    let has = |bit: &Bit| match bit {
        Bit::Has(path) => Some(path.clone()),
        _ => None,
    };
    // Of more than can be numbered, the rest is behind nothing.
    let looks: HashMap<Path, u16> = (0..=u16::MAX)
        .zip(bits)
        .map_while(|(at, bit)| Some((has(bit)?, at)))
        .collect();
    let on = |path: &Path, own: bool| {
        let mut path = path.clone();
        if !own {
            path.steps.pop();
        }
        loop {
            if let Some(at) = looks.get(&path) {
                return Some(*at);
            }
            path.steps.pop()?;
        }
    };
    let of = |bit: &Bit| match bit {
        Bit::Has(path) => on(path, false),
        Bit::True(path) | Bit::Empty(path) | Bit::In(path, _) => on(path, true),
        Bit::Same(one, other) => [one, other].into_iter().find_map(|term| match term {
            Term::Path(path) => on(path, true),
            _ => None,
        }),
        Bit::Contains(path, element) => on(path, true).or_else(|| match element {
            Term::Path(path) => on(path, true),
            _ => None,
        }),
    };
    bits.iter().map(of).collect()
}

/// What one policy reads, and how many nodes its conditions have.
pub(super) fn of(policy: &Policy, annotations: &Annotations) -> (Reads, usize) {
    let (mut walk, nodes) = match policy.to_pst() {
        Ok(pst) => (Walk::of(&pst), nodes::of(pst.body())),
        Err(_) => (Walk::everything(), 0),
    };
    let clock = &mut walk.clock;
    if walk.opaque_now {
        clock.opaque(annotations.keep);
    }
    clock.keep(annotations.keep);
    if let Some(at) = annotations.not_after {
        clock.ends(at);
    }
    (walk.reads(), nodes)
}

/// What is left of what it reads where its `settled` form is asked, if it reads `all` anywhere. The time
/// stays, which may bound an answer where it need not.
pub(super) fn left(settled: &Policy, all: &Reads) -> Reads {
    let walk = match settled.to_pst() {
        Ok(pst) => Walk::of(&pst),
        Err(_) => Walk::everything(),
    };
    Reads {
        clock: all.clock.clone(),
        ..walk.reads()
    }
}

#[cfg(test)]
mod tests {
    //! What need not be looked at.

    use super::*;

    #[test]
    fn of_more_paths_than_have_numbers_none_stands_behind_another_one() {
        let path = |at: usize| Path::root(Root::Context).attribute(&format!("{at:05}"));
        let paths = || (0..=usize::from(u16::MAX) + 1).map(path);
        let bits: Vec<Bit> = paths()
            .map(Bit::Has)
            .chain(paths().map(Bit::True))
            .collect();
        let has = bits.len() / 2;
        let found = behind(&bits);
        assert_eq!(found[has], Some(0));
        assert_eq!(found[bits.len() - 2], Some(u16::MAX));
        assert_eq!(found[bits.len() - 1], None);
    }
}
