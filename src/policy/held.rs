//! What is held of one account's overlay: what loads now, or what loaded last (RULES 33).

use super::overlay::Overlay;
use super::platform::Types;
use super::review::{self, Layer};
use super::source::{OverlaySource, Source};
use super::store::Store;
use crate::fault::{Fault, Severity};
use std::sync::Arc;

/// One account's overlay. Without anything loaded the account is denied.
#[derive(Clone, Debug, Default)]
pub(super) struct Held {
    loaded: Option<Loaded>,
    /// The files that passed last. They outlive a schema under which they do not pass.
    good: Option<Arc<OverlaySource>>,
    /// The files of today do not pass.
    pub(super) quarantined: bool,
    /// Of what decides: equal hashes mean equal answers.
    pub(super) hash: [u8; 32],
}

#[derive(Clone, Debug)]
struct Loaded {
    overlay: Arc<Overlay>,
    warnings: Vec<Fault>,
}

impl Held {
    /// What to ask. `None`: the account is denied.
    pub(super) fn overlay(&self) -> Option<&Overlay> {
        self.loaded.as_ref().map(|loaded| &*loaded.overlay)
    }

    /// What is held once the files are those of `source`; `former` is what was held before, and in
    /// which store. With it come its faults, none of which stops anybody else (RULES 43).
    pub(super) fn next(
        source: &Arc<OverlaySource>,
        types: &Types,
        former: Option<(&Store, &Self)>,
    ) -> (Self, Vec<Fault>) {
        let carried = former.filter(|(store, _)| store.has_types(types));
        let carried = carried.and_then(|(_, held)| held.loaded.as_ref());
        let faults = match load(source, types, carried) {
            Ok(loaded) => {
                let warnings = loaded.warnings.clone();
                let held = Self {
                    hash: *loaded.overlay.hash(),
                    loaded: Some(loaded),
                    good: Some(Arc::clone(source)),
                    quarantined: false,
                };
                return (held, warnings);
            }
            Err(faults) => faults,
        };
        let good = former.and_then(|(_, held)| held.good.clone());
        // Under the mode of today: it may have become stricter.
        let last = good.as_ref().map(|good| good.with_mode(source.mode()));
        let loaded = last.and_then(|last| load(&last, types, carried).ok());
        let serving = loaded.is_some();
        let faults = faults.into_iter();
        let faults = faults.map(|fault| quarantined(source, serving, fault));
        let hash = loaded.as_ref().map(|loaded| *loaded.overlay.hash());
        let held = Self {
            hash: hash.unwrap_or_else(|| *source.hash()),
            loaded,
            good,
            quarantined: true,
        };
        (held, faults.collect())
    }
}

/// A tenant's fault stops nobody's start (RULES 43).
pub(super) fn quarantined(source: &OverlaySource, serving: bool, fault: Fault) -> Fault {
    if !fault.is_error() {
        return fault;
    }
    let (account, message) = (source.account(), &fault.message);
    let message = if serving {
        format!("account `{account}` keeps its last good policies until this is mended: {message}")
    } else {
        format!("account `{account}` is denied until this is mended: {message}")
    };
    Fault {
        severity: Severity::Warning,
        message,
        ..fault
    }
}

fn load(
    source: &OverlaySource,
    types: &Types,
    carried: Option<&Loaded>,
) -> Result<Loaded, Vec<Fault>> {
    if !source.faults().is_empty() {
        return Err(source.faults().to_vec());
    }
    let hash = *source.hash();
    if let Some(same) = carried.filter(|carried| *carried.overlay.hash() == hash) {
        return Ok(same.clone());
    }
    let files: Vec<&Source> = source.files().iter().collect();
    let layer = Layer::Account(source.account(), source.mode());
    let (rules, warnings) = review::review(layer, &files, &types.classes)?;
    Ok(Loaded {
        overlay: Arc::new(Overlay::build(hash, &rules, &types.shapes)),
        warnings,
    })
}
