//! Transparent doors: connections that the kernel led here (iptables REDIRECT), and where they were
//! going. That is held against a list of ports and goes into the record; it never says where a request
//! is sent (RULES 51).

use crate::telemetry::TransparentFault;
use socket2::SockRef;
use std::fs;
use std::io;
use std::net::SocketAddr;
use tokio::net::TcpStream;

/// Who may be led here.
#[derive(Clone, Debug)]
pub struct Transparent {
    /// Where the kernel leads connections. Of each family that the machine has one.
    pub addresses: Vec<SocketAddr>,
    /// The ports that they were going to; connections to any other are closed.
    pub ports: Vec<u16>,
}

impl Transparent {
    /// Where the client of `stream` was going, if that is a listed port.
    pub(super) fn original(&self, stream: &TcpStream) -> Result<SocketAddr, TransparentFault> {
        // An error says that the kernel led nobody anywhere.
        let original = original(stream).map_err(|_| TransparentFault::Direct)?;
        let own = stream.local_addr().ok();
        if own.is_none_or(|own| own == original) {
            return Err(TransparentFault::Direct);
        }
        if !self.ports.contains(&original.port()) {
            return Err(TransparentFault::Port);
        }
        Ok(original)
    }
}

fn original(stream: &TcpStream) -> io::Result<SocketAddr> {
    let socket = SockRef::from(stream);
    let address = if stream.local_addr()?.is_ipv4() {
        socket.original_dst_v4()?
    } else {
        socket.original_dst_v6()?
    };
    address
        .as_socket()
        .ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Fails where clients could pass by: a machine that speaks IPv6 must have IPv6 redirected too, and
/// nothing can be redirected to a door that is not there. Whether the rule of ip6tables exists cannot be
/// seen without the rights of an administrator.
pub(super) fn covers_both_families(addresses: &[SocketAddr]) -> io::Result<()> {
    let missing = |family: &str, example: &str, why: &str| {
        let message = format!(
            "listen.transparent.addresses names no {family} address{why}: connections over {family} would \
             pass by; add `{example}` and redirect to it too"
        );
        Err(io::Error::new(io::ErrorKind::InvalidInput, message))
    };
    if !addresses.iter().any(SocketAddr::is_ipv4) {
        return missing("IPv4", "0.0.0.0:15001", "");
    }
    if addresses.iter().any(SocketAddr::is_ipv6) {
        return Ok(());
    }
    match ipv6_device(&interfaces()?) {
        None => Ok(()),
        Some(device) => {
            let why = format!(", and `{device}` has one");
            missing("IPv6", "[::]:15001", &why)
        }
    }
}

/// Every IPv6 address of this network namespace: none where the machine has no IPv6 at all.
fn interfaces() -> io::Result<String> {
    match fs::read_to_string("/proc/net/if_inet6") {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        read => read,
    }
}

/// The first interface that has an IPv6 address others can reach: any but loopback. A link-local one is
/// enough for a neighbour.
fn ipv6_device(interfaces: &str) -> Option<&str> {
    let devices = interfaces
        .lines()
        .filter_map(|line| line.split_whitespace().last());
    devices.into_iter().find(|device| *device != "lo")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOPBACK: &str = "00000000000000000000000000000001 01 80 10 80       lo\n";
    const LINK: &str = "fe80000000000000000000fffe000001 02 40 20 80     eth0\n";

    #[test]
    fn any_ipv6_address_but_loopback_can_be_reached() {
        assert_eq!(ipv6_device(""), None);
        assert_eq!(ipv6_device(LOOPBACK), None);
        assert_eq!(ipv6_device(&format!("{LOOPBACK}{LINK}")), Some("eth0"));
    }

    #[test]
    fn a_family_without_a_door_is_named() {
        let only_v6: SocketAddr = "[::]:15001".parse().unwrap();
        let error = covers_both_families(&[only_v6]).unwrap_err().to_string();
        assert!(error.contains("no IPv4 address"), "{error}");
        let v4: SocketAddr = "0.0.0.0:15001".parse().unwrap();
        covers_both_families(&[only_v6, v4]).unwrap();
    }
}
