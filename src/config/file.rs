//! The shapes of the files, exactly as written: what serde reads, and what the JSON Schema and the
//! reference page are made from.
//!
//! The doc comments here ARE the reference page. Nothing is resolved yet: paths, addresses and names
//! are texts, and `resolve` gives them their meaning.

mod edge;
mod endpoints;
mod issuer;
mod revocations;
mod route;
mod running;
mod serving;
mod shadow;
mod tenant;
mod tls;
mod transport;

pub(crate) use edge::{ClientAddress, Peers, ProxyProtocol, TokenCookies, Transparent};
pub(crate) use endpoints::{Balance, Dns, Ejection, Endpoint, Health, Retries, UpstreamLimits};
pub(crate) use issuer::{
    Accounts, Algorithm, ClaimPointers, Clients, Context, Issuer, PlatformRole, Preset, RoleName,
};
pub(crate) use revocations::{Revocations, Revoked};
pub(crate) use route::{
    Access, Cors, Errors, Idempotency, Reference, ReferenceIn, ReferenceIs, Route,
};
pub(crate) use running::{Audit, Cache, Log, LogFormat, LogLevel, Plan, Principals, Reload, Share};
pub(crate) use serving::{Admin, Annotate, Assertion, Limits, Listen, Pool, Timeouts, Upstream};
pub(crate) use shadow::Shadow;
pub(crate) use tenant::{
    MachineClient, Member, NotBefore, Overlay, Status, Tenant, Tenants, Workspace, WorkspaceRole,
};
pub(crate) use tls::{ClientAuth, Tls, TlsVersion, UnknownNames};
pub(crate) use transport::{Http2, Protocol, UpstreamTls};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Palisade's configuration (`palisade.yaml`).
///
/// YAML 1.2 or JSON. Unknown keys are errors. Relative paths start at this file's folder. Secrets
/// stand outside of it: `file:PATH` or `env:NAME`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The version of this format: 1.
    #[schemars(extend("const" = 1))]
    pub(crate) version: u32,
    /// Where clients are served, and the bounds of what they may send.
    pub(crate) listen: Listen,
    /// Where Palisade itself is observed and controlled.
    #[serde(default)]
    pub(crate) admin: Admin,
    /// The services behind, by name.
    #[schemars(extend("minProperties" = 1))]
    pub(crate) upstreams: BTreeMap<String, Upstream>,
    /// How the names of upstreams become addresses.
    #[serde(default)]
    pub(crate) dns: Dns,
    /// Who may issue tokens, and for whom.
    #[serde(default)]
    pub(crate) issuers: Vec<Issuer>,
    /// The one table of names that mean a tenant, wherever a request carries them. A request whose
    /// reference is not the caller's own is refused.
    #[serde(default)]
    pub(crate) references: Vec<Reference>,
    /// Limits that accounts are given by the name of their plan. An account whose plan is not here has
    /// no limit.
    #[serde(default)]
    pub(crate) plans: BTreeMap<String, Plan>,
    /// What holds for all Principals.
    #[serde(default)]
    pub(crate) principals: Principals,
    /// The folder of the tenant directory, with one `<account>.yaml` for each account, and its own
    /// policies as `<account>.cedar` or `<account>/*.cedar`; or one file with an account on each line.
    #[schemars(extend("examples" = ["tenants/"]))]
    pub(crate) tenants: Tenants,
    /// The folder of the platform's policies (`*.cedar`). The guards are part of the program and
    /// hold over them.
    #[schemars(length(min = 1), extend("examples" = ["policies/"]))]
    pub(crate) policies: String,
    /// The folder of policies that are to be: `*.cedar` in the place of the platform's, where there are any, and
    /// `accounts/<account>.cedar` or `accounts/<account>/*.cedar` in the place of an account's own. Decisions are
    /// put to them once they are made; they never answer. `palisade promote` makes them those that serve. A
    /// fault in them stops neither a start nor a reload. `{policies: FOLDER, every: 10}` puts one decision of ten.
    /// Absent: none are.
    #[serde(default)]
    #[schemars(extend("examples" = ["policies-next/"]))]
    pub(crate) shadow: Option<Shadow>,
    /// The folder of the Cedar schema (`*.cedarschema`).
    #[schemars(length(min = 1), extend("examples" = ["schemas/"]))]
    pub(crate) schema: String,
    /// The file of revoked tokens, sessions, people and clients. Absent: nothing is revoked.
    #[serde(default)]
    #[schemars(length(min = 1), extend("examples" = ["revocations.yaml"]))]
    pub(crate) revocations: Option<String>,
    /// The API: entries of OpenAPI files or of single routes.
    #[schemars(length(min = 1))]
    pub(crate) routes: Vec<Route>,
    /// What the upstream is told, and what is kept from it.
    #[serde(default)]
    pub(crate) annotate: Annotate,
    /// Where the record of every request goes.
    #[serde(default)]
    pub(crate) audit: Audit,
    /// Bounds of the caches.
    #[serde(default)]
    pub(crate) cache: Cache,
    /// What Palisade says of itself on stderr.
    #[serde(default)]
    pub(crate) log: Log,
    /// How changed files are noticed while it serves. Everything follows them but `admin`, `audit` (but for
    /// `questions`), `cache`, `log` and `listen` (of which `hosts`, `trusted_proxies`, `peers`, `timeouts.body` and
    /// `tls` but for its `address` do): these wait for a restart, as log and `/status` say.
    #[serde(default)]
    pub(crate) reload: Reload,
}

impl Config {
    /// Names of all issuers.
    pub(crate) fn issuer_names(&self) -> Vec<&str> {
        let names = self.issuers.iter();
        names.map(|issuer| issuer.name.as_str()).collect()
    }
}
