//! What was recorded last, for whoever asks by the id of a request.
//!
//! Two halves of bytes: the newer one is added to until it is full and becomes the older one. Nothing is
//! allocated for a record, and nothing is looked at before somebody asks.

use std::mem;

/// Bytes of one half; a lane keeps between one and two of them, some hundreds of records each.
const HALF_BYTES: usize = 256 * 1024;

/// The last lines of a lane.
#[derive(Default)]
pub(super) struct Recent {
    newer: Vec<u8>,
    older: Vec<u8>,
}

/// What of a line is read.
#[derive(serde::Deserialize)]
struct Id<'a> {
    #[serde(borrow)]
    request_id: std::borrow::Cow<'a, str>,
}

impl Recent {
    /// Keeps whole lines; of more than there is room for, the last.
    pub(super) fn keep(&mut self, lines: &[u8]) {
        let mut rest = lines;
        while rest.len() > HALF_BYTES {
            let line = rest.iter().position(|byte| *byte == b'\n');
            rest = rest
                .get(line.map_or(rest.len(), |end| end + 1)..)
                .unwrap_or_default();
        }
        if self.newer.len() + rest.len() > HALF_BYTES {
            mem::swap(&mut self.newer, &mut self.older);
            self.newer.clear();
        }
        self.newer.extend_from_slice(rest);
    }

    /// The lines of that request, the oldest first, as they were written.
    pub(super) fn of(&self, id: &str) -> Vec<u8> {
        let halves = [&self.older, &self.newer].into_iter();
        let lines = halves.flat_map(|half| half.split_inclusive(|byte| *byte == b'\n'));
        let own = lines.filter(|line| {
            let found: Result<Id<'_>, _> = serde_json::from_slice(line);
            found.is_ok_and(|found| found.request_id == id)
        });
        own.flatten().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(id: usize) -> Vec<u8> {
        format!("{{\"time\":\"t\",\"request_id\":\"r-{id}\"}}\n").into_bytes()
    }

    #[test]
    fn the_last_lines_are_there_and_their_bytes_are_bounded() {
        let mut recent = Recent::default();
        let count = 4 * HALF_BYTES / line(10_000).len();
        for id in 0..count {
            recent.keep(&line(id));
            if id % 2_000 != 0 {
                continue;
            }
            assert_eq!(recent.of(&format!("r-{id}")), line(id));
            assert!(recent.newer.capacity() + recent.older.capacity() <= 4 * HALF_BYTES);
        }
        assert!(recent.of("r-0").is_empty());
        assert!(recent.of("r-").is_empty());
        recent.keep(&line(7));
        recent.keep(&line(7));
        assert_eq!(recent.of("r-7"), [line(7), line(7)].concat());
    }

    #[test]
    fn of_more_than_there_is_room_for_whole_lines_are_kept() {
        let mut recent = Recent::default();
        let many: Vec<u8> = (0..20_000).flat_map(line).collect();
        assert!(many.len() > HALF_BYTES);
        recent.keep(&many);
        assert_eq!(recent.of("r-19999"), line(19_999));
        assert!(recent.of("r-0").is_empty());
        assert!(recent.newer.starts_with(b"{\"time\""));
        recent.keep(&vec![b'x'; HALF_BYTES + 1]);
        assert_eq!(recent.of("r-19999"), line(19_999));
    }
}
