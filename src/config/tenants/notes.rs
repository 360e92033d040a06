//! What is as it is said to be, and locks somebody out: whoever looks after the directory may want to
//! know it, and a gate that starts need not say it.

use super::documents::Documents;
use crate::fault::Fault;
use crate::policy::OverlaySource;
use crate::tenant::{Account, AccountId, Directory, OverlayMode, Status};
use std::collections::HashSet;
use std::sync::Arc;

/// Accounts and workspaces that nobody can use, and modes without policies.
pub(super) fn review(
    directory: &Directory,
    documents: &Documents,
    overlays: &[Arc<OverlaySource>],
) -> Vec<Fault> {
    let with_policies: HashSet<&AccountId> = overlays.iter().map(|one| one.account()).collect();
    let mut notes = Vec::new();
    for account in directory.accounts() {
        let Some(document) = documents.get(&account.id) else {
            continue;
        };
        let mut note = |code, pointer: &str, message: String, help: &str| {
            let place = document.place(pointer);
            notes.push(Fault::warning(code, place, message).help(help));
        };
        if account.overlay == OverlayMode::Permit && !with_policies.contains(&account.id) {
            let message = format!("account `{}` may permit, and has no policies", account.id);
            note(
                "tenant_overlay",
                "/overlay",
                message,
                "remove `overlay: permit`, or add policies",
            );
        }
        if account.issuers.is_empty() {
            let message = format!("no issuer may speak for account `{}`", account.id);
            note(
                "tenant_unreachable",
                "/issuers",
                message,
                "add `issuers: [..]`",
            );
        }
        statuses(account, &mut note);
        for (at, workspace) in account.workspaces.iter().enumerate() {
            let clients = workspace.clients.len() + workspace.machine_clients.len();
            // Catalogs are read by others.
            if clients == 0 && workspace.kind != "catalog" {
                let message = format!("workspace `{}` has no client", workspace.id);
                let help =
                    "add `clients: [..]` or `machine_clients: [..]`: tokens come through them";
                note(
                    "tenant_unreachable",
                    &format!("/workspaces/{at}"),
                    message,
                    help,
                );
            }
        }
    }
    notes
}

fn statuses(account: &Account, note: &mut impl FnMut(&'static str, &str, String, &str)) {
    let mut inactive = |status: Status, what: String, pointer: &str| {
        if status != Status::Active {
            let message = format!("{what} is {}: its requests are refused", status.label());
            note(
                "tenant_inactive",
                pointer,
                message,
                "say `status: active` to let them in",
            );
        }
    };
    inactive(
        account.status,
        format!("account `{}`", account.id),
        "/status",
    );
    for (at, workspace) in account.workspaces.iter().enumerate() {
        let pointer = format!("/workspaces/{at}/status");
        inactive(
            workspace.status,
            format!("workspace `{}`", workspace.id),
            &pointer,
        );
    }
}
