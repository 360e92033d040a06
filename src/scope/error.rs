//! Why a request is not admitted.

use crate::reason::Reason;
use crate::tenant::{AccountId, UserId, WorkspaceId};
use std::sync::Arc;

/// Why a request is not admitted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No token on a route that needs one.
    #[error("no token")]
    Anonymous,
    /// The token is for another API (RULES 1).
    #[error("the token is for {token:?}, the route is of `{route}`")]
    Context {
        /// Labels of the token's contexts.
        token: Vec<&'static str>,
        /// The route's.
        route: &'static str,
    },
    /// Not a Principal in the Portal, or a Principal outside it (RULES 3, 17).
    #[error("a {caller} in `{route}`")]
    Portal {
        /// Kind of the caller.
        caller: &'static str,
        /// The route's context.
        route: &'static str,
    },
    /// `x-user-id` from a caller that may not send it (RULES 8).
    #[error("`x-user-id` from a {0}")]
    Impersonation(&'static str),
    /// A machine client without the scope to act for anybody (RULES 8).
    #[error("`x-user-id` without the scope `{0}/write`")]
    ActingScope(&'static str),
    /// Not a user that the client's workspace has.
    #[error("`x-user-id` names `{0}`, no active user of the workspace")]
    ActingUser(String),
    /// A user whose tokens are void, for a token as old as they are.
    #[error("user `{0}` is revoked")]
    ActingRevoked(UserId),
    /// `x-palisade-act-in` where it may not stand, or a Principal in a workspace without what that takes
    /// (RULES 17).
    #[error("acting in a workspace (`x-palisade-act-in`) {0}")]
    ActIn(&'static str),
    /// A reference that is not the caller's, or names nothing.
    #[error("{place} names `{value}`, outside of `{own}`")]
    Outside {
        /// Where it stands.
        place: Arc<str>,
        /// What it names, cut.
        value: String,
        /// What it had to be.
        own: String,
    },
    /// The references of one request contradict each other.
    #[error("{0} contradicts another reference")]
    Contradiction(Arc<str>),
    /// A catalog that is not shared, or not on a catalog read (RULES 18).
    #[error("catalog `{0}` is not readable here")]
    Catalog(String),
    /// No live grant (RULES 16).
    #[error("no live grant for {0}")]
    Grant(String),
    /// The account is not active.
    #[error("account `{0}` is {1}")]
    Account(AccountId, &'static str),
    /// The workspace is not active.
    #[error("workspace `{0}` is {1}")]
    Workspace(WorkspaceId, &'static str),
}

impl Error {
    /// The code that the client gets.
    pub fn reason(&self) -> Reason {
        match self {
            Self::Anonymous => Reason::TokenMissing,
            Self::Context { .. } => Reason::ContextMismatch,
            Self::Portal { .. } => Reason::PortalNeedsPrincipal,
            Self::Impersonation(_)
            | Self::ActingScope(_)
            | Self::ActingUser(_)
            | Self::ActingRevoked(_) => Reason::ImpersonationRefused,
            Self::ActIn(_) => Reason::ActInRefused,
            Self::Outside { .. } => Reason::OutsideTenant,
            Self::Contradiction(_) => Reason::RequestAmbiguous,
            Self::Catalog(_) => Reason::CatalogNotGranted,
            Self::Grant(_) => Reason::GrantMissing,
            Self::Account(..) => Reason::AccountSuspended,
            Self::Workspace(..) => Reason::WorkspaceSuspended,
        }
    }
}
