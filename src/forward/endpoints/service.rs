//! One upstream as all workers share it: its endpoints, their health, its budget and limits.

use super::super::UpstreamSettings;
use super::breaker::{Breaker, Limit, Taken};
use super::endpoint::{Endpoint, State};
use super::outbound::Outbound;
use super::outlier::may_eject;
use super::retry_budget::Budget;
use crate::snapshot::Snapshot;
use crate::telemetry::{Metrics, UpstreamSeries};
use arc_swap::Guard;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Lives as long as the upstream's settings stay the same, over reloads too.
pub struct Service {
    pub(in crate::forward) settings: UpstreamSettings,
    pub(in crate::forward) series: UpstreamSeries,
    pub(in crate::forward) breaker: Breaker,
    pub(in crate::forward) outbound: Outbound,
    endpoints: Snapshot<Endpoints>,
    budget: Budget,
    origins: Mutex<Vec<OriginState>>,
    /// When each name is asked for again, by [`Service::now`].
    due: Vec<AtomicU64>,
    ejecting: Mutex<()>,
    begun: Instant,
    new: AtomicBool,
}

/// All endpoints of a moment; another value once any address changes.
#[derive(Debug, Default)]
pub(in crate::forward) struct Endpoints {
    pub(in crate::forward) list: Vec<Arc<Endpoint>>,
}

/// What is known of one origin.
#[derive(Clone, Debug, Default)]
pub(super) struct OriginState {
    addresses: Vec<SocketAddr>,
    /// What is wrong with its name now; the addresses are those of before.
    error: Option<String>,
}

/// An upstream, for `/status`.
#[derive(Clone, Debug)]
pub struct ServiceStatus {
    /// The upstream's name.
    pub name: Arc<str>,
    /// Address and state of each endpoint, with the name it came from.
    pub endpoints: Vec<(SocketAddr, Arc<str>, State)>,
    /// Names that do not resolve, and why.
    pub unresolved: Vec<(Arc<str>, String)>,
}

impl Service {
    /// With the endpoints whose addresses are known without asking.
    pub(super) fn new(settings: &UpstreamSettings, metrics: &Metrics) -> Self {
        let origins = settings.origins.iter().map(|origin| OriginState {
            addresses: origin.literal().into_iter().collect(),
            error: origin
                .literal()
                .is_none()
                .then(|| "it has not been resolved yet".to_owned()),
        });
        let service = Self {
            series: metrics.upstream_series(&settings.name),
            breaker: Breaker::new(settings.limits),
            outbound: Outbound::default(),
            endpoints: Snapshot::new(Endpoints::default()),
            budget: Budget::default(),
            origins: Mutex::new(origins.collect()),
            due: settings.origins.iter().map(|_| AtomicU64::new(0)).collect(),
            ejecting: Mutex::default(),
            begun: Instant::now(),
            new: AtomicBool::new(true),
            settings: settings.clone(),
        };
        service.list();
        service
    }

    /// Whether nobody has looked after it yet: asked once.
    pub(super) fn is_new(&self) -> bool {
        self.new.swap(false, Relaxed)
    }

