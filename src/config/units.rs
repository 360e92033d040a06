//! Durations, sizes, rates and secrets as configuration files spell them.
//!
//! Each type says its spelling as a `pattern` with `examples`, so that the JSON Schema, the fault
//! finder and the reference page all know it.

use crate::clock::{Timestamp, count_and_unit, read_span};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// A text is not spelt as its unit asks for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not a {what}; write it like {example}")]
pub(crate) struct BadUnit {
    given: String,
    what: &'static str,
    example: &'static str,
}

/// `500ms`, `5s`, `10m`, `24h`, `7d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Duration(pub(crate) std::time::Duration);

/// `512B`, `64KiB`, `6MiB`, `1GiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Size(pub(crate) u64);

/// `50/s`: how many in a second, at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Rate(pub(crate) u32);

/// `50/s`, or `off`: no bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Cap(pub(crate) Option<Rate>);

/// Where a secret is kept: `file:PATH` or `env:NAME`, never the secret itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) enum SecretRef {
    /// A file; relative to the configuration file's folder.
    File(String),
    /// An environment variable.
    Env(String),
}

/// `2026-11-01T00:00:00Z`: RFC 3339, with its offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Moment(pub(crate) Timestamp);

impl Duration {
    /// From whole seconds.
    pub(crate) const fn secs(secs: u64) -> Self {
        Self(std::time::Duration::from_secs(secs))
    }

    /// From whole milliseconds.
    pub(crate) const fn millis(millis: u64) -> Self {
        Self(std::time::Duration::from_millis(millis))
    }
}

impl TryFrom<String> for Duration {
    type Error = BadUnit;

    fn try_from(text: String) -> Result<Self, BadUnit> {
        let bad = || bad(&text, "duration", "`500ms`, `5s`, `10m`, `24h`");
        read_span(&text).map(Self).ok_or_else(bad)
    }
}

impl From<Duration> for String {
    fn from(duration: Duration) -> Self {
        duration.to_string()
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        let units = [
            (86_400_000, "d"),
            (3_600_000, "h"),
            (60_000, "m"),
            (1000, "s"),
        ];
        let whole = |(unit, _): &(u128, &str)| millis != 0 && millis.is_multiple_of(*unit);
        match units.into_iter().find(whole) {
            Some((unit, name)) => write!(f, "{}{name}", millis / unit),
            None => write!(f, "{millis}ms"),
        }
    }
}

impl TryFrom<String> for Size {
    type Error = BadUnit;

    fn try_from(text: String) -> Result<Self, BadUnit> {
        let bad = || bad(&text, "size", "`512B`, `64KiB`, `6MiB`");
        let (count, unit) = count_and_unit(&text).ok_or_else(bad)?;
        let bytes: u64 = match unit {
            "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => return Err(bad()),
        };
        Ok(Self(u64::from(count) * bytes))
    }
}

impl From<Size> for String {
    fn from(size: Size) -> Self {
        size.to_string()
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
        let whole = |(unit, _): &(u64, &str)| self.0 != 0 && self.0.is_multiple_of(*unit);
        match units.into_iter().find(whole) {
            Some((unit, name)) => write!(f, "{}{name}", self.0 / unit),
            None => write!(f, "{}B", self.0),
        }
    }
}

impl TryFrom<String> for Rate {
    type Error = BadUnit;

    fn try_from(text: String) -> Result<Self, BadUnit> {
        match count_and_unit(&text) {
            Some((count, "/s")) if count > 0 && !text.starts_with('0') => Ok(Self(count)),
            _ => Err(bad(&text, "rate", "`50/s`")),
        }
    }
}

impl From<Rate> for String {
    fn from(rate: Rate) -> Self {
        format!("{}/s", rate.0)
    }
}

impl TryFrom<String> for Cap {
    type Error = BadUnit;

    fn try_from(text: String) -> Result<Self, BadUnit> {
        if text == "off" {
            return Ok(Self(None));
        }
        let rate = Rate::try_from(text.clone());
        let bad = |_| bad(&text, "rate", "`50/s` or `off`");
        rate.map(Some).map(Self).map_err(bad)
    }
}

impl From<Cap> for String {
    fn from(cap: Cap) -> Self {
        cap.0.map_or_else(|| "off".to_owned(), Self::from)
    }
}

impl TryFrom<String> for SecretRef {
    type Error = BadUnit;

    fn try_from(text: String) -> Result<Self, BadUnit> {
        match text.split_once(':') {
            Some(("file", path)) if !path.is_empty() => Ok(Self::File(path.to_owned())),
            Some(("env", name)) if !name.is_empty() => Ok(Self::Env(name.to_owned())),
            // The text itself may be the secret: it is not repeated.
            _ => Err(bad(
                "(hidden)",
                "place of a secret",
                "`file:secrets/token` or `env:CONTROL_TOKEN`",
            )),
        }
    }
}

impl From<SecretRef> for String {
    fn from(secret: SecretRef) -> Self {
        secret.to_string()
    }
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file:{path}"),
            Self::Env(name) => write!(f, "env:{name}"),
        }
    }
}

impl fmt::Debug for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for Moment {
    type Error = BadUnit;

    fn try_from(text: String) -> Result<Self, BadUnit> {
        let at = Timestamp::parse_rfc3339(&text);
        at.map(Self)
            .ok_or_else(|| bad(&text, "moment", "`2026-11-01T00:00:00Z`"))
    }
}

impl From<Moment> for String {
    fn from(moment: Moment) -> Self {
        moment.0.rfc3339()
    }
}

fn bad(given: &str, what: &'static str, example: &'static str) -> BadUnit {
    BadUnit {
        given: given.chars().take(80).collect(),
        what,
        example,
    }
}

macro_rules! spelling {
    ($type:ident, $title:literal, $pattern:literal, [$($example:literal),+] $(, $key:literal: $value:literal)?) => {
        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({
                    "type": "string",
                    "title": $title,
                    "pattern": $pattern,
                    "examples": [$($example),+],
                    $($key: $value,)?
                })
            }
        }
    };
}

spelling!(
    Moment,
    "moment",
    "^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})$",
    ["2026-11-01T00:00:00Z"],
    "format": "moment"
);
spelling!(
    Duration,
    "duration",
    "^[0-9]{1,9}(ms|s|m|h|d)$",
    ["500ms", "5s", "10m", "24h"]
);
spelling!(
    Size,
    "size",
    "^[0-9]{1,9}(B|KiB|MiB|GiB)$",
    ["512B", "64KiB", "6MiB"]
);
spelling!(Cap, "rate", "^([1-9][0-9]{0,8}/s|off)$", ["50/s", "off"]);
spelling!(Rate, "rate", "^[1-9][0-9]{0,8}/s$", ["50/s", "1000/s"]);
spelling!(
    SecretRef,
    "place of a secret",
    "^(file|env):.+$",
    ["file:secrets/control-token", "env:CONTROL_TOKEN"],
    "writeOnly": true
);

#[cfg(test)]
mod tests;
