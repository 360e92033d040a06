//! The JSON that records are made of, written straight into a buffer.

use crate::clock::Timestamp;
use crate::head::written;
use crate::telemetry::escape::{self, Quotes};
use std::cell::Cell;
use std::net::IpAddr;

/// An object under construction.
pub(super) struct Object<'a> {
    out: &'a mut Vec<u8>,
    empty: bool,
}

impl<'a> Object<'a> {
    pub(super) fn open(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, empty: true }
    }

    pub(super) fn close(self) {
        self.out.push(b'}');
    }

    /// `name` is a literal of ours that needs no escapes.
    fn key(&mut self, name: &'static str) {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    pub(super) fn text(&mut self, name: &'static str, value: &str) {
        self.key(name);
        string(self.out, value);
    }

    pub(super) fn text_if(&mut self, name: &'static str, value: Option<&str>) {
        if let Some(value) = value {
            self.text(name, value);
        }
    }

    /// `value` is JSON already.
    pub(super) fn raw_if(&mut self, name: &'static str, value: Option<&str>) {
        if let Some(value) = value {
            self.key(name);
            self.out.extend_from_slice(value.as_bytes());
        }
    }

    pub(super) fn number(&mut self, name: &'static str, value: u64) {
        self.key(name);
        let mut digits = itoa::Buffer::new();
        self.out.extend_from_slice(digits.format(value).as_bytes());
    }

    pub(super) fn number_if(&mut self, name: &'static str, value: Option<u64>) {
        if let Some(value) = value {
            self.number(name, value);
        }
    }

    pub(super) fn flag_if(&mut self, name: &'static str, value: Option<bool>) {
        if let Some(value) = value {
            self.key(name);
            self.out
                .extend_from_slice(if value { b"true" } else { b"false" });
        }
    }

    pub(super) fn time(&mut self, name: &'static str, at: Timestamp) {
        self.key(name);
        self.out.push(b'"');
        rfc3339(self.out, at);
        self.out.push(b'"');
    }

    pub(super) fn address_if(&mut self, name: &'static str, value: Option<IpAddr>) {
        let Some(address) = value else { return };
        self.key(name);
        self.out.push(b'"');
        self.out.extend_from_slice(written(address).as_bytes());
        self.out.push(b'"');
    }

    pub(super) fn list<I>(
        &mut self,
        name: &'static str,
        items: I,
        each: impl Fn(&mut Vec<u8>, I::Item),
    ) where
        I: ExactSizeIterator,
    {
        if items.len() > 0 {
            self.whole_list(name, items, each);
        }
    }

    /// The same, also of none.
    pub(super) fn whole_list<I>(
        &mut self,
        name: &'static str,
        items: impl Iterator<Item = I>,
        each: impl Fn(&mut Vec<u8>, I),
    ) {
        self.key(name);
        self.out.push(b'[');
        for (at, item) in items.enumerate() {
            if at > 0 {
                self.out.push(b',');
            }
            each(self.out, item);
        }
        self.out.push(b']');
    }

    pub(super) fn object(&mut self, name: &'static str, fill: impl FnOnce(&mut Object<'_>)) {
        self.key(name);
        let mut inner = Object::open(self.out);
        fill(&mut inner);
        inner.close();
    }
}

/// Appends a JSON string.
pub(super) fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    escape::append(out, text, Quotes::Escaped);
    out.push(b'"');
}

/// The bytes of `2026-11-23T10:00:00`.
const SECOND_BYTES: usize = 19;

/// Appends RFC 3339 with milliseconds. The calendar is asked once a second.
fn rfc3339(out: &mut Vec<u8>, at: Timestamp) {
    thread_local! {
        static LAST: Cell<(i64, [u8; SECOND_BYTES])> = const { Cell::new((i64::MIN, [0; SECOND_BYTES])) };
    }
    let second = at.millis().div_euclid(1000);
    let (known, mut text) = LAST.get();
    if known != second {
        let whole = at.rfc3339();
        let bytes = whole.as_bytes().get(..SECOND_BYTES);
        let Some(bytes) = bytes.filter(|_| whole.len() == SECOND_BYTES + 5) else {
            // Years of more than four digits; no clock is there yet.
            out.extend_from_slice(whole.as_bytes());
            return;
        };
        text.copy_from_slice(bytes);
        LAST.set((second, text));
    }
    out.extend_from_slice(&text);
    out.push(b'.');
    let millis = at.millis().rem_euclid(1000);
    for unit in [100, 10, 1] {
        out.push(b'0' + u8::try_from(millis / unit % 10).unwrap_or_default());
    }
    out.push(b'Z');
}
