//! Every fault of a configuration and of all that it names, or of a tenant directory alone.

use super::{permits, roles};
use crate::clock::Clock;
use crate::config::{self, TenantsOf};
use crate::decision::ShadowSettings;
use crate::fault::{self, Fault, Severity};
use crate::forward::UpstreamSettings;
use crate::policy::Store;
use crate::tenant::OverlayMode;
use std::path::Path;

/// Every fault that `palisade serve` would start with, or not start with, in the order of the files.
///
/// A tenant that `serve` would leave out is an error here: somebody is about to be locked out.
pub fn check(path: &Path) -> Vec<Fault> {
    let mut faults = match config::load(path) {
        // Policies are reviewed with it.
        Err(faults) => faults,
        Ok(resolved) => {
            let mut faults = resolved.warnings;
            let clock = Clock::system();
            let certificates = resolved.tls.map(|material| material.prove(None, &clock).1);
            faults.extend(certificates.into_iter().flatten());
            let shown = resolved.forward.upstreams.iter();
            let shown = shown.filter_map(UpstreamSettings::certificate_ends);
            faults.extend(shown.filter_map(|ends| ends.judge(clock.now())));
            faults.extend(resolved.quarantined.into_iter().map(severe));
            // Where accounts may permit, what the platform leaves out is theirs to say.
            let overlays = resolved.policy.overlays.iter();
            let mut overlays = overlays.filter(|one| one.mode() == OverlayMode::Permit);
            let accounts_permit = overlays.any(|one| !one.files().is_empty());
            let (router, directory) = (resolved.router, resolved.directory);
            let issuers = resolved.issuers;
            let shadow = resolved.shadow.map(ShadowSettings::review);
            faults.extend(shadow.into_iter().flatten().map(quarantine));
            faults.extend(match Store::build(resolved.policy) {
                Ok((store, mut found)) if store.quarantined().is_empty() => {
                    if !accounts_permit {
                        found.extend(permits::warnings(&router, &store));
                    }
                    found.extend(roles::warnings(&issuers, &directory, &store));
                    found
                }
                Ok((_, found)) => found.into_iter().map(quarantine).collect(),
                Err(found) => found,
            });
            faults
        }
    };
    fault::sort(&mut faults);
    faults
}

/// Every fault of a tenant directory.
pub fn lint(of: TenantsOf<'_>) -> Vec<Fault> {
    let mut faults = config::tenants(of);
    fault::sort(&mut faults);
    faults
}

/// Only what an overlay is left out for; the warnings of good ones stay warnings.
fn quarantine(fault: Fault) -> Fault {
    if fault.code == "policy_suspect" {
        fault
    } else {
        severe(fault)
    }
}

fn severe(fault: Fault) -> Fault {
    Fault {
        severity: Severity::Error,
        ..fault
    }
}
