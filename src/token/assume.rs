//! Claims taken on trust, for explanations and tests. Nothing that serves calls this, and a test of
//! the architecture holds it to that.
//!
//! Only the signature is taken on trust. What the claims must be (kind, audience or client, times) and
//! whom they are bound to is decided by the code that decides it for requests.

use super::caller::PlatformRole;
use super::compact::{Compact, Header};
use super::error::Error;
use super::issuer::Issuer;
use super::issuers::Issuers;
use super::settings::IssuerSettings;
use super::verified::{Claims, Verified};
use super::verify;
use crate::clock::Timestamp;
use crate::document::json;
use arc_swap::ArcSwapOption;
use serde_json::{Map, Value};
use std::sync::Arc;

/// No key signed it: no key has this thumbprint.
const NO_KEY: [u8; 32] = [0; 32];

impl Issuers {
    /// What `claims`, a JSON object, would prove at `now` if the issuer that they name had signed
    /// them.
    pub fn assume_claims(&self, claims: &str, now: Timestamp) -> Result<Arc<Verified>, Error> {
        self.assume_claims_with(claims, &[], now)
    }

    /// The same, if the issuer's entry gave the Principal of that `sub` these roles too. What it was granted
    /// stays as it is.
    pub fn assume_claims_with(
        &self,
        claims: &str,
        roles: &[PlatformRole],
        now: Timestamp,
    ) -> Result<Arc<Verified>, Error> {
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
        let subject = claims.get("sub").and_then(Value::as_str);
        let other = subject
            .filter(|_| !roles.is_empty())
            .and_then(|subject| with_roles(issuer, subject, roles));
        let issuer = other.as_ref().unwrap_or(issuer);
        assume(issuer, &header, Claims(Value::Object(claims)), now)
    }

    /// What the configuration says of the issuer that `claims` name.
    pub fn settings_of(&self, claims: &Map<String, Value>) -> Option<&IssuerSettings> {
        self.named_by(claims).ok().map(|issuer| &issuer.settings)
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

/// An issuer that is the same but for the roles of one Principal that it knows. Its keys stay where they are:
/// nobody asks for them.
fn with_roles(issuer: &Arc<Issuer>, subject: &str, roles: &[PlatformRole]) -> Option<Arc<Issuer>> {
    let mut settings = issuer.settings.clone();
    let mut entries = settings.principals.iter_mut();
    let entry = entries.find(|entry| entry.who == subject)?;
    entry.roles.extend_from_slice(roles);
    Issuer::open(settings, None).ok().map(Arc::new)
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
