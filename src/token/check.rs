//! Settings of issuers are held against the rules before any of them serves: all faults at once.

use super::issuer::{self, ASSERTION_TYPE, Issuer, fold_type};
use super::schedule::ASKED_APART;
use super::settings::{Binding, ClaimMapping, IssuerSettings};
use super::source::Source;
use crate::fault::{Fault, Place};
use crate::operation::ApiContext;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// Clocks that differ by more are wrong, and every second more is one more of an expired token.
const LEEWAY_MAX: Duration = Duration::from_secs(30);
/// The longest issuer name, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// Opens every issuer, or says all that is wrong. `former` are those that serve until now, by `iss`.
pub(super) fn open(
    settings: Vec<IssuerSettings>,
    former: &HashMap<String, Arc<Issuer>>,
) -> Result<Vec<Arc<Issuer>>, Vec<Fault>> {
    let mut faults = check_doubles(&settings);
    let mut issuers = Vec::new();
    for (at, settings) in settings.into_iter().enumerate() {
        let former = former.get(&settings.issuer);
        if let Some(same) = former.filter(|former| former.revision == issuer::revision(&settings)) {
            issuers.push(Arc::clone(same));
            continue;
        }
        let mut entry = Entry {
            at,
            faults: &mut faults,
        };
        entry.check(&settings);
        match Issuer::open(settings, former.map(Arc::as_ref)) {
            Ok(issuer) => issuers.push(Arc::new(issuer)),
            Err((key, message)) => entry.fault("issuer_keys", key, message, KEYS_HELP),
        }
    }
    faults.retain(Fault::is_error);
    if faults.is_empty() {
        Ok(issuers)
    } else {
        Err(faults)
    }
}

/// Everything that is wrong with one entry, each fault's key relative to it: `claims.client`.
/// Whoever has the file can then say the line.
pub fn review(settings: &IssuerSettings) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut entry = Entry {
        at: 0,
        faults: &mut faults,
    };
    entry.check(settings);
    if let Err((key, message)) = Source::open(settings) {
        entry.fault("issuer_keys", key, message, KEYS_HELP);
    }
    let prefix = format!("{}.", entry_key(0));
    for fault in &mut faults {
        let key = fault.place.key.strip_prefix(&prefix).unwrap_or_default();
        fault.place.key = key.to_owned();
    }
    faults
}

fn entry_key(at: usize) -> String {
    format!("issuers[{at}]")
}

const KEYS_HELP: &str = "name a JWKS with usable keys, over `https`; plain `http` and loopback need `allow_local: true`";

/// Two entries of one `iss` would each see the other's tokens (RULES 5); two of one name would share
/// uids and bindings.
fn check_doubles(settings: &[IssuerSettings]) -> Vec<Fault> {
    let (mut names, mut issuers) = (HashSet::new(), HashSet::new());
    let mut faults = Vec::new();
    for (at, entry) in settings.iter().enumerate() {
        let mut entry_faults = Entry {
            at,
            faults: &mut faults,
        };
        if !names.insert(&entry.name) {
            let message = format!("two issuers are named `{}`", entry.name);
            entry_faults.fault("issuer_doubled", "name", message, "rename one of them");
        }
        if !issuers.insert(&entry.issuer) {
            let message = format!("two entries have the issuer `{}`", entry.issuer);
            entry_faults.fault(
                "issuer_doubled",
                "issuer",
                message,
                "put both into one entry",
            );
        }
    }
    faults
}

struct Entry<'a> {
    at: usize,
    faults: &'a mut Vec<Fault>,
}

