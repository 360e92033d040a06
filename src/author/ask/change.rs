//! What may be supposed to be otherwise than it is: `KEY=VALUE`.
//!
//! | key | what is supposed |
//! |---|---|
//! | `role` | the caller has this role: by its claim or a group, by the directory of a machine client, by the issuer's entry of a Principal |
//! | `group`, `scope` | it is in this group too, it has this scope too |
//! | `claims.NAME` | the token says this: JSON, or text; `null`: it says nothing. `claims./a/b` is a JSON pointer |
//! | `header.NAME` | the request has this field |
//! | `principal.mfa`, `principal.email` | the claim that becomes this attribute |
//! | `context.reason`, `context.now`, `context.ip` | what a Principal states, the moment, the client's address |
//! | `context.tenant.plan`, `.kind`, `.features` | what the directory says of the caller's workspace; features are separated by commas |
//!
//! Which account and workspace a request is held to is nothing that can be supposed.

mod claims;
mod directory;

pub(super) use claims::LABELS;

use super::World;
use crate::author::asked;
use crate::clock::Timestamp;
use crate::fault::nearest;
use crate::token::{Caller, PlatformRole, Scopes};
use std::fmt;

/// Every key, as it is written.
const KEYS: [&str; 13] = [
    "role",
    "group",
    "scope",
    "claims.",
    "header.",
    "principal.mfa",
    "principal.email",
    "context.reason",
    "context.now",
    "context.ip",
    "context.tenant.plan",
    "context.tenant.kind",
    "context.tenant.features",
];

/// The field in which a Principal states why.
const REASON: &str = "x-palisade-reason";
/// The longest value, in bytes.
const VALUE_BYTES_MAX: usize = 4_096;

/// One thing that is supposed to be otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub(super) key: Key,
    pub(super) value: String,
}

/// What is otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Role,
    Group,
    Scope,
    Claim(String),
    Header(String),
    Mfa,
    Email,
    Reason,
    Now,
    Ip,
    Plan,
    Kind,
    Features,
}

/// It cannot be supposed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Cannot(String);

impl Cannot {
    pub(super) fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

impl From<asked::Misread> for Cannot {
    fn from(misread: asked::Misread) -> Self {
        Self(misread.to_string())
    }
}

impl Change {
    pub(super) fn of(key: Key, value: impl Into<String>) -> Self {
        let value = value.into();
        Self { key, value }
    }

    /// Reads `KEY=VALUE`.
    pub fn parse(text: &str) -> Result<Self, Cannot> {
        let wrong = || Cannot::new(format!("`{text}` is not KEY=VALUE, as in `role=editor`"));
        let (key, value) = text.split_once('=').ok_or_else(wrong)?;
        if value.len() > VALUE_BYTES_MAX {
            let key = key.trim();
            return Err(Cannot::new(format!(
                "the value of `{key}` is longer than {VALUE_BYTES_MAX} bytes"
            )));
        }
        Ok(Self {
            key: Key::parse(key.trim())?,
            value: value.trim().to_owned(),
        })
    }

    /// Makes it so. `caller`: whom the token proves as it is.
    pub(super) fn apply(&self, world: &mut World, caller: Option<&Caller>) -> Result<(), Cannot> {
        let value = self.value.as_str();
        match &self.key {
            Key::Role => role(world, caller, value),
            Key::Group => claims::group(world, value),
            Key::Scope => scope(world, value),
            Key::Claim(name) => claims::set(world, name, value),
            Key::Header(name) => header(world, name, value),
            Key::Mfa => claims::mfa(world, value),
            Key::Email => claims::email(world, value),
            Key::Reason => header(world, REASON, value),
            Key::Now => {
                let at = Timestamp::parse_rfc3339(value);
                let wrong = || {
                    Cannot::new(format!(
                        "`{value}` is no moment; write it like `2026-12-31T12:00:00Z`"
                    ))
                };
                world.now = at.ok_or_else(wrong)?;
                Ok(())
            }
            Key::Ip => {
                let address = value.parse();
                world.peer.address =
                    address.map_err(|_| Cannot::new(format!("`{value}` is no address")))?;
                Ok(())
            }
            Key::Plan | Key::Kind | Key::Features => directory::tenant(world, caller, self),
        }
    }

    /// Whether both say something else of the same thing.
    pub(super) fn excludes(&self, other: &Self) -> bool {
        !matches!(self.key, Key::Group | Key::Scope) && self.key == other.key
    }

