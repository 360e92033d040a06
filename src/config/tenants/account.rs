//! One tenant file becomes an account.

use super::{Known, members};
use crate::config::file::{self, MachineClient, Tenant};
use crate::config::findings::Findings;
use crate::document::child;
use crate::fault::nearest;
use crate::tenant::{
    Account, AccountId, BadId, ClientId, NotBefore, OverlayMode, Status, UserId, Workspace,
    WorkspaceId, WorkspaceRole,
};
use serde_json::Value;
use std::sync::Arc;

/// The account of an entry; of a file, `name` is that of `<name>.yaml`. `None` or findings that are
/// errors: it cannot be used.
pub(super) fn resolve(
    shape: &Tenant,
    name: Option<&str>,
    known: Known<'_>,
    findings: &mut Findings<'_>,
) -> Option<Account> {
    let id = id(findings, "/account", AccountId::parse(&shape.account))?;
    if let Some(name) = name.filter(|name| id.as_str() != *name) {
        let message = format!("account `{id}` stands in a file named `{name}.yaml`");
        let help = format!("rename the file to `{id}.yaml`, or correct the id");
        findings.error("/account", "tenant_file_name", message, help);
    }
    for (at, issuer) in shape.issuers.iter().enumerate() {
        let Some(issuers) = known.issuers else { break };
        if !issuers.contains(&issuer.as_str()) {
            let help = match nearest(issuer, issuers.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "name an issuer of `palisade.yaml`".to_owned(),
            };
            let message = format!("there is no issuer `{issuer}`");
            findings.error(
                &format!("/issuers/{at}"),
                "tenant_unknown_issuer",
                message,
                help,
            );
        }
    }
    plan(findings, known, "/plan", &shape.plan);
    let workspaces = shape.workspaces.iter().enumerate();
    let workspaces = workspaces
        .filter_map(|(at, workspace)| {
            let pointer = format!("/workspaces/{at}");
            resolve_workspace(workspace, &id, &pointer, known, findings)
        })
        .collect();
    Some(Account {
        not_before: not_before(&shape.not_before, findings),
        status: status(shape.status),
        plan: shape.plan.clone(),
        issuers: shape.issuers.clone(),
        overlay: match shape.overlay {
            file::Overlay::Forbid => OverlayMode::Forbid,
            file::Overlay::Permit => OverlayMode::Permit,
            file::Overlay::None => OverlayMode::None,
        },
        workspaces,
        revision: revision(shape),
        id,
    })
}

fn resolve_workspace(
    shape: &file::Workspace,
    account: &AccountId,
    pointer: &str,
    known: Known<'_>,
    findings: &mut Findings<'_>,
) -> Option<Arc<Workspace>> {
    let at = |key: &str| format!("{pointer}/{key}");
    if let Some(name) = &shape.plan {
        plan(findings, known, &at("plan"), name);
    }
    if !shape.shared_with.is_empty() && shape.r#type != "catalog" {
        let message = format!(
            "a workspace of type `{}` is shared with nobody",
            shape.r#type
        );
        findings.error(
            &at("shared_with"),
            "tenant_not_a_catalog",
            message,
            "say `type: catalog`, or remove `shared_with`",
        );
    }
    let machines = shape.machine_clients.iter().enumerate();
    let machine_clients = machines
        .filter_map(|(index, client)| {
            let pointer = at(&format!("machine_clients/{index}"));
            machine_client(client, &pointer, findings)
        })
        .collect();
    Some(Arc::new(Workspace {
        account: account.clone(),
        status: status(shape.status),
        kind: shape.r#type.clone(),
        plan: shape.plan.clone(),
        features: shape.features.clone(),
        catalogs: ids(
            findings,
            &at("catalogs"),
            &shape.catalogs,
            WorkspaceId::parse,
        ),
        shared_with: {
            let pointer = at("shared_with");
            let mut ids = ids(findings, &pointer, &shape.shared_with, WorkspaceId::parse);
            ids.sort_unstable();
            ids
        },
        clients: ids(findings, &at("clients"), &shape.clients, ClientId::parse),
        machine_clients,
        users: members::resolve(
            shape.users.as_deref(),
            account,
            &at("users"),
            known,
            findings,
        ),
        id: id(findings, &at("id"), WorkspaceId::parse(&shape.id))?,
    }))
}

