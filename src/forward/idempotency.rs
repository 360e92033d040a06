//! Idempotency keys become the caller's own, so that two tenants that choose the same key never share
//! an answer (RULES 46).

use super::said::Said;
use crate::decision::Permit;
use crate::head::folds_to;
use crate::token::Caller;
use aws_lc_rs::digest::{SHA256, digest};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use std::fmt::Write as _;

/// The headers that carry keys: what services have long used, and the IETF's own.
const NAMES: [&str; 2] = ["idempotency-key", "x-idempotency-key"];

/// The longest key, in bytes.
const KEY_BYTES_MAX: usize = 255;

/// Why a key is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("`{0}` stands twice, or in another spelling")]
    Doubled(&'static str),
    #[error("`{0}` is not 1 to {KEY_BYTES_MAX} visible ASCII characters")]
    Key(&'static str),
}

/// Puts, in place of each key, a digest of account, workspace, caller and key: the same for every
/// retry of one caller. What is absent stays absent.
pub(super) fn rewrite(headers: &mut HeaderMap, permit: &Permit) -> Result<(), Error> {
    for name in NAMES {
        if let Some(key) = only(headers, name)? {
            headers.insert(HeaderName::from_static(name), own(&key, permit));
        }
    }
    Ok(())
}

/// The one key under that name. Names are compared folded: a server that reads `_` as `-` would
/// otherwise take a key that was never looked at.
fn only(headers: &HeaderMap, name: &'static str) -> Result<Option<String>, Error> {
    let mut found = headers
        .iter()
        .filter(|(key, _)| folds_to(key.as_str(), name));
    let Some((key, value)) = found.next() else {
        return Ok(None);
    };
    if found.next().is_some() || key.as_str() != name {
        return Err(Error::Doubled(name));
    }
    let text = value.to_str().map_err(|_| Error::Key(name))?;
    let fits = (1..=KEY_BYTES_MAX).contains(&text.len());
    fits.then(|| Some(text.to_owned())).ok_or(Error::Key(name))
}

/// The digest in hexadecimal; in quotes where the key was, as structured fields want it.
fn own(key: &str, permit: &Permit) -> HeaderValue {
    let text = spelt(permit, key);
    let mut own = String::with_capacity(66);
    let quote = if key.starts_with('"') { "\"" } else { "" };
    own.push_str(quote);
    for byte in digest(&SHA256, text.as_bytes()).as_ref() {
        // Writing to a `String` cannot fail.
        let _ = write!(own, "{byte:02x}");
    }
    own.push_str(quote);
    HeaderValue::try_from(own).expect("hexadecimal digits and quotes are a header value")
}

/// What the digest is over: a JSON array, so that no two lists have one text.
fn spelt(permit: &Permit, key: &str) -> String {
    let caller = &**permit.caller();
    let said = Said::of(permit).unwrap_or_default();
    let who = match caller {
        Caller::Anonymous => None,
        Caller::User(user) => Some(&*user.subject),
        Caller::Service(service) => Some(service.client.as_str()),
        Caller::Principal(principal) => Some(&*principal.subject),
    };
    let parts = (
        said.account,
        said.workspace,
        caller.kind(),
        who,
        said.user,
        key,
    );
    serde_json::json!(parts).to_string()
}

/// Whether a field of that folded name may be read as a key.
pub(super) fn is_key(folded: &str) -> bool {
    NAMES.contains(&folded)
}
