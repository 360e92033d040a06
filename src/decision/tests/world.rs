//! A small world to ask about: three accounts, their people, and an API.

use crate::clock::Timestamp;
use crate::decision::{Denied, Pdp, Permit, Question, Settings};
use crate::head::{CanonicalPath, Credential, Head, Query};
use crate::operation::{Access, ApiContext, Operation, ResourceType, catalog_use};
use crate::policy::{self, OverlaySource, Source, Store};
use crate::route::{AccountOf, Reference, ReferenceKind, Route, RouteSet, Target};
use crate::scope::{self, Scope};
use crate::telemetry::Metrics;
use crate::tenant::{
    Account, AccountId, ClientId, Directory, Member, NotBefore, OverlayMode, Role, Status, UserId,
    Workspace, WorkspaceId, WorkspaceRole,
};
use crate::token::{
    Caller, ContextSet, Notes, PlatformRole, Principal, PrincipalGrant, Proof, Scopes, Service,
    User,
};
use aws_lc_rs::digest::{SHA256, digest};
use http::Method;
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) const NOON: &str = "2026-11-23T12:00:00Z";
const BASELINE: &str = include_str!("../../../policies/baseline.cedar");
const OPERATIONS: &str = include_str!("../../../policies/operations.cedar");

pub(super) fn at(text: &str) -> Timestamp {
    Timestamp::parse_rfc3339(text).unwrap()
}

pub(super) fn sha(text: &str) -> [u8; 32] {
    digest(&SHA256, text.as_bytes())
        .as_ref()
        .try_into()
        .unwrap()
}

pub(super) fn account_id(id: &str) -> AccountId {
    AccountId::parse(id).unwrap()
}

pub(super) fn workspace_id(id: &str) -> WorkspaceId {
    WorkspaceId::parse(id).unwrap()
}

// === directory

pub(super) fn workspace(account: &str, id: &str, kind: &str) -> Workspace {
    Workspace {
        id: workspace_id(id),
        account: account_id(account),
        status: Status::Active,
        kind: kind.to_owned(),
        plan: None,
        features: Vec::new(),
        catalogs: Vec::new(),
        shared_with: Vec::new(),
        clients: Vec::new(),
        machine_clients: Vec::new(),
        users: None,
    }
}

pub(super) fn account(id: &str, plan: &str, workspaces: Vec<Workspace>) -> Account {
    let mut account = Account {
        id: account_id(id),
        status: Status::Active,
        plan: plan.to_owned(),
        issuers: Vec::new(),
        overlay: OverlayMode::Permit,
        not_before: NotBefore::default(),
        workspaces: workspaces.into_iter().map(Arc::new).collect(),
        revision: [0; 32],
    };
    account.revision = sha(&format!("{account:?}"));
    account
}

/// acme with two workspaces, of which the first reads catalog-01; globex; the catalog's account.
pub(super) fn directory(plan: &str, features: &[&str], shared: bool) -> Directory {
    let mut prod = workspace("acme", "acme-prod", "custom");
    prod.catalogs = vec![workspace_id("catalog-01")];
    prod.features = features.iter().map(|&feature| feature.to_owned()).collect();
    prod.users = Some(users());
    let dev = workspace("acme", "acme-dev", "custom");
    let mut catalog = workspace("catalog", "catalog-01", "catalog");
    if shared {
        catalog.shared_with = vec![workspace_id("acme-prod")];
    }
    let (directory, clashes) = Directory::build(vec![
        account("acme", plan, vec![prod, dev]),
        account(
            "globex",
            "standard",
            vec![workspace("globex", "globex-prod", "custom")],
        ),
        account("catalog", "standard", vec![catalog]),
    ]);
    assert_eq!(clashes, []);
    directory
}

