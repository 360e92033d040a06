//! Looks after all upstreams, once for the process and off the workers: their names and their health.

use super::super::Settings;
use super::check::check;
use super::resolve::{Own, Resolver};
use super::service::Service;
use super::settings::{Dns, HealthCheck};
use crate::drain::Draining;
use crate::telemetry::Metrics;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// How long a start or a reload waits for first addresses and first answers.
const FIRST: Duration = Duration::from_secs(1);

/// How often the gauge of endpoints is set: ejections end without anybody doing anything.
const SHOW: Duration = Duration::from_millis(500);

/// The upstreams of one generation, as all workers share them.
pub struct Services {
    by_name: HashMap<Arc<str>, Arc<Service>>,
    dns: Dns,
}

impl Services {
    /// Those of `settings`. Whatever is the same in the generation before lives on, with its addresses
    /// and what is known of them.
    pub fn succeed(settings: &Settings, former: Option<&Self>, metrics: &Metrics) -> Self {
        let same_dns = former.filter(|former| former.dns == settings.dns);
        let each = settings.upstreams.iter().map(|one| {
            let same = same_dns.and_then(|former| former.by_name.get(&one.name));
            let same = same.filter(|same| same.settings == *one).map(Arc::clone);
            let service = same.unwrap_or_else(|| Arc::new(Service::new(one, metrics)));
            (Arc::clone(&one.name), service)
        });
        Self {
            by_name: each.collect(),
            dns: settings.dns.clone(),
        }
    }

    /// Whether these are those of `other`, looked up in the same way: whoever looks after them need not
    /// begin anew.
    fn are(&self, other: &Self) -> bool {
        let same = |(name, one)| {
            let other = other.by_name.get(name);
            other.is_some_and(|other| Arc::ptr_eq(one, other))
        };
        self.dns == other.dns
            && self.by_name.len() == other.by_name.len()
            && self.by_name.iter().all(same)
    }

    /// All of them, by name.
    pub fn all(&self) -> Vec<&Arc<Service>> {
        let mut all: Vec<_> = self.by_name.values().collect();
        all.sort_by(|a, b| a.settings.name.cmp(&b.settings.name));
        all
    }

    /// Whether a connection `from` one place `to` another, which came in by a door of ours, is this process on
    /// its way to an upstream: the kernel led it back here (RULES 44).
    pub fn is_own(&self, from: SocketAddr, to: SocketAddr) -> bool {
        let mut all = self.by_name.values();
        let Some(service) = all.find(|one| one.outbound.has((from, to))) else {
            return false;
        };
        service.series.own_listener();
        if service.outbound.is_first_return() {
            tracing::error!(
                upstream = %service.settings.name,
                "connections to an upstream come back to our own listener, and are closed"
            );
        }
        true
    }

    /// Finds first addresses and takes first answers, as far as they come soon: whoever serves next
    /// begins with what can be known. Nothing is waited for that is known already.
    pub async fn prepare(&self, own: &Own) {
        let resolver = Arc::new(Resolver::new(&self.dns));
        let mut tasks = JoinSet::new();
        for service in self.by_name.values().filter(|one| one.is_new()) {
            let (service, resolver, own) =
                (Arc::clone(service), Arc::clone(&resolver), own.clone());
            tasks.spawn(async move {
                for at in names(&service) {
                    resolve(&service, at, &resolver, &own).await;
                }
                if let Some(health) = service.settings.health.clone() {
                    ask_all(&service, &health).await;
                }
                service.show();
            });
        }
        let all = async { while tasks.join_next().await.is_some() {} };
        if timeout(FIRST, all).await.is_err() {
            tracing::warn!(
                "upstreams are still being looked up; they are served as they are found"
            );
        }
    }
}

