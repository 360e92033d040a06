//! Everything that the answer to one request depends on, to be asked as it is or otherwise.

use super::change::{Cannot, Change};
use crate::author::asked;
use crate::clock::Timestamp;
use crate::decision::Pdp;
use crate::explain::{self, Asked, Told};
use crate::gate::{Generation, Identity};
use crate::head::Peer;
use crate::reason::Reason;
use crate::token::{Caller, Error, PlatformRole, Verified};
use http::request::Parts;
use serde_json::{Map, Value};
use std::sync::Arc;

/// Nobody vouches for what such a token says.
const UNVOUCHED: [Reason; 4] = [
    Reason::TokenMalformed,
    Reason::TokenSignature,
    Reason::IssuerUnknown,
    Reason::KeysUnavailable,
];

/// A request, who sends it, and the rules that decide.
#[derive(Clone)]
pub struct World {
    /// What decides.
    pub generation: Generation,
    /// Method, target and fields.
    pub parts: Parts,
    /// The body; `None`: there is none.
    pub body: Option<Vec<u8>>,
    /// The other end of the connection.
    pub peer: Peer,
    /// Who sends it.
    pub who: Who,
    /// The request's one moment.
    pub now: Timestamp,
    /// Roles that a Principal is supposed to have, beside its own.
    pub(super) platform_roles: Vec<PlatformRole>,
}

/// Who sends a request.
#[derive(Clone)]
pub enum Who {
    /// No token is sent.
    Nobody,
    /// Whoever these claims are about: taken as if their issuer had signed them.
    Claims(Map<String, Value>),
    /// Whoever a token proves.
    Token {
        /// What was found of it.
        found: Result<Arc<Verified>, Error>,
        /// What it says of itself.
        claims: Option<Map<String, Value>>,
    },
}

impl World {
    /// A request without a body, from loopback.
    pub fn new(generation: Generation, parts: Parts, peer: Peer, now: Timestamp) -> Self {
        Self {
            generation,
            parts,
            body: None,
            peer,
            who: Who::Nobody,
            now,
            platform_roles: Vec::new(),
        }
    }

    /// What the gate would do.
    pub(super) fn tell(&self, pdp: &Pdp) -> Told {
        let issuers = &self.generation.rules.issuers;
        let identity = match &self.who {
            Who::Nobody => Identity::Anonymous,
            Who::Claims(claims) => {
                let text = Value::Object(claims.clone()).to_string();
                let roles = &self.platform_roles;
                asked::with_roles(issuers, &text, roles, self.now)
            }
            Who::Token { found, .. } => asked::found(found.clone()),
        };
        let asked = Asked {
            parts: self.parts.clone(),
            body: self.body.clone(),
            peer: self.peer.clone(),
            identity,
            now: self.now,
        };
        explain::tell(&self.generation, pdp, asked)
    }

    /// The same with all of that otherwise.
    pub(super) fn supposing(&self, changes: &[Change], pdp: &Pdp) -> Result<Self, Cannot> {
        if changes.is_empty() {
            return Ok(self.clone());
        }
        let caller = self.tell(pdp).learnt.caller;
        self.with(changes.iter(), caller.as_deref())
    }

    /// The same with all of that otherwise, where the caller is known.
    pub(super) fn with<'a>(
        &self,
        changes: impl Iterator<Item = &'a Change>,
        caller: Option<&Caller>,
    ) -> Result<Self, Cannot> {
        let mut world = self.clone();
        for change in changes {
            change.apply(&mut world, caller)?;
        }
        // Of a token that nobody vouches for other claims would be taken as if they had been signed.
        if let (
            Who::Token {
                found: Err(error), ..
            },
            Who::Claims(_),
        ) = (&self.who, &world.who)
            && UNVOUCHED.contains(&error.reason())
        {
            let code = error.reason().code();
            return Err(Cannot::new(format!(
                "the token does not hold ({code}); give `claims` to ask of another one"
            )));
        }
        Ok(world)
    }

    /// What the token says. `None`: there is none, or it cannot be read.
    pub fn claims(&self) -> Option<&Map<String, Value>> {
        match &self.who {
            Who::Nobody => None,
            Who::Claims(claims) => Some(claims),
            Who::Token { claims, .. } => claims.as_ref(),
        }
    }

    /// Takes other claims, as if they had been signed.
    pub(super) fn claim(&mut self, claims: Map<String, Value>) {
        self.who = Who::Claims(claims);
    }
}
