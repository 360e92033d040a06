//! Verifies the assertion that Palisade sends with a request. Copy this file into your service.

use aws_lc_rs::digest::{SHA256, digest};
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{Jwk, JwkSet, KeyAlgorithm};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

const HEADER: &str = "x-palisade-assertion";
const TYPE: &str = "palisade-assertion+jwt";
/// How far the clocks of gate and service may differ, in seconds.
const LEEWAY: u64 = 5;
/// An unknown key is looked for at most so often, whoever sends it.
const UNKNOWN: Duration = Duration::from_secs(10);
/// The key set is fetched anew after this: a key that was withdrawn is believed no longer.
const KEPT: Duration = Duration::from_mins(5);

/// What the gate says of a request.
#[derive(Debug, Deserialize)]
pub struct Claims {
    /// The account; absent on the platform's own resources.
    pub account: Option<String>,
    /// The workspace; absent where a whole account is meant.
    pub workspace: Option<String>,
    /// The user; absent for machines and Principals.
    pub user: Option<String>,
    /// What was allowed.
    pub action: String,
    method: String,
    path: String,
    query_sha256: String,
}

/// Knows the gate's keys, and fetches them when it meets another.
pub struct Verifier {
    jwks: String,
    validation: Validation,
    known: Mutex<Known>,
}

struct Known {
    keys: JwkSet,
    fetched: Option<Instant>,
}

impl Verifier {
    /// `jwks`: the URL of the gate's key set. `issuer` and `audience`: as the gate's configuration says.
    pub fn new(jwks: &str, issuer: &str, audience: &str) -> Self {
        let mut validation = Validation::new(Algorithm::ES256);
        validation.leeway = LEEWAY;
        validation.validate_nbf = true;
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[audience]);
        // Without this list an assertion that lacks one of them would pass.
        validation.set_required_spec_claims(&["iss", "aud", "exp", "nbf"]);
        let keys = JwkSet { keys: Vec::new() };
        Self {
            jwks: jwks.to_owned(),
            validation,
            known: Mutex::new(Known {
                keys,
                fetched: None,
            }),
        }
    }

    /// The claims of the assertion of a request, or why it does not hold.
    pub async fn claims(&self, request: &Parts) -> Result<Claims, String> {
        let mut found = request.headers.get_all(HEADER).iter();
        let (Some(value), None) = (found.next(), found.next()) else {
            return Err("no assertion, or two".to_owned());
        };
        let text = value.to_str().map_err(|_| "not a compact JWS")?;
        let header = decode_header(text).map_err(|_| "not a compact JWS")?;
        if header.typ.as_deref() != Some(TYPE) || header.crit.is_some() {
            return Err("another kind of token".to_owned());
        }
        let jwk = self.key(header.kid.as_deref().unwrap_or_default()).await?;
        // The key says with which algorithm it signs; the token does not choose.
        let mut validation = self.validation.clone();
        validation.algorithms = vec![algorithm(&jwk)?];
        let key = DecodingKey::from_jwk(&jwk).map_err(|error| error.to_string())?;
        let decoded = decode::<Claims>(text, &key, &validation);
        let claims = decoded.map_err(|error| error.to_string())?.claims;
        check_request(&claims, request)?;
        Ok(claims)
    }

    async fn key(&self, kid: &str) -> Result<Jwk, String> {
        let mut known = self.known.lock().await;
        let wait = known.keys.find(kid).map_or(UNKNOWN, |_| KEPT);
        if known.fetched.is_none_or(|at| at.elapsed() > wait) {
            known.fetched = Some(Instant::now());
            let text = crate::fetch::get(&self.jwks).await?;
            known.keys = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
        }
        let key = known.keys.find(kid).cloned();
        key.ok_or_else(|| "an unknown key".to_owned())
    }
}

fn algorithm(key: &Jwk) -> Result<Algorithm, String> {
    match key.common.key_algorithm {
        Some(KeyAlgorithm::ES256) => Ok(Algorithm::ES256),
        Some(KeyAlgorithm::EdDSA) => Ok(Algorithm::EdDSA),
        other => Err(format!("a key for {other:?}")),
    }
}

/// An assertion is for one method, path and query, each exactly as it arrives.
fn check_request(claims: &Claims, request: &Parts) -> Result<(), String> {
    let query = request.uri.query().unwrap_or_default();
    let digest = URL_SAFE_NO_PAD.encode(digest(&SHA256, query.as_bytes()));
    if claims.method != request.method.as_str() {
        return Err("for another method".to_owned());
    }
    if claims.path != request.uri.path() {
        return Err("for another path".to_owned());
    }
    if claims.query_sha256 != digest {
        return Err("for another query".to_owned());
    }
    Ok(())
}
