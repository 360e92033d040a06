//! One immutable generation of everything that decides requests.

use crate::limit::{PeerSettings, Plan, Rate};
use crate::policy::Store;
use crate::route::{ReferenceTable, Router};
use crate::tenant::Directory;
use crate::token::{Issuers, Revocations};
use std::collections::HashMap;
use std::sync::Arc;

/// Routes, issuers, tenants and policies that belong together. A request loads it once and uses it
/// to its end, so that it never sees two generations.
#[derive(Clone)]
pub struct Ruleset {
    /// Content hash: replicas with equal files show equal revisions.
    pub revision: Arc<str>,
    /// Which operation a path is.
    pub router: Arc<Router>,
    /// Which names mean tenants.
    pub references: Arc<ReferenceTable>,
    /// Who may issue tokens.
    pub issuers: Arc<Issuers>,
    /// Tokens that are void before they expire.
    pub revocations: Arc<Revocations>,
    /// Who exists.
    pub directory: Arc<Directory>,
    /// What is allowed.
    pub store: Arc<Store>,
    /// Limits by the plan's name. An account whose plan is not here has no limit.
    pub plans: Arc<HashMap<String, Plan>>,
    /// The limit of each Principal: it has no account whose plan would bind it.
    pub principals: Rate,
    /// Limits of each network address.
    pub peers: PeerSettings,
}
