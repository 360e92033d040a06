//! Assertions that may be sent again, of one worker: bounded in bytes, the older half goes first.

use crate::clock::Timestamp;
use http::HeaderValue;
use std::collections::HashMap;

/// How much one of the two generations holds, claims and assertions together.
const GENERATION_BYTES_MAX: usize = 2 * 1024 * 1024;

/// By the whole text of their claims.
#[derive(Debug, Default)]
pub(super) struct Kept {
    young: Generation,
    old: Generation,
}

#[derive(Debug, Default)]
struct Generation {
    entries: HashMap<Vec<u8>, Entry>,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    value: HeaderValue,
    from: Timestamp,
    until: Timestamp,
}

impl Kept {
    /// What was signed for exactly these claims and may be sent again at `now`.
    pub(super) fn find(&self, claims: &[u8], now: Timestamp) -> Option<HeaderValue> {
        let entry = self.young.entries.get(claims);
        let entry = entry.or_else(|| self.old.entries.get(claims))?;
        let holds = entry.from <= now && now < entry.until;
        holds.then(|| entry.value.clone())
    }

    /// Keeps `value` for requests from `from` to before `until`.
    pub(super) fn keep(
        &mut self,
        claims: Vec<u8>,
        value: HeaderValue,
        from: Timestamp,
        until: Timestamp,
    ) {
        let length = claims.len();
        let bytes = length + value.len();
        if bytes > GENERATION_BYTES_MAX {
            return;
        }
        if self.young.bytes + bytes > GENERATION_BYTES_MAX {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.bytes += bytes;
        let entry = Entry { value, from, until };
        if let Some(before) = self.young.entries.insert(claims, entry) {
            self.young.bytes -= length + before.value.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{GENERATION_BYTES_MAX, Kept};
    use crate::clock::Timestamp;
    use http::HeaderValue;

    const VALUE: HeaderValue = HeaderValue::from_static("a.b.c");

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    #[test]
    fn an_assertion_is_sent_again_for_its_own_claims_and_time_alone() {
        let mut kept = Kept::default();
        kept.keep(b"one".to_vec(), VALUE, at(10), at(25));
        assert_eq!(kept.find(b"one", at(24)), Some(VALUE));
        assert_eq!(kept.find(b"two", at(24)), None);
        assert_eq!(kept.find(b"one", at(25)), None);
        // A clock that went back must not make it last longer.
        assert_eq!(kept.find(b"one", at(9)), None);
    }

    #[test]
    fn it_stays_within_its_bounds_and_forgets_the_oldest() {
        let mut kept = Kept::default();
        let claims = |number: u32| [number.to_be_bytes().to_vec(), vec![b'x'; 1 << 16]].concat();
        for number in 0..200 {
            kept.keep(claims(number), VALUE, at(0), at(9));
            for generation in [&kept.young, &kept.old] {
                assert!(generation.bytes <= GENERATION_BYTES_MAX);
            }
        }
        assert_eq!(kept.find(&claims(0), at(1)), None);
        assert_eq!(kept.find(&claims(199), at(1)), Some(VALUE));
    }

    #[test]
    fn the_same_claims_take_their_room_once() {
        let mut kept = Kept::default();
        for second in 0..1000 {
            kept.keep(vec![b'x'; 1 << 16], VALUE, at(second), at(second + 9));
        }
        assert_eq!(kept.young.entries.len(), 1);
        assert_eq!(kept.young.bytes, (1 << 16) + VALUE.len());
    }

    #[test]
    fn what_is_larger_than_the_room_is_not_kept() {
        let mut kept = Kept::default();
        kept.keep(vec![b'x'; GENERATION_BYTES_MAX], VALUE, at(0), at(9));
        assert_eq!(kept.young.bytes, 0);
    }
}
