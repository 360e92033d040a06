//! The caller whose reach is asked for.

use super::Whom;
use crate::author::access::cast::{self, Person, Way};
use crate::author::access::office::{Material, Office};
use crate::author::access::sample::Sample;
use crate::author::access::{Error, account};
use crate::author::asked;
use crate::clock::Timestamp;
use crate::fault::nearest;
use crate::gate::Identity;
use crate::operation::ApiContext;
use crate::route::{ReferenceIn, ReferenceKind, Route};
use crate::tenant::{ClientId, Role, Workspace, WorkspaceId};
use crate::token::{Caller, IssuerSettings, PrincipalEntry};
use std::sync::Arc;

/// Who asks, for any route.
pub(super) enum Cast<'a> {
    /// The same token everywhere.
    One(Person),
    /// A token for the route's API.
    User(&'a IssuerSettings, Arc<Workspace>, Vec<Way>),
    Service(&'a IssuerSettings, ClientId),
    Principal(&'a IssuerSettings, &'a PrincipalEntry, Option<WorkspaceId>),
}

/// The caller that is meant, and what to call it.
pub(super) fn cast<'a>(
    material: &Material<'a>,
    whom: &Whom,
    named: Option<&Arc<Workspace>>,
) -> Result<(Cast<'a>, String), Error> {
    match whom {
        Whom::Claims(claims, name) => {
            let caller = proved(material, claims);
            let crosses = caller.is_some_and(|one| matches!(*one, Caller::Principal(_)));
            let acts_in = named.map(|named| named.id.clone());
            let person = Person {
                acts_in: acts_in.filter(|_| crosses),
                ..Person::of(Some(claims.clone()))
            };
            Ok((Cast::One(person), name.clone()))
        }
        Whom::Role(name, groups) => {
            let named = named
                .ok_or_else(|| Error::WorkspaceNeeded(format!("role {name}"), String::new()))?;
            user(material, (name, groups), named)
        }
        Whom::Client(name) => service(material, name),
        Whom::Principal(name) => principal(material, name, named),
    }
}

fn service<'a>(material: &Material<'a>, name: &str) -> Result<(Cast<'a>, String), Error> {
    let directory = &material.generation.rules.directory;
    let id = ClientId::parse(name).ok();
    let found = id.as_ref().and_then(|id| directory.machine_client(id));
    let Some((workspace, client)) = found else {
        let all = directory.accounts().flat_map(|one| &one.workspaces);
        let known = all.flat_map(|one| &one.machine_clients);
        let known = known.map(|client| client.id.as_str());
        return Err(Error::unknown("machine client", name, nearest(name, known)));
    };
    let owner = account(directory, workspace.account.as_str())?;
    let mut speaking = cast::issuers_of(material.issuers, owner);
    let first = speaking.clone().next();
    // One that does not list it is asked only where none does, for the gate to refuse.
    let issuer = speaking.find(|issuer| cast::lists(issuer, &client.id));
    let issuer = issuer.or(first);
    let unspoken = || Error::unknown("issuer for account", owner.id.as_str(), None);
    let issuer = issuer.ok_or_else(unspoken)?;
    let shown = format!("machine client `{name}` of workspace `{}`", workspace.id);
    Ok((Cast::Service(issuer, client.id.clone()), shown))
}

fn principal<'a>(
    material: &Material<'a>,
    name: &str,
    workspace: Option<&Arc<Workspace>>,
) -> Result<(Cast<'a>, String), Error> {
    let all = material.issuers.iter().filter(|issuer| issuer.portal);
    let all = all.flat_map(|issuer| issuer.principals.iter().map(move |one| (issuer, one)));
    let Some((issuer, entry)) = all.clone().find(|(_, entry)| entry.who == *name) else {
        let known = all.map(|(_, entry)| entry.who.as_str());
        return Err(Error::unknown("Principal", name, nearest(name, known)));
    };
    let acts_in = workspace.map(|workspace| workspace.id.clone());
    let shown = format!("Principal `{name}` of issuer `{}`", issuer.name);
    Ok((Cast::Principal(issuer, entry, acts_in), shown))
}

/// Who a token with these claims proves; `None`: nobody.
pub(super) fn proved(material: &Material<'_>, claims: &str) -> Option<Arc<Caller>> {
    let rules = &material.generation.rules;
    match asked::on_trust(&rules.issuers, claims, material.now) {
        Identity::Verified(verified) => rules
            .issuers
            .bind(&verified, &rules.directory, material.now)
            .ok(),
        Identity::Anonymous | Identity::Refused(_) => None,
    }
}

