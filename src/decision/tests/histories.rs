//! Random histories: remembered answers equal fresh ones.

use super::history::{history, stores};
use crate::decision::{Denied, Pdp, Permit, Settings};
use crate::reason::Reason;
use crate::telemetry::Metrics;
use std::sync::Arc;
use std::time::Duration;

/// All that one answer says, but whether it was remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Said {
    reason: Option<Reason>,
    determining: Vec<Arc<str>>,
    erring: Vec<Arc<str>>,
}

fn said(answer: &Result<Permit, Denied>) -> Said {
    match answer {
        Ok(permit) => Said {
            reason: None,
            determining: permit.determining().to_vec(),
            erring: Vec::new(),
        },
        Err(denied) => Said {
            reason: Some(denied.reason),
            determining: denied.determining.to_vec(),
            erring: denied.errors.to_vec(),
        },
    }
}

pub(super) fn forgetful() -> Pdp {
    let settings = Settings {
        ttl: Duration::ZERO,
        ..Settings::default()
    };
    Pdp::new(settings, Metrics::new())
}

#[test]
fn remembered_answers_equal_fresh_ones() {
    let stores = stores();
    let day = Settings {
        ttl: Duration::from_hours(24),
        ..Settings::default()
    };
    let (keeping, forgetting) = (Pdp::new(day, Metrics::new()), forgetful());
    let (mut remembered, mut allowed, mut erred) = (0, 0, 0);
    for step in history(1, 4_000) {
        let store = &stores[step.store];
        let kept = keeping.decide(store, step.question());
        let fresh = forgetting.decide(store, step.question());
        assert_eq!(
            said(&kept),
            said(&fresh),
            "{:?} {:?}",
            step.target,
            step.head
        );
        let cached = match &kept {
            Ok(permit) => permit.cached(),
            Err(denied) => denied.cached,
        };
        remembered += usize::from(cached == Some(true));
        allowed += usize::from(fresh.is_ok());
        erred += usize::from(!said(&fresh).erring.is_empty());
    }
    // The history means something.
    assert!(remembered > 500, "{remembered}");
    assert!(allowed > 800 && allowed < 3_200, "{allowed}");
    assert!(erred > 100, "{erred}");
}
