//! Isolation as a table: who calls, what is named, what comes of it.

mod act_in;

use super::{Scope, admit};
use crate::clock::Timestamp;
use crate::head::{CanonicalPath, Credential, Head, Query};
use crate::operation::{Access, ApiContext, Operation, ResourceType};
use crate::route::{AccountOf, Reference, ReferenceKind, Route, RouteSet, Target};
use crate::tenant::{
    Account, AccountId, ClientId, Directory, NotBefore, OverlayMode, Status, UserId, Workspace,
    WorkspaceId,
};
use crate::token::{
    Caller, ContextSet, Notes, Principal, PrincipalGrant, Proof, Scopes, Service, User,
};
use ReferenceKind::{Account as A, Catalog as C, User as U, Workspace as W};
use http::Method;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

const NOW: i64 = 1_800_000_000;

/// A route: its context and access, whether it reads catalogs, whose it is.
type Kind = (ApiContext, Access, bool, AccountOf);

const APP: Kind = (ApiContext::App, Access::Read, false, AccountOf::Caller);
const APP_CATALOG: Kind = (ApiContext::App, Access::Read, true, AccountOf::Caller);
const APP_CREATE: Kind = (ApiContext::App, Access::Create, true, AccountOf::Caller);
const DASHBOARD: Kind = (
    ApiContext::Dashboard,
    Access::Read,
    false,
    AccountOf::Caller,
);
const PORTAL: Kind = (
    ApiContext::Portal,
    Access::Read,
    false,
    AccountOf::References,
);
const PLATFORM: Kind = (ApiContext::Portal, Access::Read, false, AccountOf::Platform);

#[test]
fn a_user_stays_in_the_workspace_of_the_token() {
    let ana = || user("acme", "acme-prod");
    table([
        (ana(), APP, &[], "acme/acme-prod"),
        (ana(), APP, &[(W, "acme-prod")], "acme/acme-prod"),
        (
            ana(),
            APP,
            &[(A, "acme"), (W, "acme-prod")],
            "acme/acme-prod",
        ),
        (ana(), APP, &[(W, "globex-prod")], "outside_tenant"),
        (ana(), APP, &[(W, "acme-dev")], "outside_tenant"),
        (ana(), APP, &[(W, "nowhere")], "outside_tenant"),
        (ana(), APP, &[(W, "ACME-PROD")], "outside_tenant"),
        (ana(), APP, &[(W, "")], "outside_tenant"),
        (ana(), APP, &[(W, "acme-prod ")], "outside_tenant"),
        (ana(), APP, &[(A, "globex")], "outside_tenant"),
        (
            ana(),
            APP,
            &[(W, "acme-prod"), (A, "globex")],
            "outside_tenant",
        ),
        (ana(), APP, &[(U, "edi")], "acme/acme-prod"),
        (ana(), DASHBOARD, &[], "context_mismatch"),
        (ana(), PORTAL, &[(A, "acme")], "portal_needs_principal"),
        (ana(), PLATFORM, &[], "portal_needs_principal"),
        (Caller::Anonymous, APP, &[], "token_missing"),
        (Caller::Anonymous, PORTAL, &[(A, "acme")], "token_missing"),
    ]);
}

#[test]
fn what_is_not_active_admits_nobody() {
    table([
        (user("acme", "acme-dev"), APP, &[], "workspace_suspended"),
        (user("closed", "closed-prod"), APP, &[], "account_suspended"),
        (user("gone", "gone-prod"), APP, &[], "account_suspended"),
        // The workspace of another account is none of this one's.
        (user("acme", "globex-prod"), APP, &[], "workspace_suspended"),
    ]);
}

