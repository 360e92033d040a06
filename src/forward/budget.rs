//! Heads that are larger than an upstream takes: what may be left out of them, and in which order.
//!
//! What is left out says something about the client that no reply should depend on. Never left out:
//! what the gate says itself, credentials that the upstream asks for, host and frame, `Content-*`,
//! conditions and ranges, what the client accepts, and what tells one site's request from another's
//! (`Origin`, `Referer`, `Sec-Fetch-*`): an upstream without them would believe what it should not.

use super::Protocol;
use crate::telemetry::{Dropped, Metrics};
use http::header::{self, HeaderMap, HeaderName};

/// How much an upstream takes, and what a field costs there beside name and value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Budget {
    bytes_max: usize,
    field_bytes: usize,
}

impl Budget {
    /// Of an upstream of that protocol.
    pub(super) fn new(bytes_max: usize, protocol: Protocol) -> Self {
        let field_bytes = match protocol {
            // `: ` and the end of the line.
            Protocol::Http1 => 4,
            // RFC 9113, section 6.5.2.
            Protocol::Http2 | Protocol::Auto => 32,
        };
        Self {
            bytes_max,
            field_bytes,
        }
    }

    /// Leaves out of `headers` what has to be, until they fit. The error: their size, if they do not.
    ///
    /// `beside`: bytes of target and host. `cookies`: whether they may go; not where one is the
    /// credential that the upstream asks for.
    pub(super) fn fit(
        self,
        headers: &mut HeaderMap,
        beside: usize,
        cookies: bool,
        metrics: &Metrics,
    ) -> Result<(), usize> {
        let beside = beside + FRAME_BYTES;
        let mut size = beside + self.of(headers);
        for step in Dropped::ALL {
            if size <= self.bytes_max {
                return Ok(());
            }
            if step == Dropped::Cookie && !cookies {
                continue;
            }
            if leave_out(headers, step) {
                metrics.upstream_header_dropped(step);
                size = beside + self.of(headers);
            }
        }
        if size <= self.bytes_max {
            Ok(())
        } else {
            Err(size)
        }
    }

    fn of(self, headers: &HeaderMap) -> usize {
        let fields = headers.iter();
        fields
            .map(|(name, value)| name.as_str().len() + value.len() + self.field_bytes)
            .sum()
    }
}

fn leave_out(headers: &mut HeaderMap, step: Dropped) -> bool {
    let go: Vec<HeaderName> = headers
        .keys()
        .filter(|name| is_of(name, step))
        .cloned()
        .collect();
    for name in &go {
        headers.remove(name);
    }
    !go.is_empty()
}

fn is_of(name: &HeaderName, step: Dropped) -> bool {
    let text = name.as_str();
    match step {
        Dropped::Baggage => text == "baggage",
        Dropped::Tracestate => text == "tracestate",
        Dropped::ClientHints => text.starts_with("sec-ch-"),
        Dropped::Preferences => PREFERENCES.contains(&text),
        Dropped::UserAgent => *name == header::USER_AGENT,
        Dropped::Cookie => *name == header::COOKIE,
    }
}

/// What else a head holds: method, version, the names of host and frame, line ends.
const FRAME_BYTES: usize = 64;

const PREFERENCES: [&str; 6] = [
    "dnt",
    "priority",
    "save-data",
    "sec-gpc",
    "sec-purpose",
    "upgrade-insecure-requests",
];

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    const FIELDS: [(&str, usize); 8] = [
        ("authorization", 100),
        ("baggage", 100),
        ("content-type", 10),
        ("cookie", 100),
        ("sec-ch-ua", 100),
        ("sec-fetch-site", 10),
        ("user-agent", 100),
        ("x-palisade-account", 10),
    ];

    fn left(bytes_max: usize, cookies: bool) -> Result<Vec<String>, usize> {
        let value = |length: usize| HeaderValue::from_str(&"x".repeat(length)).unwrap();
        let fields = FIELDS.iter();
        let mut headers: HeaderMap = fields
            .map(|(name, length)| (HeaderName::from_static(name), value(*length)))
            .collect();
        let budget = Budget::new(bytes_max, Protocol::Http1);
        budget.fit(&mut headers, 20, cookies, &Metrics::new())?;
        Ok(headers.keys().map(ToString::to_string).collect())
    }

    /// Those that are gone, in the order of the names.
    fn gone(bytes_max: usize) -> Vec<&'static str> {
        let left = left(bytes_max, true).unwrap();
        let names = FIELDS.iter().map(|(name, _)| *name);
        names
            .filter(|name| !left.iter().any(|one| one == name))
            .collect()
    }

    #[test]
    fn no_more_is_left_out_than_has_to_be() {
        let whole = 84
            + FIELDS
                .iter()
                .map(|(name, value)| name.len() + value + 4)
                .sum::<usize>();
        assert_eq!(gone(whole), [""; 0]);
        assert_eq!(gone(whole - 1), ["baggage"]);
        assert_eq!(gone(whole - 112), ["baggage", "sec-ch-ua"]);
        assert_eq!(gone(whole - 225), ["baggage", "sec-ch-ua", "user-agent"]);
        assert_eq!(
            gone(whole - 350),
            ["baggage", "cookie", "sec-ch-ua", "user-agent"]
        );
    }

    #[test]
    fn what_matters_is_never_left_out() {
        let kept = 84 + 117 + 26 + 28 + 32;
        assert_eq!(left(kept, true).unwrap().len(), 4);
        assert_eq!(left(kept - 1, true), Err(kept));
        assert_eq!(left(kept, false), Err(kept + 110));
    }
}
