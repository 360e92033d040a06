//! What the configuration comes to: the settings of every part, ready to use.

use crate::fault::Fault;
use crate::limit::{BodyLimits, PeerSettings, Plan, Rate};
use crate::route::{ReferenceRule, Router};
use crate::telemetry::{audit, log};
use crate::tenant::Directory;
use crate::token::IssuerSettings;
use crate::{admin, decision, forward, head, listener, policy};
use std::collections::HashMap;

/// Everything that `palisade serve` needs to start.
pub struct Resolved {
    /// Where clients are served.
    pub listen: listener::Settings,
    /// Where Palisade itself is observed and controlled.
    pub admin: admin::Settings,
    /// How large heads may be, and which hosts they may name.
    pub head: head::Settings,
    /// Upstreams, annotation, and what the data path waits for.
    pub forward: forward::Settings,
    /// Who may issue tokens.
    pub issuers: Vec<IssuerSettings>,
    /// How many verified tokens are remembered.
    pub token_entries: u64,
    /// Every route, of every entry.
    pub router: Router,
    /// The table of names that mean a tenant.
    pub references: Vec<ReferenceRule>,
    /// Who exists.
    pub directory: Directory,
    /// Schema, operations, platform policies and overlays.
    pub policy: policy::Settings,
    /// Bounds of the decision cache.
    pub decision: decision::Settings,
    /// Limits by the plan's name.
    pub plans: HashMap<String, Plan>,
    /// Room for bodies that are read whole.
    pub bodies: BodyLimits,
    /// The limit of each Principal.
    pub principals: Rate,
    /// Limits of each network address.
    pub peers: PeerSettings,
    /// Where the record of every request goes.
    pub audit: audit::Settings,
    /// What Palisade says of itself.
    pub log: log::Settings,
    /// What serves and should be looked at.
    pub warnings: Vec<Fault>,
    /// What was left out: faults of single tenants, which stop nobody else.
    pub quarantined: Vec<Fault>,
    /// SHA-256 over names and texts of everything that was read: equal inputs, equal hashes.
    pub inputs: [u8; 32],
}
