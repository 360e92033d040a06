//! What the configuration comes to: the settings of every part, ready to use.

use super::disk::{Before, Disk};
use super::file::Config;
use super::findings::Findings;
use super::seen::Seen;
use super::{certificates, revocations, tenants, watch};
use crate::admin::ControlToken;
use crate::fault::Fault;
use crate::limit::{BodyLimits, PeerSettings, Plan, Rate};
use crate::route::{ReferenceRule, Router};
use crate::telemetry::{audit, log};
use crate::tenant::{AccountId, Directory, Narrowing};
use crate::tls::Material;
use crate::token::{IssuerSettings, Revocations};
use crate::{admin, decision, forward, head, listener, policy};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

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
    pub directory: Arc<Directory>,
    /// Tokens that are void before they expire.
    pub revocations: Revocations,
    /// Schema, operations, platform policies and overlays.
    pub policy: policy::Settings,
    /// Policies that are to be; `None`: none are.
    pub shadow: Option<decision::ShadowSettings>,
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
    /// What TLS is served with, as it is on disk; `None`: none is served.
    pub tls: Option<Material>,
    /// Where the record of every request goes.
    pub audit: audit::Settings,
    /// Whether records hold what was asked of the policies.
    pub record_questions: bool,
    /// What Palisade says of itself.
    pub log: log::Settings,
    /// What serves and should be looked at.
    pub warnings: Vec<Fault>,
    /// What was left out: faults of single tenants, which stop nobody else.
    pub quarantined: Vec<Fault>,
    /// How changed files are noticed.
    pub reload: watch::Settings,
    /// Keys whose new values wait for a restart; the running ones hold meanwhile.
    pub needs_restart: Vec<String>,
    /// For the next reading.
    pub kept: Kept,
    /// Where it was read.
    pub origin: Origin,
    /// SHA-256 over names and texts of everything that was read: equal inputs, equal hashes.
    pub inputs: [u8; 32],
}

/// Where a configuration was read.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// `palisade.yaml`.
    pub path: PathBuf,
    /// Everything that was looked at.
    pub seen: Seen,
}

/// In the folder of the platform's policies: what may be allowed, which is no policy.
pub(super) const SPECS: &str = "specs";

/// What a whole reading leaves to the next.
pub struct Kept {
    pub(super) config: Config,
    pub(super) tenants: tenants::Former,
    pub(super) folder: PathBuf,
    pub(super) layout: tenants::Layout,
    pub(super) revocations_file: Option<PathBuf>,
    /// What opens `control` since the start, where it was configured.
    pub(super) control_token: Option<ControlToken>,
}

/// What holds although the rest of a reload does not: it can only make what serves stricter
/// (RULES 35).
#[derive(Debug, Default)]
pub struct Restrictions {
    /// Status and `not_before`, from every tenant file that can be read.
    pub accounts: HashMap<AccountId, Narrowing>,
    /// From the file of revocations, if it can be read.
    pub revocations: Revocations,
    /// What TLS is served with: a certificate does not wait for somebody else's file to be mended.
    pub tls: Option<Material>,
}

impl Resolved {
    /// What opens `control` is settled at start: a new token waits for a restart.
    pub(super) fn after(mut self, former: &Kept) -> Self {
        let (new, running) = (&self.kept.control_token, &former.control_token);
        if let (Some(new), Some(running)) = (new, running)
            && new.reveal() != running.reveal()
        {
            self.needs_restart.push("admin.token".to_owned());
        }
        self.kept.control_token.clone_from(running);
        self
    }
}

impl Kept {
    /// What `config` leaves, and what its tenants do.
    pub(super) fn new(
        config: &Config,
        findings: &Findings<'_>,
        tenants: &mut tenants::Tenants,
        admin: Option<&admin::Settings>,
    ) -> Self {
        let control = admin.and_then(|admin| admin.control.as_ref());
        let control = control.filter(|_| config.admin.token.is_some());
        Self {
            tenants: std::mem::take(&mut tenants.former),
            folder: findings.folder().to_owned(),
            layout: config.tenants.layout(findings.folder()),
            revocations_file: config.revocations.as_ref().map(|name| findings.path(name)),
            control_token: control.map(|control| control.token.clone()),
            config: config.clone(),
        }
    }

    /// The folder of the platform's policies.
    pub fn policies(&self) -> PathBuf {
        self.folder.join(&self.config.policies)
    }

    /// The folder of accounts' own policies; `None`: there is none.
    pub fn overlays(&self) -> Option<PathBuf> {
        self.layout.overlays().map(PathBuf::from)
    }

    /// The folder of what `palisade prove` proves beside what is part of the program; it may be missing.
    pub fn specs(&self) -> PathBuf {
        self.policies().join(SPECS)
    }

    /// The same, with what serves by now in the place of the directory that was read: an account whose
    /// file cannot be believed falls back to that, and what was suspended meanwhile stays so.
    #[must_use]
    pub fn serving(&self, directory: &Arc<Directory>) -> Self {
        Self {
            config: self.config.clone(),
            tenants: self.tenants.serving(directory),
            folder: self.folder.clone(),
            layout: self.layout.clone(),
            revocations_file: self.revocations_file.clone(),
            control_token: self.control_token.clone(),
        }
    }

    /// Reads, where this reading did, what holds whatever is wrong elsewhere; after an earlier reading
    /// `before`, from those files alone that it saw as they are now. A file that says nothing by that has not taken
    /// back what it said: what is `serving` by it stays.
    pub fn restrictions(
        &self,
        before: Before,
        serving: (&Directory, &Revocations),
    ) -> (Restrictions, Seen) {
        let disk = Disk::after(before);
        let (directory, revoked) = serving;
        let issuers = self.config.issuer_names();
        let read = |path: &PathBuf| revocations::read(path, &issuers, &disk).ok();
        let file = self.revocations_file.as_ref();
        let revocations = file.and_then(read).map(|read| read.list);
        let tls = self.config.listen.tls.as_ref();
        let restrictions = Restrictions {
            tls: tls.map(|shape| certificates::read(shape, &self.folder, &disk)),
            accounts: tenants::narrowings(&self.layout, &disk, &self.tenants, directory),
            revocations: revocations.unwrap_or_else(|| revoked.clone()),
        };
        (restrictions, disk.seen())
    }
}