    /// Milliseconds since it began: what health is told by.
    pub(in crate::forward) fn now(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.begun).as_millis();
        u64::try_from(since).unwrap_or(u64::MAX)
    }

    /// The endpoints of this moment, for a short look.
    pub(in crate::forward) fn endpoints(&self) -> Guard<Arc<Endpoints>> {
        self.endpoints.peek()
    }

    /// Why there are none.
    pub(in crate::forward) fn why_none(&self) -> String {
        let status = self.status();
        let each = status.unresolved.iter();
        let each = each.map(|(host, why)| format!("`{host}`: {why}"));
        each.collect::<Vec<_>>().join("; ")
    }

    /// A request begins, if the upstream may have one more.
    pub(in crate::forward) fn admit(&self, now: Instant) -> Result<Taken, Limit> {
        let taken = self.breaker.request();
        let taken = taken.inspect_err(|limit| self.series.refused(limit.key()))?;
        if self.settings.retries.max > 0 {
            self.budget.request(self.now(now) / 1000);
        }
        Ok(taken)
    }

    /// Whether a request may be sent once more.
    pub(in crate::forward) fn may_retry(&self, now: Instant) -> bool {
        let may = self
            .budget
            .retry(&self.settings.retries, self.now(now) / 1000);
        self.series.retry(may);
        may
    }

    /// `endpoint` did not answer as it should; perhaps it is left out from now on.
    pub(in crate::forward) fn failed(&self, endpoint: &Endpoint, now: Instant) {
        let settings = &self.settings.ejection;
        if !endpoint.outlier.failed(settings) {
            return;
        }
        let now = self.now(now);
        // Two workers must not leave out the last two together.
        let _one = self.ejecting.lock().unwrap_or_else(PoisonError::into_inner);
        // Requests that were under way when it was left out say nothing new.
        if endpoint.state(now) != State::Healthy {
            return;
        }
        let endpoints = self.endpoints();
        let out = endpoints.list.iter();
        let out = out.filter(|one| one.state(now) != State::Healthy).count();
        if out + 1 >= endpoints.list.len() {
            return self.take_back(&endpoints, now);
        }
        if !may_eject(settings, endpoints.list.len(), out) {
            return;
        }
        if let Some(span) = endpoint.outlier.eject(settings, now) {
            self.series.ejected();
            tracing::warn!(
                upstream = %self.settings.name, endpoint = %endpoint.address, ?span,
                "an endpoint keeps failing and is left out"
            );
        }
    }

    /// The last one that was well fails too: those that were left out may be better by now, and whoever
    /// waited for their time would have an outage for nothing.
    fn take_back(&self, endpoints: &Endpoints, now: u64) {
        let each = endpoints.list.iter();
        let back = each.filter(|one| one.outlier.take_back(now)).count();
        if back > 0 {
            tracing::warn!(
                upstream = %self.settings.name, back,
                "the last endpoint fails too; those that were left out are tried again"
            );
        }
    }

    /// `endpoint` answered.
    pub(in crate::forward) fn succeeded(endpoint: &Endpoint) {
        endpoint.outlier.succeeded();
    }

    /// Where the origin at `at` leads now; or why nobody knows, and then it leads where it did.
    pub(super) fn resolved(&self, at: usize, found: Result<Vec<IpAddr>, String>) {
        let Some(origin) = self.settings.origins.get(at) else {
            return;
        };
        self.series.resolved(found.is_ok());
        {
            let mut origins = self.origins.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(state) = origins.get_mut(at) else {
                return;
            };
            let before = state.error.clone();
            match found {
                Ok(ips) => {
                    let port = origin.port;
                    state.addresses = ips.into_iter().map(|ip| (ip, port).into()).collect();
                    state.error = None;
                }
                Err(why) => state.error = Some(why),
            }
            if let Some(why) = state.error.as_ref().filter(|_| state.error != before) {
                tracing::error!(
                    upstream = %self.settings.name, host = %origin.host, why,
                    keeps = state.addresses.len(), "an upstream's name does not resolve"
                );
            }
        }
        self.list();
    }

    /// When the origin at `at` is to be resolved again; now, if that is past.
    pub(super) fn due_in(&self, at: usize) -> Duration {
        let due = self.due.get(at).map_or(0, |due| due.load(Relaxed));
        Duration::from_millis(due.saturating_sub(self.now(Instant::now())))
    }

    pub(super) fn set_due(&self, at: usize, within: Duration) {
        if let Some(due) = self.due.get(at) {
            due.store(self.now(Instant::now() + within), Relaxed);
        }
    }

    /// Puts the addresses of all origins together. One that stays keeps what is known of it.
    fn list(&self) {
        let origins = self.origins.lock().unwrap_or_else(PoisonError::into_inner);
        let former = self.endpoints();
        let mut list: Vec<Arc<Endpoint>> = Vec::new();
        for (origin, state) in self.settings.origins.iter().zip(origins.iter()) {
            for address in &state.addresses {
                if list.iter().any(|one| one.address == *address) {
                    continue;
                }
                let same = |one: &&Arc<Endpoint>| {
                    one.address == *address
                        && one.host == origin.host
                        && one.weight == origin.weight
                };
                let kept = former.list.iter().find(same).map(Arc::clone);
                let fresh = || Arc::new(Endpoint::new(*address, &origin.host, origin.weight));
                list.push(kept.unwrap_or_else(fresh));
            }
        }
        let same = list.len() == former.list.len()
            && list
                .iter()
                .zip(&former.list)
                .all(|(a, b)| Arc::ptr_eq(a, b));
        if !same {
            self.endpoints.replace(Endpoints { list });
        }
    }

    /// For `/status`.
    pub fn status(&self) -> ServiceStatus {
        let now = self.now(Instant::now());
        let endpoints = self.endpoints();
        let endpoints = endpoints.list.iter();
        let origins = self.origins.lock().unwrap_or_else(PoisonError::into_inner);
        let named = self.settings.origins.iter().zip(origins.iter());
        ServiceStatus {
            name: Arc::clone(&self.settings.name),
            endpoints: endpoints
                .map(|one| (one.address, Arc::clone(&one.host), one.state(now)))
                .collect(),
            unresolved: named
                .filter_map(|(origin, state)| {
                    Some((Arc::clone(&origin.host), state.error.clone()?))
                })
                .collect(),
        }
    }

    /// Shows how many endpoints are in which state.
    pub(super) fn show(&self) {
        let now = self.now(Instant::now());
        let endpoints = self.endpoints();
        for state in State::ALL {
            let count = endpoints.list.iter().filter(|one| one.state(now) == state);
            self.series.endpoints(state.label(), count.count());
        }
    }
}

#[cfg(test)]
mod tests;
