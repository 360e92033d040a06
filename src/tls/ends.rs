//! When what TLS is spoken with ends: for metrics, and for whoever should renew it.

use super::Settled;
use crate::clock::Timestamp;
use crate::fault::{Fault, Place};
use std::sync::Arc;

/// Somebody should have renewed it by then.
const RENEW_BEFORE_MS: i64 = 14 * 24 * 60 * 60 * 1000;

/// Something that ends, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ends {
    /// What it is, for metrics.
    pub kind: Kind,
    /// Which of them: the first name of a certificate that is served, the upstream that another one is
    /// shown to, else nothing.
    pub name: Arc<str>,
    /// The file.
    pub file: String,
    /// Not before.
    pub from: Timestamp,
    /// Not after.
    pub until: Timestamp,
}

/// What can end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A certificate that is served.
    Server,
    /// The first of the authorities of clients.
    ClientAuthority,
    /// The first of the revocation lists.
    RevocationList,
    /// A certificate that an upstream is shown.
    Upstream,
}

impl Settled {
    /// Everything of it that ends.
    pub fn ends(&self) -> Vec<Ends> {
        let own = self.certificates.iter().map(|held| Ends {
            kind: Kind::Server,
            name: Arc::clone(&held.value.label),
            file: held.file.clone(),
            from: held.value.from,
            until: held.value.until,
        });
        let of_clients = |kind, file: &String, until| Ends {
            kind,
            name: Arc::default(),
            file: file.clone(),
            from: Timestamp(i64::MIN),
            until,
        };
        let authorities = self.authorities.iter();
        let authorities =
            authorities.map(|held| of_clients(Kind::ClientAuthority, &held.file, held.value.until));
        let lists = self.revocations.iter();
        let lists = lists.filter_map(|held| {
            Some(of_clients(
                Kind::RevocationList,
                &held.file,
                held.value.until?,
            ))
        });
        own.chain(authorities).chain(lists).collect()
    }

    /// What is past, or not yet, or soon, at `now`: nobody may be served with it, or not for long.
    pub fn judge(&self, now: Timestamp) -> Vec<Fault> {
        let ends = self.ends();
        ends.iter().filter_map(|ends| ends.judge(now)).collect()
    }
}

impl Ends {
    /// What is past, or not yet, or soon, at `now`.
    pub fn judge(&self, now: Timestamp) -> Option<Fault> {
        let until = self.until.rfc3339();
        let what = self.kind.shown();
        let (code, message) = if now > self.until {
            ("certificate_expired", format!("{what} expired at {until}"))
        } else if now < self.from {
            let from = self.from.rfc3339();
            let message = format!("{what} does not hold before {from}");
            ("certificate_not_yet_valid", message)
        } else if self.kind != Kind::RevocationList && now.plus_millis(RENEW_BEFORE_MS) > self.until
        {
            let message = format!("{what} expires at {until}, in less than 14 days");
            ("certificate_expires_soon", message)
        } else {
            return None;
        };
        let place = Place::file(self.file.clone());
        Some(Fault::warning(code, place, message).help("put a renewed one in its place"))
    }
}

impl Kind {
    /// What clients are served with.
    pub const SERVED: [Self; 3] = [Self::Server, Self::ClientAuthority, Self::RevocationList];

    /// The label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::ClientAuthority => "client_authority",
            Self::RevocationList => "revocation_list",
            Self::Upstream => "upstream",
        }
    }

    fn shown(self) -> &'static str {
        match self {
            Self::Server => "the certificate",
            Self::ClientAuthority => "an authority of clients",
            Self::RevocationList => "a revocation list",
            Self::Upstream => "the certificate that an upstream is shown",
        }
    }
}
