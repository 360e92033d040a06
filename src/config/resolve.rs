//! Shapes become settings: every name is looked up, every file read, every fault reported at once.

mod assertion;
mod edge;
mod endpoints;
mod errors;
mod further;
mod issuer;
mod listen;
mod references;
mod route;
mod running;
mod shadow;
mod transparent;
mod transport;
mod upstream;

pub(super) use issuer::role;

use super::certificates;
use super::file::Config;
use super::files;
use super::findings::Findings;
use super::revocations;
use super::settings::{Kept, Origin, Resolved, SPECS};
use super::tenants::{self, Known, Tenants};
use crate::fault::Fault;
use crate::head::{self, HostList};
use crate::operation::{Access, Operation, catalog_use};
use crate::policy::{self, Source};
use crate::route::{BodyRule, ReferenceIn, ReferenceKind, ReferenceRule, Route, Router};
use crate::tls::Material;
use crate::token::{IssuerSettings, KeySource, Revocations};
use crate::{decision, forward, head::Limits};
use aws_lc_rs::digest::{Context as Hasher, SHA256};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

pub(super) use further::beyond;
use route::Routes;
pub(crate) use shadow::ACCOUNTS as SHADOW_ACCOUNTS;

/// Names and texts of everything that was read.
type Texts = Vec<(String, Arc<str>)>;

/// The settings of every part, or every fault. `former` is what an earlier reading left.
pub(super) fn resolve(
    config: &Config,
    mut findings: Findings<'_>,
    former: Option<&tenants::Former>,
) -> Result<Resolved, Vec<Fault>> {
    let document = findings.document();
    let mut texts: Texts = vec![("config".to_owned(), Arc::clone(document.text()))];
    listen::distinct(config, &mut findings);
    let listen = listen::listen(config, &mut findings);
    let admin = listen::admin(&config.admin, &mut findings);
    let references = references::resolve(&config.references, &mut findings);
    let head = head(config, &references, &mut findings);
    let forward = forward(config, &mut findings);
    let issuers = issuer::resolve(config, &mut findings);
    demo_stays_local(&issuers, config, &mut findings);
    let mut found = route::resolve(config, &references, &mut texts, &mut findings);
    let first = tenants::Former::default();
    let mut tenants = tenants(config, former.unwrap_or(&first), &mut findings);
    let revoked = revoked(config, &mut texts, &mut findings);
    let operations = operations(&found.list, &references);
    let mut policy = policy(config, operations, &mut texts, &mut findings);
    policy.overlays = std::mem::take(&mut tenants.overlays);
    let shadow = shadow::resolve(config, &policy, &tenants.directory, &findings);
    let router = router(&mut found, &mut findings);
    let decision = running::decision(&config.cache, &mut findings);
    let audit = running::audit(&config.audit, &mut findings);
    let reload = running::reload(&config.reload, &mut findings);
    let kept = Kept::new(config, &findings, &mut tenants, admin.as_ref());
    let tls = served_with(config, former.is_none(), &mut findings);
    let (errors, mut warnings): (Vec<Fault>, Vec<Fault>) = findings
        .into_faults()
        .into_iter()
        .partition(Fault::is_error);
    warnings.append(&mut tenants.warnings);
    match (admin, head, forward, router) {
        (Some(admin), Some(head), Some(forward), Some(router)) if errors.is_empty() => {
            Ok(Resolved {
                listen,
                admin,
                head,
                forward,
                inputs: inputs(&issuers, texts, &tenants.digest),
                issuers,
                token_entries: u64::from(config.cache.token_entries),
                router,
                references,
                directory: tenants.directory,
                revocations: revoked,
                policy,
                shadow,
                decision,
                plans: running::plans(&config.plans),
                bodies: listen::bodies(&config.listen.limits),
                principals: running::principals(&config.principals),
                peers: listen::peers(&config.listen),
                tls,
                audit,
                log: running::log(&config.log),
                warnings,
                quarantined: tenants.quarantined,
                reload,
                origin: Origin::default(),
                record_questions: config.audit.questions,
                needs_restart: Vec::new(),
                kept,
            })
        }
        // Everything that is wrong, tenants' files and policies too: whoever repairs files wants to
        // know it all.
        (.., router) => {
            let typed = found.complete && router.is_some();
            let policies = further::policies(policy, typed);
            let shadow = shadow.map(decision::ShadowSettings::unread);
            let shadow = shadow.unwrap_or_default();
            Err([errors, tenants.quarantined, policies, shadow, warnings].concat())
        }
    }
}

