//! What the listener serves TLS with: made whole, and swapped whole.

use super::names::Names;
use super::{BadRevocations, Error, Failure, Settled, provider};
use crate::clock::{Clock, Timestamp};
use rustls::crypto::aws_lc_rs::Ticketer;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::ClientCertVerifier;
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
    /// What checks the chains that clients show; `None`: nobody is asked for one.
    clients: Option<Arc<dyn ClientCertVerifier>>,
    time: Arc<Time>,
    /// When the first revocation list ends: from then on nobody's certificate says anything.
    until: Timestamp,
}

impl Server {
    /// Made of what was settled; certificates of clients are held against `clock`.
    pub fn new(settled: &Settled, clock: &Clock) -> Result<Self, Refused> {
        let versions: &[&SupportedProtocolVersion] = match settled.rules.min_version {
            MinVersion::Tls12 => &[&version::TLS13, &version::TLS12],
            MinVersion::Tls13 => &[&version::TLS13],
        };
        let time = Arc::new(Time(clock.clone()));
        let builder = ServerConfig::builder_with_details(provider(), Arc::clone(&time) as _)
            .with_protocol_versions(versions)
            .map_err(|error| Error::Server(error.to_string()))?;
        let lists = settled.revocations.as_ref().map(|held| &held.value);
        let authorities = settled.authorities.as_ref().map(|held| &held.value);
        let required = settled.rules.client_required;
        let clients = authorities.map(|one| one.verifier(lists, required));
        let clients = clients.transpose()?;
        let builder = match &clients {
            None => builder.with_no_client_auth(),
            Some(clients) => builder.with_client_cert_verifier(Arc::clone(clients)),
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
            clients,
            time,
            until: lists
                .and_then(|lists| lists.until)
                .unwrap_or(Timestamp::MAX),
        })
    }

    /// Whether a client that shows no certificate gets no connection.
    pub fn requires_certificate(&self) -> bool {
        let clients = self.clients.as_ref();
        clients.is_some_and(|clients| clients.client_auth_mandatory())
    }

    /// When the first revocation list ends.
    pub fn clients_until(&self) -> Timestamp {
        self.until
    }

    /// Verifies a client's chain now, its own certificate first: a session that is resumed shows one that was
    /// verified when it began, and lists and authorities may have ended since.
    pub fn verify(&self, chain: &[CertificateDer<'_>]) -> Result<(), Failure> {
        let Some((own, above)) = chain.split_first() else {
            return Ok(());
        };
        let clients = self.clients.as_ref().ok_or(Failure::CertificateUnknown)?;
        let now = self.time.current_time().ok_or(Failure::Other)?;
        let verified = clients.verify_client_cert(own, above, now);
        verified.map_err(|error| Failure::of_tls(&error)).map(drop)
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
