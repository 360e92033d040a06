//! Policies that are to be, beside those that serve.

use super::FAULTS_EACH_MAX;
use crate::decision::{Shadow, ShadowRow};
use crate::fault::Fault;
use crate::gate::{Generation, Shared};
use crate::telemetry::Compared;
use crate::tenant::AccountId;
use serde_json::{Map, Value, json};

/// Accounts that are named one by one.
const ACCOUNTS_SHOWN_MAX: usize = 100;

/// In a word. `null`: there are none.
pub(super) fn status(generation: &Generation) -> Value {
    generation.shadow.as_deref().map_or(Value::Null, files)
}

/// All of it, or what is of one account. `None`: there is no such account.
pub(super) fn told(account: Option<&str>, shared: &Shared) -> Option<Value> {
    let generation = shared.generation.load();
    let account = match account {
        None => None,
        Some(id) => {
            let id = AccountId::parse(id).ok()?;
            Some(generation.rules.directory.account(&id)?.id.clone())
        }
    };
    let shown = shared.shadows.shown(account.as_ref());
    let accounts = shown.accounts.iter().map(|(account, row)| {
        json!({
            "account": account.as_ref().map(AccountId::as_str),
            "since": row.since.rfc3339(),
            "decisions": counts(&row.counts),
        })
    });
    let rows = shown
        .accounts
        .iter()
        .map(|(_, row): &(_, ShadowRow)| &row.counts);
    let mut sum = [0_u64; Compared::ALL.len()];
    for counts in rows.chain(&shown.others) {
        for (sum, count) in sum.iter_mut().zip(counts) {
            *sum += count;
        }
    }
    let shadow = generation.shadow.as_deref();
    let files = match &account {
        None => status(&generation),
        // What is wrong with others' files is theirs.
        Some(account) => shadow.map_or(Value::Null, |one| files_of(one, account)),
    };
    Some(json!({
        "shadow": files,
        "revision": &*generation.rules.revision,
        "decisions": counts(&sum),
        "accounts": accounts.collect::<Vec<_>>(),
        "others": shown.others.as_ref().map(counts),
        "examples": shown.examples,
    }))
}

fn counts(counts: &[u64; Compared::ALL.len()]) -> Value {
    let each = Compared::ALL.iter().zip(counts);
    let each = each.map(|(change, count)| (change.label().to_owned(), json!(count)));
    Value::Object(each.collect::<Map<String, Value>>())
}

fn files(shadow: &Shadow) -> Value {
    let faults = shadow.faults();
    let named = shadow.accounts().iter().take(ACCOUNTS_SHOWN_MAX);
    let broken = shadow.broken_accounts().take(ACCOUNTS_SHOWN_MAX);
    json!({
        "state": shadow.state().label(),
        "folder": shadow.folder().display().to_string(),
        "every": shadow.every(),
        "platform": shadow.own_platform(),
        "accounts": shadow.accounts().len(),
        "accounts_named": named.map(AccountId::as_str).collect::<Vec<_>>(),
        "accounts_broken": broken.map(AccountId::as_str).collect::<Vec<_>>(),
        "faults": faults.iter().take(FAULTS_EACH_MAX).map(Fault::json).collect::<Vec<_>>(),
        "faults_in_all": faults.len(),
    })
}

fn files_of(shadow: &Shadow, account: &AccountId) -> Value {
    json!({
        "state": shadow.state().label(),
        "every": shadow.every(),
        "platform": shadow.own_platform(),
        "own": shadow.accounts().contains(account),
        "broken": shadow.broken_accounts().any(|one| one == account),
    })
}
