//! `issuers`: who may issue tokens, and for whom.

use crate::config::file::{
    self, Accounts, Algorithm as AlgorithmName, ClaimPointers, Clients, Config, Context, Issuer,
    RoleName,
};
use crate::config::files::FILE_BYTES_MAX;
use crate::config::findings::Findings;
use crate::config::units::Duration;
use crate::document::child;
use crate::fault::Fault;
use crate::operation::ApiContext;
use crate::tenant::{AccountId, BadId, ClientId, Role, WorkspaceRole};
use crate::token::{
    self, Algorithm, Binding, ClaimMapping, IssuerSettings, KeySource, PlatformRole, Preset,
    PrincipalEntry, PrincipalGrant,
};
use std::sync::Arc;

/// The issuer of the program's own demonstration; its keys lie in a folder that anybody can read.
pub(super) const DEMO_ISSUER: &str = "https://cognito-idp.demo-1.amazonaws.com/demo-1_Palisade";

/// All issuers that make sense, no two alike.
pub(super) fn resolve(config: &Config, findings: &mut Findings<'_>) -> Vec<IssuerSettings> {
    let shapes = &config.issuers;
    let act_in = config.principals.act_in;
    let mut issuers = Vec::new();
    for (at, shape) in shapes.iter().enumerate() {
        let pointer = format!("/issuers/{at}");
        let earlier = shapes.iter().take(at);
        for (first, other) in earlier.enumerate() {
            let alike = [
                ("name", shape.name == other.name),
                ("issuer", shape.issuer == other.issuer),
            ];
            for (key, _) in alike.into_iter().filter(|(_, alike)| *alike) {
                let line = findings.document().line(&format!("/issuers/{first}/{key}"));
                let message = format!("another issuer has the same `{key}` ({line})");
                let help = "a token must belong to one entry; remove or correct one of them";
                findings.error(&child(&pointer, key), "issuer_twice", message, help);
            }
        }
        let reading = Reading {
            at: pointer,
            shape,
            act_in,
        };
        issuers.extend(reading.read(findings));
    }
    issuers
}

struct Reading<'a> {
    at: String,
    shape: &'a Issuer,
    /// Whether Principals read in App and Dashboard too.
    act_in: bool,
}

