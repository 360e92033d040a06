//! Which addresses may be asked: never our own machine or its neighbours on the link, unless the
//! configuration says so. Metadata services of clouds live there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether a document may be fetched from `address`.
pub(super) fn may_ask(address: IpAddr, allow_local: bool) -> bool {
    let address = canonical(address);
    !is_nowhere(address) && (allow_local || !is_local(address))
}

/// The IPv4 address inside an IPv6 one that routers or the kernel would unwrap: mapped
/// (`::ffff:0:0/96`), compatible (`::/96`) and NAT64 (`64:ff9b::/96`).
fn canonical(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else {
        return address;
    };
    let [prefix @ .., high, low] = v6.segments();
    let wraps = matches!(
        prefix,
        [0, 0, 0, 0, 0, 0xffff | 0] | [0x64, 0xff9b, 0, 0, 0, 0]
    );
    if wraps && v6 != Ipv6Addr::LOCALHOST && !v6.is_unspecified() {
        let bits = u32::from(high) << 16 | u32::from(low);
        return IpAddr::V4(Ipv4Addr::from(bits));
    }
    address
}

fn is_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unicast_link_local(),
    }
}

/// No server is there: "any", which the kernel reads as loopback, and groups.
fn is_nowhere(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.octets().first() == Some(&0) || v4.is_multicast() || v4.is_broadcast(),
        IpAddr::V6(v6) => v6.is_unspecified() || v6.is_multicast(),
    }
}
