//! A verdict told step by step: who calls, which route it is, which tenants the request names, what it
//! is held to, and which policies settled it.
//!
//! [`explain`] reads the head and asks [`gate::decide`], the code that serves; it only tells what they
//! found.

mod decisive;
mod detail;
mod question;
mod remedy;
mod state;
mod story;
mod text;

pub(crate) use text::{one_line, shell_quoted, shell_word};

pub use decisive::way;
pub use question::{Asked as AskedPolicy, Because, Entity, Question, permits};
pub use remedy::{Remedy, Suggestion};
pub use state::{Bound, Cache, Limits};
pub use story::{Caller, Decision, Isolation, Policy, Reference, Request, Route, Story};

use crate::body::Seen;
use crate::clock::Timestamp;
use crate::decision::{self, Pdp};
use crate::gate::{self, Generation, Identity, Input, Learnt};
use crate::head::{self, Head, Peer};
use crate::reason::Reason;
use crate::scope::{Held, Scope};
use crate::tenant::AccountId;
use http::request::Parts;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A request as it would arrive, and what is known of who sends it.
pub struct Asked {
    /// Method, target and fields.
    pub parts: Parts,
    /// The body; `None`: there is none.
    pub body: Option<Vec<u8>>,
    /// The other end of the connection.
    pub peer: Peer,
    /// What the token step found.
    pub identity: Identity,
    /// The request's one moment.
    pub now: Timestamp,
}

/// A story, and what it was told from.
pub struct Told {
    /// What is told.
    pub story: Story,
    /// How the request was read. `None`: it could not be.
    pub head: Option<Arc<Head>>,
    /// What was learnt on the way.
    pub learnt: Learnt,
}

impl Told {
    /// What is asked of the policies. `None`: the request did not come so far.
    pub fn question(&self) -> Option<decision::Question<'_>> {
        let scope = self.learnt.scope.clone()?;
        Some(decision::Question {
            caller: self.learnt.caller.as_ref()?,
            target: self.learnt.target.as_ref()?,
            scope,
            head: self.head.as_deref()?,
        })
    }

    /// The accounts whose policies may be asked.
    pub fn accounts(&self) -> Vec<AccountId> {
        let scope = self.learnt.scope.as_ref();
        let owner = scope.and_then(Scope::resource_account);
        let taken = scope.and_then(|scope| match scope.held() {
            Held::Workspace(inside) => inside.takes_from.as_ref(),
            _ => None,
        });
        let all = [
            owner.map(|account| &account.id),
            scope.and_then(Scope::account),
            taken.map(|lies| &lies.account.id),
        ];
        let all: BTreeSet<AccountId> = all.into_iter().flatten().cloned().collect();
        all.into_iter().collect()
    }
}

/// Decides, and tells how.
pub fn explain(generation: &Generation, pdp: &Pdp, asked: Asked) -> Story {
    tell(generation, pdp, asked).story
}

/// The same, with what it is told from.
pub fn tell(generation: &Generation, pdp: &Pdp, asked: Asked) -> Told {
    let mut story = Story::of(&asked.parts);
    let head = match head::read(&asked.parts, &asked.peer, &generation.head, asked.now) {
        Ok(head) => Arc::new(head),
        Err(error) => {
            story.refused(&error.into(), "head");
            return Told {
                story,
                head: None,
                learnt: Learnt::default(),
            };
        }
    };
    let input = Input {
        identity: asked.identity,
        headers: &asked.parts.headers,
        body: match &asked.body {
            Some(bytes) if !bytes.is_empty() => Seen::Whole(bytes),
            _ => Seen::Nothing,
        },
        pdp,
        limits: None,
    };
    let verdict = gate::decide(&generation.rules, &head, input);
    story.read(&head);
    story.learnt(&verdict.learnt, &generation.rules.store);
    match &verdict.outcome {
        Ok(permit) => story.allowed(permit, &head, generation, &asked.parts.headers),
        Err(refusal) => story.refused(refusal, step(&verdict.learnt, refusal.reason)),
    }
    Told {
        story,
        head: Some(head),
        learnt: verdict.learnt,
    }
}

/// Which step a refusal came from, by what was learnt before it.
fn step(learnt: &Learnt, reason: Reason) -> &'static str {
    if reason == Reason::TokenMissing {
        return "token";
    }
    match (&learnt.caller, &learnt.target, &learnt.scope) {
        (None, ..) => "token",
        (Some(_), None, _) => "route",
        (Some(_), Some(_), None) => "isolation",
        (Some(_), Some(_), Some(_)) => "policies",
    }
}