#[test]
fn a_catalog_is_read_where_both_sides_agree() {
    let ana = || user("acme", "acme-prod");
    let bo = || user("globex", "globex-prod");
    let named: &[(ReferenceKind, &str)] = &[(C, "catalog-01")];
    table([
        (ana(), APP_CATALOG, named, "acme/acme-prod reads catalog-01"),
        (ana(), APP_CATALOG, &[(C, "acme-prod")], "acme/acme-prod"),
        // Declared by the reader only, or a catalog of nobody's agreement.
        (bo(), APP_CATALOG, named, "catalog_not_granted"),
        (
            ana(),
            APP_CATALOG,
            &[(C, "globex-prod")],
            "catalog_not_granted",
        ),
        (ana(), APP_CATALOG, &[(C, "nowhere")], "catalog_not_granted"),
        // Not a read, not a catalog route, not under a workspace's name.
        (ana(), APP_CREATE, named, "catalog_not_granted"),
        (ana(), APP, named, "catalog_not_granted"),
        (ana(), APP_CATALOG, &[(W, "catalog-01")], "outside_tenant"),
        (
            ana(),
            APP_CATALOG,
            &[(C, "catalog-01"), (C, "globex-prod")],
            "request_ambiguous",
        ),
        (
            ana(),
            APP_CATALOG,
            &[(C, "catalog-01"), (W, "globex-prod")],
            "outside_tenant",
        ),
    ]);
}

#[test]
fn a_service_is_held_as_a_user_is() {
    let sync = || {
        Caller::Service(Service {
            account: account_id("acme"),
            workspace: workspace_id("acme-prod"),
            client: ClientId::parse("hr-sync").unwrap(),
            role: None,
            contexts: ContextSet::default().with(ApiContext::App),
            scopes: Scopes::default(),
            scopeless: false,
            notes: Notes::default(),
            proof: proof(NOW + 60),
        })
    };
    table([
        (sync(), APP, &[], "acme/acme-prod"),
        (sync(), APP, &[(W, "globex-prod")], "outside_tenant"),
        (sync(), DASHBOARD, &[], "context_mismatch"),
        (sync(), PORTAL, &[(A, "acme")], "portal_needs_principal"),
    ]);
}

#[test]
fn a_principal_acts_in_the_portal_on_what_was_granted() {
    let root = || principal(true, &[], None, NOW + 60);
    let support = || principal(false, &["acme"], None, NOW + 60);
    table([
        (root(), PORTAL, &[(A, "acme")], "acme/-"),
        (root(), PORTAL, &[(W, "acme-prod")], "acme/acme-prod"),
        (
            root(),
            PORTAL,
            &[(A, "acme"), (W, "acme-prod")],
            "acme/acme-prod",
        ),
        // Nobody else could open it again.
        (root(), PORTAL, &[(A, "closed")], "closed/-"),
        (root(), PORTAL, &[(A, "gone")], "outside_tenant"),
        (root(), PLATFORM, &[], "-/-"),
        (root(), PLATFORM, &[(A, "acme")], "outside_tenant"),
        (root(), APP, &[], "portal_needs_principal"),
        (root(), DASHBOARD, &[], "portal_needs_principal"),
        (
            root(),
            PORTAL,
            &[(A, "acme"), (W, "globex-prod")],
            "request_ambiguous",
        ),
        (
            root(),
            PORTAL,
            &[(W, "acme-prod"), (W, "acme-dev")],
            "request_ambiguous",
        ),
        (root(), PORTAL, &[], "grant_missing"),
        (support(), PORTAL, &[(A, "acme")], "acme/-"),
        (support(), PORTAL, &[(A, "globex")], "grant_missing"),
        // What exists and what does not look alike to whoever has no grant.
        (support(), PORTAL, &[(A, "gone")], "grant_missing"),
        (support(), PORTAL, &[(W, "globex-prod")], "grant_missing"),
        (support(), PORTAL, &[(W, "nowhere")], "grant_missing"),
        (support(), PLATFORM, &[], "grant_missing"),
    ]);
}

