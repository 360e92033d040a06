//! What could be otherwise about a caller: roles that its issuer or the directory can give, and whatever the
//! policies themselves name. Accounts, workspaces, users and clients are never among it.

use super::change::{Change, Key, LABELS};
use super::world::World;
use crate::explain::{Told, way};
use crate::operation::ApiContext;
use crate::policy::Bench;
use crate::scope::{Held, Scope};
use crate::tenant::{Role, WorkspaceRole};
use crate::token::{Caller, IssuerSettings, PlatformRole, Principal, Scopes, Service, User};
use cedar_policy_core::ast::{BinaryOp, Expr, ExprKind, Literal};
use std::collections::BTreeSet;

/// How many values are tried of one attribute.
const VALUES_MAX: usize = 8;

/// Everything that may be tried alone, the least first.
pub(super) fn of(world: &World, told: &Told, bench: &Bench<'_>) -> Vec<Change> {
    let named = Named::by(bench);
    let claims = world.claims();
    let settings = claims.and_then(|claims| {
        let issuers = &world.generation.rules.issuers;
        issuers.settings_of(claims)
    });
    let Some(settings) = settings else {
        return Vec::new();
    };
    let mut found = Vec::new();
    match told.learnt.caller.as_deref() {
        Some(Caller::User(user)) => {
            found.extend(user_roles(user, settings));
            found.extend(reach(user.scopes, user.scopeless, settings));
            found.extend(context(told, settings));
            found.extend(second_factor(user.mfa, settings, &named));
            found.extend(groups(user, settings, &named));
            found.extend(mail(user.email.as_deref(), settings, &named));
            found.extend(tenant(told, &named));
        }
        Some(Caller::Service(service)) => {
            found.extend(machine_roles(service));
            found.extend(reach(service.scopes, service.scopeless, settings));
            found.extend(context(told, settings));
            found.extend(tenant(told, &named));
        }
        Some(Caller::Principal(principal)) => {
            found.extend(second_factor(principal.mfa, settings, &named));
            found.extend(reason(told));
            found.extend(platform_roles(principal));
            found.extend(mail(principal.email.as_deref(), settings, &named));
        }
        Some(Caller::Anonymous) | None => {}
    }
    found
}

/// What policies name.
#[derive(Default)]
struct Named {
    groups: BTreeSet<String>,
    /// Attributes that are looked at.
    ways: BTreeSet<String>,
    /// Attributes and texts that they are compared with.
    texts: BTreeSet<(String, String)>,
    /// Sets and texts that are looked for in them.
    elements: BTreeSet<(String, String)>,
}

impl Named {
    fn by(bench: &Bench<'_>) -> Self {
        let mut named = Self::default();
        for subject in bench.subjects() {
            for part in subject.policy.condition().subexpressions() {
                named.read(part);
            }
        }
        named
    }

    fn read(&mut self, part: &Expr) {
        self.ways.extend(way(part));
        match part.expr_kind() {
            ExprKind::Lit(Literal::EntityUID(uid)) => {
                let kind = uid.entity_type().to_string();
                if kind.ends_with("::Group") {
                    let id: &str = uid.eid().as_ref();
                    self.groups.insert(id.to_owned());
                }
            }
            ExprKind::BinaryApp { op, arg1, arg2 } => {
                let pair = |path: &Expr, value: &Expr| Some((way(path)?, text(value)?));
                match op {
                    BinaryOp::Eq => {
                        self.texts.extend(pair(arg1, arg2));
                        self.texts.extend(pair(arg2, arg1));
                    }
                    BinaryOp::Contains => {
                        self.elements.extend(pair(arg1, arg2));
                        if let ExprKind::Set(values) = arg1.expr_kind() {
                            let pairs = values.iter().filter_map(|value| pair(arg2, value));
                            self.texts.extend(pairs);
                        }
                    }
                    _ => {}
                }
            }
            _ => {}
        }
    }

    fn texts_of<'a>(&'a self, way: &'a str) -> impl Iterator<Item = &'a String> {
        let of = self.texts.iter().filter(move |(one, _)| one == way);
        of.map(|(_, text)| text).take(VALUES_MAX)
    }
}

fn text(value: &Expr) -> Option<String> {
    match value.expr_kind() {
        ExprKind::Lit(Literal::String(text)) => Some(text.to_string()),
        _ => None,
    }
}

/// Roles that the issuer can give and the user does not have, the lowest first.
fn user_roles(user: &User, settings: &IssuerSettings) -> Vec<Change> {
    let by_claim = |role: Role| {
        let mut table = settings.roles.iter();
        let listed = table.find(|(_, given)| *given == role);
        listed
            .filter(|_| settings.mapping.role.is_some())
            .map(|(name, _)| name.clone())
    };
    let mut all = LABELS;
    all.sort_by_key(|(_, role)| *role);
    let all = all.into_iter().filter(|(_, role)| {
        let has = |have: &Role| match (have, role) {
            (Role::Workspace(have), Role::Workspace(role)) => have >= role,
            _ => have == role,
        };
        !user.roles.iter().any(has)
    });
    all.filter_map(|(label, role)| {
        let by_group = || settings.mapping.groups.as_ref().map(|_| label.to_owned());
        by_claim(role).or_else(by_group)
    })
    .map(|name| Change::of(Key::Role, name))
    .collect()
}

