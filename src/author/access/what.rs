//! What one caller may do.

mod caller;

use super::office::{Answer, Material, May, Office};
use super::sample::{self, Place, Sample};
use super::sheet::{Sheet, list};
use super::{Error, account, asked_of, not_too_many, workspace};
use crate::operation::ApiContext;
use crate::route::Route;
use crate::tenant::{Account, AccountId, Directory, Workspace};
use crate::token::Caller;
use caller::{Cast, cast, proved};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Whose reach is asked for.
#[derive(Clone, Debug)]
pub enum Whom {
    /// Whoever has a token with these claims, a JSON object; and what to call it.
    Claims(String, String),
    /// Any user of a workspace with that role (`none`: without one), in these groups.
    Role(String, Vec<String>),
    /// A machine client of the directory.
    Client(String),
    /// A Principal of the configuration, by `sub`.
    Principal(String),
}

/// What it may do.
#[derive(Clone, Debug, Serialize)]
pub struct WhatCan {
    /// Who that is.
    pub caller: String,
    /// The account that was asked about.
    pub account: Option<String>,
    /// The workspace.
    pub workspace: Option<String>,
    /// The moment.
    pub at: String,
    /// What was taken for granted.
    pub assumed: Vec<String>,
    /// One for each route, in the order of the configuration.
    pub operations: Vec<Entry>,
}

/// One route.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// The operation.
    pub operation: String,
    /// What it does.
    pub access: &'static str,
    /// Method and template.
    pub route: String,
    /// The request that was put to the gate.
    pub request: String,
    /// What came of it.
    #[serde(flatten)]
    pub answer: Answer,
}

/// Asks for everything there is.
pub fn what_can(
    material: &Material<'_>,
    whom: &Whom,
    (of_account, of_workspace): (Option<&str>, Option<&str>),
) -> Result<WhatCan, Error> {
    let directory = &material.generation.rules.directory;
    let named = of_workspace
        .map(|name| workspace(directory, name))
        .transpose()?;
    let owner = match (of_account, named) {
        (Some(name), _) => Some(account(directory, name)?),
        (None, Some(named)) => Some(account(directory, named.account.as_str())?),
        (None, None) => None,
    };
    if let (Some(named), Some(owner)) = (named, owner)
        && named.account != owner.id
    {
        let (own, other) = (named.account.to_string(), owner.id.to_string());
        return Err(Error::Elsewhere(named.id.to_string(), own, other));
    }
    let (cast, name) = cast(material, whom, named)?;
    let home = home(material, &cast);
    let place_of = |(account, workspace)| Place { account, workspace };
    let home = home.map(place_of);
    let asked = owner.cloned().map(|account| (account, named.cloned()));
    let place = asked.map(place_of).or_else(|| home.clone());
    // A request that names nobody stays at home, wherever is asked about.
    let own = accounts(home.as_ref(), directory);
    let office = Office::open(
        material,
        &[own, accounts(place.as_ref(), directory)].concat(),
    );
    let routes = office.generation.rules.router.routes();
    not_too_many(routes.len())?;
    let asked = routes
        .iter()
        .map(|route| entry(&office, route, &cast, (place.as_ref(), named)));
    Ok(WhatCan {
        caller: name,
        account: place.as_ref().map(|place| place.account.id.to_string()),
        workspace: place
            .as_ref()
            .and_then(|place| Some(place.workspace.as_ref()?.id.to_string())),
        at: office.now.rfc3339(),
        assumed: cast.assumed(routes),
        operations: asked.collect::<Result<_, _>>()?,
    })
}

fn accounts(place: Option<&Place>, directory: &Directory) -> Vec<AccountId> {
    match place {
        Some(Place {
            workspace: Some(workspace),
            ..
        }) => asked_of(workspace, directory),
        Some(place) => vec![place.account.id.clone()],
        None => Vec::new(),
    }
}

/// Where the caller is at home, if it is anywhere.
fn home(
    material: &Material<'_>,
    cast: &Cast<'_>,
) -> Option<(Arc<Account>, Option<Arc<Workspace>>)> {
    let directory = &material.generation.rules.directory;
    let person = cast.person(ApiContext::App, material.now);
    let caller = proved(material, person.claims.as_deref()?)?;
    let account = match &*caller {
        // One of those that it was granted, for it is at home nowhere.
        Caller::Principal(principal) => principal.grant.accounts.first()?,
        other => other.account()?,
    };
    let account = Arc::clone(directory.account(account)?);
    let workspace = caller.workspace().and_then(|id| directory.workspace(id));
    Some((account, workspace.cloned()))
}

fn entry(
    office: &Office<'_>,
    route: &Arc<Route>,
    cast: &Cast<'_>,
    (place, named): (Option<&Place>, Option<&Arc<Workspace>>),
) -> Result<Entry, Error> {
    let mut entry = Entry {
        operation: route.operation.name.to_string(),
        access: route.operation.access.label(),
        route: format!("{} {}", route.method, route.template),
        request: String::new(),
        answer: Answer::none(),
    };
    let sample = match Sample::of(route, place, office) {
        Ok(sample) => sample,
        Err(why @ (Error::PlaceNeeded(_) | Error::NoSample(_))) => {
            entry.answer.answer = May::Depends;
            entry.answer.depends_on = vec![match why {
                Error::PlaceNeeded(_) => "the account: add `--account`".to_owned(),
                _ => "the path: no sample was found for it".to_owned(),
            }];
            return Ok(entry);
        }
        Err(other) => return Err(other),
    };
    let sample = match named {
        Some(named) if sample::is_inside(route) => cast.naming(sample, named, office),
        _ => sample,
    };
    let person = cast.person(route.operation.api_context, office.now);
    entry.request.clone_from(&sample.request);
    entry.answer = office.ask(&sample, &person, cast.is_known())?.0;
    Ok(entry)
}

impl WhatCan {
    /// In rows.
    pub fn sheet(&self) -> Sheet {
        let mut sheet = Sheet::new(&[
            "operation",
            "access",
            "answer",
            "depends on",
            "policies",
            "request",
        ]);
        for entry in &self.operations {
            let answer = &entry.answer;
            let said = match (answer.answer, answer.code) {
                (May::Deny, Some(code)) => format!("deny ({code})"),
                (may, _) => may.label().to_owned(),
            };
            let policies = if answer.policies.is_empty() && answer.code == Some("policy_denied") {
                "none permits it".to_owned()
            } else {
                list(&answer.policies)
            };
            sheet.add(vec![
                entry.operation.clone(),
                entry.access.to_owned(),
                said,
                list(&answer.depends_on),
                policies,
                entry.request.clone(),
            ]);
        }
        sheet
    }

    /// What stands above the table.
    pub fn title(&self) -> String {
        let place = self
            .workspace
            .as_ref()
            .map(|workspace| format!(", in workspace `{workspace}`"));
        format!(
            "what {} can{}, at {}",
            self.caller,
            place.unwrap_or_default(),
            self.at
        )
    }

    /// How many of each.
    pub fn counts(&self) -> BTreeMap<&'static str, usize> {
        let mut counts = BTreeMap::new();
        for entry in &self.operations {
            *counts.entry(entry.answer.answer.label()).or_insert(0) += 1;
        }
        counts
    }
}