impl Reading<'_> {
    fn read(&self, findings: &mut Findings<'_>) -> Option<IssuerSettings> {
        let shape = self.shape;
        self.is_bound(findings);
        let keys = self.keys(findings);
        let preset = match shape.preset {
            file::Preset::Cosmos => Preset::Cosmos,
            file::Preset::Cognito => Preset::Cognito,
            file::Preset::Oidc => Preset::Oidc,
        };
        // Read on without keys, so that all faults come at once.
        let missing = keys.is_none();
        let keys = keys.unwrap_or(KeySource::Url { url: String::new() });
        let mut issuer = preset.issuer(&shape.name, &shape.issuer, keys);
        issuer.refresh = self.between(findings, "jwks/refresh", shape.jwks.refresh, REFRESH);
        let stale = (shape.jwks.refresh, MAX_STALE);
        issuer.max_stale = self.between(findings, "jwks/max_stale", shape.jwks.max_stale, stale);
        issuer.leeway = self.between(findings, "leeway", shape.leeway, LEEWAY);
        issuer.algorithms = shape.algorithms.iter().copied().map(algorithm).collect();
        issuer.audiences.clone_from(&shape.audiences);
        issuer.clients = self.clients(findings);
        issuer.accounts = self.accounts(findings);
        issuer.portal = shape.portal;
        issuer.portal_clients = self.ids(
            findings,
            "portal_clients",
            &shape.portal_clients,
            ClientId::parse,
        );
        issuer.principals = self.principals(findings);
        issuer.mapping = mapping(&shape.claims, issuer.mapping);
        if let Some(roles) = &shape.roles {
            issuer.roles = roles
                .iter()
                .map(|(text, name)| (text.clone(), role(*name)))
                .collect();
        }
        issuer.contexts = shape.contexts.iter().copied().map(api_context).collect();
        issuer.scopeless = shape.scopeless;
        issuer.shares_user_ids = shape.shares_user_ids.unwrap_or(issuer.shares_user_ids);
        issuer.required = shape.required;
        issuer.allow_local = shape.allow_local;
        issuer.roots = self.roots(findings);
        self.can_act_in(&issuer, findings);
        if missing {
            return None;
        }
        self.review(&issuer, findings);
        Some(issuer)
    }

    /// What the issuer's settings come to together, where the file itself did not show it already.
    fn review(&self, issuer: &IssuerSettings, findings: &mut Findings<'_>) {
        let unbound = findings.has(&self.at, "issuer_unbound", &self.at);
        for fault in token::review(issuer) {
            if unbound && fault.code == "issuer_audience" {
                continue;
            }
            let key = match fault.place.key.as_str() {
                // The file has these under `jwks`.
                key @ ("refresh" | "max_stale" | "roots") => format!("jwks/{key}"),
                key => key.replace('.', "/"),
            };
            let pointer = self.key(&key);
            if !findings.has(&self.at, fault.code, &pointer) {
                let place = findings.document().place(&pointer);
                findings.extend([Fault { place, ..fault }]);
            }
        }
    }

    /// An issuer that accepts tokens of any audience would accept those made for other services.
    fn is_bound(&self, findings: &mut Findings<'_>) {
        let shape = self.shape;
        let no_client = match &shape.clients {
            None => true,
            Some(Clients::Directory(_)) => false,
            Some(Clients::List(list)) => list.is_empty(),
        };
        let no_portal_client = shape.portal_clients.is_empty();
        if no_client && no_portal_client && shape.audiences.is_empty() {
            let message =
                "it names neither clients nor audiences, so no token of it could be meant for us";
            let help = "add `clients: directory`, or `audiences: [..]`";
            findings.error(&self.at, "issuer_unbound", message, help);
        }
        if shape.portal && no_portal_client {
            let message = "`portal: true` without `portal_clients` lets nobody in";
            let help = "add `portal_clients: [..]`, or remove `portal`";
            findings.error(&self.key("portal"), "issuer_portal", message, help);
        }
        let unused = !no_portal_client || !shape.principals.is_empty();
        if unused && !shape.portal {
            let key = if no_portal_client {
                "principals"
            } else {
                "portal_clients"
            };
            let message = format!("`{key}` has no effect without `portal: true`");
            let help = "add `portal: true`, or remove it";
            findings.error(&self.key(key), "issuer_portal", message, help);
        }
    }

    /// Whoever acts in a workspace shows a second factor, and that is a claim.
    fn can_act_in(&self, issuer: &IssuerSettings, findings: &mut Findings<'_>) {
        if self.act_in && !issuer.principals.is_empty() && issuer.mapping.mfa.is_none() {
            let message = "`principals.act_in` lets none of its Principals in: none of its claims says that a second factor was used";
            let help = "add `claims: { mfa: .. }`";
            findings.warn(&self.key("principals"), "issuer_act_in", message, help);
        }
    }

    fn keys(&self, findings: &mut Findings<'_>) -> Option<KeySource> {
        let jwks = &self.shape.jwks;
        match (&jwks.url, &jwks.discovery, &jwks.file) {
            (Some(url), None, None) => {
                self.url(findings, "jwks/url", url)?;
                Some(KeySource::Url { url: url.clone() })
            }
            (None, Some(url), None) => {
                self.url(findings, "jwks/discovery", url)?;
                Some(KeySource::Discovery { url: url.clone() })
            }
            (None, None, Some(name)) => {
                let file = findings.path(name);
                let text = self.file(findings, "jwks/file", name)?;
                let file = file.display().to_string();
                Some(KeySource::File { file, text })
            }
            _ => {
                let message = "keys come from exactly one of `url`, `discovery` and `file`";
                let help = "keep one of them";
                findings.error(&self.key("jwks"), "issuer_keys", message, help);
                None
            }
        }
    }

    fn url(&self, findings: &mut Findings<'_>, key: &str, url: &str) -> Option<()> {
        let parsed: Option<http::Uri> = url.parse().ok();
        let scheme = parsed.as_ref().and_then(http::Uri::scheme_str);
        let whole = parsed.as_ref().is_some_and(|uri| {
            uri.authority()
                .is_some_and(|authority| !authority.as_str().contains('@'))
        });
        match scheme {
            Some("https") if whole => Some(()),
            Some("http") if whole && self.shape.allow_local => Some(()),
            Some("http") if whole => {
                let message = "keys that come by plain http can be replaced on the way";
                let help = "use https, or say `allow_local: true` for a test";
                findings.error(&self.key(key), "config_url", message, help);
                None
            }
            _ => {
                let message = format!("`{url}` is not an https URL");
                let help = "write it like `https://id.example.com/jwks.json`";
                findings.error(&self.key(key), "config_url", message, help);
                None
            }
        }
    }

    fn roots(&self, findings: &mut Findings<'_>) -> Option<Arc<str>> {
        let name = self.shape.jwks.roots.as_ref()?;
        self.file(findings, "jwks/roots", name)
    }

    /// A file's text; what is wrong with it is said at the key that names it.
    fn file(&self, findings: &mut Findings<'_>, key: &str, name: &str) -> Option<Arc<str>> {
        match findings.read(name, FILE_BYTES_MAX) {
            Ok(text) => Some(text),
            Err(fault) => {
                let message = format!("`{}` {}", fault.place.file, fault.message);
                findings.error(
                    &self.key(key),
                    fault.code,
                    message,
                    fault.help.unwrap_or_default(),
                );
                None
            }
        }
    }

    fn clients(&self, findings: &mut Findings<'_>) -> Binding<ClientId> {
        match &self.shape.clients {
            None => Binding::None,
            Some(Clients::Directory(_)) => Binding::Directory,
            Some(Clients::List(list)) => {
                Binding::List(self.ids(findings, "clients", list, ClientId::parse))
            }
        }
    }

    fn accounts(&self, findings: &mut Findings<'_>) -> Binding<AccountId> {
        match &self.shape.accounts {
            None => Binding::None,
            Some(Accounts::Directory(_)) => Binding::Directory,
            Some(Accounts::List(list)) => {
                Binding::List(self.ids(findings, "accounts", list, AccountId::parse))
            }
        }
    }

    fn principals(&self, findings: &mut Findings<'_>) -> Vec<PrincipalEntry> {
        let mut entries = Vec::new();
        for (who, shape) in &self.shape.principals {
            let pointer = child(&self.key("principals"), who);
            if shape.all_accounts != shape.accounts.is_empty() {
                let message = format!("`{who}` needs either `accounts` or `all_accounts: true`");
                let help = "name the accounts it was granted";
                findings.error(&pointer, "issuer_principal", message, help);
            }
            let key = format!("principals{}", child("", who));
            let accounts = self.ids(
                findings,
                &format!("{key}/accounts"),
                &shape.accounts,
                AccountId::parse,
            );
            entries.push(PrincipalEntry {
                who: who.clone(),
                roles: shape.roles.iter().copied().map(platform_role).collect(),
                grant: PrincipalGrant {
                    all: shape.all_accounts,
                    accounts,
                    until: shape.until.map(|until| until.0),
                    act_in: self.act_in,
                },
            });
        }
        entries
    }

    fn ids<T>(
        &self,
        findings: &mut Findings<'_>,
        key: &str,
        texts: &[String],
        parse: fn(&str) -> Result<T, BadId>,
    ) -> Vec<T> {
        let at = self.key(key);
        let each = texts.iter().enumerate();
        each.filter_map(|(index, text)| {
            findings.keep(
                &format!("{at}/{index}"),
                "config_bad_id",
                parse(text),
                "correct the id",
            )
        })
        .collect()
    }

    fn between(
        &self,
        findings: &mut Findings<'_>,
        key: &str,
        given: Duration,
        (min, max): (Duration, Duration),
    ) -> std::time::Duration {
        if given < min || given > max {
            let message = format!("`{given}` is not between {min} and {max}");
            let help = format!("write a time from `{min}` to `{max}`");
            findings.error(&self.key(key), "config_value", message, help);
        }
        given.0
    }

    fn key(&self, key: &str) -> String {
        format!("{}/{key}", self.at)
    }
}

