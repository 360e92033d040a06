//! A person in one account and one workspace: all three ids stand in the token, or it is refused
//! (RULES 4).

use super::{Token, check_issuer, check_not_before, read, roles};
use crate::tenant::{AccountId, Directory, UserId, WorkspaceId};
use crate::token::caller::User;
use crate::token::error::Error;
use crate::token::fingerprint;

/// The person.
pub(super) fn user(token: &Token<'_>, directory: &Directory) -> Result<User, Error> {
    let (claims, issuer) = (token.claims, &token.verified.issuer);
    let mapping = &issuer.settings.mapping;
    let account = read::id(
        claims,
        mapping.account.as_ref(),
        "account",
        AccountId::parse,
    )?;
    let workspace = read::id(
        claims,
        mapping.workspace.as_ref(),
        "workspace",
        WorkspaceId::parse,
    )?;
    let user = read::id(claims, mapping.user.as_ref(), "user", UserId::parse)?;
    let Some(entry) = directory.account(&account) else {
        return Err(Error::IssuerBinding {
            issuer: issuer.name.to_string(),
            account,
        });
    };
    check_issuer(token, entry)?;
    if directory.workspace_of(&account, &workspace).is_none() {
        return Err(Error::Outside(account));
    }
    check_client(token, directory, &workspace)?;
    check_not_before(token.verified, entry, Some(&user))?;
    let (roles, groups) = roles::of(token, &account, &workspace)?;
    let mut user = User {
        subject: if issuer.settings.shares_user_ids {
            user.as_str().into()
        } else {
            token.foreign_subject()
        },
        account,
        workspace,
        user,
        principal_id: read::principal_id(claims, mapping.principal.as_ref())?,
        roles,
        groups,
        contexts: token.contexts(),
        scopes: token.scopes,
        scopeless: issuer.settings.scopeless,
        mfa: read::mfa(claims, mapping.mfa.as_ref()),
        email: read::email(claims, mapping.email.as_ref())?,
        notes: token.notes.clone(),
        proof: token.proof([0; 32]),
    };
    user.proof.fingerprint = fingerprint::of_user(&user);
    Ok(user)
}

/// People log in to a workspace through its own clients, never through another tenant's (RULES 5).
fn check_client(
    token: &Token<'_>,
    directory: &Directory,
    workspace: &WorkspaceId,
) -> Result<(), Error> {
    let bound = token.client.as_ref().is_some_and(|client| {
        let owner = directory.client(client);
        token.verified.issuer.lists_client(client)
            && owner.is_some_and(|owner| owner.id == *workspace)
    });
    bound.then_some(()).ok_or_else(|| Error::ClientBinding {
        client: token.client.clone(),
    })
}