fn head(
    config: &Config,
    references: &[ReferenceRule],
    findings: &mut Findings<'_>,
) -> Option<head::Settings> {
    let shape = &config.listen;
    listen::limits(&shape.limits, findings);
    let mut sound = true;
    for (at, host) in shape.hosts.iter().enumerate() {
        if let Err(error) = HostList::new([host.as_str()]) {
            let help = "write it like `api.example.com` or `localhost:8080`";
            findings.error(
                &format!("/listen/hosts/{at}"),
                "config_value",
                error.to_string(),
                help,
            );
            sound = false;
        }
    }
    let proxies = &shape.trusted_proxies;
    let trusted_proxies = listen::networks("/listen/trusted_proxies", proxies, findings);
    let token_cookies = edge::token_cookies(shape.token_cookies.as_ref(), findings);
    let hosts = HostList::new(shape.hosts.iter().map(String::as_str)).ok()?;
    let headers = references.iter().filter_map(|rule| match &rule.place {
        ReferenceIn::Header(name) => Some(name.clone()),
        ReferenceIn::Path(_) | ReferenceIn::Query(_) | ReferenceIn::Body { .. } => None,
    });
    sound.then(|| head::Settings {
        limits: Limits {
            target_bytes: listen::bytes(shape.limits.target_bytes),
            header_count: usize::from(shape.limits.header_count),
            header_bytes: listen::bytes(shape.limits.header_bytes),
        },
        hosts,
        trusted_proxies,
        hops: edge::hops(shape.client_address),
        token_cookies,
        header_references: headers.collect(),
    })
}

fn forward(config: &Config, findings: &mut Findings<'_>) -> Option<forward::Settings> {
    let upstreams = upstream::resolve(config, findings);
    Some(forward::Settings {
        upstreams,
        dns: endpoints::dns(&config.dns, findings),
        assertion: assertion::resolve(config, findings),
        annotate: running::annotate(&config.annotate, findings)?,
        body_timeout: config.listen.timeouts.body.0,
        body_rate: listen::body_rate(&config.listen.timeouts, findings),
    })
}

/// The demonstration's keys are no secret: whoever knows them could be anybody (RULES 52).
fn demo_stays_local(issuers: &[IssuerSettings], config: &Config, findings: &mut Findings<'_>) {
    let mut served = listen::own(config).filter(|(pointer, _)| pointer.starts_with("/listen/"));
    let outside = served.find(|(_, own)| !own.ip().to_canonical().is_loopback());
    let demo = issuers
        .iter()
        .any(|issuer| issuer.issuer == issuer::DEMO_ISSUER);
    if let Some((pointer, _)) = outside.filter(|_| demo) {
        let message = "the demonstration's issuer is served on loopback only";
        let help = "listen on 127.0.0.1, or remove the issuer";
        findings.error(&pointer, "demo_issuer_exposed", message, help);
    }
}

/// Routes that can be told apart.
fn router(found: &mut Routes, findings: &mut Findings<'_>) -> Option<Router> {
    let built = Router::build(std::mem::take(&mut found.list));
    let faults = match &built {
        Ok(router) => router.warnings(),
        Err(faults) => faults,
    };
    let own = findings.document();
    findings.extend(
        faults
            .iter()
            .map(|fault| found.underline(own, fault.clone())),
    );
    built.ok()
}

fn tenants(config: &Config, former: &tenants::Former, findings: &mut Findings<'_>) -> Tenants {
    let issuers = config.issuer_names();
    let plans: Vec<&str> = config.plans.keys().map(String::as_str).collect();
    let known = Known {
        issuers: Some(&issuers),
        plans: Some(&plans),
    };
    let layout = config.tenants.layout(findings.folder());
    match tenants::read(&layout, known, findings.disk(), former) {
        Ok(tenants) => tenants,
        Err(fault) => {
            blame(findings, "/tenants", *fault);
            Tenants::default()
        }
    }
}

/// What TLS is served with. Its faults stop a start; later former files serve on, and nothing waits for
/// them.
fn served_with(config: &Config, first: bool, findings: &mut Findings<'_>) -> Option<Material> {
    let shape = config.listen.tls.as_ref()?;
    let material = certificates::read(shape, findings.folder(), findings.disk());
    if first {
        findings.extend(material.errors());
    }
    Some(material)
}