fn mapping(shape: &ClaimPointers, preset: ClaimMapping) -> ClaimMapping {
    let over = |own: &Option<String>, preset: Option<String>| own.clone().or(preset);
    ClaimMapping {
        account: over(&shape.account, preset.account),
        workspace: over(&shape.workspace, preset.workspace),
        user: over(&shape.user, preset.user),
        principal: over(&shape.principal, preset.principal),
        context: over(&shape.context, preset.context),
        platform: over(&shape.platform, preset.platform),
        role: over(&shape.role, preset.role),
        groups: over(&shape.groups, preset.groups),
        scope: over(&shape.scope, preset.scope),
        client: over(&shape.client, preset.client),
        username: over(&shape.username, preset.username),
        lang: over(&shape.lang, preset.lang),
        timezone: over(&shape.timezone, preset.timezone),
        email: over(&shape.email, preset.email),
        mfa: over(&shape.mfa, preset.mfa),
    }
}

fn algorithm(name: AlgorithmName) -> Algorithm {
    match name {
        AlgorithmName::RS256 => Algorithm::RS256,
        AlgorithmName::RS384 => Algorithm::RS384,
        AlgorithmName::RS512 => Algorithm::RS512,
        AlgorithmName::PS256 => Algorithm::PS256,
        AlgorithmName::PS384 => Algorithm::PS384,
        AlgorithmName::PS512 => Algorithm::PS512,
        AlgorithmName::ES256 => Algorithm::ES256,
        AlgorithmName::ES384 => Algorithm::ES384,
        AlgorithmName::EdDSA => Algorithm::EdDSA,
    }
}

/// The role of that name.
pub(in crate::config) fn role(name: RoleName) -> Role {
    match name {
        RoleName::Viewer => Role::Workspace(WorkspaceRole::Viewer),
        RoleName::Editor => Role::Workspace(WorkspaceRole::Editor),
        RoleName::Admin => Role::Workspace(WorkspaceRole::Admin),
        RoleName::AccountMember => Role::AccountMember,
        RoleName::AccountAdmin => Role::AccountAdmin,
        RoleName::AccountOwner => Role::AccountOwner,
    }
}

fn platform_role(role: file::PlatformRole) -> PlatformRole {
    match role {
        file::PlatformRole::Operator => PlatformRole::Operator,
        file::PlatformRole::Support => PlatformRole::Support,
        file::PlatformRole::Auditor => PlatformRole::Auditor,
    }
}

/// The API of that name.
pub(super) fn api_context(context: Context) -> ApiContext {
    match context {
        Context::App => ApiContext::App,
        Context::Dashboard => ApiContext::Dashboard,
        Context::Portal => ApiContext::Portal,
    }
}

const REFRESH: (Duration, Duration) = (Duration::secs(30), Duration::secs(24 * 60 * 60));
const MAX_STALE: Duration = Duration::secs(7 * 24 * 60 * 60);
const LEEWAY: (Duration, Duration) = (Duration::secs(0), Duration::secs(30));
