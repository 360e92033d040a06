//! The hosts that requests may name.

use std::net::Ipv6Addr;
use std::sync::Arc;

/// The longest `host[:port]`, in bytes: a DNS name, and a port.
const AUTHORITY_BYTES_MAX: usize = 255 + 6;

/// The hosts that Palisade answers for.
///
/// An entry without a port matches the host at every port, one with a port only that; `*` matches
/// every host. An empty list matches none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostList {
    entries: Vec<Entry>,
    any: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    /// As compared with a whole authority.
    text: Arc<str>,
    has_port: bool,
}

/// The text is not `host`, `host:port` or `*`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a host, `host:port` or `*`")]
pub struct BadHost(pub String);

impl HostList {
    /// Reads the list; the first entry that is none ends it.
    pub fn new<'a>(entries: impl IntoIterator<Item = &'a str>) -> Result<Self, BadHost> {
        let mut list = Self::default();
        for entry in entries {
            if entry == "*" {
                list.any = true;
                continue;
            }
            let host = split(entry).ok_or_else(|| BadHost(entry.to_owned()))?;
            list.entries.push(Entry {
                text: entry.to_ascii_lowercase().into(),
                has_port: host.len() < entry.len(),
            });
        }
        Ok(list)
    }

    /// Whether some host matches.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && !self.any
    }

    /// The first that is named.
    pub fn first(&self) -> Option<&str> {
        self.entries.first().map(|entry| &*entry.text)
    }

    /// The canonical form of an authority. `Err`: it is none, or (`true`) none that is listed.
    pub(super) fn find(&self, authority: &str) -> Result<Arc<str>, bool> {
        let same = |entry: &&Entry| entry.text.eq_ignore_ascii_case(authority);
        if let Some(entry) = self.entries.iter().find(same) {
            return Ok(Arc::clone(&entry.text));
        }
        let host = split(authority).ok_or(false)?;
        let listed = |entry: &Entry| !entry.has_port && entry.text.eq_ignore_ascii_case(host);
        if self.any || self.entries.iter().any(listed) {
            return Ok(authority.to_ascii_lowercase().into());
        }
        Err(true)
    }
}

/// The host of `host[:port]`. `None`: not of that form; a user before it is not.
fn split(authority: &str) -> Option<&str> {
    if authority.len() > AUTHORITY_BYTES_MAX {
        return None;
    }
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        address.parse::<Ipv6Addr>().ok()?;
        (authority.get(..address.len() + 2)?, port)
    } else {
        let colon = authority.find(':').unwrap_or(authority.len());
        let (host, port) = authority.split_at_checked(colon)?;
        if !host.split('.').all(is_label) {
            return None;
        }
        (host, port)
    };
    let is_port = |digits: &str| {
        digits.bytes().all(|b| b.is_ascii_digit())
            && !digits.starts_with('0')
            && digits.parse::<u16>().is_ok()
    };
    match port.strip_prefix(':') {
        Some(digits) => is_port(digits).then_some(host),
        None => port.is_empty().then_some(host),
    }
}

fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}
