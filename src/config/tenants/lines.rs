//! One file with an account on each line (NDJSON).
//!
//! A bad line harms nobody else, and an account whose line is bad goes on by its last good entry, as
//! strict as the line can still be read to say: the same as for a bad file.

use super::Reading;
use super::entry::{Outcome, Text, Unusable, Written, parse_all};
use crate::config::seen::{Digest, digest};
use crate::document::Document;
use crate::fault::{Fault, Place, Span};
use crate::tenant::{AccountId, Candidate, Narrowing};
use serde::Deserialize;
use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// The longest file of lines: room for more than 100,000 accounts.
pub(crate) const LINES_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// The longest line: as long as a file of its own may be.
pub(super) const LINE_BYTES_MAX: usize = 1024 * 1024;

/// The longest line that says how many accounts there are.
const COUNT_BYTES_MAX: usize = 64;

/// The last line, where it says how many accounts stand before it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Count {
    accounts: u64,
}

/// A file of lines that was taken apart.
#[derive(Debug)]
pub(super) struct Lines {
    pub(super) text: Digest,
    known: Digest,
    pub(super) all: Vec<Line>,
    /// The last line said how many there are.
    counted: bool,
}

/// One line that is not empty.
#[derive(Debug)]
pub(super) struct Line {
    /// From 0.
    pub(super) number: usize,
    /// Where it stands in the file.
    pub(super) bytes: Range<usize>,
    digest: Digest,
    outcome: Outcome,
}

impl Reading<'_> {
    /// The accounts of the file. An error: there is no file to read, or nothing in it.
    pub(super) fn lines(&mut self, file: &Path) -> Result<Vec<Candidate>, Box<Fault>> {
        let looked = self.disk.look(file, LINES_BYTES_MAX)?;
        self.reads("tenants", &looked.digest);
        let former = self.former.entries.lines.as_ref();
        let same = former.filter(|one| one.text == looked.digest && one.known == self.known_digest);
        let lines = if let Some(same) = same {
            Arc::clone(same)
        } else {
            let text = looked.digest;
            let bytes = self.disk.bytes_of(looked, file, LINES_BYTES_MAX)?;
            let mut ranges: Vec<(usize, Range<usize>)> = split(&bytes).collect();
            let counted = self.counted(file, &bytes, &mut ranges)?;
            Arc::new(Lines {
                text,
                known: self.known_digest,
                all: self.take_apart(file, &bytes, ranges),
                counted,
            })
        };
        if lines.all.is_empty() {
            let place = Place::file(file.display().to_string());
            let fault = Fault::error("tenants_empty", place, "there is no account in it");
            let help =
                "write the accounts, one on each line; to replace the file, rename a new one";
            return Err(Box::new(fault.help(help)));
        }
        self.documents.of_lines(file, &lines);
        let candidates = self.accounts(file, &lines);
        self.entries.lines = Some(lines);
        Ok(candidates)
    }

    /// Takes off a last line that says how many accounts there are: a file that is cut at the end of a
    /// line would lose the others unseen. Answers whether there was one; an error: some are missing.
    fn counted(
        &self,
        file: &Path,
        bytes: &[u8],
        ranges: &mut Vec<(usize, Range<usize>)>,
    ) -> Result<bool, Box<Fault>> {
        let last = ranges
            .last()
            .and_then(|(_, range)| bytes.get(range.clone()));
        let said = last.filter(|line| line.len() <= COUNT_BYTES_MAX);
        let said = said.and_then(|line| serde_json::from_slice::<Count>(line).ok());
        let fault = |message: String, help: &str| {
            let place = Place::file(file.display().to_string());
            Err(Box::new(
                Fault::error("tenants_incomplete", place, message).help(help),
            ))
        };
        let Some(Count { accounts }) = said else {
            let former = self.former.entries.lines.as_ref();
            if former.is_some_and(|former| former.counted) {
                let message = "its end is missing: the last line does not say how many accounts there are, as it did before";
                let help = "write the whole file, and rename it into place; to leave that line out for good, restart";
                return fault(message.to_owned(), help);
            }
            return Ok(false);
        };
        ranges.pop();
        if ranges.len() as u64 != accounts {
            let message = format!(
                "the last line says {accounts} accounts, and {} lines stand before it",
                ranges.len()
            );
            return fault(message, "write the whole file, and rename it into place");
        }
        Ok(true)
    }

    fn take_apart(
        &self,
        file: &Path,
        bytes: &[u8],
        ranges: Vec<(usize, Range<usize>)>,
    ) -> Vec<Line> {
        let shown = file.display().to_string();
        let mut lines = Vec::new();
        let (mut texts, mut pending) = (Vec::new(), Vec::new());
        for (number, range) in ranges {
            let text = bytes.get(range.clone()).unwrap_or_default();
            let digest = digest(&[b"text", text]);
            let outcome = match self.former.parsed(&digest, &self.known_digest) {
                Some(parsed) => Ok(Arc::clone(parsed)),
                None => match usable(text, &shown, number) {
                    Err(fault) => Err(Arc::new(Unusable::new(vec![*fault]))),
                    Ok(text) => {
                        pending.push(lines.len());
                        texts.push(Text {
                            file: shown.clone(),
                            text: Written::Line(text, number),
                        });
                        // Until it is parsed.
                        Err(Arc::new(Unusable::new(Vec::new())))
                    }
                },
            };
            lines.push(Line {
                number,
                bytes: range,
                digest,
                outcome,
            });
        }
        for (at, outcome) in pending.into_iter().zip(parse_all(&texts, self.known)) {
            if let Some(line) = lines.get_mut::<usize>(at) {
                line.outcome = outcome;
            }
        }
        lines
    }

    /// Each account once. Of two lines the first serves, as strict as both.
    fn accounts(&mut self, file: &Path, lines: &Lines) -> Vec<Candidate> {
        let mut serving: HashMap<AccountId, (usize, usize)> = HashMap::new();
        let mut candidates: Vec<Candidate> = Vec::new();
        let mut unusable = Vec::new();
        for line in &lines.all {
            let parsed = match &line.outcome {
                Ok(parsed) => parsed,
                Err(bad) => {
                    unusable.push((line, Unusable::clone(bad)));
                    continue;
                }
            };
            let id = &parsed.account.id;
            if let Some((first, at)) = serving.get(id) {
                let fault = self.doubled(file, line, id, *first);
                let narrowing = Some(Box::new(Narrowing::of(&parsed.account)));
                narrow(&mut candidates, *at, narrowing.as_deref());
                self.entries.quarantined.push(fault);
                continue;
            }
            match self.admit(parsed) {
                Ok(account) => {
                    self.entries.parsed.insert(line.digest, Arc::clone(parsed));
                    serving.insert(id.clone(), (line.number, candidates.len()));
                    candidates.push(self.candidate(account));
                }
                Err(bad) => unusable.push((line, bad)),
            }
        }
        for (line, bad) in unusable {
            let served = bad.account.as_ref().and_then(|id| serving.get(id).copied());
            if let Some((_, at)) = served {
                narrow(&mut candidates, at, bad.narrowing.as_deref());
                self.entries.quarantined.extend(bad.faults);
                continue;
            }
            let id = bad.account.clone();
            if let Some(candidate) = self.fall_back(bad) {
                serving.extend(id.map(|id| (id, (line.number, candidates.len()))));
                candidates.push(candidate);
            }
        }
        candidates
    }

    fn doubled(&self, file: &Path, line: &Line, id: &AccountId, first: usize) -> Fault {
        let message = format!(
            "account `{id}` is described twice ({}:{})",
            file.display(),
            first + 1
        );
        let document = self.documents.line(line);
        let place = document.map_or_else(
            || line_place(file, line.number),
            |document: Document| document.place("/account"),
        );
        let help = "keep one of the two; until then the first serves, as strict as both";
        Fault::error("tenant_duplicate_id", place, message).help(help)
    }
}

