//! One configured issuer: its settings, checked, and its keys.

use super::jwks::sha256;
use super::settings::{Binding, IssuerSettings};
use super::source::{Complaint, Source};
use super::store::KeyStore;
use crate::tenant::{AccountId, ClientId};
use std::sync::Arc;

/// An issuer that serves.
#[derive(Debug)]
pub(super) struct Issuer {
    pub(super) name: Arc<str>,
    pub(super) settings: IssuerSettings,
    /// Accepted `typ` values in their folded form.
    types: Vec<String>,
    /// A digest of the settings: equal revisions mean equal answers.
    pub(super) revision: [u8; 32],
    pub(super) store: Arc<KeyStore>,
}

impl Issuer {
    /// An issuer of those settings. Keys that `former` fetched from the same place are not fetched
    /// again.
    pub(super) fn open(settings: IssuerSettings, former: Option<&Self>) -> Result<Self, Complaint> {
        let (source, first) = Source::open(&settings)?;
        let clocks = (settings.refresh, settings.max_stale);
        let store = KeyStore::new(&settings.name, source, clocks, first);
        let same = former.filter(|former| origin(&former.settings) == origin(&settings));
        if let Some(same) = same {
            store.inherit(&same.store);
        }
        Ok(Self {
            name: settings.name.as_str().into(),
            types: settings.types.iter().map(|typ| fold_type(typ)).collect(),
            revision: revision(&settings),
            store: Arc::new(store),
            settings,
        })
    }

    /// Whether a token may have that `typ`.
    pub(super) fn accepts_type(&self, typ: Option<&str>) -> bool {
        match typ {
            None => !self.settings.type_required,
            Some(typ) => {
                let folded = fold_type(typ);
                folded != ASSERTION_TYPE && self.types.contains(&folded)
            }
        }
    }

    /// Whether a tenant's tokens may come through that client at all; the directory has its say too.
    pub(super) fn lists_client(&self, client: &ClientId) -> bool {
        match &self.settings.clients {
            Binding::None => false,
            Binding::Directory => true,
            Binding::List(clients) => clients.contains(client),
        }
    }

    /// Whether it may speak for that account at all; the directory has its say too.
    pub(super) fn lists_account(&self, account: &AccountId) -> bool {
        match &self.settings.accounts {
            Binding::None => false,
            Binding::Directory => true,
            Binding::List(accounts) => accounts.contains(account),
        }
    }

    /// Whether a Principal's token may come through that client.
    pub(super) fn is_portal_client(&self, client: &ClientId) -> bool {
        self.settings.portal && self.settings.portal_clients.contains(client)
    }

    /// Whether it speaks for one account only, so that a bare group can mean only that one's.
    pub(super) fn has_one_account(&self) -> bool {
        matches!(&self.settings.accounts, Binding::List(accounts) if accounts.len() == 1)
    }
}

/// Settings hold lists only, in the order of the file: their text is canonical.
pub(super) fn revision(settings: &IssuerSettings) -> [u8; 32] {
    sha256(format!("{settings:?}").as_bytes())
}

/// Whose keys they are, and where they come from.
fn origin(settings: &IssuerSettings) -> impl PartialEq + '_ {
    (
        &settings.issuer,
        format!("{:?}", settings.keys),
        settings.allow_local,
        &settings.roots,
    )
}

/// What the gate itself signs for upstreams; never accepted from a client (RULES 47).
pub const ASSERTION_TYPE: &str = "palisade-assertion+jwt";

/// Media types are compared without case, and `application/` may be left out (RFC 7515, 4.1.9).
pub(super) fn fold_type(typ: &str) -> String {
    let folded = typ.to_ascii_lowercase();
    match folded.strip_prefix("application/") {
        Some(rest) if !rest.contains('/') => rest.to_owned(),
        _ => folded,
    }
}
