//! Limits of strangers, by network address: they come before anything is known of a caller (RULES 40).

use super::table::Table;
use super::{Error, Rate};
use crate::clock::Timestamp;
use crate::telemetry::LimitScope;
use std::net::{IpAddr, Ipv6Addr};

/// Addresses that are told apart at a time: about 2 MiB for each of the two tables.
const PEERS_MAX: usize = 1 << 16;
/// What a token costs that turned out bad. A good one costs 1, and nothing while it is remembered.
const FAILURE_COST: u32 = 5;

/// What one address may do. `None`: as much as it likes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PeerSettings {
    /// Requests.
    pub requests: Option<Rate>,
    /// Checks of tokens that are not remembered.
    pub signatures: Option<Rate>,
    /// Connections at a time.
    pub connections: Option<usize>,
}

/// The buckets of addresses.
#[derive(Debug)]
pub(super) struct Peers {
    requests: Table,
    signatures: Table,
}

impl Default for Peers {
    fn default() -> Self {
        Self {
            requests: Table::new(PEERS_MAX),
            signatures: Table::new(PEERS_MAX),
        }
    }
}

impl Peers {
    pub(super) fn request(
        &self,
        settings: PeerSettings,
        client: IpAddr,
        now: Timestamp,
    ) -> Result<(), Error> {
        let limit = (LimitScope::Peer, settings.requests);
        take(&self.requests, limit, client, now)
    }

    pub(super) fn signature(
        &self,
        settings: PeerSettings,
        client: IpAddr,
        now: Timestamp,
    ) -> Result<(), Error> {
        let limit = (LimitScope::Signatures, settings.signatures);
        take(&self.signatures, limit, client, now)
    }

    pub(super) fn bad_signature(&self, settings: PeerSettings, client: IpAddr, now: Timestamp) {
        if let (Some(rate), Some(key)) = (settings.signatures, network(client)) {
            // One was taken before it was looked at.
            self.signatures.charge(key, rate, FAILURE_COST - 1, now);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.requests.len()
    }
}

fn take(
    table: &Table,
    (scope, rate): (LimitScope, Option<Rate>),
    client: IpAddr,
    now: Timestamp,
) -> Result<(), Error> {
    let (Some(rate), Some(key)) = (rate, network(client)) else {
        return Ok(());
    };
    table
        .take(key, rate, now)
        .map_err(|secs| Error::Rate { scope, secs })
}

/// What counts as one peer: an IPv4 address, or the /64 that one IPv6 host gets. `None`: the own host,
/// where a proxy speaks for everybody.
pub fn network(client: IpAddr) -> Option<IpAddr> {
    let client = client.to_canonical();
    if client.is_loopback() {
        return None;
    }
    Some(match client {
        IpAddr::V4(_) => client,
        IpAddr::V6(address) => {
            let prefix = address.to_bits() & (u128::MAX << 64);
            Ipv6Addr::from_bits(prefix).into()
        }
    })
}