/// Any user with that role, of the first issuer that gives it.
fn user<'a>(
    material: &Material<'a>,
    (name, groups): (&str, &[String]),
    workspace: &Arc<Workspace>,
) -> Result<(Cast<'a>, String), Error> {
    let role: Option<Role> = if name == NO_ROLE {
        None
    } else {
        let known = Role::ALL.into_iter().map(Role::label).chain([NO_ROLE]);
        let found = Role::parse(name);
        Some(found.ok_or_else(|| Error::unknown("role", name, nearest(name, known)))?)
    };
    let owner = account(
        &material.generation.rules.directory,
        workspace.account.as_str(),
    )?;
    for issuer in cast::issuers_of(material.issuers, owner) {
        for way in cast::ways(issuer, workspace, role) {
            let mut ways = vec![way];
            ways.extend(groups.iter().map(|group| Way::Group(group.clone())));
            let person = cast::user(issuer, (workspace, ApiContext::App), &ways, material.now);
            let claims = person.claims.unwrap_or_default();
            // Whoever is refused altogether is to be told so by the answers.
            let gives = proved(material, &claims).is_none_or(|one| cast::has(&one, role));
            if gives {
                let words: Vec<String> = ways.iter().map(|way| way.words(issuer)).collect();
                let shown = format!(
                    "a user of workspace `{}` with {}, from issuer `{}`",
                    workspace.id,
                    words.join(" and "),
                    issuer.name
                );
                return Ok((Cast::User(issuer, Arc::clone(workspace), ways), shown));
            }
        }
    }
    Err(Error::unknown("issuer that gives the role", name, None))
}

/// How the command line says that there is none.
const NO_ROLE: &str = "none";

impl Cast<'_> {
    pub(super) fn person(&self, context: ApiContext, now: Timestamp) -> Person {
        match self {
            Self::One(person) => person.clone(),
            Self::User(issuer, workspace, ways) => {
                cast::user(issuer, (workspace, context), ways, now)
            }
            Self::Service(issuer, client) => cast::service(issuer, (client, context), None, now),
            Self::Principal(issuer, entry, acts_in) => {
                let inside = context != ApiContext::Portal;
                let acts_in = acts_in.clone().filter(|_| inside);
                cast::principal(issuer, entry, acts_in, now)
            }
        }
    }

    /// Whether it is one caller, and not all of a kind.
    pub(super) fn is_known(&self) -> bool {
        !matches!(self, Self::User(..))
    }

    /// The same, in a workspace that somebody named: whoever is at home elsewhere names it in the request.
    pub(super) fn naming(&self, sample: Sample, named: &Workspace, office: &Office<'_>) -> Sample {
        match self {
            Self::One(person) if person.acts_in.is_none() => {}
            Self::Service(..) => {}
            Self::One(_) | Self::User(..) | Self::Principal(..) => return sample,
        }
        let named = named.id.to_string();
        let rule = office
            .references
            .iter()
            .find_map(|rule| match (&rule.place, rule.kind) {
                (
                    place @ (ReferenceIn::Query(_) | ReferenceIn::Header(_)),
                    ReferenceKind::Workspace,
                ) => Some(place),
                _ => None,
            });
        match rule {
            Some(ReferenceIn::Query(name)) => sample.with_query(name, &named),
            Some(ReferenceIn::Header(name)) => sample.with(name.clone(), named),
            _ => sample,
        }
    }

    pub(super) fn assumed(&self, routes: &[Arc<Route>]) -> Vec<String> {
        let mut assumed = Vec::new();
        match self {
            Self::One(_) => assumed.push("the claims are taken as if their issuer had signed them; one token is for one API".to_owned()),
            Self::User(..) | Self::Service(..) => assumed.push("for each API a token was issued, with both of its scopes".to_owned()),
            Self::Principal(..) => assumed.push("a second factor was used, and a reason is stated where one is asked for: `depends` names both".to_owned()),
        }
        if routes.iter().any(|route| route.template.contains('{')) {
            assumed.push(
                "ids in paths are samples: what a policy says of single ones is told as `depends`"
                    .to_owned(),
            );
        }
        assumed.push("bodies name no tenant, and requests no catalog".to_owned());
        assumed
    }
}
