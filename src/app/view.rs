//! What the admin listeners show of a running gate.

mod account;
mod explain;
mod layers;
mod shadow;

use super::certificates::Certificates;
use super::relaxed;
use super::report::Report;
use crate::admin::{Check, Drained, Explained, Unexplained, View};
use crate::drain::Drain;
use crate::fault::Fault;
use crate::forward::{Assertion, ServiceStatus};
use crate::gate::Shared;
use crate::route::BodyRule;
use crate::snapshot::Snapshot;
use crate::socket;
use crate::telemetry::Metrics;
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Faults that are shown of one account's policies.
const FAULTS_EACH_MAX: usize = 10;

/// A running gate, to be looked at.
pub(super) struct Shown {
    shared: Arc<Shared>,
    drain: Arc<Drain>,
    report: Arc<Snapshot<Report>>,
    certificates: Option<Certificates>,
    /// Who may be explaining.
    explaining: Arc<Semaphore>,
}

/// Explanations at a time: they take a core each, which requests need.
const EXPLAINING_MAX: usize = 1;

impl Shown {
    pub(super) fn new(
        shared: Arc<Shared>,
        drain: Arc<Drain>,
        report: Arc<Snapshot<Report>>,
        certificates: Option<Certificates>,
    ) -> Self {
        Self {
            shared,
            drain,
            report,
            certificates,
            explaining: Arc::new(Semaphore::new(EXPLAINING_MAX)),
        }
    }
}

impl View for Shown {
    fn metrics(&self) -> &Metrics {
        &self.shared.metrics
    }

    fn jwks(&self) -> Value {
        let generation = self.shared.generation.load();
        let assertion = generation.forward.assertion.as_ref();
        assertion.map_or_else(|| json!({ "keys": [] }), Assertion::jwks)
    }

    fn request(&self, id: &str) -> Vec<u8> {
        self.shared.audit.recent(id)
    }

    fn readiness(&self) -> Vec<Check> {
        let generation = self.shared.generation.load();
        let rules = &generation.rules;
        let issuer = |status: crate::token::IssuerStatus| Check {
            what: format!("issuer {}", status.name),
            // Only issuers that are marked so gate readiness (RULES 43).
            ok: status.usable || !status.required,
            detail: status
                .error
                .unwrap_or_else(|| format!("{} keys", status.keys)),
        };
        let mut checks: Vec<Check> = rules.issuers.status().into_iter().map(issuer).collect();
        let draining = self.drain.leaving();
        checks.push(Check {
            what: "serving".to_owned(),
            ok: !draining,
            detail: if draining { "draining" } else { "yes" }.to_owned(),
        });
        checks
    }

    fn status(&self) -> Value {
        let generation = self.shared.generation.load();
        let rules = &generation.rules;
        let issuers = rules.issuers.status().into_iter().map(|issuer| {
            json!({
                "name": &*issuer.name,
                "issuer": issuer.issuer,
                "usable": issuer.usable,
                "keys": issuer.keys,
                "fetched": issuer.fetched.map(crate::clock::Timestamp::rfc3339),
                "error": issuer.error,
                "required": issuer.required,
            })
        });
        let quarantined = rules.store.quarantined().into_iter();
        let quarantined = quarantined.map(|(account, serving)| {
            let report = rules.store.overlay_report(account);
            let faults = report.map(|report| report.faults).unwrap_or_default();
            let faults = faults.iter().take(FAULTS_EACH_MAX).map(Fault::json);
            json!({
                "account": account.as_str(),
                "serves": if serving { "last good" } else { "nothing" },
                "faults": faults.collect::<Vec<_>>(),
            })
        });
        let unchecked = rules.router.routes().iter().filter_map(|route| {
            let BodyRule::Unchecked(why) = &route.body else {
                return None;
            };
            Some(json!({
                "route": format!("{} {}", route.method, route.template),
                "why": &**why,
            }))
        });
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "revision": &*rules.revision,
            "policy_revision": rules.store.revision(),
            "reload": self.report.peek().json(),
            "tls": self.certificates.as_ref().map(|one| one.json(self.shared.clock.now())),
            "revocations": rules.revocations.len(),
            "routes": rules.router.routes().len(),
            "accounts": rules.directory.accounts().count(),
            "issuers": issuers.collect::<Vec<_>>(),
            "upstreams": generation.services.all().into_iter().map(|one| upstream(&one.status())).collect::<Vec<_>>(),
            "relaxed": relaxed::of(&generation, self.certificates.as_ref()),
            "bodies_unchecked": unchecked.collect::<Vec<_>>(),
            "platform": layers::platform(&rules.store),
            "decisions": layers::decisions(&self.shared),
            "overlays": layers::overlays(&rules.store),
            "shadow": shadow::status(&generation),
            "overlays_quarantined": quarantined.collect::<Vec<_>>(),
            "descriptors": socket::descriptors().soft,
            "draining": self.drain.leaving(),
            "in_flight": self.shared.metrics.in_flight_now(),
            "tokens_remembered": rules.issuers.remembered(),
        })
    }

    fn account(&self, id: &str) -> Option<Value> {
        account::status(id, &self.shared, &self.report.peek())
    }

    fn shadow(&self, account: Option<&str>) -> Option<Value> {
        shadow::told(account, &self.shared)
    }

    fn explain(&self, asked: Vec<u8>) -> Explained {
        let turn = Arc::clone(&self.explaining).try_acquire_owned();
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let turn = turn.map_err(|_| Unexplained::Busy)?;
            let work = move || {
                // Held to the end of the work, whether or not somebody still waits for it.
                let _turn = turn;
                explain::written(&shared, &asked)
            };
            let told = tokio::task::spawn_blocking(work).await;
            told.unwrap_or(Err(Unexplained::Failed))
        })
    }

    fn drain(&self) -> Drained {
        self.drain.leave();
        let drain = Arc::clone(&self.drain);
        Box::pin(async move { drain.ended().await })
    }
}

fn upstream(status: &ServiceStatus) -> Value {
    let endpoints = status.endpoints.iter().map(|(address, host, state)| {
        json!({ "address": address.to_string(), "host": &**host, "state": state.label() })
    });
    let unresolved = status.unresolved.iter();
    let unresolved = unresolved.map(|(host, why)| json!({ "host": &**host, "why": why }));
    json!({
        "name": &*status.name,
        "endpoints": endpoints.collect::<Vec<_>>(),
        "unresolved": unresolved.collect::<Vec<_>>(),
    })
}
