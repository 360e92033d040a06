//! The client's address (RULES 23).

use super::{Error, Settings};
use http::header::{self, HeaderMap, HeaderName};
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};

/// The header in which trusted proxies name the hops before them. Only this one counts: a proxy that
/// writes one of them passes the other on as the client made it up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HopHeader {
    /// `X-Forwarded-For`.
    #[default]
    ForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
}

/// The peer; behind trusted proxies the rightmost hop that is not trusted.
pub(super) fn address(
    peer: IpAddr,
    headers: &HeaderMap,
    settings: &Settings,
) -> Result<IpAddr, Error> {
    let trusted = |address: &IpAddr| is_trusted(&settings.trusted_proxies, address);
    let mut client = peer.to_canonical();
    if !trusted(&client) {
        return Ok(client);
    }
    let name = settings.hops.name();
    let unreadable = || Error::Hops(settings.hops.name());
    for line in headers.get_all(&name).iter().rev() {
        let line = line.to_str().map_err(|_| unreadable())?;
        for hop in settings.hops.of_line(line).ok_or_else(unreadable)?.rev() {
            // Taking the proxy's own address instead would lend the client the proxy's standing.
            client = hop.and_then(hop_address).ok_or_else(unreadable)?;
            if !trusted(&client) {
                return Ok(client);
            }
        }
    }
    Ok(client)
}

pub(super) fn is_trusted(networks: &[IpNet], address: &IpAddr) -> bool {
    networks.iter().any(|network| network.contains(address))
}

/// An address as it is written everywhere. Each request writes its client's, and the standard library's
/// way takes a microsecond.
pub fn written(address: IpAddr) -> String {
    let IpAddr::V4(address) = address else {
        return address.to_string();
    };
    let mut text = String::with_capacity("255.255.255.255".len());
    let mut digits = itoa::Buffer::new();
    for octet in address.octets() {
        if !text.is_empty() {
            text.push('.');
        }
        text.push_str(digits.format(octet));
    }
    text
}

impl HopHeader {
    fn name(self) -> HeaderName {
        match self {
            Self::ForwardedFor => HeaderName::from_static("x-forwarded-for"),
            Self::Forwarded => header::FORWARDED,
        }
    }

    /// The hops of one line, `None` for one that names no address. `None`: the line has no one reading.
    fn of_line(self, line: &str) -> Option<std::vec::IntoIter<Option<&str>>> {
        let hops = match self {
            Self::ForwardedFor => line
                .split(',')
                .map(str::trim)
                .filter(|hop| !hop.is_empty())
                .map(Some)
                .collect(),
            Self::Forwarded => forwarded(line)?,
        };
        Some(Vec::into_iter(hops))
    }
}

/// The `for` of each element (RFC 7239, section 4). The whole line must make sense: a quote that a
/// client left open would swallow what the proxies wrote behind it.
fn forwarded(line: &str) -> Option<Vec<Option<&str>>> {
    let mut hops = Vec::new();
    let (mut pairs, mut node) = (0, None);
    let mut rest = line;
    loop {
        rest = rest.trim_start_matches(BLANK);
        let (name, after) = token(rest);
        if !name.is_empty() {
            let (value, after) = value(after.strip_prefix('=')?)?;
            pairs += 1;
            if name.eq_ignore_ascii_case("for") && node.replace(value).is_some() {
                return None;
            }
            rest = after.trim_start_matches(BLANK);
        }
        let end = rest.chars().next();
        if end != Some(';') && pairs > 0 {
            hops.push(node.take());
            pairs = 0;
        }
        match end {
            None => return Some(hops),
            Some(';' | ',') => rest = rest.get(1..)?,
            Some(_) => return None,
        }
    }
}

const BLANK: [char; 2] = [' ', '\t'];

/// RFC 9110, section 5.6.2; empty if there is none.
fn token(text: &str) -> (&str, &str) {
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    let end = text.find(|c| !is_token(c)).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

/// A token or a quoted string. No address needs an escape, so there is none.
fn value(text: &str) -> Option<(&str, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, rest) = token(text);
        return (!value.is_empty()).then_some((value, rest));
    };
    let (value, rest) = quoted.split_once('"')?;
    (!value.contains('\\')).then_some((value, rest))
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
