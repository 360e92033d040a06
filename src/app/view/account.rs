//! One account, as it stands: what the directory says, what its own policies do, how its requests end.

use crate::app::generation::hex;
use crate::app::report::Report;
use crate::clock::Timestamp;
use crate::fault::Fault;
use crate::gate::{Generation, Shared};
use crate::limit::{Plan, Rate};
use crate::policy::Store;
use crate::ruleset::Ruleset;
use crate::tenant::{Account, AccountId, OverlayMode, Workspace};
use serde_json::{Value, json};
use std::sync::Arc;

/// How many faults of its policies are shown.
const FAULTS_SHOWN_MAX: usize = 20;

/// How many of its workspaces are shown.
const WORKSPACES_SHOWN_MAX: usize = 100;

/// `None`: there is no such account, and no file that would describe it.
pub(super) fn status(id: &str, shared: &Shared, report: &Report) -> Option<Value> {
    let generation: Arc<Generation> = shared.generation.load();
    let rules = &generation.rules;
    let id = AccountId::parse(id).ok()?;
    let mut faults = report.about(id.as_str());
    // What was found of its policies since, at their first use.
    let found = rules.store.overlay_report(&id).map(|report| report.faults);
    for fault in found
        .iter()
        .flatten()
        .map(Fault::json)
        .take(FAULTS_SHOWN_MAX)
    {
        if !faults.contains(&fault) {
            faults.push(fault);
        }
    }
    let Some(account) = rules.directory.account(&id) else {
        // A file that was not believed, and nothing that served before it.
        let known = json!({ "account": id.as_str(), "served": false, "faults": faults });
        return (!faults.is_empty()).then_some(known);
    };
    Some(json!({
        "account": id.as_str(),
        "served": true,
        "status": account.status.label(),
        "plan": account.plan,
        "revision": hex(&account.revision),
        "issuers": account.issuers,
        "not_before": account.not_before.account.map(Timestamp::rfc3339),
        "users_not_before": account.not_before.users.len(),
        "workspaces": account.workspaces.iter().take(WORKSPACES_SHOWN_MAX).map(workspace).collect::<Vec<_>>(),
        "workspaces_total": account.workspaces.len(),
        "policies": policies(account, &rules.store),
        "limits": limits(account, rules),
        "in_flight": shared.limits.in_flight(&id),
        "requests": requests(&id, shared),
        "decisions_bytes": shared.pdp.remembered_of(&id),
        "faults": faults,
    }))
}

fn workspace(workspace: &Arc<Workspace>) -> Value {
    json!({
        "id": workspace.id.as_str(),
        "status": workspace.status.label(),
        "type": workspace.kind,
        "plan": workspace.plan,
        "features": workspace.features,
        "catalogs": workspace.catalogs.len(),
        "shared_with": workspace.shared_with.len(),
        "clients": workspace.clients.len(),
        "machine_clients": workspace.machine_clients.len(),
        "users": workspace.users.as_ref().map_or(Value::Null, |users| json!(users.len())),
    })
}

/// The account's own policies.
fn policies(account: &Account, store: &Store) -> Value {
    let mode = match account.overlay {
        OverlayMode::Forbid => "forbid",
        OverlayMode::Permit => "permit",
        OverlayMode::None => "none",
    };
    let Some(report) = store.overlay_report(&account.id) else {
        return json!({ "may": mode, "state": "none", "serves": "nothing" });
    };
    let (count, bytes) = report.parsed.unzip();
    json!({
        "may": mode,
        "state": report.state,
        "serves": report.serves,
        "count": count,
        "bytes": bytes,
        "hash": report.hash.as_ref().map(|hash| hex(hash)),
    })
}

/// What its plan allows. `null`: its plan has no limits.
fn limits(account: &Account, rules: &Ruleset) -> Option<Value> {
    let Plan {
        account,
        concurrent,
        workspace,
        caller,
    } = rules.plans.get(&account.plan)?;
    let rate = |rate: &Rate| json!({ "per_second": rate.per_second, "burst": rate.burst });
    Some(json!({
        "account": rate(account),
        "concurrent": concurrent,
        "per_workspace": workspace.as_ref().map(rate),
        "per_caller": caller.as_ref().map(rate),
    }))
}

/// How its callers' requests ended. `null`: they are counted among those of `other` accounts, or there
/// were none.
fn requests(id: &AccountId, shared: &Shared) -> Option<Value> {
    let counted = shared.metrics.requests_of(id.as_str())?;
    let counted = counted.into_iter().filter(|(_, count)| *count > 0);
    let counted = counted.map(|(outcome, count)| (outcome.label().to_owned(), json!(count)));
    Some(Value::Object(counted.collect()))
}
