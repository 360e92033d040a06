//! A machine client: account and workspace come from the directory, by its client id (RULES 4).

use super::read::string;
use super::{Token, check_issuer, check_not_before};
use crate::tenant::{Directory, MachineClient, Workspace};
use crate::token::caller::Service;
use crate::token::error::Error;
use crate::token::fingerprint;
use std::sync::Arc;

/// The directory's entry of the token's client, if the token is a machine's own: it names no person
/// in any form. A person's token is never completed from the directory.
pub(super) fn entry<'d>(
    token: &Token<'_>,
    directory: &'d Directory,
) -> Option<(&'d Arc<Workspace>, &'d MachineClient)> {
    let mapping = &token.verified.issuer.settings.mapping;
    let names_a_person = [&mapping.username, &mapping.user]
        .into_iter()
        .any(|pointer| token.claims.at(pointer.as_ref()).is_some());
    if names_a_person {
        return None;
    }
    directory.machine_client(token.client.as_ref()?)
}

/// The machine client.
pub(super) fn service(
    token: &Token<'_>,
    directory: &Directory,
    (workspace, client): (&Arc<Workspace>, &MachineClient),
) -> Result<Service, Error> {
    let account = directory
        .account(&workspace.account)
        .ok_or_else(|| Error::Outside(workspace.account.clone()))?;
    check_issuer(token, account)?;
    let settings = &token.verified.issuer.settings;
    if !token.verified.issuer.lists_client(&client.id) {
        return Err(Error::ClientBinding {
            client: Some(client.id.clone()),
        });
    }
    // Where the token names a tenant too, both must say the same.
    for (claim, pointer, expected) in [
        ("account", &settings.mapping.account, account.id.as_str()),
        (
            "workspace",
            &settings.mapping.workspace,
            workspace.id.as_str(),
        ),
    ] {
        if string(token.claims, pointer.as_ref(), claim)?.is_some_and(|named| named != expected) {
            return Err(Error::ClientBinding {
                client: Some(client.id.clone()),
            });
        }
    }
    check_not_before(token.verified, account, None)?;
    let mut service = Service {
        account: account.id.clone(),
        workspace: workspace.id.clone(),
        client: client.id.clone(),
        role: client.role,
        contexts: token.contexts(),
        scopes: token.scopes,
        scopeless: settings.scopeless,
        notes: token.notes.clone(),
        proof: token.proof([0; 32]),
    };
    service.proof.fingerprint = fingerprint::of_service(&service);
    Ok(service)
}
