//! What is put to the policies for one request, as it stands: for whoever looks at the policies with many
//! questions.

use super::facts::{self, Facts};
use super::key::Key;
use super::layers::Layers;
use super::{Pdp, Question, question};
use crate::clock::Timestamp;
use crate::policy::{Consulted, Slice, Store, Whose, Window};
use crate::tenant::AccountId;
use cedar_policy::{Entities, Request};
use std::sync::Arc;

/// One question of Cedar's, with whom it is put to.
#[derive(Clone, Debug)]
pub struct Put {
    /// Who is asked, the platform first.
    pub layers: Vec<Asking>,
    /// What is asked.
    pub request: Request,
    /// What can be looked at.
    pub entities: Entities,
    /// The moment of the request.
    pub now: Timestamp,
}

/// A layer that is asked.
#[derive(Clone, Debug)]
pub struct Asking {
    /// Whose policies they are; `None`: the platform's.
    pub account: Option<AccountId>,
    /// The policies.
    pub slice: Arc<Slice>,
    /// Which settles how they are asked.
    pub whose: Whose,
}

impl Asking {
    /// To be asked.
    pub fn consulted(&self) -> Consulted<'_> {
        Consulted {
            slice: &self.slice,
            whose: self.whose,
            as_written: true,
        }
    }
}

/// Whether an answer can be remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keeping {
    /// From now until when it holds. `None`: for this request only.
    pub window: Option<Window>,
    /// Whether there is a remembered answer.
    pub held: bool,
}

impl Pdp {
    /// What is remembered of the questions of one request. Asking leaves no trace.
    pub fn keeping(&self, store: &Store, question: &Question<'_>) -> Vec<Keeping> {
        let all = facts::asked(question);
        let keeping = all.filter_map(|about| {
            let facts = Facts::read(question, about).ok()?;
            let layers = Layers::find(store, &facts).ok()?;
            let key = Key::of(store, &layers, &facts);
            Some(Keeping {
                window: layers.window(&facts),
                held: self.cache.holds(&key, facts.head.now),
            })
        });
        keeping.collect()
    }

    /// Everything that [`Pdp::decide`] asks of one request; what cannot be asked is left out.
    pub fn put_of(&self, store: &Store, question: &Question<'_>) -> Vec<Arc<Put>> {
        let all = facts::asked(question);
        let put = all.filter_map(|about| self.one(store, question, about));
        put.map(Arc::new).collect()
    }

    fn one(
        &self,
        store: &Store,
        question: &Question<'_>,
        about: (facts::Who<'_>, facts::What<'_>),
    ) -> Option<Put> {
        let facts = Facts::read(question, about).ok()?;
        let layers = Layers::find(store, &facts).ok()?;
        let principal = self.principals.of(&facts).ok()?;
        let built = question::build(store, layers.environment, &facts, &principal, false);
        let (request, entities) = built.ok()?;
        Some(Put {
            layers: layers.asking(&facts),
            request,
            entities,
            now: facts.head.now,
        })
    }
}
