//! Every role asks for every operation in every workspace.

use super::{Permission, principals};
use crate::author::access::cast::{self, Person, Way};
use crate::author::access::office::{Answer, May, Office};
use crate::author::access::sample::{self, Place, Sample};
use crate::author::access::usage::{Last, Thing, Usage};
use crate::author::access::{Error, not_too_many};
use crate::route::{AccountOf, Route};
use crate::tenant::{Account, Role, Workspace};
use crate::token::IssuerSettings;
use std::sync::Arc;

type Asked = (Vec<Permission>, Vec<String>);

/// The answers, and what was taken for granted.
pub(super) fn ask(
    office: &Office<'_>,
    (owner, workspaces): (&Arc<Account>, &[Arc<Workspace>]),
    usage: Option<&Usage>,
) -> Result<Asked, Error> {
    let router = &office.generation.rules.router;
    let (inside, crossing): (Vec<_>, Vec<_>) = router
        .routes()
        .iter()
        .filter(|route| !route.set.public)
        .partition(|route| sample::is_inside(route));
    let issuers: Vec<&IssuerSettings> = cast::issuers_of(office.issuers, owner).collect();
    let crossers = principals(office, owner).count();
    let roles = 1 + Role::ALL.len();
    not_too_many(
        workspaces.len() * inside.len() * roles * issuers.len() + crossing.len() * crossers,
    )?;
    let mut desk = Desk {
        office,
        usage,
        found: Vec::new(),
        left_out: Vec::new(),
    };
    for workspace in workspaces {
        let place = Place {
            account: Arc::clone(owner),
            workspace: Some(Arc::clone(workspace)),
        };
        desk.workspace(&place, workspace, (&issuers, &inside))?;
    }
    desk.portal(owner, &crossing)?;
    let mut assumed = assumed(&issuers);
    assumed.append(&mut desk.left_out);
    Ok((desk.found, assumed))
}

fn assumed(issuers: &[&IssuerSettings]) -> Vec<String> {
    let mut assumed: Vec<String> = [
        "for each API a token was issued with both of its scopes, by a client of the workspace",
        "users hold one role and no groups: what policies say of single users, groups and ids is told as `depends`",
        "bodies name no tenant, and requests no catalog",
    ]
    .map(str::to_owned)
    .to_vec();
    if issuers.is_empty() {
        assumed.push("no issuer may speak for this account, so nobody has a role".to_owned());
    }
    assumed
}

struct Desk<'a> {
    office: &'a Office<'a>,
    usage: Option<&'a Usage>,
    found: Vec<Permission>,
    left_out: Vec<String>,
}

/// By which issuer, and how, a role comes.
struct Source<'i> {
    issuer: &'i IssuerSettings,
    way: Way,
}

