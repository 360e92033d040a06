//! What becomes of a key that leaves something out: the tests above have to notice.

use super::world::Question;
use super::{Set, Verdict, verdict};
use crate::clock::Timestamp;
use crate::policy::oracle::Oracle;
use crate::policy::{Clockwork, Reads, View, Window};
use std::collections::HashMap;

/// How much was left out in turn, by what it was.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Drops {
    /// One atom.
    pub(super) atoms: Drop,
    /// That everything is read: only atoms count then.
    pub(super) everything: Drop,
    /// The stretch of time.
    pub(super) time: Drop,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Drop {
    dropped: usize,
    /// Two questions shared a key then that they had not shared before.
    pub(super) exposed: usize,
    /// And one of them was given the answer of the other, which was wrong.
    pub(super) caught: usize,
}

/// One question, its answers to each atom, and how it is decided.
struct Row {
    atoms: Vec<Vec<u8>>,
    window: Option<Window>,
    now: Timestamp,
    verdict: Verdict,
}

/// Whether two questions come to share a key, and whether one of them gets a wrong answer.
#[derive(Clone, Copy, Default)]
struct Found {
    exposed: bool,
    caught: bool,
}

impl Drops {
    /// Leaves out each atom of each slice in turn, and then the rest.
    pub(super) fn each(&mut self, set: &mut Set, questions: &[Question]) {
        let mut slices: HashMap<String, (Reads, Vec<Row>)> = HashMap::new();
        for question in questions {
            let slice = set.slice(question);
            let action = question.request.action().unwrap().to_string();
            let rows = slices.entry(action);
            let (_, rows) = rows.or_insert_with(|| (slice.reads.clone(), Vec::new()));
            rows.push(Row {
                atoms: answers(&slice.reads, &question.asked()),
                window: slice.reads.clock.window(question.now, question.grant_end),
                now: question.now,
                verdict: verdict(&slice, question),
            });
        }
        for (reads, rows) in slices.values() {
            // Where the answer is always the same there is nothing to be noticed.
            if rows.iter().any(|row| row.verdict != rows[0].verdict) {
                self.of(reads, rows);
            }
        }
    }

    fn of(&mut self, reads: &Reads, rows: &[Row]) {
        if reads.everything {
            return self.everything.add(find(rows, None, false));
        }
        for left_out in 0..reads.bits.len() + reads.values.len() {
            self.atoms.add(find(rows, Some(left_out), true));
        }
        if reads.clock != Clockwork::default() {
            self.time.add(find(rows, None, false));
        }
    }
}

impl Drop {
    fn add(&mut self, found: Found) {
        self.dropped += 1;
        self.exposed += usize::from(found.exposed);
        self.caught += usize::from(found.caught);
    }
}

fn answers(reads: &Reads, asked: &Oracle<'_>) -> Vec<Vec<u8>> {
    let bits = reads.bits.iter().map(|bit| match asked.bit(bit) {
        None => vec![2],
        Some(yes) => vec![u8::from(yes)],
    });
    let values = reads.values.iter().map(|read| {
        let mut bytes = Vec::new();
        asked.value(read, &mut bytes);
        bytes
    });
    bits.chain(values).collect()
}

/// Keeps the first answer of each key, without one atom, and without the time if it is not `timed`.
fn find(rows: &[Row], left_out: Option<usize>, timed: bool) -> Found {
    let mut first: HashMap<Vec<&[u8]>, &Row> = HashMap::new();
    let mut found = Found::default();
    for row in rows {
        if timed && row.window.is_none() {
            continue;
        }
        let atoms = row.atoms.iter().enumerate();
        let key = atoms.filter(|(index, _)| Some(*index) != left_out);
        let key = key.map(|(_, atom)| atom.as_slice()).collect();
        let kept = *first.entry(key).or_insert(row);
        let holds = kept.window.is_some_and(|window| window.contains(row.now));
        if timed && !holds {
            continue;
        }
        found.exposed |= kept.atoms != row.atoms || !holds;
        found.caught |= kept.verdict != row.verdict;
    }
    found
}