/// Whom machine clients of acme-prod may act for.
fn users() -> BTreeMap<UserId, Arc<Member>> {
    let role = |role| vec![Role::Workspace(role)];
    let all = [
        ("ana", Status::Active, role(WorkspaceRole::Viewer)),
        ("edi", Status::Active, role(WorkspaceRole::Editor)),
        ("adi", Status::Active, role(WorkspaceRole::Admin)),
        ("gone", Status::Suspended, role(WorkspaceRole::Admin)),
    ];
    let member = |(id, status, roles): (&str, Status, Vec<Role>)| {
        let member = Member {
            id: UserId::parse(id).unwrap(),
            status,
            subject: id.into(),
            roles,
            groups: vec!["acme/contractors".into()],
        };
        (member.id.clone(), Arc::new(member))
    };
    all.into_iter().map(member).collect()
}

// === callers

fn proof(fingerprint: &str) -> Proof {
    Proof {
        issuer: "cosmos".into(),
        subject: "sub".into(),
        token_id: None,
        client: None,
        since: None,
        expires: at("2026-11-24T00:00:00Z"),
        fingerprint: sha(fingerprint),
    }
}

fn scopes() -> Scopes {
    Scopes::parse("app/read app/write dashboard/read dashboard/write")
}

fn both() -> ContextSet {
    ContextSet::default()
        .with(ApiContext::App)
        .with(ApiContext::Dashboard)
}

pub(super) fn user(account: &str, workspace: &str, id: &str, roles: &[Role]) -> User {
    let mut user = User {
        account: account_id(account),
        workspace: workspace_id(workspace),
        user: UserId::parse(id).unwrap(),
        subject: id.into(),
        principal_id: Some(format!("p-{id}").into()),
        roles: roles.to_vec(),
        groups: Vec::new(),
        contexts: both(),
        scopes: scopes(),
        scopeless: false,
        mfa: true,
        email: None,
        notes: Notes::default(),
        proof: proof(""),
    };
    seal(&mut user);
    user
}

/// Makes the fingerprint what the token module makes of it: different for different callers.
pub(super) fn seal(user: &mut User) {
    user.proof = proof("");
    user.proof = proof(&format!("{user:?}"));
}

pub(super) fn member(account: &str, workspace: &str, id: &str, role: WorkspaceRole) -> Arc<Caller> {
    Arc::new(Caller::User(user(
        account,
        workspace,
        id,
        &[Role::Workspace(role)],
    )))
}

pub(super) fn service(
    account: &str,
    workspace: &str,
    id: &str,
    role: WorkspaceRole,
) -> Arc<Caller> {
    Arc::new(Caller::Service(Service {
        account: account_id(account),
        workspace: workspace_id(workspace),
        client: ClientId::parse(id).unwrap(),
        role: Some(role),
        contexts: both(),
        scopes: scopes(),
        scopeless: false,
        notes: Notes::default(),
        proof: proof(&format!("service {account} {workspace} {id} {role:?}")),
    }))
}

pub(super) fn principal(id: &str, roles: &[PlatformRole], grant: PrincipalGrant) -> Arc<Caller> {
    // As issued: what was granted is no claim, so it is not in the fingerprint.
    let fingerprint = format!("principal {id} {roles:?}");
    Arc::new(Caller::Principal(Principal {
        subject: format!("cosmos|{id}").into(),
        principal_id: None,
        roles: roles.to_vec(),
        grant,
        mfa: true,
        email: None,
        notes: Notes::default(),
        proof: proof(&fingerprint),
    }))
}

pub(super) fn ana() -> Arc<Caller> {
    member("acme", "acme-prod", "ana", WorkspaceRole::Viewer)
}

pub(super) fn adi() -> Arc<Caller> {
    member("acme", "acme-prod", "adi", WorkspaceRole::Admin)
}

pub(super) fn root() -> Arc<Caller> {
    let all = PrincipalGrant {
        all: true,
        ..PrincipalGrant::default()
    };
    principal("root", &[PlatformRole::Operator], all)
}

// === the API

/// Method, template, operation, access, catalog, resource.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    Access,
    bool,
    ResourceType,
);