#[test]
fn a_grant_ends_with_itself_and_with_its_token() {
    let named: &[(ReferenceKind, &str)] = &[(A, "acme")];
    table([
        (
            principal(true, &[], Some(NOW + 1), NOW + 60),
            PORTAL,
            named,
            "acme/-",
        ),
        (
            principal(true, &[], Some(NOW), NOW + 60),
            PORTAL,
            named,
            "grant_missing",
        ),
        (
            principal(true, &[], None, NOW),
            PORTAL,
            named,
            "grant_missing",
        ),
    ]);
}

#[test]
fn acting_for_a_user_is_refused_to_everybody() {
    let mut head = head();
    head.on_behalf_of = Some("ana".to_owned());
    for caller in [
        user("acme", "acme-prod"),
        principal(true, &[], None, NOW + 60),
    ] {
        let answer = answer(&caller, &target(&APP, &[]), &head);
        assert_eq!(answer, "impersonation_refused");
    }
}

#[test]
fn a_public_route_holds_to_no_tenant() {
    let mut target = target(&APP, &[(W, "globex-prod")]);
    let mut route = Route::clone(&target.route);
    let mut set = RouteSet::clone(&route.set);
    set.public = true;
    route.set = Arc::new(set);
    target.route = Arc::new(route);
    assert_eq!(answer(&Caller::Anonymous, &target, &head()), "-/-");
}

