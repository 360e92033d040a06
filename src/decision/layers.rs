//! Who is asked: the platform's policies, and those of the accounts that the request touches.

use super::facts::Facts;
use super::permit::Denied;
use crate::policy::{Consulted, Environment, OverlayState, Reads, Slice, Store, Window};
use crate::reason::Reason;
use crate::tenant::AccountId;

/// The slices that are consulted, with the hashes of the overlays.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layers<'a> {
    pub(super) environment: &'a Environment,
    /// Of the account in which the resource lies.
    pub(super) overlay: Option<Layer<'a>>,
    /// Of the account that reads another one's catalog.
    pub(super) reader: Option<Layer<'a>>,
}

/// One account's policies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layer<'a> {
    pub(super) hash: &'a [u8; 32],
    pub(super) slice: &'a Slice,
}

impl<'a> Layers<'a> {
    /// Looks the question up among those that the schema lists (RULES 29), and finds its slices.
    pub(super) fn find(store: &'a Store, facts: &Facts<'_>) -> Result<Self, Denied> {
        let environment = store
            .environment(facts.principal_type, facts.operation)
            .ok_or_else(|| {
                let operation = &facts.operation.name;
                let who = facts.principal_type.label();
                Denied::unaskable(&format!("the schema lists no `{operation}` for a {who}"))
            })?;
        Ok(Self {
            environment,
            overlay: layer(store, environment, facts.overlay_of())?,
            reader: layer(store, environment, facts.reader())?,
        })
    }

    pub(super) fn consulted(&self) -> Vec<Consulted<'a>> {
        let whole = |slice| Consulted {
            slice,
            forbids_only: false,
        };
        let forbids = |slice| Consulted {
            slice,
            forbids_only: true,
        };
        let mut consulted = vec![whole(self.environment.platform.as_ref())];
        consulted.extend(self.overlay.map(|layer| whole(layer.slice)));
        consulted.extend(self.reader.map(|layer| forbids(layer.slice)));
        consulted
    }

    /// What the slices can read, one after the other.
    pub(super) fn reads(&self) -> impl Iterator<Item = &'a Reads> {
        self.slices().map(|slice| &slice.reads)
    }

    /// The stretch of time over which all slices give the same answer. `None`: for now only.
    pub(super) fn window(&self, facts: &Facts<'_>) -> Option<Window> {
        let grant_end = facts.grant.map(|grant| grant.until);
        self.slices()
            .map(|slice| slice.reads.clock.window(facts.head.now, grant_end))
            .reduce(|one, other| Some(one?.and(other?)))?
    }

    fn slices(&self) -> impl Iterator<Item = &'a Slice> {
        let overlays = [self.overlay, self.reader].into_iter().flatten();
        std::iter::once(self.environment.platform.as_ref()).chain(overlays.map(|layer| layer.slice))
    }
}

fn layer<'a>(
    store: &'a Store,
    environment: &Environment,
    account: Option<&AccountId>,
) -> Result<Option<Layer<'a>>, Denied> {
    let Some(account) = account else {
        return Ok(None);
    };
    match store.overlay(account) {
        OverlayState::Absent => Ok(None),
        // Without its forbids the answer could only be too wide (RULES 33).
        OverlayState::Unavailable => Err(Denied::of(Reason::OverlayUnavailable)),
        OverlayState::Ready(overlay) => match overlay.slice(environment) {
            Some(slice) => Ok(Some(Layer {
                hash: overlay.hash(),
                slice,
            })),
            None => Err(Denied::unaskable(&"an overlay of another schema")),
        },
    }
}
