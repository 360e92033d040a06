//! Claims taken on trust, for explanations and tests. Nothing that serves calls this, and a test of
//! the architecture holds it to that.
//!
//! Only the signature is taken on trust. What the claims must be (kind, audience or client, times) and
//! whom they are bound to is decided by the code that decides it for requests.

use super::compact::{Compact, Header};
use super::error::Error;
use super::issuer::Issuer;
use super::issuers::Issuers;
use super::verified::{Claims, Verified};
use super::verify;
use crate::clock::Timestamp;
use crate::document::json;
use arc_swap::ArcSwapOption;
use serde_json::Value;
use std::sync::Arc;

/// No key signed it: no key has this thumbprint.
const NO_KEY: [u8; 32] = [0; 32];

impl Issuers {
    /// What `claims`, a JSON object, would prove at `now` if the issuer that they name had signed
    /// them.
    pub fn assume_claims(&self, claims: &str, now: Timestamp) -> Result<Arc<Verified>, Error> {
        let claims = json::read_object(claims.as_bytes()).map_err(|error| Error::Json {
            part: "claims",
            cause: error.to_string(),
        })?;
        let issuer = self.named_by(&claims)?;
        let algorithm = issuer.settings.algorithms.first().copied();
        let header = Header {
            algorithm: algorithm.ok_or(Error::Header("the issuer accepts no algorithm"))?,
            kid: None,
            typ: issuer.settings.types.first().cloned(),
        };
        assume(issuer, &header, Claims(Value::Object(claims)), now)
    }

    /// What `token` would prove at `now` if its signature were good. Nobody has looked at it.
    pub fn assume_signed(&self, token: &str, now: Timestamp) -> Result<Arc<Verified>, Error> {
        let compact = Compact::split(token)?;
        let header = compact.header()?;
        let claims = compact.claims()?;
        let issuer = self.named_by(&claims)?;
        if !issuer.settings.algorithms.contains(&header.algorithm) {
            return Err(Error::Algorithm(header.algorithm.label().to_owned()));
        }
        assume(issuer, &header, Claims(Value::Object(claims)), now)
    }
}

fn assume(
    issuer: &Arc<Issuer>,
    header: &Header,
    claims: Claims,
    now: Timestamp,
) -> Result<Arc<Verified>, Error> {
    let times = verify::check(issuer, header, &claims, now)?;
    Ok(Arc::new(Verified {
        issuer: Arc::clone(issuer),
        claims,
        times,
        key: NO_KEY,
        bound: ArcSwapOption::empty(),
    }))
}
