//! From one directory to the next: whoever had an id keeps it (RULES 36).

use super::{Account, AccountId, Clash, ClientId, Directory, WorkspaceId};
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
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
    pub fn succeed(former: &Self, candidates: Vec<Candidate>) -> (Self, Vec<Clash>) {
        let serves = |one: &Candidate| former.account(&one.account.id);
        // Who is as before keeps what it had: nobody else can claim that, and nothing is to be done.
        let mut stable: HashSet<AccountId> = HashSet::new();
        let mut candidates = candidates;
        candidates.retain(|one| {
            let same = serves(one).is_some_and(|own| Arc::ptr_eq(own, &one.account));
            !same || !stable.insert(one.account.id.clone())
        });
        candidates.sort_by_key(|one| serves(one).is_none());
        let mut clashes = Vec::new();
        loop {
            let mut next = former.only(&stable);
            let (mut kept, mut again) = (Vec::new(), false);
            let found = Claims::new(former, &candidates).settle(&candidates, &mut next);
            for (candidate, clash) in candidates.into_iter().zip(found) {
                let Some(clash) = clash else {
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

    /// The directory after this one in which nothing changes but `account`, which is new or follows its
    /// former self: what [`Self::succeed`] comes to. `None`: it claims what another one has.
    pub fn with(&self, account: Arc<Account>) -> Option<Self> {
        let mut next = self.clone();
        if let Some(former) = self.account(&account.id) {
            next.remove(former);
        }
        next.clash_of(&account).is_none().then(|| {
            next.insert(account);
            next
        })
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
    now: HashMap<&'a AccountId, &'a Arc<Account>>,
    /// Of accounts whose former ids are claimed by others, made when the first one is.
    ids: RefCell<HashMap<&'a AccountId, Rc<Ids<'a>>>>,
}

/// The ids that one account claims.
struct Ids<'a> {
    workspaces: HashSet<&'a WorkspaceId>,
    clients: HashSet<&'a ClientId>,
}

impl<'a> Claims<'a> {
    fn new(former: &'a Directory, candidates: &'a [Candidate]) -> Self {
        let now = candidates.iter().map(|one| &one.account);
        Self {
            former,
            now: now.map(|account| (&account.id, account)).collect(),
            ids: RefCell::default(),
        }
    }

    /// Gives `next` every candidate that claims nobody else's ids; what the others clash with.
    fn settle(&self, candidates: &[Candidate], next: &mut Directory) -> Vec<Option<Clash>> {
        let each = candidates.iter().map(|candidate| {
            let account = &candidate.account;
            let clash = self.contested(account).or_else(|| next.clash_of(account));
            if clash.is_none() {
                next.insert(Arc::clone(account));
            }
            clash
        });
        each.collect()
    }

    /// The first id of `account` that another account had and has not given up.
    fn contested(&self, account: &Account) -> Option<Clash> {
        for workspace in &account.workspaces {
            let had = self.former.workspace(&workspace.id);
            let owner = had.map(|had| &had.account).filter(|id| **id != account.id);
            let owner = owner.and_then(|id| self.ids(id));
            if let Some((owner, _)) =
                owner.filter(|(_, ids)| ids.workspaces.contains(&workspace.id))
            {
                return Some(Clash::Workspace {
                    workspace: workspace.id.clone(),
                    owner: owner.clone(),
                    newcomer: account.id.clone(),
                });
            }
            for client in workspace.client_ids() {
                let Some(had) = self.former.owner_of(client) else {
                    continue;
                };
                let owner = self.former.workspace(had).map(|had| &had.account);
                let owner = owner.filter(|id| **id != account.id);
                let owner = owner.and_then(|id| self.ids(id));
                if owner.is_some_and(|(_, ids)| ids.clients.contains(client)) {
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

    /// An account that is there now, and what it claims.
    fn ids(&self, account: &AccountId) -> Option<(&'a AccountId, Rc<Ids<'a>>)> {
        let (&id, &account) = self.now.get_key_value(account)?;
        let mut ids = self.ids.borrow_mut();
        let ids = ids.entry(id).or_insert_with(|| Rc::new(Ids::of(account)));
        Some((id, Rc::clone(ids)))
    }
}

impl<'a> Ids<'a> {
    fn of(account: &'a Account) -> Self {
        let workspaces = || account.workspaces.iter();
        Self {
            workspaces: workspaces().map(|own| &own.id).collect(),
            clients: workspaces().flat_map(|own| own.client_ids()).collect(),
        }
    }
}

#[cfg(test)]
mod tests;
