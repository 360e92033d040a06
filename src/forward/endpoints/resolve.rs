//! Names of upstreams become addresses, none of which is our own.

use super::settings::Dns;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// Addresses of one name that are used; more are left aside.
const ADDRESSES_MAX: usize = 64;

/// Asks whoever resolves names. Nothing is remembered here: the clock that asks knows when to.
pub(super) struct Resolver {
    settings: Dns,
    asks: Result<TokioResolver, String>,
}

/// Where a name leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) addresses: Vec<IpAddr>,
    /// How long that holds, within the configured bounds.
    pub(super) holds: Duration,
}

/// Our own listeners, as they are bound.
#[derive(Clone, Debug, Default)]
pub struct Own(Vec<SocketAddr>);

impl Resolver {
    /// Call it inside a runtime.
    pub(super) fn new(settings: &Dns) -> Self {
        let asks = builder(settings).map_err(|error| format!("no resolver: {error}"));
        Self {
            settings: settings.clone(),
            asks,
        }
    }

    /// How soon a name is asked for again that did not resolve.
    pub(super) fn refresh_min(&self) -> Duration {
        self.settings.refresh_min
    }

    /// The addresses of `host` now.
    pub(super) async fn find(&self, host: &str) -> Result<Found, String> {
        let asks = self.asks.as_ref().map_err(Clone::clone)?;
        let limit = self.settings.timeout;
        let found = tokio::time::timeout(limit, asks.lookup_ip(host)).await;
        let found = found.map_err(|_| format!("no answer within {limit:?}"))?;
        let found = found.map_err(|error| error.to_string())?;
        let mut addresses: Vec<IpAddr> = found.iter().map(|ip| ip.to_canonical()).collect();
        addresses.sort_unstable();
        addresses.dedup();
        addresses.truncate(ADDRESSES_MAX);
        if addresses.is_empty() {
            return Err("it has no address".to_owned());
        }
        let ttl = found
            .valid_until()
            .saturating_duration_since(Instant::now());
        let Dns {
            refresh_min,
            refresh_max,
            ..
        } = self.settings;
        Ok(Found {
            addresses,
            holds: ttl.clamp(refresh_min, refresh_max.max(refresh_min)),
        })
    }
}

fn builder(settings: &Dns) -> Result<TokioResolver, hickory_resolver::net::NetError> {
    let mut builder = if settings.servers.is_empty() {
        TokioResolver::builder_tokio()?
    } else {
        let provider = TokioRuntimeProvider::default();
        let servers = settings.servers.iter().copied().map(server).collect();
        let config = ResolverConfig::from_name_servers(servers);
        let mut builder = TokioResolver::builder_with_config(config, provider);
        *builder.options_mut() = ResolverOpts::default();
        builder
    };
    let options = builder.options_mut();
    options.cache_size = 0;
    // Addresses of both families are asked for, and a server may be silent about one of them: that has to
    // be given up before the whole question is, or the other one is never heard.
    options.timeout = settings.timeout * 2 / 5;
    options.attempts = 1;
    options.use_hosts_file = ResolveHosts::Always;
    builder.build()
}

fn server(address: SocketAddr) -> NameServerConfig {
    let at_port = |mut connection: ConnectionConfig| {
        connection.port = address.port();
        connection
    };
    let ways = vec![
        at_port(ConnectionConfig::udp()),
        at_port(ConnectionConfig::tcp()),
    ];
    NameServerConfig::new(address.ip(), true, ways)
}

impl Own {
    /// Listeners that are bound to `addresses`.
    pub fn new(addresses: impl IntoIterator<Item = SocketAddr>) -> Self {
        Self(addresses.into_iter().collect())
    }

    /// The listener that a connection to `address` would reach (RULES 44).
    pub fn reached_by(&self, address: SocketAddr) -> Option<SocketAddr> {
        let own = self.0.iter().copied();
        let mut reached = own.filter(|own| own.port() == address.port());
        let to = address.ip().to_canonical();
        reached.find(|own| {
            let here = own.ip().to_canonical();
            // `0.0.0.0` connects to this machine, and listens on all that it has.
            let local = to.is_loopback() || to.is_unspecified();
            to == here
                || (local && (here.is_unspecified() || here.is_loopback()))
                || (here.is_unspecified() && is_of_this_machine(to))
                || (to.is_unspecified() && is_of_this_machine(here))
        })
    }
}

/// Whether an interface has that address; yes, if nobody can tell.
fn is_of_this_machine(ip: IpAddr) -> bool {
    if_addrs::get_if_addrs().map_or(true, |all| {
        all.iter().any(|one| one.ip().to_canonical() == ip)
    })
}

#[cfg(test)]
mod tests {
    //! Who we are.

    use super::*;

    #[test]
    fn our_own_listeners_are_known_by_every_spelling() {
        let own = |own: &str, to: &str| {
            let own = Own::new([own.parse().unwrap()]);
            own.reached_by(to.parse().unwrap()).is_some()
        };
        assert!(own("127.0.0.1:80", "127.0.0.1:80"));
        assert!(own("127.0.0.1:80", "[::1]:80"));
        assert!(own("127.0.0.1:80", "0.0.0.0:80"));
        assert!(own("0.0.0.0:80", "[::]:80"));
        assert!(own("0.0.0.0:80", "127.0.0.9:80"));
        assert!(own("10.0.0.1:80", "[::ffff:10.0.0.1]:80"));
        assert!(!own("127.0.0.1:80", "127.0.0.1:81"));
        assert!(!own("10.0.0.1:80", "10.0.0.2:80"));
        assert!(!own("10.0.0.1:80", "127.0.0.1:80"));
        // 192.0.2.0/24 is for documents: no machine has it.
        assert!(!own("0.0.0.0:80", "192.0.2.1:80"));
    }

    #[test]
    fn an_address_of_another_interface_is_ours_where_all_are_listened_on() {
        // Whichever address this machine would send from, if it has any beside loopback.
        let own = Own::new(["0.0.0.0:80".parse().unwrap()]);
        for interface in if_addrs::get_if_addrs().unwrap() {
            let mine = SocketAddr::new(interface.ip(), 80);
            assert!(own.reached_by(mine).is_some(), "{mine}");
        }
    }
}