#[rustfmt::skip]
pub(super) const API: [Row; 16] = [
    ("GET", "/app/v1/missions", "app/missions/list", Access::Read, false, ResourceType::Resource),
    ("GET", "/app/v1/missions/{missionId}", "app/missions/get", Access::Read, false, ResourceType::Resource),
    ("POST", "/app/v1/missions/{missionId}/submit", "app/missions/submit", Access::Create, false, ResourceType::Resource),
    ("GET", "/app/v1/quizzes", "app/quizzes/list", Access::Read, true, ResourceType::Resource),
    ("GET", "/app/v1/users/me", "app/users/me", Access::Read, false, ResourceType::Resource),
    ("PATCH", "/app/v1/users/{userId}", "app/users/update", Access::Update, false, ResourceType::Resource),
    ("GET", "/app/v1/users/{userId}/badges/{badgeId}", "app/users/badge", Access::Read, false, ResourceType::Resource),
    ("POST", "/dashboard/v1/missions", "dashboard/missions/create", Access::Create, false, ResourceType::Resource),
    ("DELETE", "/dashboard/v1/missions/{missionId}", "dashboard/missions/delete", Access::Delete, false, ResourceType::Resource),
    ("POST", "/dashboard/v1/missions/{missionId}/publish", "dashboard/missions/publish", Access::Manage, false, ResourceType::Resource),
    ("GET", "/dashboard/v1/users", "dashboard/users/list", Access::Read, false, ResourceType::Resource),
    ("GET", "/dashboard/v1/badges", "dashboard/badges/list", Access::Read, false, ResourceType::Resource),
    ("GET", "/dashboard/v1/ranks", "dashboard/ranks/list", Access::Read, false, ResourceType::Resource),
    ("GET", "/portal/v1/accounts", "portal/accounts/list", Access::Read, false, ResourceType::PlatformResource),
    ("GET", "/portal/v1/accounts/{account}", "portal/accounts/get", Access::Read, false, ResourceType::AccountResource),
    ("POST", "/portal/v1/accounts/{account}/suspend", "portal/accounts/suspend", Access::Manage, false, ResourceType::AccountResource),
];

fn operation(row: Row) -> Arc<Operation> {
    let (_, _, name, access, catalog, resource) = row;
    Arc::new(Operation {
        name: name.into(),
        api_context: ApiContext::parse(name.split('/').next().unwrap()).unwrap(),
        access,
        catalog,
        resource,
    })
}

fn route(row: Row, also_accepts: &[ApiContext]) -> Arc<Route> {
    let (method, template, name, _, _, resource) = row;
    let operation = operation(row);
    let mut parameters = template.split('/').rev();
    let last = parameters.find_map(|part| part.strip_prefix('{'));
    let last = last.map(|part| part.trim_end_matches('}').into());
    Arc::new(Route {
        patterns: Vec::new(),
        body: crate::route::BodyRule::None,
        websocket: false,
        timeouts: crate::route::Timeouts::default(),
        method: Method::from_bytes(method.as_bytes()).unwrap(),
        template: template.into(),
        kind: name.split('/').nth(1).unwrap().into(),
        id_parameter: last,
        account_of: match (operation.api_context, resource) {
            (ApiContext::Portal, ResourceType::PlatformResource) => AccountOf::Platform,
            (ApiContext::Portal, _) => AccountOf::References,
            _ => AccountOf::Caller,
        },
        set: Arc::new(RouteSet {
            api_context: operation.api_context,
            also_accepts: also_accepts.to_vec(),
            public: false,
            upstream: "api".into(),
            timeouts: crate::route::Timeouts::default(),
            rewrite_idempotency: false,
            errors: None,
            cors: None,
        }),
        operation,
        declared_at: "here".into(),
    })
}

/// What a request for that operation asks for, with every parameter `id`, and the catalog named.
pub(super) fn target(name: &str, id: &str, catalog: Option<&str>) -> Arc<Target> {
    target_of(name, id, catalog, &[])
}

