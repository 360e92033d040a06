//! The client's address (RULES 23).

use super::Error;
use http::HeaderValue;
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};

/// The peer; behind trusted proxies the rightmost hop that is not trusted.
pub(super) fn address(
    peer: IpAddr,
    hops: &[&HeaderValue],
    trusted: &[IpNet],
) -> Result<IpAddr, Error> {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
    let mut client = peer.to_canonical();
    if hops.is_empty() || !is_trusted(&client) {
        return Ok(client);
    }
    for value in hops.iter().rev() {
        let text = value.to_str().map_err(|_| Error::ForwardedFor)?;
        let addresses = text.rsplit(',').map(str::trim);
        for hop in addresses.filter(|hop| !hop.is_empty()) {
            // Taking the proxy's own address instead would lend the client the proxy's standing.
            client = hop_address(hop).ok_or(Error::ForwardedFor)?;
            if !is_trusted(&client) {
                return Ok(client);
            }
        }
    }
    Ok(client)
}

/// An address, with or without brackets and port, as proxies write it.
fn hop_address(hop: &str) -> Option<IpAddr> {
    let bare = hop
        .strip_prefix('[')
        .and_then(|hop| hop.strip_suffix(']'))
        .unwrap_or(hop);
    let address = bare.parse::<IpAddr>().ok();
    let address = address.or_else(|| Some(hop.parse::<SocketAddr>().ok()?.ip()))?;
    Some(address.to_canonical())
}
