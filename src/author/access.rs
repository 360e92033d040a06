//! Who may do what: of an operation, of a caller, and of a whole account.
//!
//! Nothing here decides. Everybody who can be (`cast`) asks for everything there is (`sample`), and the
//! code that serves answers (`office`). What an answer leaves open, because a sample stands for other
//! requests too, is told and not guessed (`open`, `maybe`).

mod cast;
mod error;
mod maybe;
mod office;
mod open;
mod review;
mod sample;
mod sheet;
mod usage;
mod what;
mod who;

pub use error::Error;
pub use office::{Answer, Material, May};
pub use review::{Holder, Permission, Review, review};
pub use sheet::Sheet;
pub use usage::{Last, Log, Seen, Use};
pub use what::{WhatCan, Whom, what_can};
pub use who::{Wanted, WhoCan, who_can};

use crate::fault::nearest;
use crate::tenant::{Account, AccountId, Directory, Workspace, WorkspaceId};
use std::sync::Arc;

/// The most questions of one command.
const QUESTIONS_MAX: usize = 200_000;

fn account<'d>(directory: &'d Directory, name: &str) -> Result<&'d Arc<Account>, Error> {
    let id = AccountId::parse(name).ok();
    let found = id.and_then(|id| directory.account(&id));
    found.ok_or_else(|| {
        let known = directory.accounts().map(|account| account.id.as_str());
        Error::unknown("account", name, nearest(name, known))
    })
}

fn workspace<'d>(directory: &'d Directory, name: &str) -> Result<&'d Arc<Workspace>, Error> {
    let id = WorkspaceId::parse(name).ok();
    let found = id.and_then(|id| directory.workspace(&id));
    found.ok_or_else(|| {
        let all = directory.accounts().flat_map(|account| &account.workspaces);
        let known = all.map(|workspace| workspace.id.as_str());
        Error::unknown("workspace", name, nearest(name, known))
    })
}

/// The account of a workspace, and those whose catalogs it may read: their policies are asked too.
fn asked_of(workspace: &Workspace, directory: &Directory) -> Vec<AccountId> {
    let catalogs = workspace.catalogs.iter();
    let owners = catalogs.filter_map(|id| directory.workspace(id));
    let owners = owners.map(|catalog| catalog.account.clone());
    std::iter::once(workspace.account.clone())
        .chain(owners)
        .collect()
}

fn not_too_many(questions: usize) -> Result<(), Error> {
    if questions > QUESTIONS_MAX {
        return Err(Error::TooMany(questions, QUESTIONS_MAX));
    }
    Ok(())
}