/// What is revoked. A file that is named and cannot be read is a fault: nobody means an empty list.
fn revoked(config: &Config, texts: &mut Texts, findings: &mut Findings<'_>) -> Revocations {
    let Some(name) = &config.revocations else {
        return Revocations::default();
    };
    let path = findings.path(name);
    match revocations::read(&path, &config.issuer_names(), findings.disk()) {
        Ok(read) => {
            texts.push(("revocations".to_owned(), read.text));
            findings.extend(read.warnings);
            read.list
        }
        Err(faults) => {
            for fault in faults {
                if fault.place.span.is_some() {
                    findings.extend([fault]);
                } else {
                    blame(findings, "/revocations", fault);
                }
            }
            Revocations::default()
        }
    }
}

fn policy(
    config: &Config,
    operations: Vec<Arc<Operation>>,
    texts: &mut Texts,
    findings: &mut Findings<'_>,
) -> policy::Settings {
    let schema = sources("/schema", &config.schema, "cedarschema", texts, findings);
    let platform = sources("/policies", &config.policies, "cedar", texts, findings);
    policy::Settings {
        schema,
        operations,
        platform,
        overlays: Vec::new(),
        overlay_bytes: running::overlay_bytes(&config.cache, findings),
        principals_act_in: config.principals.act_in,
    }
}

/// All files of a folder; none is a fault, because nobody means an empty set.
fn sources(
    pointer: &str,
    name: &str,
    extension: &str,
    texts: &mut Texts,
    findings: &mut Findings<'_>,
) -> Vec<Source> {
    let folder = findings.path(name);
    let (files, faults) = findings.disk().read_all(&folder, extension);
    if files.is_empty() && faults.is_empty() {
        let message = format!("`{}` holds no `*.{extension}` file", folder.display());
        findings.error(
            pointer,
            "folder_empty",
            message,
            "correct the path, or add one",
        );
    }
    for fault in faults
        .into_iter()
        .filter(|fault| !is_of_specs(&folder, fault))
    {
        if fault.code == "folder_unreadable" {
            blame(findings, pointer, fault);
        } else {
            findings.extend([fault]);
        }
    }
    for (entry, text) in &files {
        texts.push((format!("{pointer}/{}", entry.name), Arc::clone(text)));
    }
    let source = |(entry, text): (files::Entry, Arc<str>)| Source::new(entry.shown(), text);
    files.into_iter().map(source).collect()
}

/// Whether it is about what stands in `specs/`, which `palisade prove` reads: that is no policy, and nobody
/// takes it for one in force.
fn is_of_specs(folder: &Path, fault: &Fault) -> bool {
    let specs = folder.join(SPECS);
    fault.code == "file_not_read" && Path::new(&fault.place.file).parent() == Some(&specs)
}

/// A fault of a file, at the key that names it.
fn blame(findings: &mut Findings<'_>, pointer: &str, fault: Fault) {
    let message = format!("`{}`: {}", fault.place.file, fault.message);
    findings.error(pointer, fault.code, message, fault.help.unwrap_or_default());
}

/// What the routes can do, each once, in the order of names; and taking from a catalog, where a write
/// may name one in its body.
fn operations(routes: &[Route], references: &[ReferenceRule]) -> Vec<Arc<Operation>> {
    let takes = references.iter().any(|rule| {
        rule.kind == ReferenceKind::Catalog && matches!(rule.place, ReferenceIn::Body { .. })
    });
    let mut operations: BTreeMap<Arc<str>, Arc<Operation>> = BTreeMap::new();
    for route in routes.iter().filter(|route| !route.set.public) {
        let name = Arc::clone(&route.operation.name);
        operations
            .entry(name)
            .or_insert_with(|| Arc::clone(&route.operation));
        if takes && route.body == BodyRule::Json && route.operation.access != Access::Read {
            let takes = catalog_use(route.operation.api_context);
            operations.extend(takes.map(|one| (Arc::clone(&one.name), Arc::clone(one))));
        }
    }
    operations.into_values().collect()
}

/// Over names and texts, each with its length, so that no two different inputs read alike; never over
/// where the folder lies, so that replicas agree.
fn inputs(issuers: &[IssuerSettings], mut texts: Texts, tenants: &[u8; 32]) -> [u8; 32] {
    for issuer in issuers {
        if let KeySource::File { text, .. } = &issuer.keys {
            texts.push((format!("keys/{}", issuer.name), Arc::clone(text)));
        }
    }
    texts.sort();
    let mut hasher = Hasher::new(&SHA256);
    hasher.update(tenants);
    for (name, text) in &texts {
        for part in [name.as_bytes(), text.as_bytes()] {
            hasher.update(&(part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
    }
    let digest = hasher.finish();
    digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
}
