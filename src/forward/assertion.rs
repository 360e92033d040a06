//! A signed statement of what one request was allowed, for upstreams that verify it themselves
//! (RULES 47): a JWS, short-lived, bound to method, path, query, tenant, action and revision.
//!
//! It names no request and no decision, because it may be sent again: requests whose claims are all
//! the same, within half of its lifetime, get the same one.

mod claims;
mod kept;
mod key;

pub use key::{BadKey, PublicKey, SigningKey};

use crate::clock::Timestamp;
use crate::decision::Permit;
use crate::head::Head;
use crate::token::ASSERTION_TYPE;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use claims::{Claims, Parties};
use http::HeaderValue;
use kept::Kept;
use key::b64;
use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

/// How assertions are made.
#[derive(Clone, Debug)]
pub struct Assertion {
    /// `iss`.
    pub issuer: Arc<str>,
    /// From `iat` to `exp`: whole seconds.
    pub ttl: Duration,
    /// Signs.
    pub key: Arc<SigningKey>,
    /// Further keys that verifiers may meet while keys change: the one before, or the one to come.
    pub also_published: Vec<PublicKey>,
}

impl Assertion {
    /// The key set that verifiers fetch; public parts only.
    pub fn jwks(&self) -> serde_json::Value {
        let own = self.key.public();
        let others = self.also_published.iter().filter(|other| *other != own);
        let keys: Vec<serde_json::Value> = [own]
            .into_iter()
            .chain(others)
            .map(PublicKey::jwk)
            .collect();
        serde_json::json!({ "keys": keys })
    }
}

/// The cryptography failed; the request is not forwarded without what its upstream waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unsigned;

/// Makes the assertions of one worker. It never leaves its thread, so nothing waits for a lock.
pub(super) struct Asserter {
    settings: Assertion,
    /// The JOSE header, encoded, with its dot.
    opening: String,
    kept: RefCell<Kept>,
    random: SystemRandom,
}

impl Asserter {
    pub(super) fn new(settings: Assertion) -> Self {
        let key = settings.key.public();
        let header = serde_json::json!({
            "alg": key.algorithm(),
            "kid": key.kid(),
            "typ": ASSERTION_TYPE,
        });
        Self {
            opening: format!("{}.", b64(header.to_string().as_bytes())),
            settings,
            kept: RefCell::default(),
            random: SystemRandom::new(),
        }
    }

    /// The assertion of one request to the upstream that `audience` names. `None`: nothing is asserted
    /// of a public route.
    pub(super) fn of(
        &self,
        audience: &str,
        permit: &Permit,
        head: &Head,
        revision: &str,
    ) -> Result<Option<HeaderValue>, Unsigned> {
        let parties = Parties {
            issuer: &self.settings.issuer,
            audience,
        };
        let Some(claims) = Claims::of(parties, permit, head, revision) else {
            return Ok(None);
        };
        // This text is what is signed, with the times added: no claim can be missing from it. Names
        // are fixed and values are escaped, so that different claims never have one text.
        let claims = serde_json::to_vec(&claims).map_err(|_| Unsigned)?;
        if let Some(value) = self.kept.borrow().find(&claims, head.now) {
            return Ok(Some(value));
        }
        let value = self.sign(&claims, head.now)?;
        let until = head.now.plus_millis(millis(self.settings.ttl / 2));
        self.kept
            .borrow_mut()
            .keep(claims, value.clone(), head.now, until);
        Ok(Some(value))
    }

    fn sign(&self, claims: &[u8], now: Timestamp) -> Result<HeaderValue, Unsigned> {
        let mut id = [0; 16];
        self.random.fill(&mut id).map_err(|_| Unsigned)?;
        let issued = now.millis().div_euclid(1000);
        let expires = issued + millis(self.settings.ttl) / 1000;
        let open = claims.strip_suffix(b"}").ok_or(Unsigned)?;
        let mut payload = open.to_vec();
        let times = format!(
            r#","jti":"{}","iat":{issued},"nbf":{issued},"exp":{expires}}}"#,
            b64(&id)
        );
        payload.extend_from_slice(times.as_bytes());
        let mut text = [&*self.opening, &b64(&payload)].concat();
        let signature = self.settings.key.sign(text.as_bytes(), &self.random);
        text.push('.');
        text.push_str(&b64(&signature.ok_or(Unsigned)?));
        let mut value = HeaderValue::try_from(text).map_err(|_| Unsigned)?;
        // It opens doors for its lifetime: it shows in no log.
        value.set_sensitive(true);
        Ok(value)
    }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}
