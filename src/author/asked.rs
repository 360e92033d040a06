//! What somebody writes of a request becomes what would arrive: for explanations and tests alike.

use crate::clock::Timestamp;
use crate::gate::Identity;
use crate::token::{Error, Issuers, PlatformRole, Verified};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use std::sync::Arc;

/// What is written is no request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misread {
    /// No method and target.
    #[error("`{0}` is not a request; write it like `GET /app/v1/missions?workspaceId=x`")]
    Request(String),
    /// No field.
    #[error("`{0}` is not a header; write it like `x-workspace-id: acme-prod`")]
    Header(String),
    /// No field's value.
    #[error("the token is not one line")]
    Token,
    /// No request has so many.
    #[error("there are more headers than a request can have")]
    Headers,
}

/// Method and target, as in `GET /app/v1/missions?workspaceId=x`; without a method, GET.
pub fn request(line: &str) -> Result<Parts, Misread> {
    let (method, target) = match line.trim().split_once(' ') {
        Some((method, target)) => (method, target.trim()),
        None => ("GET", line.trim()),
    };
    let built = http::Request::builder().method(method).uri(target).body(());
    match built {
        Ok(request) if target.starts_with('/') => Ok(request.into_parts().0),
        _ => Err(Misread::Request(line.to_owned())),
    }
}

/// A field, as in `x-workspace-id: acme-prod`.
pub fn field(line: &str) -> Result<(HeaderName, HeaderValue), Misread> {
    let wrong = || Misread::Header(line.to_owned());
    let (name, value) = line.split_once(':').ok_or_else(wrong)?;
    named_field(name, value).map_err(|_| wrong())
}

/// A field whose name and value stand apart.
pub fn named_field(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), Misread> {
    let read = || {
        let name = HeaderName::from_bytes(name.trim().as_bytes()).ok()?;
        let value = HeaderValue::from_str(value.trim()).ok()?;
        Some((name, value))
    };
    read().ok_or_else(|| Misread::Header(format!("{name}: {value}")))
}

/// Adds a field; a map of these has an end.
pub fn append(
    headers: &mut HeaderMap,
    name: HeaderName,
    value: HeaderValue,
) -> Result<(), Misread> {
    let added = headers.try_append(name, value);
    added.map(|_| ()).map_err(|_| Misread::Headers)
}

/// Names a host where the request names none: the first that is served.
pub fn name_host(headers: &mut HeaderMap, served: Option<&str>) {
    if !headers.contains_key(header::HOST) {
        let value = HeaderValue::from_str(served.unwrap_or("localhost")).ok();
        headers.extend(value.map(|value| (header::HOST, value)));
    }
}

/// The field that carries a token.
pub fn bearer(token: &str) -> Result<(HeaderName, HeaderValue), Misread> {
    let value = HeaderValue::from_str(&format!("Bearer {token}"));
    Ok((header::AUTHORIZATION, value.map_err(|_| Misread::Token)?))
}

/// What claims would prove if the issuer that they name had signed them.
pub fn on_trust(issuers: &Issuers, claims: &str, now: Timestamp) -> Identity {
    found(issuers.assume_claims(claims, now))
}

/// The same, if the issuer's entry gave a Principal these roles too.
pub fn with_roles(
    issuers: &Issuers,
    claims: &str,
    roles: &[PlatformRole],
    now: Timestamp,
) -> Identity {
    found(issuers.assume_claims_with(claims, roles, now))
}

/// What a token would prove if its signature were good. Nobody looks at it.
pub fn look(issuers: &Issuers, token: &str, now: Timestamp) -> Result<Arc<Verified>, Error> {
    issuers.assume_signed(token, now)
}

/// What the token step found.
pub fn found(verified: Result<Arc<Verified>, Error>) -> Identity {
    match verified {
        Ok(verified) => Identity::Verified(verified),
        Err(error) => Identity::Refused(error),
    }
}
