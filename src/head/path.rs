//! The canonical path.

use super::Error;
use std::sync::Arc;

/// A path in its one form: starts with `/`; only unreserved, sub-delimiter, `:`, `@`, `/` characters
/// and upper-case percent escapes of other bytes; no empty, `.` or `..` segment, except that it may
/// end with `/`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CanonicalPath(Arc<str>);

/// Why a path has no canonical form: different readers would take it apart differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each variant is documented by its message")]
pub enum PathFault {
    #[error("it does not begin with `/`")]
    Form,
    #[error("a character that needs an escape")]
    Character,
    #[error("a backslash")]
    Backslash,
    #[error("path parameters after `;`")]
    Parameters,
    #[error("an empty segment")]
    EmptySegment,
    #[error("a `.` or `..` segment")]
    DotSegment,
    #[error("an escape that is not `%` and two hexadecimal digits")]
    Escape,
    #[error("an escaped separator")]
    EscapedSeparator,
    #[error("an escaped control character")]
    EscapedControl,
    #[error("an escape of a character that needs none")]
    EscapedUnreserved,
    #[error("an escape of an escape")]
    EscapedTwice,
    #[error("escapes that are not UTF-8")]
    Utf8,
}

impl CanonicalPath {
    /// Reads a path as it stands in a request's target; the one pass over it.
    pub fn read(path: &str) -> Result<Self, Error> {
        let found = scan(path.as_bytes()).map_err(Error::Path)?;
        if found.high_escapes && !decodes(path) {
            return Err(Error::Path(PathFault::Utf8));
        }
        if found.lower_escapes {
            return Ok(Self(upper_escapes(path).into()));
        }
        Ok(Self(path.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a path that may be forwarded still needs.
struct Found {
    /// Some escape has a lower-case digit.
    lower_escapes: bool,
    /// Some escape stands for a byte beyond ASCII.
    high_escapes: bool,
}

fn scan(path: &[u8]) -> Result<Found, PathFault> {
    let mut found = Found {
        lower_escapes: false,
        high_escapes: false,
    };
    let Some((b'/', mut rest)) = path.split_first() else {
        return Err(PathFault::Form);
    };
    // Of the segment so far: how long it is, and whether it is dots alone.
    let (mut len, mut dots) = (0_usize, true);
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'/' => {
                end_segment(len, dots)?;
                (len, dots) = (0, true);
                continue;
            }
            b'.' => {}
            b'%' => {
                let [high, low, after @ ..] = rest else {
                    return Err(PathFault::Escape);
                };
                escape(*high, *low, after, &mut found)?;
                rest = after;
                dots = false;
            }
            _ if is_plain(byte) => dots = false,
            b'\\' => return Err(PathFault::Backslash),
            b';' => return Err(PathFault::Parameters),
            _ => return Err(PathFault::Character),
        }
        len += 1;
    }
    // The last segment may be empty: `/a/` is another path than `/a`, but not an ambiguous one.
    if len > 0 {
        end_segment(len, dots)?;
    }
    Ok(found)
}

fn end_segment(len: usize, dots: bool) -> Result<(), PathFault> {
    match len {
        0 => Err(PathFault::EmptySegment),
        1 | 2 if dots => Err(PathFault::DotSegment),
        _ => Ok(()),
    }
}

fn escape(high: u8, low: u8, after: &[u8], found: &mut Found) -> Result<(), PathFault> {
    let byte = byte_of(high, low).ok_or(PathFault::Escape)?;
    found.lower_escapes |= high.is_ascii_lowercase() || low.is_ascii_lowercase();
    match byte {
        b'/' | b'\\' | b';' => Err(PathFault::EscapedSeparator),
        0..0x20 | 0x7f => Err(PathFault::EscapedControl),
        // A reader that decodes twice would see something else.
        b'%' if matches!(after, [a, b, ..] if byte_of(*a, *b).is_some()) => {
            Err(PathFault::EscapedTwice)
        }
        _ if is_unreserved(byte) => Err(PathFault::EscapedUnreserved),
        0x80.. => {
            found.high_escapes = true;
            Ok(())
        }
        _ => Ok(()),
    }
}

/// The byte that two hexadecimal digits stand for.
pub(super) fn byte_of(high: u8, low: u8) -> Option<u8> {
    Some(digit(high)? << 4 | digit(low)?)
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

/// RFC 3986, section 2.3.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// What may stand in a segment as it is (RFC 3986, section 3.3), `;` left out.
fn is_plain(byte: u8) -> bool {
    is_unreserved(byte)
        || matches!(
            byte,
            b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b'=' | b':' | b'@'
        )
}

/// Decodes the escapes of a canonical path. `None`: what comes out is not UTF-8.
fn decode(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'%'
            && let [high, low, after @ ..] = rest
        {
            out.push(byte_of(*high, *low)?);
            rest = after;
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok()
}

fn decodes(path: &str) -> bool {
    decode(path).is_some()
}

fn upper_escapes(path: &str) -> String {
    let mut left = 0;
    let upper = |c: char| {
        if c == '%' {
            left = 2;
        } else if left > 0 {
            left -= 1;
            return c.to_ascii_uppercase();
        }
        c
    };
    path.chars().map(upper).collect()
}
