//! A presented token becomes a [`Caller`], or a refusal.
//!
//! `Issuers::verify` proves the token (signature, issuer, audience or client, time, kind) and caches
//! what it proved; `Issuers::bind` maps its claims and holds issuer and client to the account and
//! workspace they are bound to (RULES 1-10).

mod caller;

pub use caller::{
    Caller, ContextSet, Notes, PlatformRole, Principal, PrincipalGrant, Proof, Scopes, Service,
    User,
};
