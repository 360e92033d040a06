//! Who may do one thing in one place.

mod everybody;

use super::office::{Answer, Material, May, Office};
use super::sample::{self, Place, Sample};
use super::sheet::{Sheet, list};
use super::{Error, account, asked_of, workspace};
use crate::fault::nearest;
use crate::route::Route;
use everybody::Desk;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The name of an operation, or a request line.
    pub action: &'a str,
    /// In which account.
    pub account: Option<&'a str>,
    /// In which workspace.
    pub workspace: Option<&'a str>,
    /// Whether those who may not are told too.
    pub all: bool,
}

/// Who may.
#[derive(Clone, Debug, Serialize)]
pub struct WhoCan {
    /// The operation.
    pub operation: String,
    /// What it does.
    pub access: &'static str,
    /// The account that was asked about.
    pub account: Option<String>,
    /// The workspace.
    pub workspace: Option<String>,
    /// The moment.
    pub at: String,
    /// What was taken for granted.
    pub assumed: Vec<String>,
    /// One for each caller, in the order of their reach.
    pub callers: Vec<Entry>,
    /// How many may not, by the code of the refusal.
    pub refused: BTreeMap<String, usize>,
}

/// One caller, or all that have something in common.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// `user`, `service`, `service_for_user`, `principal`, `anonymous`.
    pub kind: &'static str,
    /// The role, the group, the client, the Principal's subject.
    pub who: String,
    /// How a token comes to it.
    pub how: Vec<String>,
    /// The issuer, by its name in the configuration.
    pub issuer: Option<String>,
    /// The request that was put to the gate.
    pub request: String,
    /// What came of it.
    #[serde(flatten)]
    pub answer: Answer,
    /// When the grant ends by which it may.
    pub until: Option<String>,
}

/// Asks everybody who can be.
pub fn who_can(material: &Material<'_>, wanted: &Wanted<'_>) -> Result<WhoCan, Error> {
    let place = place(material, wanted)?;
    let directory = &material.generation.rules.directory;
    let accounts = match &place {
        Some(Place {
            workspace: Some(workspace),
            ..
        }) => asked_of(workspace, directory),
        Some(place) => vec![place.account.id.clone()],
        None => Vec::new(),
    };
    let office = Office::open(material, &accounts);
    let samples = samples(&office, wanted, place.as_ref())?;
    let mut desk = Desk::new(&office, place.as_ref());
    for sample in &samples {
        desk.ask_everybody(sample)?;
    }
    Ok(told(&office, wanted, (&samples, place.as_ref()), desk))
}

fn told(
    office: &Office<'_>,
    wanted: &Wanted<'_>,
    (samples, place): (&[Sample], Option<&Place>),
    desk: Desk<'_>,
) -> WhoCan {
    let (may, not): (Vec<Entry>, Vec<Entry>) = desk
        .entries
        .into_iter()
        .partition(|entry| entry.answer.answer != May::Deny);
    let mut refused = BTreeMap::new();
    for entry in &not {
        let code = entry.answer.code.unwrap_or("policy_denied").to_owned();
        *refused.entry(code).or_insert(0) += 1;
    }
    let route = samples.first().map(|sample| &sample.route);
    let workspace = place.and_then(|place| place.workspace.as_ref());
    WhoCan {
        operation: route.map_or_else(String::new, |route| route.operation.name.to_string()),
        access: route.map_or("", |route| route.operation.access.label()),
        account: place.map(|place| place.account.id.to_string()),
        workspace: workspace.map(|workspace| workspace.id.to_string()),
        at: office.now.rfc3339(),
        assumed: desk.assumed.into_iter().collect(),
        callers: may
            .into_iter()
            .chain(not.into_iter().filter(|_| wanted.all))
            .collect(),
        refused,
    }
}

