//! What decides, layer by layer, in figures.

use crate::app::generation::hex;
use crate::gate::Shared;
use crate::policy::{Slice, Store};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::Arc;

/// The platform's policies, guards among them.
pub(super) fn platform(store: &Store) -> Value {
    let environments = store.environments();
    // Environments that ask the same policies share them.
    let slices: HashSet<*const Slice> =
        environments.map(|one| Arc::as_ptr(&one.platform)).collect();
    json!({
        "revision": hex(store.platform_hash()),
        "policies": store.platform_policy_ids().len(),
        "environments": store.environments().count(),
        "slices": slices.len(),
    })
}

/// The accounts' own policies.
pub(super) fn overlays(store: &Store) -> Value {
    let counts = store.overlay_counts();
    json!({
        "announced": counts.announced,
        "unchecked": counts.unchecked,
        "quarantined": counts.quarantined,
        "parsed": counts.parsed,
        "parsed_bytes": counts.parsed_bytes,
        "parsed_bytes_max": counts.parsed_bytes_max,
    })
}

/// The remembered answers, of all layers together.
pub(super) fn decisions(shared: &Shared) -> Value {
    let kept = shared.pdp.kept();
    let counts = shared.metrics.decision_cache();
    let mismatch = shared.pdp.mismatch().map(|found| {
        json!({
            "at": found.at.rfc3339(),
            "action": &*found.action,
            "remembered": found.remembered,
            "fresh": found.fresh,
            "key": found.key,
        })
    });
    json!({
        "off": kept.off,
        "mismatch": mismatch,
        "entries": kept.entries,
        "bytes": kept.bytes,
        "bytes_max": kept.bytes_max,
        "hits": counts.hits,
        "misses": counts.misses,
        "evictions": counts.evictions,
    })
}
