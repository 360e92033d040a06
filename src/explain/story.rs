//! What an explanation says, as plain values: the same for people and for machines.

use super::question::Question;
use super::remedy::Remedy;
use super::state::{Cache, Limits};
use crate::decision::{By, Permit};
use crate::forward;
use crate::gate::{Generation, Learnt, Refusal};
use crate::head::Head;
use crate::policy::{About, Store};
use crate::route::Target;
use crate::scope::Scope;
use crate::tenant::{AccountId, WorkspaceId, WorkspaceRole};
use crate::token::{self, Scopes};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use serde::Serialize;
use std::collections::BTreeMap;

/// The whole explanation. `None` and empty lists: the request did not come so far.
#[derive(Clone, Debug, Serialize)]
pub struct Story {
    /// The request.
    pub request: Request,
    /// Who calls.
    pub caller: Option<Caller>,
    /// Which operation it is.
    pub route: Option<Route>,
    /// Every tenant and user that the request names.
    pub references: Vec<Reference>,
    /// What the request is held to.
    pub isolation: Isolation,
    /// The answer.
    pub decision: Decision,
    /// Policies that settled it.
    pub policies: Vec<Policy>,
    /// What was put to the policies, and what each of them says.
    pub questions: Vec<Question>,
    /// What is remembered of the decision.
    pub cache: Option<Cache>,
    /// How fast the caller may ask.
    pub limits: Option<Limits>,
    /// Of a denial: what would change it.
    pub remedy: Option<Remedy>,
    /// What was supposed to be otherwise than it is.
    pub supposed: Vec<String>,
    /// What the upstream is told of the caller; the request id apart, which each request gets anew.
    pub annotation: BTreeMap<String, String>,
    /// Fields of the request that are not forwarded.
    pub removed: Vec<String>,
    /// What the reader must know to believe the rest.
    pub notes: Vec<String>,
}

/// The request.
#[derive(Clone, Debug, Serialize)]
pub struct Request {
    /// The method.
    pub method: String,
    /// The path; canonical, if it was read.
    pub path: String,
    /// The query, as sent.
    pub query: Option<String>,
}

/// Who calls.
#[derive(Clone, Debug, Serialize)]
pub struct Caller {
    /// `user`, `service`, `principal`, `anonymous`.
    pub kind: &'static str,
    /// The user's id, the client's, or the Principal's subject.
    pub id: Option<String>,
    /// Its account.
    pub account: Option<String>,
    /// Its workspace.
    pub workspace: Option<String>,
    /// Its roles.
    pub roles: Vec<&'static str>,
    /// The platform's scopes in the token.
    pub scopes: Vec<&'static str>,
    /// The issuer's name in the configuration.
    pub issuer: Option<String>,
    /// The client that the token came through.
    pub client: Option<String>,
}

/// Which operation it is.
#[derive(Clone, Debug, Serialize)]
pub struct Route {
    /// The path template.
    pub template: String,
    /// The Cedar action.
    pub action: String,
    /// `read`, `create`, `update`, `delete`, `manage`.
    pub access: &'static str,
    /// `app`, `dashboard`, `portal`.
    pub context: &'static str,
    /// What kind of thing the resource is.
    pub kind: String,
    /// The resource's id; `None`: a collection.
    pub id: Option<String>,
    /// Where allowed requests go.
    pub upstream: String,
    /// Whether it needs no caller.
    pub public: bool,
    /// `file:line`.
    pub declared_at: String,
}

/// A tenant or user that the request names.
#[derive(Clone, Debug, Serialize)]
pub struct Reference {
    /// Where: `query workspaceId`.
    pub place: String,
    /// `account`, `workspace`, `user`, `catalog`.
    pub kind: &'static str,
    /// What it names.
    pub value: String,
}

/// What the request is held to.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Isolation {
    /// Whether it stays inside. `None`: it did not come so far.
    pub held: Option<bool>,
    /// The account.
    pub account: Option<String>,
    /// The workspace.
    pub workspace: Option<String>,
    /// The catalog workspace that is read.
    pub catalog: Option<String>,
    /// When the grant ends by which a Principal may.
    pub grant_until: Option<String>,
}

/// The answer.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Decision {
    /// Whether the request is forwarded.
    pub allowed: bool,
    /// The refusal's status.
    pub status: Option<u16>,
    /// The refusal's code.
    pub code: Option<&'static str>,
    /// Where it was refused: `head`, `token`, `route`, `isolation`, `policies`.
    pub step: Option<&'static str>,
    /// What exactly happened; clients do not get it.
    pub detail: Option<String>,
    /// What the code means.
    pub help: Option<&'static str>,
}

/// A policy that settled it.
#[derive(Clone, Debug, Serialize)]
pub struct Policy {
    /// `platform/<file>/<id>` or `account/<account>/<id>`.
    pub id: String,
    /// `permit` or `forbid`.
    pub effect: Option<&'static str>,
    /// Its file; `guard.cedar` is compiled in.
    pub file: Option<String>,
    /// Its line there.
    pub line: Option<usize>,
    /// Its `@reason`.
    pub reason: Option<String>,
    /// Its `@description`.
    pub description: Option<String>,
}

