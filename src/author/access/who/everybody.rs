//! Everybody who can be asks for one thing.

use super::Entry;
use crate::author::access::cast::{self, Person, Way};
use crate::author::access::office::Office;
use crate::author::access::sample::{self, Place, Sample};
use crate::author::access::sheet::list;
use crate::author::access::{Error, not_too_many};
use crate::clock::Timestamp;
use crate::operation::ApiContext;
use crate::tenant::{MachineClient, Member, Role, Status, Workspace};
use crate::token::{Caller, IssuerSettings};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The most groups, and the most kinds of users that machine clients act for, that are asked about.
const KINDS_MAX: usize = 200;
/// How many users of a kind are named.
const NAMED: usize = 3;

/// Asks for everybody, one after the other.
pub(super) struct Desk<'a> {
    office: &'a Office<'a>,
    place: Option<&'a Place>,
    pub(super) entries: Vec<Entry>,
    pub(super) assumed: BTreeSet<String>,
}

impl<'a> Desk<'a> {
    pub(super) fn new(office: &'a Office<'a>, place: Option<&'a Place>) -> Self {
        Self {
            office,
            place,
            entries: Vec::new(),
            assumed: BTreeSet::new(),
        }
    }
}

impl Desk<'_> {
    /// Puts it to the gate for each of them.
    pub(super) fn ask_everybody(&mut self, sample: &Sample) -> Result<(), Error> {
        let route = &sample.route;
        let nobody = Entry::of("anonymous", "whoever sends no token", sample);
        self.ask(sample, nobody, &Person::anonymous(), true)?;
        if route.set.public {
            return Ok(());
        }
        let context = route.operation.api_context;
        if let Some(workspace) = self.place.and_then(|place| place.workspace.as_deref())
            && sample::is_inside(route)
        {
            self.counts(workspace)?;
            self.assume(sample, context);
            self.users(sample, workspace)?;
            self.services(sample, workspace)?;
        }
        self.principals(sample)
    }

    fn assume(&mut self, sample: &Sample, context: ApiContext) {
        let context = context.label();
        let scopes = format!(
            "tokens were issued for `{context}`, with its scopes `{context}/read` and `{context}/write`, by a client of the workspace"
        );
        self.assumed.insert(scopes);
        if sample.open().resource {
            let id = "the ids in the path are samples: what a policy says of single ones is told as `depends`";
            self.assumed.insert(id.to_owned());
        }
        let body =
            "the body names no tenant, and the request no catalog, unless the request line does";
        self.assumed.insert(body.to_owned());
    }

    fn ask(
        &mut self,
        sample: &Sample,
        mut entry: Entry,
        person: &Person,
        known: bool,
    ) -> Result<Option<Arc<Caller>>, Error> {
        let (answer, caller) = self.office.ask(sample, person, known)?;
        entry.answer = answer;
        self.entries.push(entry);
        Ok(caller)
    }

    /// For each issuer, whoever has a role, one role at a time, and whoever is in a group that policies name.
    fn users(&mut self, sample: &Sample, workspace: &Workspace) -> Result<(), Error> {
        let Some(place) = self.place else {
            return Ok(());
        };
        let office = self.office;
        let context = sample.route.operation.api_context;
        for issuer in cast::issuers_of(office.issuers, &place.account) {
            for role in cast::roles() {
                let mut ways = cast::ways(issuer, workspace, role);
                let given = |way: &Way| {
                    let ways = std::slice::from_ref(way);
                    let person = cast::user(issuer, (workspace, context), ways, office.now);
                    let asked = office.ask(sample, &person, false);
                    asked.is_ok_and(|(_, caller)| caller.is_none_or(|one| cast::has(&one, role)))
                };
                ways.retain(given);
                let Some(first) = ways.first() else { continue };
                let first = std::slice::from_ref(first);
                let person = cast::user(issuer, (workspace, context), first, office.now);
                let entry = Entry {
                    how: ways.iter().map(|way| way.words(issuer)).collect(),
                    issuer: Some(issuer.name.clone()),
                    ..Entry::of("user", cast::label(role), sample)
                };
                self.ask(sample, entry, &person, false)?;
            }
            self.groups(sample, workspace, issuer)?;
        }
        Ok(())
    }

    fn groups(
        &mut self,
        sample: &Sample,
        workspace: &Workspace,
        issuer: &IssuerSettings,
    ) -> Result<(), Error> {
        if issuer.mapping.groups.is_none() {
            return Ok(());
        }
        let own = format!("{}/", workspace.account);
        let members = workspace.users.iter().flat_map(|users| users.values());
        let members = members.flat_map(|member| member.groups.iter().map(ToString::to_string));
        let mut groups: BTreeSet<String> =
            self.office.groups().into_iter().chain(members).collect();
        groups.retain(|group| group.starts_with(&own));
        if groups.len() > KINDS_MAX {
            let cut = format!(
                "of {} groups only the first {KINDS_MAX} were asked about",
                groups.len()
            );
            self.assumed.insert(cut);
        }
        let context = sample.route.operation.api_context;
        for group in groups.into_iter().take(KINDS_MAX) {
            let way = [Way::Group(group.clone())];
            let person = cast::user(issuer, (workspace, context), &way, self.office.now);
            let entry = Entry {
                how: way.iter().map(|way| way.words(issuer)).collect(),
                issuer: Some(issuer.name.clone()),
                ..Entry::of("user", &format!("group {group}, no role"), sample)
            };
            self.ask(sample, entry, &person, false)?;
        }
        Ok(())
    }

    /// Each machine client, for itself and for the users that it may act for.
    fn services(&mut self, sample: &Sample, workspace: &Workspace) -> Result<(), Error> {
        let Some(place) = self.place else {
            return Ok(());
        };
        let kinds = kinds(workspace);
        if kinds.len() > KINDS_MAX {
            let all = kinds.len();
            let cut = format!("of {all} kinds of users only {KINDS_MAX} were acted for");
            self.assumed.insert(cut);
        }
        for issuer in cast::issuers_of(self.office.issuers, &place.account) {
            for client in &workspace.machine_clients {
                self.service(sample, issuer, client, &kinds)?;
            }
        }
        Ok(())
    }

    fn service(
        &mut self,
        sample: &Sample,
        issuer: &IssuerSettings,
        client: &MachineClient,
        kinds: &Kinds,
    ) -> Result<(), Error> {
        let now = self.office.now;
        let context = sample.route.operation.api_context;
        let role = cast::label(client.role.map(Role::Workspace));
        let entry = |kind, who: &str| Entry {
            how: vec![format!("directory: {role}")],
            issuer: Some(issuer.name.clone()),
            ..Entry::of(kind, who, sample)
        };
        let alone = cast::service(issuer, (&client.id, context), None, now);
        self.ask(sample, entry("service", client.id.as_str()), &alone, true)?;
        for (kind, members) in kinds.iter().take(KINDS_MAX) {
            let Some(member) = members.first() else {
                continue;
            };
            let user = Some(member.id.clone());
            let person = cast::service(issuer, (&client.id, context), user, now);
            let who = format!("{} for {kind}: {}", client.id, names(members));
            let known = members.len() == 1;
            self.ask(sample, entry("service_for_user", &who), &person, known)?;
        }
        Ok(())
    }

    fn counts(&self, workspace: &Workspace) -> Result<(), Error> {
        let kinds = KINDS_MAX * (1 + workspace.machine_clients.len());
        not_too_many(self.office.issuers.len() * kinds)
    }

    /// Each Principal that the configuration grants something.
    fn principals(&mut self, sample: &Sample) -> Result<(), Error> {
        let office = self.office;
        let inside = sample::is_inside(&sample.route);
        let workspace = self.place.and_then(|place| place.workspace.as_ref());
        let acts_in = workspace
            .filter(|_| inside)
            .map(|workspace| workspace.id.clone());
        for issuer in office.issuers.iter().filter(|issuer| issuer.portal) {
            not_too_many(issuer.principals.len())?;
            for entry in &issuer.principals {
                let person = cast::principal(issuer, entry, acts_in.clone(), office.now);
                let roles: Vec<&str> = entry.roles.iter().map(|role| role.label()).collect();
                let until = entry.grant.until.map(Timestamp::rfc3339);
                let shown = Entry {
                    how: roles
                        .iter()
                        .map(|role| format!("configuration: {role}"))
                        .collect(),
                    issuer: Some(issuer.name.clone()),
                    until,
                    ..Entry::of("principal", &entry.who, sample)
                };
                self.ask(sample, shown, &person, true)?;
            }
            if !issuer.principals.is_empty() {
                self.assumed.insert("Principals used a second factor, and state a reason where one is asked for: `depends` names both".to_owned());
            }
        }
        Ok(())
    }
}

/// Users by what the directory gives them.
type Kinds = BTreeMap<String, Vec<Arc<Member>>>;

fn kinds(workspace: &Workspace) -> Kinds {
    let mut kinds = Kinds::new();
    let members = workspace.users.iter().flat_map(|users| users.values());
    for member in members.filter(|member| member.status == Status::Active) {
        let roles = member.roles.iter();
        let roles = roles.map(|role| role.label().to_owned());
        let groups = member.groups.iter().map(|group| format!("group {group}"));
        let gives: Vec<String> = roles.chain(groups).collect();
        let kind = if gives.is_empty() {
            "no role".to_owned()
        } else {
            gives.join(" + ")
        };
        kinds.entry(kind).or_default().push(Arc::clone(member));
    }
    kinds
}

/// The first of them, and how many more there are.
fn names(members: &[Arc<Member>]) -> String {
    let first = members.iter().map(|one| one.id.as_str()).take(NAMED);
    let first = list(&first.collect::<Vec<_>>());
    match members.len().saturating_sub(NAMED) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}
