//! From one directory to the next: whoever had an id keeps it (RULES 36).

use super::{Account, AccountId, Clash, Directory};
use std::collections::HashMap;
use std::sync::Arc;

/// An entry of the next directory.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// What its file says now.
    pub account: Arc<Account>,
    /// What serves in its place if it clashes: the entry that served until now.
    pub fallback: Option<Arc<Account>>,
}

impl Directory {
    /// The directory after `former`. An id belongs to whoever had it there and still claims it; an
    /// account that claims another's is held to its fallback, or left out, and reported. Among new
    /// ids, an account that serves already goes before one that does not.
    pub fn succeed(former: &Self, mut candidates: Vec<Candidate>) -> (Self, Vec<Clash>) {
        candidates.sort_by_key(|one| former.account(&one.account.id).is_none());
        let mut clashes = Vec::new();
        loop {
            let claims = Claims::new(former, &candidates);
            let (mut next, mut kept, mut again) = (Self::default(), Vec::new(), false);
            for candidate in candidates {
                let account = &candidate.account;
                let clash = claims.contested(account);
                let Some(clash) = clash.or_else(|| next.clash_of(account)) else {
                    next.insert(Arc::clone(account));
                    kept.push(candidate);
                    continue;
                };
                clashes.push(clash);
                if let Some(account) = candidate.fallback {
                    again = true;
                    kept.push(Candidate {
                        account,
                        fallback: None,
                    });
                }
            }
            if !again {
                return (next, clashes);
            }
            // What falls back claims its former ids again: everybody is held against them anew.
            // Each round has a fallback less, so there is a last one.
            candidates = kept;
        }
    }

    /// The same directory with some entries narrowed. `None`: none of them changes.
    pub fn narrowed(&self, by: &HashMap<AccountId, super::Narrowing>) -> Option<Self> {
        let narrowed = by
            .iter()
            .filter_map(|(id, by)| self.account(id)?.narrowed(by));
        let narrowed: Vec<Account> = narrowed.collect();
        if narrowed.is_empty() {
            return None;
        }
        let mut next = self.clone();
        for account in narrowed {
            // It has the ids that it had: what stood under them is replaced.
            next.insert(Arc::new(account));
        }
        Some(next)
    }
}

/// Who had an id, and who claims one now.
struct Claims<'a> {
    former: &'a Directory,
    now: HashMap<AccountId, Arc<Account>>,
}

impl<'a> Claims<'a> {
    fn new(former: &'a Directory, candidates: &[Candidate]) -> Self {
        let now = candidates.iter().map(|one| &one.account);
        Self {
            former,
            now: now
                .map(|account| (account.id.clone(), Arc::clone(account)))
                .collect(),
        }
    }

    /// The first id of `account` that another account had and has not given up.
    fn contested(&self, account: &Account) -> Option<Clash> {
        for workspace in &account.workspaces {
            let had = self.former.workspace(&workspace.id);
            let owner = had.map(|had| &had.account).filter(|id| **id != account.id);
            let owner = owner.and_then(|id| self.now.get(id));
            if let Some(owner) = owner.filter(|owner| owner.workspace(&workspace.id).is_some()) {
                return Some(Clash::Workspace {
                    workspace: workspace.id.clone(),
                    owner: owner.id.clone(),
                    newcomer: account.id.clone(),
                });
            }
            for client in workspace.client_ids() {
                let Some(had) = self.former.owner_of(client) else {
                    continue;
                };
                let owner = self.former.workspace(had).map(|had| &had.account);
                let owner = owner.filter(|id| **id != account.id);
                let owner = owner.and_then(|id| self.now.get(id));
                let claims = |owner: &&Arc<Account>| {
                    let mut workspaces = owner.workspaces.iter();
                    workspaces.any(|own| own.client_ids().any(|id| id == client))
                };
                if owner.as_ref().is_some_and(claims) {
                    return Some(Clash::Client {
                        client: client.clone(),
                        owner: had.clone(),
                        newcomer: account.id.clone(),
                    });
                }
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;
