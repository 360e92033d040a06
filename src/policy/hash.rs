//! Content hashes of policy texts.

use super::source::Source;
use crate::tenant::{AccountId, OverlayMode};
use aws_lc_rs::digest::{Context as Hasher, SHA256};

/// SHA-256 over length-prefixed parts: no two lists of parts give the same input.
pub(super) struct Hash(Hasher);

impl Hash {
    pub(super) fn new() -> Self {
        Self(Hasher::new(&SHA256))
    }

    pub(super) fn part(&mut self, bytes: &[u8]) {
        self.0.update(&(bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }

    /// Files by stem and text: where they lie, and in which order they were read, decides nothing,
    /// and replicas with equal files show equal revisions.
    pub(super) fn sources<'a>(&mut self, sources: impl Iterator<Item = &'a Source>) {
        let each = sources.map(|source| {
            let mut hash = Self::new();
            hash.part(source.stem().as_bytes());
            hash.part(source.text.as_bytes());
            hash.end()
        });
        self.sorted(each.collect());
    }

    pub(super) fn sorted(&mut self, mut hashes: Vec<[u8; 32]>) {
        hashes.sort_unstable();
        self.part(&(hashes.len() as u64).to_be_bytes());
        for hash in &hashes {
            self.part(hash);
        }
    }

    pub(super) fn end(self) -> [u8; 32] {
        let mut out = [0; 32];
        out.copy_from_slice(self.0.finish().as_ref());
        out
    }
}

/// Of an account's own policies: account, mode, names and texts.
pub(super) fn overlay(account: &AccountId, mode: OverlayMode, files: &[Source]) -> [u8; 32] {
    let mut hash = Hash::new();
    hash.part(account.as_str().as_bytes());
    hash.part(&[mode as u8]);
    hash.sources(files.iter());
    hash.end()
}
