//! Someone of the platform: only from an issuer and a client that are configured for it (RULES 3).

use super::Token;
use super::read;
use crate::operation::ApiContext;
use crate::token::caller::Principal;
use crate::token::error::Error;
use crate::token::fingerprint;

/// Whether the token claims to be a Principal's, by the three signs that count. `principalId` is
/// none of them: every user has one.
pub(super) fn means(token: &Token<'_>) -> bool {
    let by_client = token
        .client
        .as_ref()
        .is_some_and(|client| token.verified.issuer.is_portal_client(client));
    // The claim itself, never the issuer's default.
    by_client && token.context == Some(ApiContext::Portal)
}

/// The Principal. Whoever has an account is not one, in whatever form the claim stands.
pub(super) fn principal(token: &Token<'_>) -> Result<Principal, Error> {
    let settings = &token.verified.issuer.settings;
    let mapping = &settings.mapping;
    for (claim, pointer) in [
        ("account", &mapping.account),
        ("workspace", &mapping.workspace),
        ("user", &mapping.user),
    ] {
        if token.claims.at(pointer.as_ref()).is_some() {
            return Err(Error::Claim {
                claim,
                problem: "stands in a Principal's token",
            });
        }
    }
    let entry = settings
        .principals
        .iter()
        .find(|entry| *entry.who == *token.subject);
    let mut principal = Principal {
        subject: token.foreign_subject(),
        principal_id: read::principal_id(token.claims, mapping.principal.as_ref())?,
        roles: entry.map(|entry| entry.roles.clone()).unwrap_or_default(),
        grant: entry.map(|entry| entry.grant.clone()).unwrap_or_default(),
        mfa: read::mfa(token.claims, mapping.mfa.as_ref()),
        email: read::email(token.claims, mapping.email.as_ref())?,
        notes: token.notes.clone(),
        proof: token.proof([0; 32]),
    };
    principal.roles.sort_unstable();
    principal.roles.dedup();
    principal.proof.fingerprint = fingerprint::of_principal(&principal);
    Ok(principal)
}
