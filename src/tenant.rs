//! Tenants: ids and the directory of accounts, workspaces and clients.

mod account;
mod directory;
mod id;
mod narrowing;
mod succession;

pub use account::{
    Account, MachineClient, Member, NotBefore, OverlayMode, Role, Status, Workspace, WorkspaceRole,
};
pub use directory::{Clash, Directory};
pub use id::{AccountId, BadId, ClientId, UserId, WorkspaceId, is_id};
pub use narrowing::Narrowing;
pub use succession::Candidate;
