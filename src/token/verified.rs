//! A token that was proved: its claims, its times and the key that signed it.

use super::caller::Caller;
use super::error::Error;
use super::issuer::Issuer;
use super::store::millis;
use crate::clock::Timestamp;
use arc_swap::ArcSwapOption;
use serde_json::Value;
use std::fmt;
use std::sync::Arc;

/// A proved token. What it says is still to be bound to account and workspace.
pub struct Verified {
    pub(super) issuer: Arc<Issuer>,
    pub(super) claims: Claims,
    pub(super) times: Times,
    pub(super) key: [u8; 32],
    pub(super) bound: ArcSwapOption<Bound>,
}

/// The claims, an object.
pub(super) struct Claims(pub(super) Value);

/// The token's times.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub(super) expires: Timestamp,
    pub(super) not_before: Option<Timestamp>,
    pub(super) issued: Option<Timestamp>,
    pub(super) authenticated: Option<Timestamp>,
}

/// Whom it was bound to, and under which entry of the directory.
pub(super) struct Bound {
    /// The account's revision; `None`: a Principal, who has no account.
    pub(super) account_revision: Option<[u8; 32]>,
    pub(super) caller: Arc<Caller>,
}

impl Claims {
    /// The value at `pointer`, `null` included. `None`: no pointer, or nothing there.
    pub(super) fn at(&self, pointer: Option<&String>) -> Option<&Value> {
        self.0.pointer(pointer?)
    }

    /// The registered claim `name`.
    pub(super) fn registered(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }
}

/// Memory that one of the remembered tokens may take, about: a token of the platform takes half of it.
const ENTRY_BYTES: usize = 4_096;
/// A value with its name.
const VALUE_BYTES: usize = 100;

impl Verified {
    /// For how many remembered tokens it counts, at least one: 16 KiB of JSON can be 8,000 values, and
    /// whoever runs an issuer of its own can have many such signed.
    pub(super) fn weight(&self) -> u32 {
        let bytes = values(&self.claims.0) * VALUE_BYTES;
        u32::try_from(1 + bytes / ENTRY_BYTES).unwrap_or(u32::MAX)
    }
}

fn values(value: &Value) -> usize {
    1 + match value {
        Value::Array(all) => all.iter().map(values).sum(),
        Value::Object(all) => all.values().map(values).sum(),
        Value::String(text) => text.len() / VALUE_BYTES,
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

impl Times {
    /// Whether the token is valid at `now`, give or take `leeway` milliseconds.
    pub(super) fn check(&self, now: Timestamp, leeway: i64) -> Result<(), Error> {
        if now >= self.expires.plus_millis(leeway) {
            return Err(Error::Expired);
        }
        let soon = now.plus_millis(leeway);
        for (name, at) in [
            ("nbf", self.not_before),
            ("iat", self.issued),
            ("auth_time", self.authenticated),
        ] {
            if at.is_some_and(|at| at > soon) {
                return Err(Error::NotYetValid(name));
            }
        }
        Ok(())
    }

    /// When the person signed in: what `not_before` is held against (RULES 10).
    pub(super) fn since(&self) -> Option<Timestamp> {
        self.authenticated.or(self.issued)
    }
}

impl Verified {
    /// The issuer's name in the configuration.
    pub fn issuer(&self) -> &Arc<str> {
        &self.issuer.name
    }

    /// `exp`.
    pub fn expires(&self) -> Timestamp {
        self.times.expires
    }

    /// Until when it is accepted: `exp`, and the issuer's leeway.
    pub fn valid_until(&self) -> Timestamp {
        let leeway = millis(self.issuer.settings.leeway);
        self.times.expires.plus_millis(leeway)
    }

    /// A digest of the issuer's settings that it was verified under.
    pub fn issuer_revision(&self) -> [u8; 32] {
        self.issuer.revision
    }
}

// Claims are personal data: they show in no log, whoever formats them.
impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified")
            .field("issuer", &self.issuer.name)
            .field("expires", &self.times.expires)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    //! What a token takes of the room for remembered ones.

    use super::*;
    use serde_json::json;

    #[test]
    fn many_claims_take_the_room_of_many_tokens() {
        let ordinary = json!({"iss": "https://id.example", "sub": "u-1", "exp": 1, "iat": 1, "groups": ["a", "b"]});
        assert!(values(&ordinary) * VALUE_BYTES < ENTRY_BYTES / 2);
        let groups = |many: usize| json!({ "groups": vec![1; many] });
        let texts = |length: usize| json!({ "name": "x".repeat(length) });
        for large in [groups(8_000), texts(800_000)] {
            assert!(values(&large) * VALUE_BYTES > 190 * ENTRY_BYTES);
        }
    }
}
