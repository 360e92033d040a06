//! The access review of an account: which role may do what in which workspace, who holds what by the
//! directory and the configuration, and what of it was used.

mod matrix;
mod shown;

use super::office::{Answer, Material, Office};
use super::usage::{Known, Last, Log, Seen, Thing, Usage};
use super::{Error, account, asked_of, workspace};
use crate::tenant::{Account, Role, Status, Workspace};
use crate::token::{IssuerSettings, PrincipalEntry};
use serde::Serialize;
use std::sync::Arc;

/// An access review.
#[derive(Clone, Debug, Serialize)]
pub struct Review {
    /// The account.
    pub account: String,
    /// Whether it may be used.
    pub status: &'static str,
    /// The moment.
    pub at: String,
    /// What was taken for granted.
    pub assumed: Vec<String>,
    /// One for each workspace, operation and role, and for each operation of the Portal and Principal.
    pub permissions: Vec<Permission>,
    /// Who holds what.
    pub holders: Vec<Holder>,
    /// What was read of the audit log; `None`: none was given.
    pub audit: Option<Seen>,
}

/// What a role may do with one operation, in one workspace.
#[derive(Clone, Debug, Serialize)]
pub struct Permission {
    /// `None`: in the Portal.
    pub workspace: Option<String>,
    /// The operation.
    pub operation: String,
    /// What it does.
    pub access: &'static str,
    /// The role, or the Principal's `sub`.
    pub who: String,
    /// What came of it.
    #[serde(flatten)]
    pub answer: Answer,
    /// Whether it was used; `None`: no log was given, or it is denied.
    #[serde(flatten)]
    pub last: Option<Last>,
}

/// Who holds something.
#[derive(Clone, Debug, Serialize)]
pub struct Holder {
    /// `service`, `user` (that the directory knows), `principal`.
    pub kind: &'static str,
    /// The client, the user's id, the Principal's `sub`.
    pub who: String,
    /// The workspace; `None`: the whole account.
    pub workspace: Option<String>,
    /// Roles and groups.
    pub gives: Vec<String>,
    /// `active`, `suspended`, `closed`, or `ended`.
    pub status: &'static str,
    /// When it ends.
    pub until: Option<String>,
    /// The issuer of a Principal.
    pub issuer: Option<String>,
    /// Whether it was used; `None`: no log was given.
    #[serde(flatten)]
    pub last: Option<Last>,
}

/// Reviews an account, or one workspace of it.
pub fn review(
    material: &Material<'_>,
    name: &str,
    of_workspace: Option<&str>,
    log: Option<&Log<'_>>,
) -> Result<Review, Error> {
    let directory = &material.generation.rules.directory;
    let owner = account(directory, name)?;
    let workspaces = match of_workspace {
        None => owner.workspaces.clone(),
        Some(name) => {
            let found = workspace(directory, name)?;
            if found.account != owner.id {
                let (own, other) = (found.account.to_string(), owner.id.to_string());
                return Err(Error::Elsewhere(name.to_owned(), own, other));
            }
            vec![Arc::clone(found)]
        }
    };
    let mut accounts = vec![owner.id.clone()];
    accounts.extend(workspaces.iter().flat_map(|one| asked_of(one, directory)));
    let office = Office::open(material, &accounts);
    let usage = log
        .map(|log| Usage::read(log, &known(&office, owner, &workspaces), office.now))
        .transpose()?;
    let (permissions, assumed) = matrix::ask(&office, (owner, &workspaces), usage.as_ref())?;
    Ok(Review {
        account: owner.id.to_string(),
        status: owner.status.label(),
        at: office.now.rfc3339(),
        assumed,
        permissions,
        holders: holders(&office, (owner, &workspaces), usage.as_ref()),
        audit: usage.map(|usage| usage.seen()),
    })
}

/// What of the account can be used.
fn known(office: &Office<'_>, owner: &Account, workspaces: &[Arc<Workspace>]) -> Known {
    let router = &office.generation.rules.router;
    let operations = router.operations();
    let clients = workspaces.iter().flat_map(|one| &one.machine_clients);
    let users = workspaces.iter().flat_map(|one| {
        let users = one.users.iter().flat_map(|users| users.keys());
        users.map(|user| (one.id.to_string(), user.to_string()))
    });
    let principals = principals(office, owner);
    Known {
        account: owner.id.to_string(),
        workspaces: workspaces.iter().map(|one| one.id.to_string()).collect(),
        operations: operations.iter().map(|one| one.name.to_string()).collect(),
        clients: clients.map(|client| client.id.to_string()).collect(),
        users: users.collect(),
        principals: principals
            .map(|(issuer, entry)| (issuer.name.clone(), entry.who.clone()))
            .collect(),
    }
}

/// Who of the platform was granted the account.
fn principals<'a>(
    office: &Office<'a>,
    owner: &Account,
) -> impl Iterator<Item = (&'a IssuerSettings, &'a PrincipalEntry)> {
    let id = owner.id.clone();
    let all = office.issuers.iter().filter(|issuer| issuer.portal);
    let all = all.flat_map(|issuer| issuer.principals.iter().map(move |one| (issuer, one)));
    all.filter(move |(_, entry)| entry.grant.all || entry.grant.accounts.contains(&id))
}

fn holders(
    office: &Office<'_>,
    (owner, workspaces): (&Account, &[Arc<Workspace>]),
    usage: Option<&Usage>,
) -> Vec<Holder> {
    let of = |thing: Thing| usage.map(|usage| usage.of(&[thing]));
    let mut found = Vec::new();
    for place in workspaces {
        let holder = |kind, who: &str, gives, status: Status, last| Holder {
            kind,
            who: who.to_owned(),
            workspace: Some(place.id.to_string()),
            gives,
            status: status.max(place.status).max(owner.status).label(),
            until: None,
            issuer: None,
            last,
        };
        for client in &place.machine_clients {
            let gives = client.role.map(|role| role.label().to_owned());
            let last = of(Thing::Client(client.id.to_string()));
            let gives = gives.into_iter().collect();
            found.push(holder(
                "service",
                client.id.as_str(),
                gives,
                Status::Active,
                last,
            ));
        }
        for member in place.users.iter().flat_map(|users| users.values()) {
            let roles = member
                .roles
                .iter()
                .map(|role| Role::label(*role).to_owned());
            let groups = member.groups.iter().map(|group| format!("group {group}"));
            let last = of(Thing::User(place.id.to_string(), member.id.to_string()));
            let gives = roles.chain(groups).collect();
            found.push(holder(
                "user",
                member.id.as_str(),
                gives,
                member.status,
                last,
            ));
        }
    }
    found.extend(principals(office, owner).map(|(issuer, entry)| {
        let until = entry.grant.until;
        let ended = until.is_some_and(|until| until <= office.now);
        let reach = if entry.grant.all {
            "all accounts"
        } else {
            "this account"
        };
        let act_in = entry
            .grant
            .act_in
            .then(|| "reads inside workspaces".to_owned());
        let roles = entry.roles.iter().map(|role| role.label().to_owned());
        Holder {
            kind: "principal",
            who: entry.who.clone(),
            workspace: None,
            gives: roles.chain([reach.to_owned()]).chain(act_in).collect(),
            status: if ended { "ended" } else { "active" },
            until: until.map(crate::clock::Timestamp::rfc3339),
            issuer: Some(issuer.name.clone()),
            last: of(Thing::Principal(issuer.name.clone(), entry.who.clone())),
        }
    }));
    found
}