fn place(material: &Material<'_>, wanted: &Wanted<'_>) -> Result<Option<Place>, Error> {
    let directory = &material.generation.rules.directory;
    let named = wanted
        .account
        .map(|name| account(directory, name))
        .transpose()?;
    let Some(name) = wanted.workspace else {
        return Ok(named.map(|account| Place {
            account: Arc::clone(account),
            workspace: None,
        }));
    };
    let found = workspace(directory, name)?;
    let owner = account(directory, found.account.as_str())?;
    if let Some(other) = named.filter(|named| named.id != owner.id) {
        let (own, other) = (owner.id.to_string(), other.id.to_string());
        return Err(Error::Elsewhere(name.to_owned(), own, other));
    }
    Ok(Some(Place {
        account: Arc::clone(owner),
        workspace: Some(Arc::clone(found)),
    }))
}

/// One request for each route of the operation.
fn samples(
    office: &Office<'_>,
    wanted: &Wanted<'_>,
    place: Option<&Place>,
) -> Result<Vec<Sample>, Error> {
    let action = wanted.action.trim();
    let samples = if action.contains(' ') || action.starts_with('/') {
        vec![Sample::given(action, office)?]
    } else {
        let router = &office.generation.rules.router;
        let all = router.routes().iter();
        let own: Vec<&Arc<Route>> = all
            .filter(|route| *route.operation.name == *action)
            .collect();
        if own.is_empty() {
            let known = router.operations();
            let known = known.iter().map(|operation| &*operation.name);
            return Err(Error::unknown("operation", action, nearest(action, known)));
        }
        for route in &own {
            needs_workspace(route, place)?;
        }
        let made = own
            .into_iter()
            .map(|route| Sample::of(route, place, office));
        made.collect::<Result<Vec<_>, _>>()?
    };
    for sample in &samples {
        needs_workspace(&sample.route, place)?;
    }
    Ok(samples)
}

fn needs_workspace(route: &Route, place: Option<&Place>) -> Result<(), Error> {
    let has = place.is_some_and(|place| place.workspace.is_some());
    if has || route.set.public || !sample::is_inside(route) {
        return Ok(());
    }
    let known = place.map(|place| {
        let all = place.account.workspaces.iter();
        let names: Vec<String> = all.map(|one| format!("`{}`", one.id)).take(10).collect();
        format!(" (of {}: {})", place.account.id, names.join(", "))
    });
    let name = route.operation.name.to_string();
    Err(Error::WorkspaceNeeded(name, known.unwrap_or_default()))
}

impl Entry {
    fn of(kind: &'static str, who: &str, sample: &Sample) -> Self {
        Self {
            kind,
            who: who.to_owned(),
            how: Vec::new(),
            issuer: None,
            request: sample.request.clone(),
            answer: Answer::none(),
            until: None,
        }
    }
}

impl WhoCan {
    /// In rows.
    pub fn sheet(&self) -> Sheet {
        let mut sheet = Sheet::new(&[
            "kind",
            "who",
            "answer",
            "depends on",
            "until",
            "policies",
            "how",
            "issuer",
        ]);
        for entry in &self.callers {
            let answer = &entry.answer;
            let said = match (answer.answer, answer.code) {
                (May::Deny, Some(code)) => format!("deny ({code})"),
                (may, _) => may.label().to_owned(),
            };
            sheet.add(vec![
                entry.kind.to_owned(),
                entry.who.clone(),
                said,
                list(&answer.depends_on),
                entry.until.clone().unwrap_or_default(),
                list(&answer.policies),
                list(&entry.how),
                entry.issuer.clone().unwrap_or_default(),
            ]);
        }
        sheet
    }

    /// What stands above the table.
    pub fn title(&self) -> String {
        let place = match (&self.workspace, &self.account) {
            (Some(workspace), Some(account)) => {
                format!(" in workspace `{workspace}` of account `{account}`")
            }
            (None, Some(account)) => format!(" for account `{account}`"),
            (_, None) => String::new(),
        };
        format!(
            "who can `{}` ({}){place}, at {}",
            self.operation, self.access, self.at
        )
    }
}
