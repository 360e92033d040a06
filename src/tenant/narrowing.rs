//! What counts in a file that cannot be used as a whole: only that which makes it stricter.

use super::{Account, Member, NotBefore, Status, UserId, Workspace, WorkspaceId};
use aws_lc_rs::digest::{Context as Hasher, SHA256};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// What a file says of status and `not_before`, whatever else is wrong with it (RULES 35).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Narrowing {
    /// Of the account; `Active` narrows nothing.
    pub status: Status,
    /// Moments before which tokens are void.
    pub not_before: NotBefore,
    /// Of single workspaces.
    pub workspaces: HashMap<WorkspaceId, Status>,
    /// Of users that machine clients may act for.
    pub users: HashMap<(WorkspaceId, UserId), Status>,
}

impl Narrowing {
    /// All that a whole entry says of it.
    pub fn of(account: &Account) -> Self {
        let workspaces = account.workspaces.iter();
        Self {
            status: account.status,
            not_before: account.not_before.clone(),
            workspaces: workspaces
                .map(|workspace| (workspace.id.clone(), workspace.status))
                .collect(),
            users: account
                .workspaces
                .iter()
                .flat_map(|workspace| {
                    let users = workspace.users.iter().flatten();
                    users.map(|(id, user)| ((workspace.id.clone(), id.clone()), user.status))
                })
                .collect(),
        }
    }
}

impl Narrowing {
    /// As strict as both.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.status = self.status.max(other.status);
        self.not_before.account = self.not_before.account.max(other.not_before.account);
        for (user, moment) in other.not_before.users {
            let own = self.not_before.users.entry(user).or_insert(moment);
            *own = (*own).max(moment);
        }
        for (workspace, status) in other.workspaces {
            let own = self.workspaces.entry(workspace).or_insert(status);
            *own = (*own).max(status);
        }
        for (user, status) in other.users {
            let own = self.users.entry(user).or_insert(status);
            *own = (*own).max(status);
        }
        self
    }
}

impl Account {
    /// This entry, made as strict as `by`. It never becomes wider: the stricter status and the later
    /// moment win. `None`: it is as strict already.
    pub fn narrowed(&self, by: &Narrowing) -> Option<Self> {
        let mut not_before = self.not_before.clone();
        not_before.account = not_before.account.max(by.not_before.account);
        for (user, moment) in &by.not_before.users {
            let own = not_before.users.entry(user.clone()).or_insert(*moment);
            *own = (*own).max(*moment);
        }
        let workspaces = self.workspaces.iter().map(|workspace| {
            let status = by.workspaces.get(&workspace.id).copied();
            let status = status.unwrap_or(workspace.status).max(workspace.status);
            let users = narrowed_users(workspace, by);
            if status == workspace.status && users == workspace.users {
                return Arc::clone(workspace);
            }
            Arc::new(Workspace {
                status,
                users,
                ..Workspace::clone(workspace)
            })
        });
        let next = Self {
            status: self.status.max(by.status),
            workspaces: workspaces.collect(),
            not_before,
            ..self.clone()
        };
        (next != *self).then(|| Self {
            revision: revision(&next),
            ..next
        })
    }
}

fn narrowed_users(workspace: &Workspace, by: &Narrowing) -> Option<BTreeMap<UserId, Arc<Member>>> {
    let users = workspace.users.as_ref()?.iter().map(|(id, user)| {
        let status = by.users.get(&(workspace.id.clone(), id.clone())).copied();
        let user = match status.filter(|status| *status > user.status) {
            None => Arc::clone(user),
            Some(status) => Arc::new(Member {
                status,
                ..Member::clone(user)
            }),
        };
        (id.clone(), user)
    });
    Some(users.collect())
}

/// Of the entry that was narrowed and of what narrowed it: no other entry shares it.
fn revision(account: &Account) -> [u8; 32] {
    let mut hasher = Hasher::new(&SHA256);
    let mut part = |bytes: &[u8]| {
        hasher.update(&(bytes.len() as u64).to_be_bytes());
        hasher.update(bytes);
    };
    part(b"narrowed");
    part(&account.revision);
    part(account.status.label().as_bytes());
    part(format!("{:?}", account.not_before.account).as_bytes());
    let users: BTreeMap<_, _> = account.not_before.users.iter().collect();
    for (user, moment) in users {
        part(user.as_str().as_bytes());
        part(&moment.millis().to_be_bytes());
    }
    for workspace in &account.workspaces {
        part(workspace.id.as_str().as_bytes());
        part(workspace.status.label().as_bytes());
        for (id, user) in workspace.users.iter().flatten() {
            part(id.as_str().as_bytes());
            part(user.status.label().as_bytes());
        }
    }
    let digest = hasher.finish();
    digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
}

#[cfg(test)]
mod tests;
