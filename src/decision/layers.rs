//! Who is asked: the platform's policies, and those of the accounts that the request touches.

use super::facts::Facts;
use super::permit::Denied;
use super::put::Asking;
use crate::policy::{Consulted, Environment, OverlayState, Reads, Slice, Store, Whose, Window};
use crate::reason::Reason;
use crate::tenant::AccountId;
use std::sync::Arc;

/// The slices that are consulted, with the hashes of the overlays.
#[derive(Clone, Debug)]
pub(super) struct Layers<'a> {
    pub(super) environment: &'a Environment,
    /// Of the account in which the resource lies.
    pub(super) overlay: Option<Layer>,
    /// Of the account that reads another one's catalog.
    pub(super) reader: Option<Layer>,
}

/// One account's policies: held, because there may be no room for them a moment later.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    pub(super) hash: [u8; 32],
    pub(super) slice: Arc<Slice>,
}

/// The layers cannot be asked.
#[derive(Debug)]
pub(super) enum Missing {
    /// They never can.
    Denied(Denied),
    /// Not before that account's policies are parsed.
    Cold(AccountId),
}

impl From<Denied> for Missing {
    fn from(denied: Denied) -> Self {
        Self::Denied(denied)
    }
}

impl<'a> Layers<'a> {
    /// Looks the question up among those that the schema lists (RULES 29), and finds its slices.
    pub(super) fn find(store: &'a Store, facts: &Facts<'_>) -> Result<Self, Missing> {
        let environment = store
            .environment(facts.principal_type, facts.operation)
            .ok_or_else(|| {
                let operation = &facts.operation.name;
                let who = facts.principal_type.label();
                let why = format!("the schema lists no `{operation}` for a {who}");
                Missing::Denied(Denied::unaskable(&why))
            })?;
        Ok(Self {
            environment,
            overlay: layer(store, environment, facts.overlay_of())?,
            reader: layer(store, environment, facts.reader())?,
        })
    }

    pub(super) fn consulted(&self, as_written: bool) -> Vec<Consulted<'_>> {
        let asked = |slice, whose| Consulted {
            slice,
            whose,
            as_written,
        };
        let (overlay, reader) = (self.overlay.as_ref(), self.reader.as_ref());
        let mut consulted = vec![asked(self.environment.platform.as_ref(), Whose::Platform)];
        consulted.extend(overlay.map(|layer| asked(&layer.slice, Whose::Owner)));
        consulted.extend(reader.map(|layer| asked(&layer.slice, Whose::Reader)));
        consulted
    }

    /// The same, to be kept.
    pub(super) fn asking(&self, facts: &Facts<'_>) -> Vec<Asking> {
        let slices = [Some(&self.environment.platform)].into_iter();
        let overlays = [self.overlay.as_ref(), self.reader.as_ref()].into_iter();
        let slices = slices.chain(overlays.map(|layer| layer.map(|layer| &layer.slice)));
        let owners = self.owners(facts).into_iter();
        owners
            .zip(slices.flatten())
            .zip(self.consulted(false))
            .map(|((account, slice), consulted)| Asking {
                account: account.cloned(),
                slice: Arc::clone(slice),
                whose: consulted.whose,
            })
            .collect()
    }

    /// What the slices can read, one after the other.
    pub(super) fn reads(&self) -> impl Iterator<Item = &Reads> {
        self.slices().map(|slice| &slice.reads)
    }

    /// The stretch of time over which all slices give the same answer. `None`: for now only.
    pub(super) fn window(&self, facts: &Facts<'_>) -> Option<Window> {
        let grant_end = facts.grant.map(|grant| grant.until);
        self.slices()
            .map(|slice| slice.reads.clock.window(facts.head.now, grant_end))
            .reduce(|one, other| Some(one?.and(other?)))?
    }

    /// Whose policies are consulted, in the order of [`Layers::consulted`]; the platform is nobody.
    pub(super) fn owners<'f>(&self, facts: &'f Facts<'_>) -> Vec<Option<&'f AccountId>> {
        let mut owners = vec![None];
        owners.extend(self.overlay.as_ref().map(|_| facts.overlay_of()));
        owners.extend(self.reader.as_ref().map(|_| facts.reader()));
        owners
    }

    fn slices(&self) -> impl Iterator<Item = &Slice> {
        let overlays = self.overlay.iter().chain(&self.reader);
        let overlays = overlays.map(|layer| layer.slice.as_ref());
        std::iter::once(self.environment.platform.as_ref()).chain(overlays)
    }
}

fn layer(
    store: &Store,
    environment: &Environment,
    account: Option<&AccountId>,
) -> Result<Option<Layer>, Missing> {
    let Some(account) = account else {
        return Ok(None);
    };
    match store.overlay(account) {
        OverlayState::Absent => Ok(None),
        OverlayState::Cold => Err(Missing::Cold(account.clone())),
        // Without its forbids the answer could only be too wide (RULES 33).
        OverlayState::Unavailable => {
            let denied = Denied::of(Reason::OverlayUnavailable);
            Err(Missing::Denied(denied))
        }
        OverlayState::Ready(overlay) => {
            let Some(slice) = overlay.slice(environment) else {
                let denied = Denied::unaskable(&"an overlay of another schema");
                return Err(Missing::Denied(denied));
            };
            Ok(Some(Layer {
                hash: *overlay.hash(),
                slice: Arc::clone(slice),
            }))
        }
    }
}
