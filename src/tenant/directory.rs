//! The directory of tenants: who exists, and which client belongs to which workspace.

use super::{Account, AccountId, Candidate, ClientId, MachineClient, Workspace, WorkspaceId};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Names that an account may not have: they mean something else in metrics and policy ids (RULES 36).
const RESERVED_ACCOUNTS: [&str; 2] = ["other", "platform"];

/// All accounts, indexed by every id a request can carry.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    accounts: HashMap<AccountId, Arc<Account>>,
    workspaces: HashMap<WorkspaceId, Arc<Workspace>>,
    clients: HashMap<ClientId, Arc<Workspace>>,
    machine_clients: HashMap<ClientId, (Arc<Workspace>, MachineClient)>,
}

/// An entry that was left out, because it claims what another one has (RULES 36).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Clash {
    /// Two entries for one account.
    #[error("account `{0}` is described twice")]
    Account(AccountId),
    /// The account's name means something else.
    #[error("account `{0}` has a reserved name")]
    Reserved(AccountId),
    /// A workspace id of another account.
    #[error("workspace `{workspace}` of account `{newcomer}` belongs to account `{owner}` already")]
    Workspace {
        /// The doubled id.
        workspace: WorkspaceId,
        /// Who has it.
        owner: AccountId,
        /// Who claims it too, and was left out.
        newcomer: AccountId,
    },
    /// A client of another workspace, or listed as both a user and a machine client.
    #[error("client `{client}` of account `{newcomer}` belongs to workspace `{owner}` already")]
    Client {
        /// The doubled id.
        client: ClientId,
        /// Who has it.
        owner: WorkspaceId,
        /// Who claims it too, and was left out.
        newcomer: AccountId,
    },
}

impl Clash {
    /// Whose entry is not used.
    pub fn newcomer(&self) -> &AccountId {
        match self {
            Self::Account(id) | Self::Reserved(id) => id,
            Self::Workspace { newcomer, .. } | Self::Client { newcomer, .. } => newcomer,
        }
    }
}

impl Directory {
    /// Indexes `accounts` in their order. An account that clashes with an earlier one is left out
    /// whole and reported: it is the newcomer that loses, never the one that is served.
    pub fn build(accounts: Vec<Account>) -> (Self, Vec<Clash>) {
        let candidates = accounts.into_iter().map(|account| Candidate {
            account: Arc::new(account),
            fallback: None,
        });
        Self::succeed(&Self::default(), candidates.collect())
    }

    /// The account of that id.
    pub fn account(&self, id: &AccountId) -> Option<&Arc<Account>> {
        self.accounts.get(id)
    }

    /// The workspace of that id, whichever account it belongs to.
    pub fn workspace(&self, id: &WorkspaceId) -> Option<&Arc<Workspace>> {
        self.workspaces.get(id)
    }

    /// The workspace of that id, if it is that account's.
    pub fn workspace_of(&self, account: &AccountId, id: &WorkspaceId) -> Option<&Arc<Workspace>> {
        let workspace = self.workspace(id);
        workspace.filter(|workspace| workspace.account == *account)
    }

    /// The workspace whose users log in through that client.
    pub fn client(&self, id: &ClientId) -> Option<&Arc<Workspace>> {
        self.clients.get(id)
    }

    /// The workspace and entry of that machine client.
    pub fn machine_client(&self, id: &ClientId) -> Option<(&Arc<Workspace>, &MachineClient)> {
        self.machine_clients
            .get(id)
            .map(|(workspace, client)| (workspace, client))
    }

    /// All accounts, in no order.
    pub fn accounts(&self) -> impl Iterator<Item = &Arc<Account>> {
        self.accounts.values()
    }

    pub(super) fn clash_of(&self, account: &Account) -> Option<Clash> {
        if self.accounts.contains_key(&account.id) {
            return Some(Clash::Account(account.id.clone()));
        }
        if RESERVED_ACCOUNTS.contains(&account.id.as_str()) {
            return Some(Clash::Reserved(account.id.clone()));
        }
        let mut own: HashMap<&ClientId, &WorkspaceId> = HashMap::new();
        let mut named: HashSet<&WorkspaceId> = HashSet::new();
        for workspace in &account.workspaces {
            let owner = self
                .workspaces
                .get(&workspace.id)
                .map(|owner| &owner.account);
            let twice = (!named.insert(&workspace.id)).then_some(&account.id);
            if let Some(owner) = owner.or(twice) {
                return Some(Clash::Workspace {
                    workspace: workspace.id.clone(),
                    owner: owner.clone(),
                    newcomer: account.id.clone(),
                });
            }
            for client in workspace.client_ids() {
                let owner = self.owner_of(client).or_else(|| own.get(client).copied());
                if let Some(owner) = owner {
                    return Some(Clash::Client {
                        client: client.clone(),
                        owner: owner.clone(),
                        newcomer: account.id.clone(),
                    });
                }
                own.insert(client, &workspace.id);
            }
        }
        None
    }

    pub(super) fn owner_of(&self, client: &ClientId) -> Option<&WorkspaceId> {
        let users = self.clients.get(client).map(|workspace| &workspace.id);
        users.or_else(|| {
            self.machine_clients
                .get(client)
                .map(|(workspace, _)| &workspace.id)
        })
    }

    /// The same, with none but these accounts.
    pub(super) fn only(&self, accounts: &HashSet<AccountId>) -> Self {
        let mut next = if accounts.is_empty() {
            Self::default()
        } else {
            self.clone()
        };
        let gone = self.accounts.values();
        for account in gone.filter(|one| !accounts.contains(&one.id)) {
            next.remove(account);
        }
        next
    }

    pub(super) fn remove(&mut self, account: &Account) {
        self.accounts.remove(&account.id);
        for workspace in &account.workspaces {
            self.workspaces.remove(&workspace.id);
            for client in workspace.client_ids() {
                self.clients.remove(client);
                self.machine_clients.remove(client);
            }
        }
    }

    pub(super) fn insert(&mut self, account: Arc<Account>) {
        for workspace in &account.workspaces {
            self.workspaces
                .insert(workspace.id.clone(), Arc::clone(workspace));
            for client in &workspace.clients {
                self.clients.insert(client.clone(), Arc::clone(workspace));
            }
            for client in &workspace.machine_clients {
                let entry = (Arc::clone(workspace), client.clone());
                self.machine_clients.insert(client.id.clone(), entry);
            }
        }
        self.accounts.insert(account.id.clone(), account);
    }
}
