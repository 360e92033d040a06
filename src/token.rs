//! A presented token becomes a [`Caller`], or a refusal.
//!
//! [`Issuers::verify`] proves the token (signature, issuer, audience or client, time, kind) and
//! caches what it proved; [`Issuers::bind`] maps its claims and holds issuer and client to the account
//! and workspace they are bound to (RULES 1-10). [`keep_fresh`] fetches the issuers' keys.

mod algorithm;
mod assume;
mod bind;
mod caller;
mod check;
mod compact;
mod error;
mod fingerprint;
mod issuer;
mod issuers;
mod jwks;
mod refresh;
mod revocations;
mod roca;
mod schedule;
mod settings;
mod source;
mod store;
mod verified;
mod verify;

#[cfg(test)]
mod tests;

pub use algorithm::Algorithm;
pub use caller::{
    Caller, ContextSet, Notes, PlatformRole, Principal, PrincipalGrant, Proof, Scopes, Service,
    User,
};
pub use check::review;
pub use error::Error;
pub use issuer::ASSERTION_TYPE;
pub use issuers::{Issuers, TOKEN_ENTRIES};
pub use jwks::{BadJwks, JWKS_BYTES_MAX, Jwks};
pub use refresh::{IssuerStatus, keep_fresh};
pub use revocations::{Revocations, Revoked};
pub use settings::{Binding, ClaimMapping, IssuerSettings, KeySource, Preset, PrincipalEntry};
pub use verified::Verified;
