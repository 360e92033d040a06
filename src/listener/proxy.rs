//! The PROXY header that a load balancer puts in front of a connection, versions 1 and 2.
//!
//! It is read to its last byte and not one further: what follows belongs to the client.

mod header;

use crate::telemetry::ProxyFault;
use header::{Malformed, SIGNATURE, V1_BYTES_MAX};
use ipnet::IpNet;
use std::io;
use std::net::IpAddr;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

/// Whose word on the client's address is believed; from everybody else no connection is taken.
#[derive(Clone, Debug)]
pub struct ProxyProtocol {
    /// Networks of the load balancers.
    pub from: Vec<IpNet>,
}

/// The client's address by the header of `stream`, which `peer` opened.
pub(super) async fn read(
    stream: &mut TcpStream,
    peer: IpAddr,
    rules: &ProxyProtocol,
    limit: Duration,
) -> Result<IpAddr, ProxyFault> {
    if !rules.from.iter().any(|network| network.contains(&peer)) {
        return Err(ProxyFault::Untrusted);
    }
    let said = tokio::time::timeout(limit, header(stream)).await;
    match said.map_err(|_| ProxyFault::Late)?? {
        Some(client) => Ok(client.to_canonical()),
        // The balancer speaks for itself: a health check.
        None => Ok(peer),
    }
}

/// The address that the header names, if it names one.
async fn header(stream: &mut TcpStream) -> Result<Option<IpAddr>, ProxyFault> {
    // Both versions are longer than that.
    let mut start = [0; SIGNATURE.len()];
    stream.read_exact(&mut start).await.map_err(ended)?;
    if start == SIGNATURE {
        return Ok(version_2(stream).await?);
    }
    if start.starts_with(b"PROXY ") {
        return Ok(version_1(stream, &start).await?);
    }
    Err(ProxyFault::Missing)
}

async fn version_2(stream: &mut TcpStream) -> Result<Option<IpAddr>, Malformed> {
    let mut fixed = [0; 4];
    stream.read_exact(&mut fixed).await?;
    let mut rest = vec![0; header::length(fixed)?];
    stream.read_exact(&mut rest).await?;
    header::version_2(fixed, &rest)
}

/// Its length is not told: it is looked at before it is taken, up to the end of its line.
async fn version_1(stream: &mut TcpStream, start: &[u8]) -> Result<Option<IpAddr>, Malformed> {
    let mut line = start.to_vec();
    while !line.ends_with(b"\n") {
        let mut next = [0; V1_BYTES_MAX];
        let room = V1_BYTES_MAX.saturating_sub(line.len());
        if room == 0 {
            return Err(Malformed);
        }
        let next = next.get_mut(..room).unwrap_or_default();
        let seen = stream.peek(next).await?;
        let seen = next.get_mut(..seen).unwrap_or_default();
        if seen.is_empty() {
            // The end of the stream.
            return Err(Malformed);
        }
        let whole = seen.iter().position(|byte| *byte == b'\n');
        let taken = whole.map_or(seen.len(), |end| end + 1);
        let taken = seen.get_mut(..taken).unwrap_or_default();
        stream.read_exact(taken).await?;
        line.extend_from_slice(taken);
    }
    header::version_1(&line)
}

fn ended(_: io::Error) -> ProxyFault {
    ProxyFault::Missing
}

impl From<Malformed> for ProxyFault {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

impl From<io::Error> for Malformed {
    fn from(_: io::Error) -> Self {
        Self
    }
}

#[cfg(test)]
mod tests;