impl Story {
    pub(super) fn of(parts: &Parts) -> Self {
        Self {
            request: Request {
                method: parts.method.to_string(),
                path: parts.uri.path().to_owned(),
                query: parts.uri.query().map(str::to_owned),
            },
            caller: None,
            route: None,
            references: Vec::new(),
            isolation: Isolation::default(),
            decision: Decision::default(),
            policies: Vec::new(),
            questions: Vec::new(),
            cache: None,
            limits: None,
            remedy: None,
            supposed: Vec::new(),
            annotation: BTreeMap::new(),
            removed: Vec::new(),
            notes: Vec::new(),
        }
    }

    pub(super) fn read(&mut self, head: &Head) {
        head.path.as_str().clone_into(&mut self.request.path);
    }

    pub(super) fn learnt(&mut self, learnt: &Learnt, store: &Store) {
        self.caller = learnt.caller.as_deref().map(caller);
        if let Some(target) = learnt.target.as_deref() {
            self.route = Some(route(target));
            self.references = target.references.iter().map(reference).collect();
        }
        self.isolation = match (&learnt.target, &learnt.scope) {
            (_, Some(scope)) => isolation(scope),
            (Some(_), None) => Isolation {
                held: Some(false),
                ..Isolation::default()
            },
            (None, None) => Isolation::default(),
        };
        let determining = learnt.determining.iter();
        self.policies = determining.map(|id| Policy::of(id, store)).collect();
    }

    pub(super) fn allowed(
        &mut self,
        permit: &Permit,
        head: &Head,
        generation: &Generation,
        sent: &HeaderMap,
    ) {
        self.decision.allowed = true;
        if permit.by() == By::Public {
            self.notes
                .push("the route is public: no policy was asked".to_owned());
        }
        let rules = &generation.forward.annotate;
        let reserved = sent.keys().filter(|name| rules.is_reserved(name));
        self.removed = reserved.map(ToString::to_string).collect();
        let mut told = HeaderMap::new();
        let id = HeaderValue::from_static("-");
        forward::annotate(&mut told, rules, permit, head, &id);
        told.remove(rules.request_id());
        let ours = told.iter().filter(|(name, _)| rules.is_own(name));
        self.annotation = ours
            .map(|(name, value)| (name.to_string(), text(value)))
            .collect();
    }

    pub(super) fn refused(&mut self, refusal: &Refusal, step: &'static str) {
        let row = refusal.reason.row();
        self.decision = Decision {
            allowed: false,
            status: Some(row.status),
            code: Some(row.code),
            step: Some(step),
            detail: Some(refusal.detail.clone()),
            help: Some(row.help),
        };
    }
}

fn text(value: &HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}

fn caller(caller: &token::Caller) -> Caller {
    let proof = caller.proof();
    let (id, roles, scopes) = match caller {
        token::Caller::Anonymous => (None, Vec::new(), Scopes::default()),
        token::Caller::User(user) => (
            Some(user.user.to_string()),
            user.roles.iter().map(|role| role.label()).collect(),
            user.scopes,
        ),
        token::Caller::Service(service) => (
            Some(service.client.to_string()),
            service.role.into_iter().map(WorkspaceRole::label).collect(),
            service.scopes,
        ),
        token::Caller::Principal(principal) => (
            Some(principal.subject.to_string()),
            principal.roles.iter().map(|role| role.label()).collect(),
            Scopes::default(),
        ),
    };
    Caller {
        kind: caller.kind(),
        id,
        account: caller.account().map(AccountId::to_string),
        workspace: caller.workspace().map(WorkspaceId::to_string),
        roles,
        scopes: scopes.iter().collect(),
        issuer: proof.map(|proof| proof.issuer.to_string()),
        client: proof.and_then(|proof| proof.client.as_ref().map(ToString::to_string)),
    }
}

fn route(target: &Target) -> Route {
    let route = &target.route;
    Route {
        template: route.template.to_string(),
        action: route.operation.name.to_string(),
        access: route.operation.access.label(),
        context: route.operation.api_context.label(),
        kind: route.kind.to_string(),
        id: target.id.clone(),
        upstream: route.set.upstream.to_string(),
        public: route.set.public,
        declared_at: route.declared_at.to_string(),
    }
}

fn reference(reference: &crate::route::Reference) -> Reference {
    Reference {
        place: reference.place.to_string(),
        kind: reference.kind.label(),
        value: reference.value.clone(),
    }
}

fn isolation(scope: &Scope) -> Isolation {
    Isolation {
        held: Some(true),
        account: scope.account().map(AccountId::to_string),
        workspace: scope.workspace().map(WorkspaceId::to_string),
        catalog: scope.catalog().map(WorkspaceId::to_string),
        grant_until: scope.grant().map(|grant| grant.until.rfc3339()),
    }
}

impl Policy {
    /// What is to be told of the policy with that id.
    pub fn of(id: &str, store: &Store) -> Self {
        policy(id, store.about(id).as_ref())
    }
}

fn policy(id: &str, about: Option<&About>) -> Policy {
    Policy {
        id: id.to_owned(),
        effect: about.map(|about| about.effect),
        file: about.map(|about| about.file.clone()),
        line: about.and_then(|about| about.line),
        reason: about.and_then(|about| about.reason.clone()),
        description: about.and_then(|about| about.description.clone()),
    }
}