impl Entry<'_> {
    fn fault(&mut self, code: &'static str, key: &str, message: impl Into<String>, help: &str) {
        let fault = Fault::error(code, self.place(key), message);
        self.faults.push(fault.help(help));
    }

    fn place(&self, key: &str) -> Place {
        Place {
            key: format!("{}.{key}", entry_key(self.at)),
            ..Place::default()
        }
    }

    fn check(&mut self, settings: &IssuerSettings) {
        self.check_names(settings);
        self.warn_unbound(settings);
        self.check_audience(settings);
        self.check_times(settings);
        self.check_kinds(settings);
        self.check_portal(settings);
        self.check_mapping(&settings.mapping);
    }

    /// Not an error: an entry may wait for its bindings. But it proves nobody until it has them.
    fn warn_unbound(&mut self, settings: &IssuerSettings) {
        let bound = settings.clients != Binding::None && settings.accounts != Binding::None;
        if !bound && !settings.portal {
            let message = "bound to no account or to no client: all of its tokens will be refused";
            let fault = Fault::warning("issuer_unbound", self.place("accounts"), message);
            self.faults.push(fault.help("set `accounts` and `clients`"));
        }
    }

    fn check_names(&mut self, settings: &IssuerSettings) {
        let name = &settings.name;
        let is_alias = (1..=NAME_BYTES_MAX).contains(&name.len())
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !is_alias {
            let message = format!("`{name}` is not an issuer name");
            self.fault("issuer_name", "name", message, "use 1 to 64 of a-z 0-9 -");
        }
        if settings.issuer.is_empty() {
            let help = "write the `iss` of its tokens, exactly";
            self.fault("issuer_name", "issuer", "the issuer is empty", help);
        }
    }

    /// Without an audience every token that the issuer signs for anybody would be ours.
    fn check_audience(&mut self, settings: &IssuerSettings) {
        let names_clients = match &settings.clients {
            Binding::None => settings.portal && !settings.portal_clients.is_empty(),
            Binding::Directory => true,
            Binding::List(clients) => !clients.is_empty(),
        };
        let by_client = names_clients && settings.token_use.is_some();
        if settings.audiences.is_empty() && !by_client {
            let message = "neither an audience nor a client and `token_use` is required";
            let help = "set `audiences`, or `clients` and `token_use`";
            self.fault("issuer_audience", "audiences", message, help);
        }
        if settings.audiences.iter().any(String::is_empty) {
            let help = "write the `aud` of its tokens, exactly";
            self.fault("issuer_audience", "audiences", "an audience is empty", help);
        }
        if settings.clients != Binding::None && settings.mapping.client.is_none() {
            let help = "say in which claim the client stands, for example `/client_id` or `/azp`";
            let message = "`clients` is set, but no claim names the client";
            self.fault("issuer_mapping", "claims.client", message, help);
        }
    }

    fn check_times(&mut self, settings: &IssuerSettings) {
        if settings.leeway > LEEWAY_MAX {
            let message = format!(
                "the leeway is {:?}, more than {LEEWAY_MAX:?}",
                settings.leeway
            );
            self.fault("issuer_leeway", "leeway", message, "set the clocks right");
        }
        if settings.refresh < ASKED_APART {
            let message = format!("keys are fetched every {:?}", settings.refresh);
            let help = "use 30s or more: issuers answer more frequent fetches with errors";
            self.fault("issuer_refresh", "refresh", message, help);
        }
        if settings.max_stale < settings.refresh {
            let message = "keys would be too old before they are fetched again";
            let help = "let `max_stale` be at least `refresh`";
            self.fault("issuer_refresh", "max_stale", message, help);
        }
    }

    fn check_kinds(&mut self, settings: &IssuerSettings) {
        if settings.algorithms.is_empty() {
            let help = "list what its keys are for, for example `[RS256]`";
            self.fault(
                "issuer_algorithms",
                "algorithms",
                "no algorithm is accepted",
                help,
            );
        }
        if settings
            .types
            .iter()
            .any(|typ| fold_type(typ) == ASSERTION_TYPE)
        {
            let message = format!("`{ASSERTION_TYPE}` is what the gate itself signs");
            self.fault("issuer_types", "types", message, "take it off the list");
        }
        if settings.types.is_empty() && settings.type_required {
            let message = "a `typ` is required and none is accepted";
            self.fault(
                "issuer_types",
                "types",
                message,
                "list one, for example `at+jwt`",
            );
        }
        if settings.contexts.contains(&ApiContext::Portal) {
            let message = "the Portal needs the claim itself, never a default";
            self.fault(
                "issuer_contexts",
                "contexts",
                message,
                "take `portal` off the list",
            );
        }
    }

    fn check_portal(&mut self, settings: &IssuerSettings) {
        let (portal, mapping) = (settings.portal, &settings.mapping);
        if portal && settings.portal_clients.is_empty() {
            let message = "the issuer may prove Principals, through no client";
            let help = "list the Portal's own clients, or remove `portal`";
            self.fault("issuer_portal", "portal_clients", message, help);
        }
        if !portal && (!settings.portal_clients.is_empty() || !settings.principals.is_empty()) {
            let message = "the issuer has Principals or their clients, but may not prove any";
            self.fault(
                "issuer_portal",
                "portal",
                message,
                "set `portal: true`, or remove them",
            );
        }
        if portal && (mapping.context.is_none() || mapping.client.is_none()) {
            let message = "Principals are known by the claims for context and client";
            self.fault("issuer_portal", "claims", message, "map both");
        }
        // What is not mapped would count as absent, and absence is what makes a Principal.
        let tenant = [&mapping.account, &mapping.workspace, &mapping.user];
        if portal && tenant.iter().any(|pointer| pointer.is_none()) {
            let message = "a Principal is known by having no account, workspace and user";
            self.fault("issuer_portal", "claims", message, "map all three");
        }
        let mut known = HashSet::new();
        if let Some(entry) = settings
            .principals
            .iter()
            .find(|entry| !known.insert(&entry.who))
        {
            let message = format!("the Principal `{}` is listed twice", entry.who);
            self.fault(
                "issuer_portal",
                "principals",
                message,
                "put both into one entry",
            );
        }
    }

    fn check_mapping(&mut self, mapping: &ClaimMapping) {
        for (key, pointer) in mapping.pointers() {
            let Some(pointer) = pointer else { continue };
            if !pointer.starts_with('/') {
                let message = format!("`{pointer}` is not a JSON pointer");
                let help = "start it with `/`, for example `/accountId`";
                self.fault("issuer_mapping", &format!("claims.{key}"), message, help);
            }
        }
    }
}
