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
use walk::Walk;

/// What the policies of a slice can read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// What is yes or no; sorted, each once.
    pub bits: Vec<Bit>,
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

    /// Appends what `view` says of all of it. Injective: for one `Reads`, equal bytes are equal answers.
    /// Two bits say what is yes, no, or cannot be told; values follow, each of a length that it tells.
    pub fn answer(&self, view: &impl View, out: &mut Vec<u8>) {
        for four in self.bits.chunks(4) {
            let byte = four.iter().fold(0_u8, |byte, bit| {
                let answer = match view.bit(bit) {
                    Some(false) => 0,
                    Some(true) => 1,
                    None => 2,
                };
                byte << 2 | answer
            });
            out.push(byte);
        }
        for read in &self.values {
            view.value(read, out);
        }
        if self.everything {
            view.everything(out);
        }
    }
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
