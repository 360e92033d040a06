//! What a token must say of itself, whoever it is for: a pure check of its registered claims.

use super::compact::Header;
use super::error::Error;
use super::issuer::Issuer;
use super::store::millis;
use super::verified::{Claims, Times};
use crate::clock::Timestamp;
use crate::tenant::ClientId;
use serde_json::Value;

/// Claims that only other kinds of token have: ID tokens bind hashes, logout and security tokens
/// carry events.
const FOREIGN: [(&str, &str); 3] = [
    ("at_hash", "`at_hash` is an ID token's"),
    ("c_hash", "`c_hash` is an ID token's"),
    ("events", "`events` is a security event's"),
];
/// Keycloak names the kind in a claim `typ`.
const FOREIGN_TYPES: [&str; 4] = ["ID", "Refresh", "Offline", "Logout"];

/// Holds the claims of a signed token against the issuer's settings.
pub(super) fn check(
    issuer: &Issuer,
    header: &Header,
    claims: &Claims,
    now: Timestamp,
) -> Result<Times, Error> {
    check_kind(issuer, header, claims)?;
    let times = Times {
        expires: date(claims, "exp")?.ok_or(Error::NoExpiry)?,
        not_before: date(claims, "nbf")?,
        issued: date(claims, "iat")?,
        authenticated: date(claims, "auth_time")?,
    };
    times.check(now, millis(issuer.settings.leeway))?;
    check_audience(issuer, claims)?;
    if claims.registered("cnf").is_some() {
        return Err(Error::KeyBound);
    }
    Ok(times)
}

/// Only an access token opens anything: ID and refresh tokens of one issuer bear the same signature.
fn check_kind(issuer: &Issuer, header: &Header, claims: &Claims) -> Result<(), Error> {
    if !issuer.accepts_type(header.typ.as_deref()) {
        return Err(Error::Kind(
            "`typ` is not one that the issuer's entry lists",
        ));
    }
    if let Some((_, complaint)) = FOREIGN
        .iter()
        .find(|(name, _)| claims.registered(name).is_some())
    {
        return Err(Error::Kind(complaint));
    }
    let named = claims.registered("typ").and_then(Value::as_str);
    if named.is_some_and(|named| FOREIGN_TYPES.contains(&named)) {
        return Err(Error::Kind("the claim `typ` names another kind"));
    }
    let token_use = claims.registered("token_use");
    match (&issuer.settings.token_use, token_use) {
        (None, None) => Ok(()),
        (None, Some(Value::String(found))) if found == "access" => Ok(()),
        (Some(wanted), Some(Value::String(found))) if wanted == found => Ok(()),
        _ => Err(Error::Kind("`token_use` is not an access token's")),
    }
}

fn check_audience(issuer: &Issuer, claims: &Claims) -> Result<(), Error> {
    let audiences: Vec<&str> = match claims.registered("aud") {
        None => Vec::new(),
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(many)) => many
            .iter()
            .map(|one| one.as_str().ok_or(Error::Audience))
            .collect::<Result<_, _>>()?,
        Some(_) => return Err(Error::Audience),
    };
    let wanted = &issuer.settings.audiences;
    if !wanted.is_empty() && !wanted.iter().any(|one| audiences.contains(&one.as_str())) {
        return Err(Error::Audience);
    }
    match client(issuer, claims)? {
        Some(client) if issuer.lists_client(&client) || issuer.is_portal_client(&client) => Ok(()),
        // The audience says that the token is ours; whom its client belongs to, binding asks.
        Some(_) | None if !wanted.is_empty() => Ok(()),
        Some(_) | None => Err(Error::Client),
    }
}

/// The token's client, if it names one.
pub(super) fn client(issuer: &Issuer, claims: &Claims) -> Result<Option<ClientId>, Error> {
    let bad = Error::Claim {
        claim: "client",
        problem: "is not a client id",
    };
    match claims.at(issuer.settings.mapping.client.as_ref()) {
        None => Ok(None),
        Some(Value::String(text)) => ClientId::parse(text).map(Some).map_err(|_| bad),
        Some(_) => Err(bad),
    }
}

/// A `NumericDate` (RFC 7519, section 2): whole seconds, or a fraction of them.
fn date(claims: &Claims, name: &'static str) -> Result<Option<Timestamp>, Error> {
    let Some(value) = claims.registered(name) else {
        return Ok(None);
    };
    let Value::Number(number) = value else {
        return Err(Error::ClaimType(name));
    };
    if let Some(secs) = number.as_i64() {
        return Ok(Some(Timestamp::from_secs(secs)));
    }
    let secs = number.as_f64().ok_or(Error::ClaimType(name))?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a float becomes the nearest integer there is: the far future stays there"
    )]
    let millis = (secs * 1000.0).floor() as i64;
    Ok(Some(Timestamp(millis)))
}