    /// What it means, for people.
    pub(super) fn meaning(&self, caller: Option<&Caller>) -> String {
        let value = &self.value;
        match (&self.key, caller) {
            (Key::Role, Some(Caller::Service(_))) => {
                format!("the directory gives the machine client the role `{value}`")
            }
            (Key::Role, Some(Caller::Principal(_))) => {
                format!("the issuer's entry gives the Principal the role `{value}`")
            }
            (Key::Role, _) => format!("the token gives the role `{value}`"),
            (Key::Group, _) => format!("the token names the group `{value}`"),
            (Key::Scope, _) => format!("the token has the scope `{value}`"),
            (Key::Claim(name), _) => format!("the token's claim `{name}` is `{value}`"),
            (Key::Header(name), _) => format!("the request has the header `{name}: {value}`"),
            (Key::Mfa, _) => "the token proves a second factor".to_owned(),
            (Key::Email, _) => format!("the token's mail address is `{value}`"),
            (Key::Reason, _) => "the Principal states a reason (`x-palisade-reason`)".to_owned(),
            (Key::Now, _) => format!("it is {value}"),
            (Key::Ip, _) => format!("the client's address is {value}"),
            (Key::Plan, _) => format!("the directory gives the workspace the plan `{value}`"),
            (Key::Kind, _) => format!("the directory gives the workspace the type `{value}`"),
            (Key::Features, _) => format!("the directory gives the workspace the features {value}"),
        }
    }
}

impl Key {
    fn parse(key: &str) -> Result<Self, Cannot> {
        let named = |prefix: &str| key.strip_prefix(prefix).filter(|name| !name.is_empty());
        if let Some(name) = named("claims.") {
            return Ok(Self::Claim(name.to_owned()));
        }
        if let Some(name) = named("header.") {
            return Ok(Self::Header(name.to_ascii_lowercase()));
        }
        Ok(match key {
            "role" => Self::Role,
            "group" => Self::Group,
            "scope" => Self::Scope,
            "principal.mfa" => Self::Mfa,
            "principal.email" => Self::Email,
            "context.reason" => Self::Reason,
            "context.now" => Self::Now,
            "context.ip" => Self::Ip,
            "context.tenant.plan" => Self::Plan,
            "context.tenant.kind" => Self::Kind,
            "context.tenant.features" => Self::Features,
            _ => {
                let help = match nearest(key, KEYS) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("keys are {}", KEYS.join(", ")),
                };
                return Err(Cannot::new(format!("`{key}` cannot be supposed; {help}")));
            }
        })
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Role => "role",
            Self::Group => "group",
            Self::Scope => "scope",
            Self::Claim(name) => return write!(f, "claims.{name}"),
            Self::Header(name) => return write!(f, "header.{name}"),
            Self::Mfa => "principal.mfa",
            Self::Email => "principal.email",
            Self::Reason => "context.reason",
            Self::Now => "context.now",
            Self::Ip => "context.ip",
            Self::Plan => "context.tenant.plan",
            Self::Kind => "context.tenant.kind",
            Self::Features => "context.tenant.features",
        })
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.key, self.value)
    }
}

fn role(world: &mut World, caller: Option<&Caller>, name: &str) -> Result<(), Cannot> {
    match caller {
        Some(Caller::Service(service)) => directory::machine_role(world, service, name),
        Some(Caller::Principal(_)) => {
            let known = PlatformRole::ALL.map(PlatformRole::label);
            let role = PlatformRole::parse(name).ok_or_else(|| unknown("role", name, &known))?;
            let claims = world.claims().cloned().ok_or_else(no_token)?;
            world.claim(claims);
            world.platform_roles.push(role);
            Ok(())
        }
        Some(Caller::User(_) | Caller::Anonymous) | None => claims::role(world, name),
    }
}

fn scope(world: &mut World, name: &str) -> Result<(), Cannot> {
    if !Scopes::NAMES.contains(&name) {
        return Err(unknown("scope", name, &Scopes::NAMES));
    }
    claims::scope(world, name)
}

fn header(world: &mut World, name: &str, value: &str) -> Result<(), Cannot> {
    if matches!(name, "authorization" | "cookie") {
        return Err(Cannot::new(
            "another token is not supposed but given; suppose other claims with `claims.NAME`",
        ));
    }
    let field = asked::named_field(name, value);
    let (name, value) = field.map_err(|error| Cannot::new(error.to_string()))?;
    world.parts.headers.insert(name, value);
    Ok(())
}

fn unknown(what: &str, name: &str, known: &[&str]) -> Cannot {
    let help = match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known here: {}", known.join(", ")),
    };
    Cannot::new(format!("there is no {what} `{name}`; {help}"))
}

fn no_token() -> Cannot {
    Cannot::new("without a token there is nothing that it could say otherwise")
}

#[cfg(test)]
mod tests;
