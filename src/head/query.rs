//! The query.

use super::path::byte_of;
use super::{Error, folds_to};
use std::sync::Arc;

/// The query, as sent and decoded once.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// As sent, without `?`; `None`: there was no `?`. This is what is forwarded.
    pub raw: Option<Arc<str>>,
    /// Keys and values, decoded once (`+` is a space). What two readers cut differently stands here
    /// in both ways.
    pub pairs: Vec<QueryPair>,
}

/// One `key=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryPair {
    /// The key, decoded.
    pub key: String,
    /// The value, decoded; empty where there was none.
    pub value: String,
}

/// Why a query is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each variant is documented by its message")]
pub enum QueryFault {
    #[error("a `;`, which some readers take for `&`")]
    Semicolon,
    #[error("a character that needs an escape")]
    Character,
    #[error("an escape that is not `%` and two hexadecimal digits")]
    Escape,
    #[error("a control character")]
    Control,
    #[error("escapes that are not UTF-8")]
    Utf8,
    #[error("a key that overrides the method")]
    Override,
    #[error("a token")]
    Token,
}

impl Query {
    /// Reads what follows the `?` of a request's target.
    pub fn read(raw: Option<&str>) -> Result<Self, Error> {
        let Some(raw) = raw else {
            return Ok(Self::default());
        };
        let pairs = raw
            .split('&')
            .filter(|piece| !piece.is_empty())
            .flat_map(readings)
            .map(|(key, value)| pair(key, value))
            .collect::<Result<_, _>>()
            .map_err(Error::Query)?;
        Ok(Self {
            raw: Some(raw.into()),
            pairs,
        })
    }
}

impl QueryPair {
    /// Whether some reader takes the key for `folded`: [`key_names`].
    pub fn names(&self, folded: &str) -> bool {
        key_names(&self.key, folded)
    }

    /// Whether the key is no more than a name of `folded`, plain or as the only element of a list
    /// (`workspaceId`, `workspace_id[]`, `filter[workspaceId][0]`).
    ///
    /// Anything else may be an operator to who reads it: with `workspaceId[$ne]=acme-prod`,
    /// `workspaceId.$ne` or `workspaceId!` the value is the caller's own and the answer is everybody
    /// else's.
    pub fn only_names(&self, folded: &str) -> bool {
        let plain = |name: &str| {
            let bytes = name.as_bytes();
            let ends = bytes.first().zip(bytes.last());
            ends.is_some_and(|(a, z)| a.is_ascii_alphanumeric() && z.is_ascii_alphanumeric())
                && bytes
                    .iter()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
        };
        let balanced = self.key.matches('[').count() == self.key.matches(']').count();
        balanced
            && naming(&self.key, folded)
                .is_some_and(|(name, rest)| plain(name) && ENDS.contains(&rest))
    }
}

/// What may follow the part of a key that is a name: nothing, or the one index of a list. The bracket
/// beside the name is cut off already.
const ENDS: [&str; 5] = ["", "]", "0]", "[]", "[0]"];
/// What stands between the parts of a key.
const BETWEEN: [char; 3] = ['[', ']', '.'];

/// Whether some reader takes a query key for `folded`, which is a name as [`fold_key`] makes it.
///
/// Its name up to the first bracket counts (`workspaceId[]`), and so does every part between
/// brackets or dots (`[workspaceId]`, `filter.workspace_id`): frameworks differ in what they make of
/// these, and a name that is held to the tenant needlessly does no harm.
pub fn key_names(key: &str, folded: &str) -> bool {
    naming(key, folded).is_some()
}

/// The part of a key that some reader takes for `folded`, and what follows it.
fn naming<'k>(key: &'k str, folded: &str) -> Option<(&'k str, &'k str)> {
    let (head, rest) = key.split_once('[').unwrap_or((key, ""));
    if key_folds_to(head, folded) {
        return Some((head, rest));
    }
    let mut left = key;
    loop {
        let cut = left.split_once(BETWEEN);
        let (part, rest) = cut.unwrap_or((left, ""));
        if key_folds_to(part, folded) {
            return Some((part, rest));
        }
        left = cut?.1;
    }
}

/// A query key as the most lenient reader would compare it: letters and digits alone, lower case.
pub fn fold_key(key: &str) -> String {
    folded_chars(key).collect()
}

fn key_folds_to(key: &str, folded: &str) -> bool {
    if key.is_ascii() {
        let bytes = key.bytes().filter(u8::is_ascii_alphanumeric);
        return bytes.map(|b| b.to_ascii_lowercase()).eq(folded.bytes());
    }
    folded_chars(key).eq(folded.chars())
}

fn folded_chars(key: &str) -> impl Iterator<Item = char> {
    // Upper before lower: a long s or a Kelvin sign is an s or a k to whoever ignores case.
    key.chars()
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .filter(|c| c.is_alphanumeric())
}

/// Where a key ends: at the first `=`, but some readers (qs) look for a `=` behind a bracket first, so
/// that `a=[b]=c` gives `b` a value.
fn readings(piece: &str) -> impl Iterator<Item = (&str, &str)> {
    let usual = piece.split_once('=').unwrap_or((piece, ""));
    let ends: &[&str] = if usual.1.contains('=') {
        &["]=", "%5D=", "%5d="]
    } else {
        // There is no other place.
        &[]
    };
    let late = ends.iter().filter_map(move |end| {
        let (before, value) = piece.split_once(*end)?;
        // Nothing but a cut at another place is another reading.
        let key = piece.get(..before.len() + end.len() - 1)?;
        (before.len() > usual.0.len()).then_some((key, value))
    });
    std::iter::once(usual).chain(late)
}

fn pair(key: &str, value: &str) -> Result<QueryPair, QueryFault> {
    let pair = QueryPair {
        key: decode(key)?,
        value: decode(value)?,
    };
    // `_method` and `access_token`, folded. PHP makes `_` of what it cannot have in a name, and cuts blanks before it.
    let name = pair.key.trim_start();
    let name = name.split('[').next().unwrap_or_default();
    if folds_to(name, "-method") {
        return Err(QueryFault::Override);
    }
    if folds_to(name, "access-token") {
        return Err(QueryFault::Token);
    }
    Ok(pair)
}

fn decode(text: &str) -> Result<String, QueryFault> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let byte = match byte {
            b'+' => b' ',
            b'%' => {
                let [high, low, after @ ..] = rest else {
                    return Err(QueryFault::Escape);
                };
                rest = after;
                match byte_of(*high, *low).ok_or(QueryFault::Escape)? {
                    0..0x20 | 0x7f => return Err(QueryFault::Control),
                    byte => byte,
                }
            }
            b';' => return Err(QueryFault::Semicolon),
            0x21..0x7f => byte,
            _ => return Err(QueryFault::Character),
        };
        out.push(byte);
    }
    String::from_utf8(out).map_err(|_| QueryFault::Utf8)
}
