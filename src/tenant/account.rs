//! One entry of the tenant directory.

use super::{AccountId, ClientId, UserId, WorkspaceId};
use crate::clock::Timestamp;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// An account and everything the directory says of it. Immutable; a change makes a new one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Equals the file's name.
    pub id: AccountId,
    /// Whether it may be used at all.
    pub status: Status,
    /// The name of its plan, for limits and policies.
    pub plan: String,
    /// Names of the issuers that may speak for it.
    pub issuers: Vec<String>,
    /// What its own policies may do.
    pub overlay: OverlayMode,
    /// Tokens from before are void.
    pub not_before: NotBefore,
    /// Its workspaces.
    pub workspaces: Vec<Arc<Workspace>>,
    /// A content hash (SHA-256) of the entry: equal hashes mean equal entries.
    pub revision: [u8; 32],
}

/// A workspace of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace {
    /// Unique over the whole platform.
    pub id: WorkspaceId,
    /// The account it belongs to.
    pub account: AccountId,
    /// Whether it may be used.
    pub status: Status,
    /// `custom`, `edu`, `play`, `catalog`: for policies; `catalog` makes it readable by others (RULES 18).
    pub kind: String,
    /// The workspace's own plan; `None`: the account's.
    pub plan: Option<String>,
    /// Feature names, for policies.
    pub features: Vec<String>,
    /// Catalog workspaces that this one wants to read.
    pub catalogs: Vec<WorkspaceId>,
    /// Workspaces that may read this one, if it is a catalog; sorted.
    pub shared_with: Vec<WorkspaceId>,
    /// Clients through which users of this workspace log in.
    pub clients: Vec<ClientId>,
    /// Clients that are callers themselves.
    pub machine_clients: Vec<MachineClient>,
    /// Its users, by id. `None`: the directory does not know them.
    pub users: Option<BTreeMap<UserId, Arc<Member>>>,
}

/// A machine client of a workspace (RULES 4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineClient {
    /// The client.
    pub id: ClientId,
    /// Its role in the workspace; `None`: no role.
    pub role: Option<WorkspaceRole>,
}

/// A user that the directory knows: machine clients of the workspace may act for it (RULES 8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The user's id.
    pub id: UserId,
    /// Everything but `Active` denies.
    pub status: Status,
    /// The second half of its Cedar uid: the id, or `issuer|sub` where its issuer does not share the
    /// platform's ids (RULES 6).
    pub subject: Arc<str>,
    /// Its roles, in this workspace and in the account.
    pub roles: Vec<Role>,
    /// Its groups, by their full text `account/group`.
    pub groups: Vec<Arc<str>>,
}

/// Whether an account or workspace may be used. Everything but `Active` denies; the stricter is the
/// greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// In use.
    Active,
    /// Blocked for a while.
    Suspended,
    /// Gone for good.
    Closed,
}

/// What an account's own policies may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverlayMode {
    /// Forbid only (the default).
    Forbid,
    /// Permit too, under the guards.
    Permit,
    /// The account has none; a file is a fault.
    None,
}

/// Moments before which tokens are void (RULES 10).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NotBefore {
    /// For everybody of the account.
    pub account: Option<Timestamp>,
    /// For single users.
    pub users: HashMap<UserId, Timestamp>,
}

/// A role in one workspace; a higher one implies the lower.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WorkspaceRole {
    /// Reads.
    Viewer,
    /// Creates and updates.
    Editor,
    /// Deletes and manages.
    Admin,
}

/// A role that a claim, a group or the directory gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Of the account: belongs to it. The lowest.
    AccountMember,
    /// In the token's own workspace.
    Workspace(WorkspaceRole),
    /// Of the account: admin in all its workspaces.
    AccountAdmin,
    /// Of the account: its owner.
    AccountOwner,
}

impl Status {
    /// As files and records spell it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Closed => "closed",
        }
    }
}

impl WorkspaceRole {
    /// All, lowest first.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Editor, Self::Admin];

    /// As Cedar role ids, files and the annotation spell it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Editor => "editor",
            Self::Admin => "admin",
        }
    }

    /// The reverse of [`WorkspaceRole::label`], exact spelling.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.label() == text)
    }
}

impl Role {
    /// All, lowest first.
    pub const ALL: [Self; 6] = [
        Self::AccountMember,
        Self::Workspace(WorkspaceRole::Viewer),
        Self::Workspace(WorkspaceRole::Editor),
        Self::Workspace(WorkspaceRole::Admin),
        Self::AccountAdmin,
        Self::AccountOwner,
    ];

    /// As configuration files, explanations and records spell it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Workspace(role) => role.label(),
            Self::AccountMember => "account-member",
            Self::AccountAdmin => "account-admin",
            Self::AccountOwner => "account-owner",
        }
    }

    /// The reverse of [`Role::label`], exact spelling.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.label() == text)
    }
}

impl Workspace {
    /// Clients of its users, and clients that are callers themselves.
    pub fn client_ids(&self) -> impl Iterator<Item = &ClientId> {
        let machines = self.machine_clients.iter().map(|client| &client.id);
        self.clients.iter().chain(machines)
    }

    /// Whether its owner lets that workspace read it. A catalog may be shared with all others, and
    /// requests ask this.
    pub fn is_shared_with(&self, reader: &WorkspaceId) -> bool {
        self.shared_with.binary_search(reader).is_ok()
    }
}
