//! For how long a client over TLS may keep its connection: as long as a new one would be verified alike.

use crate::clock::{Clock, Timestamp};
use crate::snapshot::Snapshot;
use crate::tls::Server;
use crate::x509::Identity;
use rustls::pki_types::CertificateDer;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;

/// How often the clock is looked at, at least.
const CLOCK: Duration = Duration::from_secs(30);

/// What TLS is served with, and what a client has shown under it.
pub(super) struct Vouched {
    serving: Arc<Snapshot<Server>>,
    changes: watch::Receiver<u64>,
    /// When the client's certificate ends, or the list that would say if it was revoked; `None`: it showed
    /// none.
    until: Option<Timestamp>,
    clock: Clock,
}

impl Vouched {
    /// `changes` was watched before `server` was taken from what serves.
    pub(super) fn new(
        (serving, changes): (Arc<Snapshot<Server>>, watch::Receiver<u64>),
        server: &Server,
        shown: Option<&Identity>,
        clock: &Clock,
    ) -> Self {
        Self {
            serving,
            changes,
            until: shown.map(|identity| identity.until.min(server.clients_until())),
            clock: clock.clone(),
        }
    }

    /// Completes when a client that shows what this one `shown` has would get no connection any more. That
    /// something was renewed is no reason.
    pub(super) async fn withdrawn(&self, shown: Option<(&Identity, &[CertificateDer<'_>])>) {
        let mut changes = self.changes.clone();
        loop {
            let server = self.serving.load();
            let refused = match shown {
                Some((_, chain)) => server.verify(chain).is_err(),
                None => server.requires_certificate(),
            };
            if refused {
                return;
            }
            let until = shown.map(|(identity, _)| identity.until.min(server.clients_until()));
            tokio::select! {
                () = past(until, &self.clock) => return,
                told = changes.changed() => if told.is_err() {
                    return pending().await;
                },
            }
        }
    }

    /// Completes when the certificate has ended, or when authorities, revocation lists or our own
    /// certificate have changed since; for a client that showed none, when it would have to now.
    pub(super) async fn ended(&self) {
        let mut changes = self.changes.clone();
        loop {
            tokio::select! {
                () = past(self.until, &self.clock) => return,
                told = changes.changed() => if told.is_err() {
                    // The sender is gone: the process ends, which others see to.
                    return pending().await;
                },
            }
            if self.until.is_some() || self.serving.peek().requires_certificate() {
                return;
            }
        }
    }
}

/// Completes once `until` has passed. The clock may be set meanwhile.
async fn past(until: Option<Timestamp>, clock: &Clock) {
    let Some(until) = until else {
        return pending().await;
    };
    while let Ok(left) = u64::try_from(until.millis().saturating_sub(clock.now().millis())) {
        sleep(Duration::from_millis(left.saturating_add(1)).min(CLOCK)).await;
    }
}