impl Lines {
    /// Where the first good line of each account stands among the lines.
    pub(super) fn by_account(&self) -> HashMap<AccountId, usize> {
        let mut by_account = HashMap::new();
        for (at, line) in self.all.iter().enumerate() {
            if let Ok(parsed) = &line.outcome {
                by_account.entry(parsed.account.id.clone()).or_insert(at);
            }
        }
        by_account
    }
}

fn narrow(candidates: &mut [Candidate], at: usize, by: Option<&Narrowing>) {
    if let (Some(candidate), Some(by)) = (candidates.get_mut(at), by) {
        let own = std::iter::once(&mut candidate.account);
        for account in own.chain(&mut candidate.fallback) {
            if let Some(narrowed) = account.narrowed(by) {
                *account = Arc::new(narrowed);
            }
        }
    }
}

/// Lines that are not empty, with their numbers from 0. A mark of the byte order says nothing here.
pub(super) fn split(bytes: &[u8]) -> impl Iterator<Item = (usize, Range<usize>)> {
    let mut start = 0;
    let lines = bytes.split(|byte| *byte == b'\n').map(move |line| {
        let at = start;
        start += line.len() + 1;
        let marked = at == 0 && line.starts_with(b"\xef\xbb\xbf");
        let line = if marked {
            line.get(3..).unwrap_or_default()
        } else {
            line
        };
        let at = if marked { 3 } else { at };
        let inner = line.trim_ascii();
        let indent = line.len() - line.trim_ascii_start().len();
        at + indent..at + indent + inner.len()
    });
    lines.enumerate().filter(|(_, range)| !range.is_empty())
}

/// The text of a line that may be parsed.
pub(super) fn usable<'a>(
    bytes: &'a [u8],
    file: &str,
    number: usize,
) -> Result<&'a str, Box<Fault>> {
    let fault = |message: String, help: &str| {
        let place = line_place(Path::new(file), number);
        Box::new(Fault::error("tenant_line", place, message).help(help))
    };
    if bytes.len() > LINE_BYTES_MAX {
        let message = format!("the line is longer than {LINE_BYTES_MAX} bytes");
        return Err(fault(
            message,
            "shorten the entry, or give it a file of its own",
        ));
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let message = format!("the line is not UTF-8 from byte {} on", error.valid_up_to());
        fault(message, "save it as UTF-8")
    })
}

/// A whole line, without its text.
fn line_place(file: &Path, number: usize) -> Place {
    Place {
        span: Some(Span { start: 0, len: 0 }),
        text: Some(Arc::default()),
        lines_before: number,
        ..Place::file(file.display().to_string())
    }
}
