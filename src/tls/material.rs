//! The files that TLS is served with, each held against what serves already.
//!
//! A file that is broken, or that nobody could be served with, leaves its former content in service, and
//! only its own: one certificate that is not renewed must not keep others from being renewed.

use super::{Authorities, Certificate, MinVersion, RevocationLists, Server, Unknown};
use crate::clock::{Clock, Timestamp};
use crate::fault::{Fault, Place, Severity};

/// One of them, as it is on disk.
#[derive(Clone, Debug)]
pub struct Found<T> {
    /// Its name.
    pub file: String,
    /// Of its text.
    pub digest: [u8; 32],
    /// What it holds, or all that is wrong with it.
    pub read: Result<T, Vec<Fault>>,
    /// What should be looked at.
    pub warnings: Vec<Fault>,
}

/// One of them that serves.
#[derive(Clone, Debug)]
pub struct Held<T> {
    /// Its name.
    pub file: String,
    /// Of its text.
    pub digest: [u8; 32],
    /// What it holds.
    pub value: T,
}

/// Everything that was found.
#[derive(Clone, Debug)]
pub struct Material {
    /// Certificates, the default first.
    pub certificates: Vec<Found<Certificate>>,
    /// Who issues clients' certificates; `None`: nobody is asked for one.
    pub authorities: Option<Found<Authorities>>,
    /// What these have taken back.
    pub revocations: Option<Found<RevocationLists>>,
    /// What holds for all of it.
    pub rules: Rules,
}

/// What holds for all connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Whether a client without a certificate is refused.
    pub client_required: bool,
    /// What a client gets that asks for a name which no certificate has.
    pub unknown: Unknown,
    /// The oldest version that is spoken.
    pub min_version: MinVersion,
}

/// Everything that serves.
#[derive(Clone, Debug)]
pub struct Settled {
    /// Certificates, the default first.
    pub certificates: Vec<Held<Certificate>>,
    /// Who issues clients' certificates.
    pub authorities: Option<Held<Authorities>>,
    /// What these have taken back.
    pub revocations: Option<Held<RevocationLists>>,
    /// What holds for all of it.
    pub rules: Rules,
}

/// Something that is served from one day to another.
pub trait Lasting {
    /// Whether `now` lies between.
    fn holds(&self, now: Timestamp) -> bool;
}

impl Lasting for Certificate {
    fn holds(&self, now: Timestamp) -> bool {
        self.from <= now && now <= self.until
    }
}

impl Lasting for Authorities {
    /// One that has ended says nothing any more; others of the file do.
    fn holds(&self, _: Timestamp) -> bool {
        true
    }
}

impl Lasting for RevocationLists {
    fn holds(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now <= until)
    }
}

/// What can serve.
#[derive(Clone, Debug)]
pub struct Proven {
    /// What it was made of.
    pub settled: Settled,
    /// Ready.
    pub server: Server,
}

impl Material {
    /// Everything that is wrong with the files as they are.
    pub fn errors(&self) -> Vec<Fault> {
        fn of<T>(found: &Found<T>) -> impl Iterator<Item = Fault> {
            found.read.as_ref().err().into_iter().flatten().cloned()
        }
        let certificates = self.certificates.iter().flat_map(of);
        let authorities = self.authorities.iter().flat_map(of);
        let revocations = self.revocations.iter().flat_map(of);
        certificates.chain(authorities).chain(revocations).collect()
    }

    /// What can serve from now on, after what `former` served, and what is wrong with the files or
    /// should be looked at, by `clock`. `None`: nothing can; the former serves on.
    pub fn prove(self, former: Option<&Settled>, clock: &Clock) -> (Option<Proven>, Vec<Fault>) {
        let now = clock.now();
        let (settled, mut faults) = self.settle(former, now);
        let Some(settled) = settled else {
            return (None, faults);
        };
        match Server::new(&settled, clock) {
            Ok(server) => {
                faults.extend(settled.judge(now));
                (Some(Proven { settled, server }), faults)
            }
            Err(refused) => {
                let lists = settled.revocations.as_ref().map(|held| &held.file);
                let first = settled.certificates.first().map(|held| &held.file);
                let file = lists.or(first).cloned().unwrap_or_default();
                let fault = Fault::error("tls_refused", Place::file(file), refused.to_string());
                faults.push(fault.help("make the file anew"));
                (None, faults)
            }
        }
    }

    /// What serves from now on, after what `former` served, and what is wrong with the files. `None`:
    /// something is missing without which nothing can be served; the former serves on.
    fn settle(self, former: Option<&Settled>, now: Timestamp) -> (Option<Settled>, Vec<Fault>) {
        let mut faults = Vec::new();
        let (own, authorities, revocations) = former.map_or_else(Default::default, Settled::parts);
        let mut complete = true;
        let mut certificates = Vec::new();
        for (at, found) in self.certificates.into_iter().enumerate() {
            match found.settle(own, now, &mut faults) {
                Some(held) => certificates.push(held),
                // One that never served is left out; without the default, and at a start, nothing is.
                None => complete &= at != 0 && former.is_some(),
            }
        }
        let authorities = self
            .authorities
            .map(|found| found.settle(authorities, now, &mut faults));
        let revocations = self
            .revocations
            .map(|found| found.settle(revocations, now, &mut faults));
        // Whoever asks for clients' certificates must never stop asking because a file is broken.
        complete &= !matches!(authorities, Some(None)) && !matches!(revocations, Some(None));
        let settled = Settled {
            certificates,
            authorities: authorities.flatten(),
            revocations: revocations.flatten(),
            rules: self.rules,
        };
        (complete.then_some(settled), faults)
    }
}

impl<T: Lasting + Clone> Found<T> {
    fn settle(
        self,
        former: &[Held<T>],
        now: Timestamp,
        faults: &mut Vec<Fault>,
    ) -> Option<Held<T>> {
        let former = former.iter().find(|held| held.file == self.file);
        faults.extend(self.warnings);
        let value = match self.read {
            Ok(value) => value,
            Err(found) => {
                faults.extend(found);
                return former.cloned();
            }
        };
        let changed = former.filter(|held| held.digest != self.digest);
        if let Some(held) = changed.filter(|held| held.value.holds(now) && !value.holds(now)) {
            let message = "does not hold now, and its former content does, which serves on";
            let fault = Fault {
                code: "certificate_not_current",
                severity: Severity::Error,
                place: Place::file(self.file),
                message: message.to_owned(),
                help: Some("look at its dates, and at this machine's clock".to_owned()),
            };
            faults.push(fault);
            return Some(held.clone());
        }
        Some(Held {
            file: self.file,
            digest: self.digest,
            value,
        })
    }
}

/// Certificates, authorities and revocation lists, those that there are.
type Parts<'a> = (
    &'a [Held<Certificate>],
    &'a [Held<Authorities>],
    &'a [Held<RevocationLists>],
);

impl Settled {
    fn parts(&self) -> Parts<'_> {
        (
            &self.certificates,
            self.authorities.as_slice(),
            self.revocations.as_slice(),
        )
    }

    /// Equal parts, equal digests: nothing has to be made anew.
    pub fn same_as(&self, other: &Self) -> bool {
        fn digests<T>(held: &[Held<T>]) -> impl Iterator<Item = &[u8; 32]> {
            held.iter().map(|held| &held.digest)
        }
        let (own, theirs) = (self.parts(), other.parts());
        self.rules == other.rules
            && digests(own.0).eq(digests(theirs.0))
            && digests(own.1).eq(digests(theirs.1))
            && digests(own.2).eq(digests(theirs.2))
    }
}
