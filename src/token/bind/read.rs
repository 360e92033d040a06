//! Single claims become typed values. What decides must be well-formed; what only annotates is left
//! out when it is not.

use crate::token::caller::Scopes;
use crate::token::error::Error;
use crate::token::verified::Claims;
use serde_json::Value;
use std::sync::Arc;

/// The longest `sub`, in bytes (`OpenID` Connect Core, section 2).
const SUBJECT_BYTES_MAX: usize = 255;
/// The longest claim that is passed on, in bytes.
const NOTE_BYTES_MAX: usize = 128;
/// The longest mail address, in bytes (RFC 5321).
const EMAIL_BYTES_MAX: usize = 254;

/// The claim is of the wrong type or form.
pub(super) fn malformed(claim: &'static str) -> Error {
    Error::Claim {
        claim,
        problem: "is malformed",
    }
}

/// The claim is not there.
pub(super) fn missing(claim: &'static str) -> Error {
    Error::Claim {
        claim,
        problem: "is missing",
    }
}

/// A string claim. `None`: it is not there; anything else that is not a string is refused.
pub(super) fn string<'a>(
    claims: &'a Claims,
    pointer: Option<&String>,
    claim: &'static str,
) -> Result<Option<&'a str>, Error> {
    match claims.at(pointer) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(malformed(claim)),
    }
}

/// A claim that must be there and be an id.
pub(super) fn id<T, E>(
    claims: &Claims,
    pointer: Option<&String>,
    claim: &'static str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, Error> {
    let text = string(claims, pointer, claim)?.ok_or_else(|| missing(claim))?;
    parse(text).map_err(|_| malformed(claim))
}

/// `sub`: visible, bounded text.
pub(super) fn subject(claims: &Claims) -> Result<Arc<str>, Error> {
    match claims.registered("sub") {
        None => Err(missing("sub")),
        Some(Value::String(text)) if is_visible(text, SUBJECT_BYTES_MAX) => {
            Ok(text.as_str().into())
        }
        Some(_) => Err(malformed("sub")),
    }
}

/// The platform's scopes: one string separated by spaces, or a list of strings.
pub(super) fn scopes(claims: &Claims, pointer: Option<&String>) -> Result<Scopes, Error> {
    match claims.at(pointer) {
        None => Ok(Scopes::default()),
        Some(Value::String(text)) => Ok(Scopes::parse(text)),
        Some(Value::Array(names)) => names.iter().try_fold(Scopes::default(), |scopes, name| {
            let name = name.as_str().ok_or_else(|| malformed("scope"))?;
            Ok(scopes.with(name))
        }),
        Some(_) => Err(malformed("scope")),
    }
}

/// A claim that only annotates, if it can stand in a header.
pub(super) fn note(claims: &Claims, pointer: Option<&String>) -> Option<Arc<str>> {
    visible(claims.at(pointer), NOTE_BYTES_MAX)
}

/// A registered claim that is only recorded.
pub(super) fn registered_note(claims: &Claims, name: &str) -> Option<Arc<str>> {
    visible(claims.registered(name), NOTE_BYTES_MAX)
}

/// The mail address: policies may read it, so one that is malformed is not taken for none.
pub(super) fn email(claims: &Claims, pointer: Option<&String>) -> Result<Option<Arc<str>>, Error> {
    match claims.at(pointer) {
        None => Ok(None),
        found => visible(found, EMAIL_BYTES_MAX)
            .map(Some)
            .ok_or_else(|| malformed("email")),
    }
}

/// The person's global identity; an annotation, and an attribute for policies.
pub(super) fn principal_id(
    claims: &Claims,
    pointer: Option<&String>,
) -> Result<Option<Arc<str>>, Error> {
    match claims.at(pointer) {
        None => Ok(None),
        found => visible(found, NOTE_BYTES_MAX)
            .map(Some)
            .ok_or_else(|| malformed("principal")),
    }
}

/// A second factor: `true`, or a list of methods with `mfa` in it (RFC 8176). Absent is false.
pub(super) fn mfa(claims: &Claims, pointer: Option<&String>) -> bool {
    match claims.at(pointer) {
        Some(Value::Bool(verified)) => *verified,
        Some(Value::Array(methods)) => methods.iter().any(|method| method == "mfa"),
        Some(Value::Null | Value::Number(_) | Value::String(_) | Value::Object(_)) | None => false,
    }
}

fn visible(value: Option<&Value>, bytes_max: usize) -> Option<Arc<str>> {
    let text = value?.as_str()?;
    is_visible(text, bytes_max).then(|| text.into())
}

fn is_visible(text: &str, bytes_max: usize) -> bool {
    (1..=bytes_max).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}
