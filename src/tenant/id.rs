//! Ids of the platform: case-sensitive, `[A-Za-z0-9_-]{1,64}`, checked once, when text becomes an id.
//!
//! The grammar leaves out `/`, `#` and `|`, which join ids into Cedar uids, so two different things
//! never share a uid.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

/// The longest id, in bytes.
const ID_BYTES_MAX: usize = 64;

/// The text is not an id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an id: 1 to 64 of A-Z a-z 0-9 _ -")]
pub struct BadId(String);

/// Whether `text` is an id. No escape of a path is one, so a value of a path needs no decoding.
pub fn is_id(text: &str) -> bool {
    (1..=ID_BYTES_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Reads an id, exactly as spelt.
            pub fn parse(text: &str) -> Result<Self, BadId> {
                if is_id(text) {
                    Ok(Self(text.into()))
                } else {
                    Err(BadId(text.chars().take(80).collect()))
                }
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

id! {
    /// The tenant.
    AccountId
}
id! {
    /// A workspace; unique over the whole platform.
    WorkspaceId
}
id! {
    /// A user inside an account.
    UserId
}
id! {
    /// An OAuth client (`client_id`, or `azp` where the issuer's mapping says so).
    ClientId
}
