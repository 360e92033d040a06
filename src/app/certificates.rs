//! What TLS is served with, followed apart from the rules: a certificate is renewed whatever is wrong with
//! a policy, and a broken certificate keeps no policy from serving.

use crate::clock::{Clock, Timestamp};
use crate::fault::Fault;
use crate::snapshot::Snapshot;
use crate::telemetry::Metrics;
use crate::tls::{Kind, Material, Proven, Server, Settled};
use serde_json::{Value, json};
use std::sync::Arc;

/// What serves, and how the latest look at the files ended.
#[derive(Clone)]
pub(super) struct Certificates(Arc<Inner>);

struct Inner {
    serving: Arc<Snapshot<Server>>,
    state: Snapshot<State>,
    metrics: Arc<Metrics>,
}

#[derive(Clone)]
struct State {
    settled: Settled,
    /// What is wrong with the files, or should be looked at.
    faults: Vec<Fault>,
}

impl Certificates {
    /// Of a start; every fault if nothing can be served.
    pub(super) fn start(
        material: Material,
        clock: &Clock,
        metrics: &Arc<Metrics>,
    ) -> Result<Self, Vec<Fault>> {
        let (proven, faults) = material.prove(None, clock);
        let Some(Proven { settled, server }) = proven else {
            return Err(faults);
        };
        let inner = Inner {
            serving: Arc::new(Snapshot::new(server)),
            state: Snapshot::new(State {
                settled,
                faults: Vec::new(),
            }),
            metrics: Arc::clone(metrics),
        };
        let own = Self(Arc::new(inner));
        own.tell(faults, None);
        Ok(own)
    }

    /// For the listener: what the next handshake is made with.
    pub(super) fn serving(&self) -> Arc<Snapshot<Server>> {
        Arc::clone(&self.0.serving)
    }

    /// What was found on disk serves from now on, as far as it can.
    pub(super) fn follow(&self, material: Material, clock: &Clock) {
        let state = self.0.state.load();
        let (proven, faults) = material.prove(Some(&state.settled), clock);
        let next = proven.filter(|next| !next.settled.same_as(&state.settled));
        if next.is_none() && faults == state.faults {
            return;
        }
        let settled = next.map(|Proven { settled, server }| {
            self.0.serving.replace(server);
            tracing::info!("new certificates serve");
            settled
        });
        self.0
            .metrics
            .tls_loaded(!faults.iter().any(Fault::is_error));
        self.tell(faults, settled);
    }

    fn tell(&self, faults: Vec<Fault>, settled: Option<Settled>) {
        let former = self.0.state.load();
        for fault in faults.iter().filter(|one| !former.faults.contains(one)) {
            if fault.is_error() {
                tracing::error!(code = fault.code, "{fault}; what served before serves on");
            } else {
                tracing::warn!(code = fault.code, "{fault}");
            }
        }
        let settled = settled.unwrap_or_else(|| former.settled.clone());
        let ends = settled.ends();
        let ends = ends
            .iter()
            .map(|one| (one.kind.label(), &*one.name, one.until));
        self.0
            .metrics
            .certificates_end(&Kind::SERVED.map(Kind::label), ends);
        self.0.state.replace(State { settled, faults });
    }

    /// Whether clients that show no certificate are served, although it is asked for.
    pub(super) fn anybody(&self) -> bool {
        let state = self.0.state.load();
        state.settled.authorities.is_some() && !state.settled.rules.client_required
    }

    /// For `/status`.
    pub(super) fn json(&self, now: Timestamp) -> Value {
        let state = self.0.state.load();
        let errors = state.faults.iter().filter(|fault| fault.is_error());
        let serving = state.settled.ends().into_iter().map(|one| {
            json!({
                "kind": one.kind.label(),
                "name": &*one.name,
                "file": one.file,
                "until": one.until.rfc3339(),
            })
        });
        let warnings = state.faults.iter().filter(|fault| !fault.is_error());
        // Time passes without a look at the files.
        let mut due = state.settled.judge(now);
        due.retain(|fault| !state.faults.contains(fault));
        json!({
            "ok": errors.clone().count() == 0,
            "faults": errors.map(Fault::json).collect::<Vec<_>>(),
            "warnings": warnings.chain(&due).map(Fault::json).collect::<Vec<_>>(),
            "serving": serving.collect::<Vec<_>>(),
        })
    }
}
