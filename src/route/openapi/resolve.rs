//! References inside one file: `$ref: "#/components/parameters/Limit"`.

use super::Reader;
use crate::document::Document;
use crate::fault::Fault;
use serde_json::Value;

/// How many references may follow each other.
const HOPS_MAX: usize = 8;

impl<'a> Reader<'a> {
    /// The value itself, or what its `$ref` names, with its pointer.
    pub(super) fn resolve(
        &self,
        value: &'a Value,
        pointer: &str,
    ) -> Result<(&'a Value, String), Box<Fault>> {
        follow(self.document, value, pointer)
    }
}

/// The value at `pointer` itself, or what its `$ref` names, with its pointer. `Err`: it leads out of the
/// file, nowhere, or on and on.
pub fn follow<'a>(
    document: &'a Document,
    value: &'a Value,
    pointer: &str,
) -> Result<(&'a Value, String), Box<Fault>> {
    let fault = |pointer: &str, message: &str, help: &str| {
        let place = document.place(pointer);
        Box::new(Fault::error("openapi_ref", place, message).help(help))
    };
    let mut value = value;
    let mut at = pointer.to_owned();
    for _ in 0..HOPS_MAX {
        let Some(reference) = value.get("$ref") else {
            return Ok((value, at));
        };
        let here = format!("{at}/$ref");
        let target = reference.as_str().and_then(|text| text.strip_prefix('#'));
        let target = target.and_then(percent_decoded);
        let Some(target) = target.filter(|target| target.starts_with('/')) else {
            let help = "put what it names into this file: `#/components/...`";
            return Err(fault(&here, "a reference out of the file", help));
        };
        // 3.1 lets a path item have both; which of the two counts, readers do not agree on.
        if value.as_object().is_some_and(|map| {
            let meaningless = |key: &str| matches!(key, "$ref" | "summary" | "description");
            !map.keys().all(|key| meaningless(key))
        }) {
            let message = "a reference with other keys beside it";
            return Err(fault(&here, message, "move the keys to what it names"));
        }
        let Some(found) = document.get(&target) else {
            let message = format!("`{}` is not in the file", reference.as_str().unwrap_or(""));
            let help = "correct the reference, or add what it names";
            return Err(fault(&here, &message, help));
        };
        value = found;
        at = target;
    }
    let help = "let one of them name a value instead of a further reference";
    Err(fault(pointer, "references without an end", help))
}

/// A pointer in a URL fragment may hold percent escapes (RFC 6901, section 6).
pub fn percent_decoded(fragment: &str) -> Option<String> {
    let mut out = Vec::with_capacity(fragment.len());
    let mut bytes = fragment.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
            let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
            out.push(u8::try_from(high * 16 + low).ok()?);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok()
}
