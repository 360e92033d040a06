//! What a PROXY header says: the two forms of HAProxy's "The PROXY protocol", read strictly.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How version 2 begins.
pub(super) const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";
/// The longest line of version 1, its end included.
pub(super) const V1_BYTES_MAX: usize = 107;
/// Addresses and extensions of version 2. Certificates stand in extensions, so there is some room.
const V2_BYTES_MAX: usize = 4096;

/// It cannot be read in exactly one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// What follows the four fixed bytes of version 2 that come after its signature.
pub(super) fn length(fixed: [u8; 4]) -> Result<usize, Malformed> {
    let [_, _, high, low] = fixed;
    let length = usize::from(u16::from_be_bytes([high, low]));
    (length <= V2_BYTES_MAX).then_some(length).ok_or(Malformed)
}

/// The source that version 2 names; `None`: the sender speaks for itself, or for no address.
pub(super) fn version_2(fixed: [u8; 4], rest: &[u8]) -> Result<Option<IpAddr>, Malformed> {
    let [command, family, ..] = fixed;
    let (source, extensions) = match family {
        // No address: whatever stands there is passed over.
        0x00 => (None, &[][..]),
        // TCP and UDP over IPv4: two addresses, two ports.
        0x11 | 0x12 => {
            let (addresses, rest) = rest.split_first_chunk::<12>().ok_or(Malformed)?;
            let [a, b, c, d, ..] = *addresses;
            (Some(IpAddr::from(Ipv4Addr::new(a, b, c, d))), rest)
        }
        // The same over IPv6.
        0x21 | 0x22 => {
            let (addresses, rest) = rest.split_first_chunk::<36>().ok_or(Malformed)?;
            let (source, _) = addresses.split_first_chunk::<16>().ok_or(Malformed)?;
            (Some(IpAddr::from(Ipv6Addr::from(*source))), rest)
        }
        // Two paths of the sender's own machine.
        0x31 | 0x32 => (None, rest.get(216..).ok_or(Malformed)?),
        _ => return Err(Malformed),
    };
    pass_over(extensions)?;
    match command {
        0x20 => Ok(None),
        0x21 => Ok(source),
        _ => Err(Malformed),
    }
}

/// Extensions say nothing that is used; that their lengths add up is held all the same.
fn pass_over(mut extensions: &[u8]) -> Result<(), Malformed> {
    while let [_, high, low, rest @ ..] = extensions {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        extensions = rest.get(length..).ok_or(Malformed)?;
    }
    extensions.is_empty().then_some(()).ok_or(Malformed)
}

/// The source that a line of version 1 names; `None`: the sender does not know it.
pub(super) fn version_1(line: &[u8]) -> Result<Option<IpAddr>, Malformed> {
    let line = line.strip_suffix(b"\r\n").ok_or(Malformed)?;
    let line = std::str::from_utf8(line).map_err(|_| Malformed)?;
    let words: Vec<&str> = line.split(' ').collect();
    match *words {
        ["PROXY", "UNKNOWN", ..] => Ok(None),
        ["PROXY", family, source, destination, from, to] => {
            let (source, destination) = (address(family, source)?, address(family, destination)?);
            let ports = [from, to].map(is_port);
            (ports == [true, true] && source.is_ipv4() == destination.is_ipv4())
                .then_some(Some(source))
                .ok_or(Malformed)
        }
        _ => Err(Malformed),
    }
}

fn address(family: &str, text: &str) -> Result<IpAddr, Malformed> {
    match family {
        "TCP4" => text.parse().map(IpAddr::V4).map_err(|_| Malformed),
        "TCP6" => text.parse().map(IpAddr::V6).map_err(|_| Malformed),
        _ => Err(Malformed),
    }
}

fn is_port(text: &str) -> bool {
    let plain = text == "0" || !text.starts_with('0');
    plain && text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u16>().is_ok()
}
