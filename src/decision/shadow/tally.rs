//! What the comparisons came to: counts by account, and examples of what is different.

use super::compared::Example;
use crate::clock::Timestamp;
use crate::policy::Store;
use crate::telemetry::Compared;
use crate::tenant::AccountId;
use std::collections::{HashMap, VecDeque};

/// Accounts with counts of their own; the others share one.
const ACCOUNTS_MAX: usize = 1_000;
/// Examples, all accounts together.
const EXAMPLES_MAX: usize = 1_000;
/// Of one account: the others' are not to be pushed out by it.
const EXAMPLES_EACH_MAX: usize = 50;
/// Of one account, route and kind of change.
const EXAMPLES_ALIKE_MAX: usize = 3;

/// So many decisions of each kind.
pub(super) type Counts = [u64; Compared::ALL.len()];

/// The policies that an account is asked by, those that serve and those that are to be.
pub(super) type Basis = [Option<[u8; 32]>; 4];

/// What was compared of one account since its policies changed last, on either side.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    basis: Basis,
    /// Since when.
    pub since: Timestamp,
    /// How often what came out.
    pub counts: Counts,
}

/// What is known, to be shown.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// By account; `None`: requests that are held to no account.
    pub accounts: Vec<(Option<AccountId>, Row)>,
    /// Of accounts beyond those; `None`: there are none.
    pub others: Option<Counts>,
    /// Oldest first.
    pub examples: Vec<Example>,
}

#[derive(Debug, Default)]
pub(super) struct Tally {
    accounts: HashMap<Option<AccountId>, Row>,
    others: Option<Counts>,
    examples: VecDeque<(Option<AccountId>, Example)>,
}

/// What an account is asked by.
pub(super) fn basis(serving: &Store, shadow: &Store, account: Option<&AccountId>) -> Basis {
    let own = |store: &Store| account.and_then(|account| store.overlay_hash(account));
    [
        Some(*serving.platform_hash()),
        Some(*shadow.platform_hash()),
        own(serving),
        own(shadow),
    ]
}

impl Tally {
    /// Counts one.
    pub(super) fn count(
        &mut self,
        account: Option<&AccountId>,
        (basis, now): (Basis, Timestamp),
        change: Compared,
    ) {
        let account = account.cloned();
        let fresh = Row {
            basis,
            since: now,
            counts: Counts::default(),
        };
        let room = self.accounts.len() < ACCOUNTS_MAX;
        let is_stale = self
            .accounts
            .get(&account)
            .is_some_and(|row| row.basis != basis);
        if is_stale {
            self.accounts.remove(&account);
            self.examples.retain(|(whose, _)| *whose != account);
        }
        let counts = if room || is_stale || self.accounts.contains_key(&account) {
            &mut self.accounts.entry(account).or_insert(fresh).counts
        } else {
            self.others.get_or_insert_default()
        };
        if let Some(count) = counts.get_mut(change as usize) {
            *count += 1;
        }
    }

    /// Keeps an example, and lets go of older ones that say the same, or of the same account, or of anybody.
    pub(super) fn keep(&mut self, account: Option<&AccountId>, example: Example) {
        let own = |(whose, _): &&(Option<AccountId>, Example)| whose.as_ref() == account;
        let alike = |one: &(Option<AccountId>, Example)| {
            own(&one) && one.1.route == example.route && one.1.change == example.change
        };
        let of_account = self.examples.iter().filter(own).count();
        let of_kind = self.examples.iter().filter(|one| alike(one)).count();
        let gone = if of_kind >= EXAMPLES_ALIKE_MAX {
            self.examples.iter().position(alike)
        } else if of_account >= EXAMPLES_EACH_MAX {
            self.examples.iter().position(|one| own(&one))
        } else {
            (self.examples.len() >= EXAMPLES_MAX).then_some(0)
        };
        if let Some(gone) = gone {
            self.examples.remove(gone);
        }
        self.examples.push_back((account.cloned(), example));
    }

    /// Forgets what was compared of other policies than `serving` and `shadow`.
    pub(super) fn follow(&mut self, serving: &Store, shadow: &Store) {
        self.accounts
            .retain(|account, row| row.basis == basis(serving, shadow, account.as_ref()));
        let accounts = &self.accounts;
        self.examples
            .retain(|(whose, _)| accounts.contains_key(whose));
        self.others = None;
    }

    /// All of it, or what is of one account.
    pub(super) fn shown(&self, of: Option<&AccountId>) -> Shown {
        let is_asked = |account: &Option<AccountId>| of.is_none() || account.as_ref() == of;
        let accounts = self
            .accounts
            .iter()
            .filter(|(account, _)| is_asked(account));
        let mut accounts: Vec<_> = accounts
            .map(|(account, row)| (account.clone(), *row))
            .collect();
        accounts.sort_by(|one, other| one.0.cmp(&other.0));
        let examples = self
            .examples
            .iter()
            .filter(|(account, _)| is_asked(account));
        Shown {
            accounts,
            others: self.others.filter(|_| of.is_none()),
            examples: examples.map(|(_, example)| example.clone()).collect(),
        }
    }
}
