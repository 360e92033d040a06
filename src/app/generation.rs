//! From a resolved configuration to a generation: the same at start and at every reload.

use crate::clock::Clock;
use crate::config::{Kept, ReloadSettings, Resolved, Restrictions};
use crate::decision::Shadow;
use crate::fault::Fault;
use crate::forward::{Services, UpstreamSettings};
use crate::gate::Generation;
use crate::policy::Store;
use crate::route::ReferenceTable;
use crate::ruleset::Ruleset;
use crate::telemetry::Metrics;
use crate::tls::Kind;
use crate::token::Issuers;
use aws_lc_rs::digest::{Context as Hasher, SHA256};
use std::fmt::Write as _;
use std::sync::Arc;

/// A generation, and what else its files came to.
pub(super) struct Built {
    pub(super) generation: Generation,
    /// What should be looked at.
    pub(super) warnings: Vec<Fault>,
    /// Keys whose new values wait for a restart.
    pub(super) needs_restart: Vec<String>,
    /// How the next change is noticed.
    pub(super) reload: ReloadSettings,
    /// For the next reading.
    pub(super) kept: Kept,
}

/// Builds it whole, or says all that is wrong. What `former` has and did not change is carried over:
/// keys, proved tokens, policies. Nothing of it serves before [`install`].
pub(super) fn build(
    resolved: Resolved,
    former: Option<&Generation>,
    clock: &Clock,
    metrics: &Arc<Metrics>,
) -> Result<Built, Vec<Fault>> {
    let served = former.map(|former| &*former.services);
    let shadowed = former.and_then(|former| former.shadow.as_deref());
    let former = former.map(|former| &former.rules);
    let issuers = if let Some(former) = former {
        former.issuers.succeed(resolved.issuers)
    } else {
        let (clock, metrics) = (clock.clone(), Arc::clone(metrics));
        Issuers::with_cache(resolved.issuers, resolved.token_entries, clock, metrics)
    };
    let store = Store::succeed(resolved.policy, former.map(|former| &*former.store));
    let (issuers, store) = both(issuers, store)?;
    let (store, found) = store;
    let mut forward = resolved.forward;
    let references = &resolved.head.header_references;
    forward.annotate = forward.annotate.with_references(references);
    let services = Services::succeed(&forward, served, metrics);
    let store = Arc::new(store);
    let shadow = resolved
        .shadow
        .map(|one| Shadow::new(one, &store, shadowed).into());
    let generation = Generation {
        rules: Ruleset {
            revision: revision(&resolved.inputs, &store),
            router: resolved.router.into(),
            references: ReferenceTable::new(&resolved.references).into(),
            issuers,
            revocations: resolved.revocations.into(),
            directory: resolved.directory,
            store,
            plans: resolved.plans.into(),
            principals: resolved.principals,
            peers: resolved.peers,
        },
        head: resolved.head,
        forward: forward.into(),
        services: services.into(),
        record_questions: resolved.record_questions,
        shadow,
    };
    let ends = generation.forward.upstreams.iter();
    let ends = ends.filter_map(UpstreamSettings::certificate_ends);
    let due = ends.filter_map(|one| one.judge(clock.now())).collect();
    Ok(Built {
        warnings: [resolved.quarantined, resolved.warnings, found, due].concat(),
        generation,
        needs_restart: resolved.needs_restart,
        reload: resolved.reload,
        kept: resolved.kept,
    })
}

/// A generation to be asked, not served: nothing follows the files after it.
pub(crate) fn generation(
    resolved: Resolved,
    clock: &Clock,
    metrics: &Arc<Metrics>,
) -> Result<Generation, Vec<Fault>> {
    let built = build(resolved, None, clock, metrics)?;
    install(&built.generation, metrics);
    Ok(built.generation)
}

/// Gives a generation that is about to serve its series.
pub(super) fn install(generation: &Generation, metrics: &Metrics) {
    let rules = &generation.rules;
    rules.issuers.register();
    metrics.register_policies(rules.store.platform_policy_ids().iter().map(|id| &**id));
    let upstreams = generation.forward.upstreams.iter();
    metrics.keep_upstreams(upstreams.clone().map(|one| &*one.name));
    let ends = upstreams.filter_map(UpstreamSettings::certificate_ends);
    let ends = ends.map(|one| (one.kind.label(), &*one.name, one.until));
    metrics.certificates_end(&[Kind::Upstream.label()], ends);
    metrics.overlays_quarantined(rules.store.quarantined().len() as u64);
}

/// `whole` with what the files say now of status, `not_before` and revocations, where that is
/// stricter. `None`: it is as strict already.
pub(super) fn restricted(whole: &Generation, by: &Restrictions) -> Option<Generation> {
    let rules = &whole.rules;
    let directory = rules.directory.narrowed(&by.accounts);
    let revocations = rules.revocations.as_ref().clone().and(&by.revocations);
    if directory.is_none() && revocations == *rules.revocations {
        return None;
    }
    let directory = directory.map_or_else(|| Arc::clone(&rules.directory), Arc::new);
    let mut hasher = Hasher::new(&SHA256);
    hasher.update(rules.revision.as_bytes());
    let mut accounts: Vec<[u8; 32]> = directory.accounts().map(|one| one.revision).collect();
    accounts.sort_unstable();
    for revision in &accounts {
        hasher.update(revision);
    }
    hasher.update(&revocations.digest());
    Some(Generation {
        rules: Ruleset {
            revision: hex(hasher.finish().as_ref()).into(),
            revocations: revocations.into(),
            directory,
            ..rules.clone()
        },
        ..whole.clone()
    })
}

fn both<A, B>(a: Result<A, Vec<Fault>>, b: Result<B, Vec<Fault>>) -> Result<(A, B), Vec<Fault>> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (a, b) => {
            let (a, b) = (a.err().unwrap_or_default(), b.err().unwrap_or_default());
            Err([a, b].concat())
        }
    }
}

/// Of the files, and of overlays that serve and do not stand in them any more: replicas with equal
/// rules show equal revisions.
fn revision(inputs: &[u8; 32], store: &Store) -> Arc<str> {
    if store.quarantined().iter().all(|(_, serving)| !serving) {
        return hex(inputs).into();
    }
    let mut hasher = Hasher::new(&SHA256);
    hasher.update(inputs);
    hasher.update(store.revision().as_bytes());
    hex(hasher.finish().as_ref()).into()
}

/// As revisions are written.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