type Row<'a> = (Caller, Kind, &'a [(ReferenceKind, &'a str)], &'a str);

fn table<const ROWS: usize>(rows: [Row<'_>; ROWS]) {
    for (caller, kind, references, expected) in rows {
        let answer = answer(&caller, &target(&kind, references), &head());
        assert_eq!(
            answer,
            expected,
            "{} on {kind:?} naming {references:?}",
            caller.kind()
        );
    }
}

/// `account/workspace`, with the catalog that is read, or the code of the refusal.
fn answer(caller: &Caller, target: &Target, head: &Head) -> String {
    match admit(caller, target, &directory(), head) {
        Err(error) => error.reason().code().to_owned(),
        Ok(scope) => place(&scope),
    }
}

fn place(scope: &Scope) -> String {
    let account = scope.account().map_or("-", AccountId::as_str);
    let workspace = scope.workspace().map_or("-", WorkspaceId::as_str);
    match scope.catalog() {
        Some(catalog) => format!("{account}/{workspace} reads {}", catalog.as_str()),
        None => format!("{account}/{workspace}"),
    }
}

fn directory() -> Directory {
    let mut acme_prod = workspace("acme", "acme-prod", Status::Active);
    acme_prod.catalogs = vec![workspace_id("catalog-01"), workspace_id("globex-prod")];
    let mut globex_prod = workspace("globex", "globex-prod", Status::Active);
    globex_prod.catalogs = vec![workspace_id("catalog-01")];
    globex_prod.shared_with = vec![workspace_id("acme-prod")];
    let mut catalog = workspace("catalog", "catalog-01", Status::Active);
    catalog.kind = "catalog".to_owned();
    catalog.shared_with = vec![workspace_id("acme-prod")];
    let acme_dev = workspace("acme", "acme-dev", Status::Suspended);
    let closed = workspace("closed", "closed-prod", Status::Active);
    let (directory, clashes) = Directory::build(vec![
        account("acme", Status::Active, [acme_prod, acme_dev]),
        account("globex", Status::Active, [globex_prod]),
        account("catalog", Status::Active, [catalog]),
        account("closed", Status::Closed, [closed]),
    ]);
    assert!(clashes.is_empty());
    directory
}

fn account<const COUNT: usize>(id: &str, status: Status, own: [Workspace; COUNT]) -> Account {
    Account {
        id: account_id(id),
        status,
        plan: "standard".to_owned(),
        issuers: Vec::new(),
        overlay: OverlayMode::Forbid,
        not_before: NotBefore::default(),
        workspaces: own.into_iter().map(Arc::new).collect(),
        revision: [0; 32],
    }
}

fn workspace(account: &str, id: &str, status: Status) -> Workspace {
    Workspace {
        id: workspace_id(id),
        account: account_id(account),
        status,
        kind: "custom".to_owned(),
        plan: None,
        features: Vec::new(),
        catalogs: Vec::new(),
        shared_with: Vec::new(),
        clients: Vec::new(),
        machine_clients: Vec::new(),
        users: None,
    }
}

fn user(account: &str, workspace: &str) -> Caller {
    Caller::User(User {
        account: account_id(account),
        workspace: workspace_id(workspace),
        user: UserId::parse("ana").unwrap(),
        subject: "ana".into(),
        // Everybody has one; it opens nothing (RULES 3).
        principal_id: Some("p-1".into()),
        roles: Vec::new(),
        groups: Vec::new(),
        contexts: ContextSet::default().with(ApiContext::App),
        scopes: Scopes::default(),
        scopeless: false,
        mfa: false,
        email: None,
        notes: Notes::default(),
        proof: proof(NOW + 60),
    })
}

fn principal(all: bool, accounts: &[&str], until: Option<i64>, expires: i64) -> Caller {
    Caller::Principal(Principal {
        subject: "cosmos|root".into(),
        principal_id: None,
        roles: Vec::new(),
        grant: PrincipalGrant {
            all,
            accounts: accounts.iter().map(|id| account_id(id)).collect(),
            until: until.map(Timestamp::from_secs),
            act_in: false,
        },
        mfa: true,
        email: None,
        notes: Notes::default(),
        proof: proof(expires),
    })
}

fn proof(expires: i64) -> Proof {
    Proof {
        issuer: "cosmos".into(),
        subject: "sub".into(),
        token_id: None,
        client: None,
        since: None,
        expires: Timestamp::from_secs(expires),
        fingerprint: [0; 32],
    }
}

fn target(kind: &Kind, references: &[(ReferenceKind, &str)]) -> Target {
    let (api_context, access, catalog, account_of) = kind.clone();
    let reference = |(kind, value): &(ReferenceKind, &str)| Reference {
        in_body: false,
        kind: *kind,
        value: (*value).to_owned(),
        place: "query".into(),
    };
    Target {
        route: Arc::new(Route {
            patterns: Vec::new(),
            body: crate::route::BodyRule::None,
            websocket: false,
            timeouts: crate::route::Timeouts::default(),
            method: Method::GET,
            template: "/things".into(),
            operation: Arc::new(Operation {
                name: format!("{}/things/list", api_context.label()).into(),
                api_context,
                access,
                catalog,
                resource: ResourceType::Resource,
            }),
            kind: "things".into(),
            id_parameter: None,
            account_of,
            set: Arc::new(RouteSet {
                api_context,
                also_accepts: Vec::new(),
                public: false,
                upstream: "api".into(),
                timeouts: crate::route::Timeouts::default(),
                rewrite_idempotency: false,
                errors: None,
                cors: None,
            }),
            declared_at: "test".into(),
        }),
        id: None,
        captures: Vec::new(),
        references: references.iter().map(reference).collect(),
    }
}

fn head() -> Head {
    Head {
        method: Method::GET,
        authority: "api.example.com".into(),
        path: CanonicalPath::read("/things").unwrap(),
        query: Query::default(),
        credential: Credential::None,
        client: IpAddr::V4(Ipv4Addr::LOCALHOST),
        certificate: None,
        secure: false,
        on_behalf_of: None,
        act_in: None,
        reason: None,
        websocket: None,
        now: Timestamp::from_secs(NOW),
    }
}

fn account_id(text: &str) -> AccountId {
    AccountId::parse(text).unwrap()
}

fn workspace_id(text: &str) -> WorkspaceId {
    WorkspaceId::parse(text).unwrap()
}
