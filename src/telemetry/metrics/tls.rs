//! TLS: handshakes by how they ended, and what it is served with.

use super::family::{Builder, stable};
use crate::clock::Timestamp;
use crate::tls::Failure;
use prometheus::{IntCounter, IntGauge, IntGaugeVec};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// When something ends: its kind, its name, and until when it holds.
pub type CertificateEnd<'a> = (&'static str, &'a str, Timestamp);

#[derive(Debug)]
pub(super) struct Tls {
    done: IntCounter,
    resumed: IntCounter,
    /// By [`Failure`].
    failed: Vec<IntCounter>,
    loaded: IntCounter,
    refused: IntCounter,
    successful: IntGauge,
    ends: IntGaugeVec,
    named: Mutex<Vec<(&'static str, String)>>,
}

impl Tls {
    pub(super) fn new(build: &mut Builder) -> Self {
        let handshakes = build.counters(stable(
            "palisade_tls_handshakes_total",
            &["result"],
            "TLS handshakes of clients, by how they ended: `ok`, `resumed`, or why there is no connection (`late`, `closed`, `not_tls`, `version`, `parameters`, `protocol`, `unknown_name`, `refused_by_client`, `certificate_missing`, `certificate_unknown`, `certificate_expired`, `certificate_revoked`, `revocation_unknown`, `certificate_bad`, `identity`, `other`).",
        ));
        let loads = build.counters(stable(
            "palisade_tls_loads_total",
            &["result"],
            "Times that changed certificates were looked at, by result: `ok`, or `error` where former ones serve on.",
        ));
        Self {
            done: handshakes.with_label_values(&["ok"]),
            resumed: handshakes.with_label_values(&["resumed"]),
            failed: Failure::ALL
                .iter()
                .map(|failure| handshakes.with_label_values(&[failure.label()]))
                .collect(),
            loaded: loads.with_label_values(&["ok"]),
            refused: loads.with_label_values(&["error"]),
            successful: {
                let successful = build.gauge(stable(
                    "palisade_tls_last_load_successful",
                    &[],
                    "Whether TLS is served with the files as they are now (1), or with former ones because a file cannot be used (0).",
                ));
                successful.set(1);
                successful
            },
            ends: build.gauges(stable(
                "palisade_tls_certificate_expiry_timestamp_seconds",
                &["kind", "name"],
                "When what TLS is spoken with ends, in seconds since the epoch: a certificate (`server`, by its first name), the first of the authorities of clients (`client_authority`), the first of the revocation lists (`revocation_list`), the certificate that an upstream is shown (`upstream`, by its name).",
            )),
            named: Mutex::default(),
        }
    }

    pub(super) fn handshake(&self, resumed: bool) {
        if resumed { &self.resumed } else { &self.done }.inc();
    }

    pub(super) fn failed(&self, failure: Failure) {
        if let Some(counter) = self.failed.get(failure as usize) {
            counter.inc();
        }
    }

    pub(super) fn loaded(&self, ok: bool) {
        if ok { &self.loaded } else { &self.refused }.inc();
        self.successful.set(i64::from(ok));
    }

    /// Those of `kinds`, and no others of them any more. Of two with one name, the first that ends.
    pub(super) fn ends<'a>(
        &self,
        kinds: &[&'static str],
        ends: impl IntoIterator<Item = CertificateEnd<'a>>,
    ) {
        let mut first: BTreeMap<(&'static str, &str), Timestamp> = BTreeMap::new();
        for (kind, name, until) in ends {
            let known = first.entry((kind, name)).or_insert(until);
            *known = until.min(*known);
        }
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        named.retain(|(kind, name)| {
            let keep = !kinds.contains(kind) || first.contains_key(&(*kind, name.as_str()));
            if !keep {
                // An error says that it is gone already.
                let _ = self.ends.remove_label_values(&[*kind, name.as_str()]);
            }
            keep
        });
        for ((kind, name), until) in first {
            let seconds = until.millis().div_euclid(1000);
            self.ends.with_label_values(&[kind, name]).set(seconds);
            if !named.iter().any(|known| known.0 == kind && known.1 == name) {
                named.push((kind, name.to_owned()));
            }
        }
    }
}
