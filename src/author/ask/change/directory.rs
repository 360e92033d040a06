//! What the directory is supposed to say of the caller's own workspace.

use super::{Cannot, Change, Key, unknown};
use crate::author::ask::World;
use crate::tenant::{Account, AccountId, Workspace, WorkspaceId, WorkspaceRole};
use crate::token::{Caller, Service};
use std::sync::Arc;

/// Another plan, type or set of features.
pub(super) fn tenant(
    world: &mut World,
    caller: Option<&Caller>,
    change: &Change,
) -> Result<(), Cannot> {
    let place = caller.and_then(|caller| Some((caller.account()?, caller.workspace()?)));
    let (account, workspace) =
        place.ok_or_else(|| Cannot::new("the caller belongs to no workspace"))?;
    let value = change.value.clone();
    replace(world, (account, workspace), |workspace| {
        match change.key {
            Key::Plan => workspace.plan = Some(value),
            Key::Kind => workspace.kind = value,
            _ => {
                let names = value.split(',').map(str::trim);
                let names = names.filter(|name| !name.is_empty());
                workspace.features = names.map(str::to_owned).collect();
            }
        }
        Ok(())
    })
}

/// Another role of a machine client.
pub(super) fn machine_role(world: &mut World, service: &Service, name: &str) -> Result<(), Cannot> {
    let known = WorkspaceRole::ALL.map(WorkspaceRole::label);
    let role = WorkspaceRole::parse(name).ok_or_else(|| unknown("role", name, &known))?;
    let place = (&service.account, &service.workspace);
    replace(world, place, |workspace| {
        let mut clients = workspace.machine_clients.iter_mut();
        let client = clients.find(|client| client.id == service.client);
        let client = client.ok_or_else(|| Cannot::new("the directory knows no such client"))?;
        client.role = Some(role);
        Ok(())
    })
}

fn replace(
    world: &mut World,
    (account, workspace): (&AccountId, &WorkspaceId),
    change: impl FnOnce(&mut Workspace) -> Result<(), Cannot>,
) -> Result<(), Cannot> {
    let directory = &world.generation.rules.directory;
    let gone = || Cannot::new("the directory knows no such workspace");
    let known = directory.account(account).ok_or_else(gone)?;
    let mut next = Account::clone(known);
    let mut all = next.workspaces.iter_mut();
    let slot = all.find(|one| one.id == *workspace).ok_or_else(gone)?;
    let mut changed = Workspace::clone(slot);
    change(&mut changed)?;
    *slot = Arc::new(changed);
    let next = directory.with(Arc::new(next)).ok_or_else(gone)?;
    world.generation.rules.directory = Arc::new(next);
    Ok(())
}
