//! What the listener serves TLS with: made whole, and swapped whole.

use super::names::Names;
use super::{BadRevocations, Error, Settled, provider};
use crate::clock::Clock;
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::pki_types::UnixTime;
use rustls::time_provider::TimeProvider;
use rustls::{ServerConfig, SupportedProtocolVersion, version};
use std::sync::Arc;
use std::time::Duration;

/// Protocols that are spoken over it, in the order of preference.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Tickets that a client of TLS 1.3 gets: browsers open a few connections at once.
const TICKETS: usize = 2;

/// The oldest version that is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MinVersion {
    /// TLS 1.2, and 1.3.
    Tls12,
    /// TLS 1.3 alone.
    Tls13,
}

/// Ready to serve.
#[derive(Clone, Debug)]
pub struct Server {
    config: Arc<ServerConfig>,
}

impl Server {
    /// Made of what was settled; certificates of clients are held against `clock`.
    pub fn new(settled: &Settled, clock: &Clock) -> Result<Self, Refused> {
        let versions: &[&SupportedProtocolVersion] = match settled.rules.min_version {
            MinVersion::Tls12 => &[&version::TLS13, &version::TLS12],
            MinVersion::Tls13 => &[&version::TLS13],
        };
        let time = Arc::new(Time(clock.clone()));
        let builder = ServerConfig::builder_with_details(provider(), time)
            .with_protocol_versions(versions)
            .map_err(|error| Error::Server(error.to_string()))?;
        let builder = match &settled.authorities {
            None => builder.with_no_client_auth(),
            Some(authorities) => {
                let lists = settled.revocations.as_ref().map(|held| &held.value);
                let required = settled.rules.client_required;
                builder.with_client_cert_verifier(authorities.value.verifier(lists, required)?)
            }
        };
        let certificates = settled.certificates.iter().map(|held| &held.value);
        let names = Names::new(certificates, settled.rules.unknown);
        let mut config = builder.with_cert_resolver(Arc::new(names));
        config.alpn_protocols = PROTOCOLS.map(<[u8]>::to_vec).to_vec();
        // What a client needs to resume is kept by the client, sealed under keys that change every six
        // hours and that die with this value: whoever resumes was verified under these very files.
        config.ticketer = Ticketer::new().map_err(|error| Error::Server(error.to_string()))?;
        config.send_tls13_tickets = TICKETS;
        // A request in early data can be replayed by whoever saw it.
        config.max_early_data_size = 0;
        Ok(Self {
            config: Arc::new(config),
        })
    }

    /// For one handshake.
    pub fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }
}

/// The one source of time, for the library.
#[derive(Debug)]
struct Time(Clock);

impl TimeProvider for Time {
    fn current_time(&self) -> Option<UnixTime> {
        let since_epoch = u64::try_from(self.0.now().millis()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_millis(
            since_epoch,
        )))
    }
}

/// Why none can be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The library refuses the combination.
    #[error("{0}")]
    Library(#[from] Error),
    /// It refuses the revocation lists.
    #[error("{0}")]
    Revocations(#[from] BadRevocations),
}