impl Desk<'_> {
    fn workspace(
        &mut self,
        place: &Place,
        workspace: &Workspace,
        (issuers, routes): (&[&IssuerSettings], &[&Arc<Route>]),
    ) -> Result<(), Error> {
        let samples = self.samples(routes, place)?;
        let Some(first) = samples.first() else {
            return Ok(());
        };
        for role in cast::roles() {
            let sources = self.sources(issuers, workspace, (role, first));
            if sources.is_empty() && role.is_some() {
                let name = cast::label(role);
                let why = format!(
                    "no issuer gives `{name}` in `{}`: it is left out",
                    workspace.id
                );
                self.left_out.push(why);
            }
            for sample in &samples {
                let context = sample.route.operation.api_context;
                let mut answers = Vec::new();
                for source in &sources {
                    let ways = std::slice::from_ref(&source.way);
                    let person =
                        cast::user(source.issuer, (workspace, context), ways, self.office.now);
                    answers.push(self.office.ask(sample, &person, false)?.0);
                }
                if let Some(answer) = merged(answers) {
                    let key = |role: &str| {
                        let name = sample.route.operation.name.to_string();
                        Thing::Permission(workspace.id.to_string(), name, role.to_owned())
                    };
                    let own = cast::label(role);
                    let last = self.usage.map(|usage| usage.of(&[key(own), key("")]));
                    self.add(Some(workspace), sample, own, (answer, last));
                }
            }
        }
        Ok(())
    }

    /// The issuers that give the role, each with one way to it.
    fn sources<'i>(
        &self,
        issuers: &[&'i IssuerSettings],
        workspace: &Workspace,
        (role, sample): (Option<Role>, &Sample),
    ) -> Vec<Source<'i>> {
        let context = sample.route.operation.api_context;
        let gives = |issuer: &IssuerSettings, way: &Way| {
            let ways = std::slice::from_ref(way);
            let person = cast::user(issuer, (workspace, context), ways, self.office.now);
            let asked = self.office.ask(sample, &person, false);
            // Whoever is refused altogether is shown as refused.
            asked.is_ok_and(|(_, caller)| caller.is_none_or(|one| cast::has(&one, role)))
        };
        let sources = issuers.iter().filter_map(|issuer| {
            let ways = cast::ways(issuer, workspace, role).into_iter();
            let way = ways.into_iter().find(|way| gives(issuer, way))?;
            Some(Source { issuer, way })
        });
        sources.collect()
    }

    /// Who of the platform may do what with the account.
    fn portal(&mut self, owner: &Arc<Account>, routes: &[&Arc<Route>]) -> Result<(), Error> {
        let place = Place {
            account: Arc::clone(owner),
            workspace: owner.workspaces.first().cloned(),
        };
        let samples = self.samples(routes, &place)?;
        for (issuer, entry) in principals(self.office, owner) {
            for sample in &samples {
                let person: Person = cast::principal(issuer, entry, None, self.office.now);
                let (answer, _) = self.office.ask(sample, &person, true)?;
                let name = sample.route.operation.name.to_string();
                let thing = Thing::Crossing(issuer.name.clone(), entry.who.clone(), name);
                // Records of what is the platform's name no account, so that nobody knows.
                let told = sample.route.account_of != AccountOf::Platform;
                let last = self.usage.filter(|_| told);
                let last = last.map(|usage| usage.of(&[thing]));
                self.add(None, sample, &entry.who, (answer, last));
            }
        }
        Ok(())
    }

    /// A sample of each route; one that has none is told, not left out in silence.
    fn samples(&mut self, routes: &[&Arc<Route>], place: &Place) -> Result<Vec<Sample>, Error> {
        let mut samples = Vec::new();
        for route in routes {
            match Sample::of(route, Some(place), self.office) {
                Ok(sample) => samples.push(sample),
                Err(Error::NoSample(template)) => {
                    let why = format!("no sample was found for `{template}`: it is left out");
                    if !self.left_out.contains(&why) {
                        self.left_out.push(why);
                    }
                }
                Err(other) => return Err(other),
            }
        }
        Ok(samples)
    }

    fn add(
        &mut self,
        workspace: Option<&Workspace>,
        sample: &Sample,
        who: &str,
        (answer, last): (Answer, Option<Last>),
    ) {
        let operation = &sample.route.operation;
        let may = answer.answer != May::Deny;
        self.found.push(Permission {
            workspace: workspace.map(|workspace| workspace.id.to_string()),
            operation: operation.name.to_string(),
            access: operation.access.label(),
            who: who.to_owned(),
            answer,
            last: last.filter(|_| may),
        });
    }
}

/// Where issuers differ, it depends on the issuer.
fn merged(answers: Vec<Answer>) -> Option<Answer> {
    let mut answers = answers.into_iter();
    let mut all = answers.next()?;
    for other in answers {
        if other.answer != all.answer {
            all.answer = May::Depends;
            all.depends_on.push("the issuer".to_owned());
            all.code = None;
            all.detail = None;
        }
        all.depends_on.extend(other.depends_on);
        all.policies.extend(other.policies);
    }
    for list in [&mut all.depends_on, &mut all.policies] {
        list.sort_unstable();
        list.dedup();
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    //! Issuers that differ.

    use super::*;

    fn answer(answer: May, on: &[&str]) -> Answer {
        Answer {
            answer,
            depends_on: on.iter().map(|one| (*one).to_owned()).collect(),
            ..Answer::none()
        }
    }

    #[test]
    fn issuers_that_differ_make_it_depend_on_the_issuer() {
        assert!(merged(Vec::new()).is_none());
        let one = || answer(May::Allow, &[]);
        assert_eq!(merged(vec![one(), one()]).unwrap().answer, May::Allow);
        let both = merged(vec![one(), answer(May::Deny, &[])]).unwrap();
        assert_eq!(
            (both.answer, both.depends_on),
            (May::Depends, vec!["the issuer".to_owned()])
        );
        let some = merged(vec![
            answer(May::Depends, &["b"]),
            answer(May::Depends, &["a", "b"]),
        ]);
        assert_eq!(some.unwrap().depends_on, ["a", "b"]);
    }
}
