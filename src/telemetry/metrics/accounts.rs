//! Requests by account: the first hundred have series of their own, the rest share one.

use super::family::{Builder, stable};
use crate::reason::Outcome;
use crate::snapshot::Snapshot;
use prometheus::{IntCounter, IntCounterVec};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// How many accounts have series of their own; bounded, because each costs a series per outcome.
pub const ACCOUNTS_MAX: usize = 100;

/// The account label of everybody else. The tenant directory reserves the name.
const OTHER: &str = "other";

/// So many requests ended so, for each outcome.
pub type Requests = [(Outcome, u64); Outcome::ALL.len()];

type Row = Arc<[OnceLock<IntCounter>; Outcome::ALL.len()]>;

#[derive(Debug)]
pub(super) struct Accounts {
    family: IntCounterVec,
    named: Snapshot<HashMap<Box<str>, Row>>,
    naming: Mutex<()>,
    other: Row,
}

impl Accounts {
    pub(super) fn new(build: &mut Builder) -> Self {
        let accounts = Self {
            family: build.counters(stable(
                "palisade_account_requests_total",
                &["account", "outcome"],
                "Requests of callers bound to an account, by account (the first 100 seen, then `other`) and outcome.",
            )),
            named: Snapshot::new(HashMap::new()),
            naming: Mutex::new(()),
            other: Row::default(),
        };
        for outcome in Outcome::ALL {
            accounts.inc(&accounts.other, OTHER, outcome, 0);
        }
        accounts
    }

    pub(super) fn count(&self, account: &str, outcome: Outcome) {
        let named = self.named.peek();
        match named.get(account) {
            Some(row) => self.inc(row, account, outcome, 1),
            None if named.len() >= ACCOUNTS_MAX => self.inc(&self.other, OTHER, outcome, 1),
            None => {
                drop(named);
                self.name(account);
                self.count(account, outcome);
            }
        }
    }

    /// What was counted of `account`. `None`: it has no row.
    pub(super) fn counted(&self, account: &str) -> Option<Requests> {
        let row = Arc::clone(self.named.peek().get(account)?);
        Some(Outcome::ALL.map(|outcome| {
            let cell = row.get(outcome as usize).and_then(OnceLock::get);
            (outcome, cell.map_or(0, IntCounter::get))
        }))
    }

    /// Gives `account` a row, if one is left. Copies the map: this happens a hundred times at most.
    fn name(&self, account: &str) {
        let _one_at_a_time = self.naming.lock().unwrap_or_else(PoisonError::into_inner);
        let mut named = HashMap::clone(&self.named.load());
        if named.len() < ACCOUNTS_MAX && !named.contains_key(account) {
            named.insert(account.into(), Row::default());
            self.named.replace(named);
        }
    }

    fn inc(&self, row: &Row, account: &str, outcome: Outcome, by: u64) {
        if let Some(cell) = row.get(outcome as usize) {
            cell.get_or_init(|| self.family.with_label_values(&[account, outcome.label()]))
                .inc_by(by);
        }
    }
}