fn machine_client(
    shape: &MachineClient,
    pointer: &str,
    findings: &mut Findings<'_>,
) -> Option<crate::tenant::MachineClient> {
    let (pointer, text, role) = match shape {
        MachineClient::Id(text) => (pointer.to_owned(), text, None),
        MachineClient::WithRole(entry) => (child(pointer, "id"), &entry.id, entry.role),
    };
    Some(crate::tenant::MachineClient {
        id: id(findings, &pointer, ClientId::parse(text))?,
        role: role.map(|role| match role {
            file::WorkspaceRole::Viewer => WorkspaceRole::Viewer,
            file::WorkspaceRole::Editor => WorkspaceRole::Editor,
            file::WorkspaceRole::Admin => WorkspaceRole::Admin,
        }),
    })
}

fn not_before(shape: &file::NotBefore, findings: &mut Findings<'_>) -> NotBefore {
    let users = shape.users.iter().filter_map(|(user, moment)| {
        let pointer = child("/not_before/users", user);
        Some((id(findings, &pointer, UserId::parse(user))?, moment.0))
    });
    NotBefore {
        users: users.collect(),
        account: shape.account.map(|moment| moment.0),
    }
}

/// A plan without limits serves: policies may know it. A misspelt one should be seen all the same.
fn plan(findings: &mut Findings<'_>, known: Known<'_>, pointer: &str, name: &str) {
    let plans = known.plans.unwrap_or_default();
    if plans.is_empty() || plans.contains(&name) {
        return;
    }
    let help = match nearest(name, plans.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "add it to `plans` in `palisade.yaml`".to_owned(),
    };
    let message = format!("plan `{name}` has no limits");
    findings.warn(pointer, "tenant_unknown_plan", message, help);
}

pub(super) fn status(shape: file::Status) -> Status {
    match shape {
        file::Status::Active => Status::Active,
        file::Status::Suspended => Status::Suspended,
        file::Status::Closed => Status::Closed,
    }
}

pub(super) fn id<T>(
    findings: &mut Findings<'_>,
    pointer: &str,
    parsed: Result<T, BadId>,
) -> Option<T> {
    findings.keep(pointer, "tenant_bad_id", parsed, "correct the id")
}

fn ids<T>(
    findings: &mut Findings<'_>,
    pointer: &str,
    texts: &[String],
    parse: fn(&str) -> Result<T, BadId>,
) -> Vec<T> {
    let each = texts.iter().enumerate();
    each.filter_map(|(at, text)| id(findings, &format!("{pointer}/{at}"), parse(text)))
        .collect()
}

/// Of what the file says, not of how it is written: comments and order of keys do not matter.
fn revision(shape: &Tenant) -> [u8; 32] {
    let canonical = serde_json::to_vec(shape).expect("only texts, lists and maps with text keys");
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &canonical);
    digest.as_ref().try_into().expect("SHA-256 has 32 bytes")
}

/// Where a tenant file names that workspace as its own.
pub(super) fn workspace_pointers(file: &Value, id: &str) -> Vec<String> {
    let workspaces = workspaces(file);
    workspaces
        .filter(|(_, workspace)| workspace.get("id").and_then(Value::as_str) == Some(id))
        .map(|(at, _)| format!("/workspaces/{at}/id"))
        .collect()
}

/// Where a tenant file names that client.
pub(super) fn client_pointers(file: &Value, id: &str) -> Vec<String> {
    let mut pointers = Vec::new();
    for (at, workspace) in workspaces(file) {
        for key in ["clients", "machine_clients"] {
            let list = workspace.get(key).and_then(Value::as_array);
            for (index, client) in list.into_iter().flatten().enumerate() {
                let text = client.get("id").unwrap_or(client);
                if text.as_str() == Some(id) {
                    pointers.push(format!("/workspaces/{at}/{key}/{index}"));
                }
            }
        }
    }
    pointers
}

fn workspaces(file: &Value) -> impl Iterator<Item = (usize, &Value)> {
    let list = file.get("workspaces").and_then(Value::as_array);
    list.into_iter().flatten().enumerate()
}