fn machine_roles(service: &Service) -> impl Iterator<Item = Change> + use<> {
    let has = service.role;
    let roles = WorkspaceRole::ALL.into_iter();
    let roles = roles.filter(move |role| has.is_none_or(|has| has < *role));
    roles.map(|role| Change::of(Key::Role, role.label()))
}

fn platform_roles(principal: &Principal) -> Vec<Change> {
    let mut roles = PlatformRole::ALL;
    // From the one that only reads the record to the one that does everything.
    roles.reverse();
    let roles = roles.into_iter();
    let roles = roles.filter(|role| !principal.roles.contains(role));
    roles
        .map(|role| Change::of(Key::Role, role.label()))
        .collect()
}

fn reach(scopes: Scopes, scopeless: bool, settings: &IssuerSettings) -> Vec<Change> {
    if scopeless || settings.mapping.scope.is_none() {
        return Vec::new();
    }
    let lacking = Scopes::NAMES.into_iter();
    let lacking = lacking.filter(|name| !scopes.contains(name));
    lacking.map(|name| Change::of(Key::Scope, name)).collect()
}

/// A token for the route's own API. The Portal is for Principals, whatever a token says.
fn context(told: &Told, settings: &IssuerSettings) -> Option<Change> {
    let route = told.learnt.target.as_ref()?.route.operation.api_context;
    let pointer = settings.mapping.context.as_ref()?;
    let caller = told.learnt.caller.as_deref()?;
    let held = match caller {
        Caller::User(user) => user.contexts,
        Caller::Service(service) => service.contexts,
        Caller::Anonymous | Caller::Principal(_) => return None,
    };
    let lacks = route != ApiContext::Portal && !held.contains(route);
    let name = match pointer.strip_prefix('/') {
        Some(name) if !name.contains(['/', '~']) => name,
        _ => pointer,
    };
    lacks.then(|| Change::of(Key::Claim(name.to_owned()), route.label()))
}

fn second_factor(has: bool, settings: &IssuerSettings, named: &Named) -> Option<Change> {
    let asked = named.ways.contains("principal.mfa");
    let can = !has && asked && settings.mapping.mfa.is_some();
    can.then(|| Change::of(Key::Mfa, "true"))
}

/// Groups of the user's own account, as policies name them.
fn groups(user: &User, settings: &IssuerSettings, named: &Named) -> Vec<Change> {
    if settings.mapping.groups.is_none() {
        return Vec::new();
    }
    let own = format!("{}/", user.account);
    let groups = named.groups.iter().filter(|group| {
        group.starts_with(&own) && !user.groups.iter().any(|have| **have == ***group)
    });
    let groups = groups.take(VALUES_MAX);
    groups
        .map(|group| Change::of(Key::Group, group.as_str()))
        .collect()
}

fn mail(has: Option<&str>, settings: &IssuerSettings, named: &Named) -> Vec<Change> {
    if settings.mapping.email.is_none() {
        return Vec::new();
    }
    let texts = named.texts_of("principal.email");
    let texts = texts.filter(|text| Some(text.as_str()) != has);
    texts
        .map(|text| Change::of(Key::Email, text.as_str()))
        .collect()
}

/// Any text will do where a reason is to be stated.
fn reason(told: &Told) -> Option<Change> {
    let stated = told.head.as_ref()?.reason.is_some();
    (!stated).then(|| Change::of(Key::Reason, "stated"))
}

/// What policies ask of the workspace's entry in the directory.
fn tenant(told: &Told, named: &Named) -> Vec<Change> {
    let scope: Option<&Scope> = told.learnt.scope.as_ref();
    let Some(Held::Workspace(inside)) = scope.map(Scope::held) else {
        return Vec::new();
    };
    let workspace = &inside.workspace;
    let plan = workspace.plan.as_deref().unwrap_or(&inside.account.plan);
    let mut found = Vec::new();
    for (key, way, is) in [
        (Key::Plan, "context.tenant.plan", plan),
        (Key::Kind, "context.tenant.kind", workspace.kind.as_str()),
    ] {
        let texts = named.texts_of(way).filter(|text| text.as_str() != is);
        found.extend(texts.map(|text| Change::of(key.clone(), text.as_str())));
    }
    let elements = named.elements.iter();
    let features = elements.filter(|(way, feature)| {
        way == "context.tenant.features" && !workspace.features.contains(feature)
    });
    found.extend(features.take(VALUES_MAX).map(|(_, feature)| {
        let all = workspace.features.iter().chain([feature]);
        let all: Vec<&str> = all.map(String::as_str).collect();
        Change::of(Key::Features, all.join(","))
    }));
    found
}
