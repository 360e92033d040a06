//! The decision cache's key: everything that the answer depends on, in one canonical encoding.
//!
//! Every part is of fixed length or prefixed with its length, and optional parts with whether they are
//! there, so that no two questions share an encoding; equality is on the bytes. What the consulted
//! slices cannot read (`policy::Reads`) stays out, and `now` is in the entry (RULES 37).

use super::facts::{Facts, Place};
use super::layers::{Layer, Layers};
use crate::policy::Store;
use crate::scope::{Grant, Inside};
use crate::token::ContextSet;
use crate::x509::Identity;
use std::cell::Cell;
use std::net::IpAddr;

thread_local! {
    /// The buffer of the thread's last key: a look-up allocates nothing.
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// An encoded key.
#[derive(Debug)]
pub(super) struct Key(Vec<u8>);

/// One thing that an answer depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Schema, operations and platform policies.
    Platform,
    /// Principal type, action and resource type.
    Environment,
    /// The overlay of the resource's account.
    Overlay,
    /// The overlay of the account that reads a catalog.
    Reader,
    /// Everything that the token proves.
    Caller,
    /// The user that the caller acts for; what the directory says of it is in the account's revision.
    ActedFor,
    /// Where the token may be used.
    Contexts,
    /// Where the resource lies, and its kind.
    Place,
    /// Where the request is made from.
    From,
    /// The catalogs that it may read.
    Catalogs,
    /// By which a Principal may.
    Grant,
    /// Why it does, as it says itself.
    Reason,
    /// Which resource it is; if the slices can read it.
    Resource,
    /// Method, host and path; if the slices can read them.
    Http,
    /// The client's address; if the slices can read it.
    Address,
    /// Whose certificate the client showed; if the slices can read it.
    Certificate,
}

impl Part {
    pub(super) const ALL: [Self; 16] = [
        Self::Platform,
        Self::Environment,
        Self::Overlay,
        Self::Reader,
        Self::Caller,
        Self::ActedFor,
        Self::Contexts,
        Self::Place,
        Self::From,
        Self::Catalogs,
        Self::Grant,
        Self::Reason,
        Self::Resource,
        Self::Http,
        Self::Address,
        Self::Certificate,
    ];
}

impl Key {
    /// Encodes the question.
    pub(super) fn of(store: &Store, layers: &Layers<'_>, facts: &Facts<'_>) -> Self {
        Self::with(Part::ALL, store, layers, facts)
    }

    /// Encodes some parts of it: tests show what each of them is for.
    pub(super) fn with(
        parts: impl IntoIterator<Item = Part>,
        store: &Store,
        layers: &Layers<'_>,
        facts: &Facts<'_>,
    ) -> Self {
        let mut bytes = SPARE.take();
        bytes.clear();
        let mut key = Self(bytes);
        let read = layers.parts();
        for part in parts {
            match part {
                Part::Platform => key.fixed(store.platform_hash()),
                Part::Environment => key.fixed(&layers.environment.index.to_be_bytes()),
                Part::Overlay => key.layer(layers.overlay),
                Part::Reader => key.layer(layers.reader),
                Part::Caller => key.fixed(facts.fingerprint),
                Part::ActedFor => key.optional(facts.acted_for, |key, member| {
                    key.text(member.id.as_str());
                }),
                Part::Contexts => key.contexts(facts.contexts),
                Part::Place => key.place(facts),
                Part::From => key.optional(facts.from, Self::inside),
                Part::Catalogs => key.optional(facts.from, Self::catalogs),
                Part::Grant => key.optional(facts.grant, Self::grant),
                Part::Reason => key.optional(facts.reason, Self::text),
                Part::Resource if read.resource_id => key.resource(facts),
                Part::Http if read.http => key.http(facts),
                Part::Address if read.ip => key.address(facts.head.client),
                Part::Certificate if read.certificate => {
                    key.optional(facts.head.certificate.as_deref(), Self::certificate);
                }
                Part::Resource | Part::Http | Part::Address | Part::Certificate => {}
            }
        }
        key
    }

    /// The encoding.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn fixed(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn length(&mut self, length: usize) {
        self.fixed(&(length as u64).to_be_bytes());
    }

    fn text(&mut self, text: &str) {
        self.length(text.len());
        self.fixed(text.as_bytes());
    }

    fn optional<T>(&mut self, part: Option<T>, encode: impl FnOnce(&mut Self, T)) {
        self.fixed(&[u8::from(part.is_some())]);
        if let Some(part) = part {
            encode(self, part);
        }
    }

    fn layer(&mut self, layer: Option<Layer<'_>>) {
        self.optional(layer, |key, layer| key.fixed(layer.hash));
    }

    fn contexts(&mut self, contexts: ContextSet) {
        let bits = contexts
            .iter()
            .fold(0_u8, |bits, one| bits | 1 << one as u8);
        self.fixed(&[bits]);
    }

    fn place(&mut self, facts: &Facts<'_>) {
        match facts.place {
            Place::Workspace(account, workspace) => {
                self.fixed(&[2]);
                self.text(account.as_str());
                self.text(workspace.as_str());
            }
            Place::Account(account) => {
                self.fixed(&[1]);
                self.text(account.as_str());
            }
            Place::Platform => self.fixed(&[0]),
        }
        self.text(facts.kind);
    }

    /// Where the request is made from. The entry's revision stands for plan, features and everything
    /// else that the directory says of account and workspace.
    fn inside(&mut self, inside: &Inside) {
        self.text(inside.account.id.as_str());
        self.fixed(&inside.account.revision);
        self.text(inside.workspace.id.as_str());
    }

    fn catalogs(&mut self, inside: &Inside) {
        self.length(inside.catalogs.len());
        for catalog in &inside.catalogs {
            self.text(catalog.account.as_str());
            self.text(catalog.id.as_str());
        }
    }

    fn grant(&mut self, grant: &Grant) {
        self.fixed(&[u8::from(grant.all)]);
        self.fixed(&grant.until.millis().to_be_bytes());
        self.optional(grant.account.as_ref(), |key, account| {
            key.text(account.as_str());
        });
    }

    fn resource(&mut self, facts: &Facts<'_>) {
        self.optional(facts.id, Self::text);
        self.optional(facts.owner, Self::text);
        self.length(facts.captures.len());
        for (name, value) in facts.captures {
            self.text(name);
            self.text(value);
        }
    }

    fn http(&mut self, facts: &Facts<'_>) {
        self.text(facts.head.method.as_str());
        self.text(&facts.head.authority);
        self.text(facts.head.path.as_str());
    }

    fn certificate(&mut self, identity: &Identity) {
        let (spiffe, dns) = identity.parts();
        self.optional(spiffe, Self::text);
        self.length(dns.len());
        for name in dns {
            self.text(name);
        }
    }

    fn address(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(address) => {
                self.fixed(&[4]);
                self.fixed(&address.octets());
            }
            IpAddr::V6(address) => {
                self.fixed(&[6]);
                self.fixed(&address.octets());
            }
        }
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        SPARE.set(std::mem::take(&mut self.0));
    }
}