/// Looks after the upstreams of `current`, anew whenever they have `changed`, until the signal.
pub async fn keep(
    current: impl Fn() -> Arc<Services>,
    mut changed: watch::Receiver<u64>,
    own: Own,
    mut draining: Draining,
) {
    loop {
        let services = current();
        let resolver = Arc::new(Resolver::new(&services.dns));
        let mut tasks = JoinSet::new();
        for service in services.by_name.values() {
            look_after(service, &resolver, &own, &mut tasks);
        }
        // Dropping the tasks ends them: their successors go on where they stood.
        loop {
            tokio::select! {
                () = draining.signal() => return,
                gone = changed.changed() => if gone.is_err() { return },
            }
            // Reloads may come more often than checks: they must not put them off for ever.
            if !services.are(&current()) {
                break;
            }
        }
    }
}

fn look_after(
    service: &Arc<Service>,
    resolver: &Arc<Resolver>,
    own: &Own,
    tasks: &mut JoinSet<()>,
) {
    for at in names(service) {
        let (service, resolver, own) = (Arc::clone(service), Arc::clone(resolver), own.clone());
        tasks.spawn(async move {
            loop {
                sleep(service.due_in(at)).await;
                resolve(&service, at, &resolver, &own).await;
            }
        });
    }
    if let Some(health) = service.settings.health.clone() {
        let service = Arc::clone(service);
        tasks.spawn(async move {
            loop {
                sleep(health.interval).await;
                ask_all(&service, &health).await;
            }
        });
    }
    let service = Arc::clone(service);
    tasks.spawn(async move {
        loop {
            service.show();
            sleep(SHOW).await;
        }
    });
}

/// Origins whose addresses have to be asked for.
fn names(service: &Service) -> Vec<usize> {
    let each = service.settings.origins.iter().enumerate();
    let names = each.filter(|(_, origin)| origin.literal().is_none());
    names.map(|(at, _)| at).collect()
}

/// Asks for one origin's addresses, takes out our own, and settles when to ask again.
async fn resolve(service: &Service, at: usize, resolver: &Resolver, own: &Own) {
    let Some(origin) = service.settings.origins.get(at) else {
        return;
    };
    let found = resolver.find(&origin.host).await;
    let holds = found.as_ref().map(|found| found.holds);
    service.set_due(at, holds.unwrap_or_else(|_| resolver.refresh_min()));
    let Ok(mut found) = found.map_err(|why| service.resolved(at, Err(why))) else {
        return;
    };
    found.addresses.retain(|ip| {
        let address = SocketAddr::new(*ip, origin.port);
        let Some(listener) = own.reached_by(address) else {
            return true;
        };
        service.series.own_listener();
        tracing::error!(
            upstream = %service.settings.name, host = %origin.host, %address, %listener,
            "an upstream's name leads to our own listener; that address is left out"
        );
        false
    });
    if found.addresses.is_empty() {
        let why = "it leads to our own listener, and nowhere else".to_owned();
        return service.resolved(at, Err(why));
    }
    service.resolved(at, Ok(found.addresses));
}

/// Asks every endpoint how it is, all at once.
async fn ask_all(service: &Arc<Service>, health: &HealthCheck) {
    let list = service.endpoints().list.clone();
    let mut asked = JoinSet::new();
    for endpoint in list {
        let (service, health) = (Arc::clone(service), health.clone());
        asked.spawn(async move {
            let said = check(&service.settings, &health, endpoint.address).await;
            service.series.checked(said.is_ok());
            let why = said.as_ref().err().map_or("it is well", String::as_str);
            match endpoint.asked.answered(said.is_ok(), &health) {
                Some(true) => tracing::info!(
                    upstream = %service.settings.name, endpoint = %endpoint.address,
                    "an endpoint is well again"
                ),
                Some(false) => tracing::warn!(
                    upstream = %service.settings.name, endpoint = %endpoint.address, why,
                    "an endpoint is not well and is left out"
                ),
                None => {}
            }
        });
    }
    while asked.join_next().await.is_some() {}
}