pub(super) fn target_of(
    name: &str,
    id: &str,
    catalog: Option<&str>,
    also_accepts: &[ApiContext],
) -> Arc<Target> {
    let row = *API.iter().find(|row| row.2 == name).unwrap();
    let route = route(row, also_accepts);
    let parameters = row.1.split('/').filter_map(|part| part.strip_prefix('{'));
    let captures: Vec<(Arc<str>, String)> = parameters
        .map(|name| (name.trim_end_matches('}').into(), id.to_owned()))
        .collect();
    let mut references = Vec::new();
    if captures.iter().any(|(name, _)| **name == *"account") {
        references.push(Reference {
            in_body: false,
            kind: ReferenceKind::Account,
            value: id.to_owned(),
            place: "path account".into(),
        });
    }
    if let Some(catalog) = catalog {
        let in_body = row.3 != Access::Read;
        let place = if in_body {
            "body /catalogWorkspaceId"
        } else {
            "query catalogWorkspaceId"
        };
        references.push(Reference {
            in_body,
            kind: ReferenceKind::Catalog,
            value: catalog.to_owned(),
            place: place.into(),
        });
    }
    Arc::new(Target {
        id: route.id_parameter.as_ref().map(|_| id.to_owned()),
        route,
        captures,
        references,
    })
}

pub(super) fn head(now: &str, client: &str, path: &str) -> Head {
    Head {
        method: Method::GET,
        authority: "api.example.com".into(),
        path: CanonicalPath::read(path).unwrap(),
        query: Query::default(),
        credential: Credential::None,
        client: client.parse().unwrap(),
        certificate: None,
        secure: false,
        on_behalf_of: None,
        act_in: None,
        reason: None,
        websocket: None,
        now: at(now),
    }
}

pub(super) fn noon() -> Head {
    head(NOON, "198.51.100.7", "/")
}

// === stores

pub(super) fn settings() -> policy::Settings {
    policy::Settings {
        operations: API
            .into_iter()
            .map(operation)
            .chain(
                [ApiContext::App, ApiContext::Dashboard]
                    .into_iter()
                    .filter_map(catalog_use)
                    .map(Arc::clone),
            )
            .collect(),
        platform: vec![
            Source::new("baseline.cedar", BASELINE),
            Source::new("operations.cedar", OPERATIONS),
        ],
        principals_act_in: true,
        ..policy::Settings::default()
    }
}

pub(super) fn overlay(account: &str, text: &str) -> Arc<OverlaySource> {
    let files = vec![Source::new(format!("{account}.cedar"), text)];
    let source = OverlaySource::new(account_id(account), OverlayMode::Permit, files, Vec::new());
    Arc::new(source)
}

pub(super) fn store(settings: policy::Settings) -> Store {
    let built = Store::build(settings).map_err(|faults| crate::fault::render(&faults));
    built.unwrap().0
}

/// The shipped policies, with a further platform file.
pub(super) fn store_with(text: &str) -> Store {
    let mut settings = settings();
    settings.platform.push(Source::new("extra.cedar", text));
    store(settings)
}

// === asking

pub(super) fn pdp() -> (Pdp, Arc<Metrics>) {
    let metrics = Metrics::new();
    (Pdp::new(Settings::default(), Arc::clone(&metrics)), metrics)
}

pub(super) fn admit(
    caller: &Arc<Caller>,
    target: &Arc<Target>,
    directory: &Directory,
    head: &Head,
) -> Result<Scope, scope::Error> {
    scope::admit(caller, target, directory, head)
}

/// Asks a fresh PDP at noon, in the plain directory.
pub(super) fn ask(
    store: &Store,
    caller: &Arc<Caller>,
    target: &Arc<Target>,
) -> Result<Permit, Denied> {
    ask_for(store, caller, target, None)
}

/// The same, by a machine client for a user.
pub(super) fn ask_for(
    store: &Store,
    caller: &Arc<Caller>,
    target: &Arc<Target>,
    user: Option<&str>,
) -> Result<Permit, Denied> {
    let mut head = noon();
    head.on_behalf_of = user.map(str::to_owned);
    let directory = directory("enterprise", &[], true);
    let scope = admit(caller, target, &directory, &head).unwrap();
    pdp().0.decide(
        store,
        Question {
            caller,
            target,
            scope,
            head: &head,
        },
    )
}

pub(super) fn ids(determining: &[Arc<str>]) -> Vec<&str> {
    determining.iter().map(AsRef::as_ref).collect()
}
