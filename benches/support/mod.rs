//! What the benches of decisions share: the example's API under the shipped policies, tenants with
//! policies of their own, and people who ask.

#[path = "../../tests/it/support/folder.rs"]
#[expect(
    dead_code,
    clippy::panic,
    reason = "tests ask more of it, and may panic"
)]
mod folder;

use folder::Folder;
use http::{HeaderMap, Method};
use palisade::body::Seen;
use palisade::clock::Timestamp;
use palisade::decision::{Pdp, Question, Settings};
use palisade::head::{CanonicalPath, Credential, Head, Query};
use palisade::operation::ApiContext;
use palisade::policy::{self, OverlayBytes, OverlaySource, Source, Store};
use palisade::route::{ReferenceTable, Router, Target};
use palisade::scope::{self, Scope};
use palisade::telemetry::Metrics;
use palisade::tenant::{
    Account, AccountId, Directory, NotBefore, OverlayMode, Role, Status, UserId, Workspace,
    WorkspaceId, WorkspaceRole,
};
use palisade::token::{Caller, ContextSet, Notes, Proof, Scopes, User};
use palisade::{config, fault};
use std::net::IpAddr;
use std::sync::Arc;

pub(crate) const NOW: Timestamp = Timestamp(1_800_000_000_000);

/// Ten policies of one account: six can apply to whatever is asked, four to one kind of access each.
const OVERLAY: &str = r#"
@id("unpaid") @reason("the plan is not paid")
forbid (principal, action in Tenancy::Action::"scoped", resource is Tenancy::Resource)
when { context.tenant.plan == "unpaid" };
@id("frozen") @reason("the workspace is moved elsewhere")
forbid (principal, action in Tenancy::Action::"scoped", resource is Tenancy::Resource)
when { context.tenant.features.contains("frozen") };
@id("contractors") @reason("contractors see nobody")
forbid (principal in Tenancy::Group::"ACCOUNT/contractors", action in Tenancy::Action::"scoped", resource is Tenancy::Resource)
when { resource.kind == "users" };
@id("sealed") @reason("nobody may touch this mission")
forbid (principal, action in Tenancy::Action::"scoped", resource is Tenancy::Resource)
when { resource.kind == "missions" && resource has id && resource.id == "m-ACCOUNT" };
@id("quizzes") @reason("quizzes are for those with a second factor")
forbid (principal is Tenancy::User, action in Tenancy::Action::"scoped", resource is Tenancy::Resource)
when { resource.kind == "quizzes" && !principal.mfa };
@id("robots") @reason("machines stay out")
forbid (principal is Tenancy::Service, action in Tenancy::Action::"scoped", resource is Tenancy::Resource)
when { !(principal in resource.role.admin) };
@id("office-hours") @reason("changes are made in working hours only")
forbid (principal, action in Tenancy::Action::"update", resource is Tenancy::Resource)
unless { context.now.toTime() >= duration("0h") && context.now.toTime() < duration("23h") };
@id("no-new-users") @reason("users come from the directory")
forbid (principal, action in Tenancy::Action::"create", resource is Tenancy::Resource)
when { resource.kind == "users" };
@id("legal-hold") @reason("kept for a lawsuit")
forbid (principal, action in Tenancy::Action::"delete", resource is Tenancy::Resource)
when { resource.kind == "missions" && resource has id && resource.id == "m-1" };
@id("manage-needs-mfa") @reason("managing needs a second factor")
forbid (principal, action in Tenancy::Action::"manage", resource is Tenancy::Resource)
unless { principal has mfa && principal.mfa };
"#;

/// The example's routes, references and operations, and the shipped policies.
pub(crate) struct Api {
    pub(crate) router: Router,
    references: ReferenceTable,
    pub(crate) policy: policy::Settings,
}

impl Api {
    pub(crate) fn example() -> Self {
        let folder = Folder::shipped();
        let resolved = config::load(&folder.path("palisade.yaml"));
        let resolved = resolved.map_err(|faults| fault::render(&faults));
        let resolved = resolved.expect("the example is good");
        Self {
            router: resolved.router,
            references: ReferenceTable::new(&resolved.references),
            policy: resolved.policy,
        }
    }

    /// The rules with those accounts' policies, as text; there is room for all of them.
    pub(crate) fn store(&self, overlays: Vec<Arc<OverlaySource>>) -> Store {
        let settings = policy::Settings {
            overlays,
            overlay_bytes: OverlayBytes(4 << 30),
            ..self.policy.clone()
        };
        let store = Store::succeed(settings, None).map_err(|faults| fault::render(&faults));
        store.expect("the shipped policies are good").0
    }

    /// What a request asks for.
    pub(crate) fn target(&self, head: &Head) -> Arc<Target> {
        let found = self.router.find(&head.method, &head.path);
        let found = found.expect("a route of the example");
        let headers = HeaderMap::new();
        let target = Target::read(found, head, &headers, Seen::Nothing, &self.references);
        Arc::new(target.expect("it names no tenant twice"))
    }
}

pub(crate) fn head(method: &Method, path: &str, client: IpAddr, now: Timestamp) -> Head {
    Head {
        method: method.clone(),
        authority: "api.example.com".into(),
        path: CanonicalPath::read(path).expect("a canonical path"),
        query: Query::default(),
        credential: Credential::None,
        client,
        certificate: None,
        secure: false,
        on_behalf_of: None,
        act_in: None,
        reason: None,
        websocket: None,
        now,
    }
}

/// A request that the isolation rules let through.
pub(crate) struct Asked {
    pub(crate) caller: Arc<Caller>,
    pub(crate) target: Arc<Target>,
    pub(crate) scope: Scope,
    pub(crate) head: Head,
}

impl Asked {
    pub(crate) fn new(api: &Api, directory: &Directory, caller: &Arc<Caller>, head: Head) -> Self {
        let target = api.target(&head);
        let scope = scope::admit(caller, &target, directory, &head);
        Self {
            caller: Arc::clone(caller),
            scope: scope.expect("whoever asks is at home"),
            target,
            head,
        }
    }

    pub(crate) fn question(&self) -> Question<'_> {
        Question {
            caller: &self.caller,
            target: &self.target,
            scope: self.scope.clone(),
            head: &self.head,
        }
    }
}

/// One that counts what that store's policies do.
pub(crate) fn pdp(store: &Store, settings: Settings) -> Pdp {
    let metrics = Metrics::new();
    metrics.register_policies(store.platform_policy_ids().iter().map(AsRef::as_ref));
    Pdp::new(settings, metrics)
}

/// An account with workspaces of these names.
pub(crate) fn account(name: &str, workspaces: impl IntoIterator<Item = String>) -> Account {
    let id = AccountId::parse(name).expect("the grammar of ids");
    let workspace = |name: String| Workspace {
        id: WorkspaceId::parse(&name).expect("the grammar of ids"),
        account: id.clone(),
        status: Status::Active,
        kind: "custom".to_owned(),
        plan: None,
        features: Vec::new(),
        catalogs: Vec::new(),
        shared_with: Vec::new(),
        clients: Vec::new(),
        machine_clients: Vec::new(),
        users: None,
    };
    Account {
        status: Status::Active,
        plan: "enterprise".to_owned(),
        issuers: Vec::new(),
        overlay: OverlayMode::Forbid,
        not_before: NotBefore::default(),
        workspaces: workspaces
            .into_iter()
            .map(workspace)
            .map(Arc::new)
            .collect(),
        revision: [7; 32],
        id,
    }
}

/// The account's own ten policies.
pub(crate) fn overlay(account: &Account) -> Arc<OverlaySource> {
    let name = account.id.as_str();
    let text = OVERLAY.replace("ACCOUNT", name);
    let files = vec![Source::new(format!("{name}.cedar"), text)];
    let source = OverlaySource::new(account.id.clone(), OverlayMode::Forbid, files, Vec::new());
    Arc::new(source)
}

/// The user of that number with a token for that API; each number is somebody else.
pub(crate) fn user(
    number: u32,
    home: &Workspace,
    role: WorkspaceRole,
    context: ApiContext,
) -> Arc<Caller> {
    let mut fingerprint = [0; 32];
    if let Some(start) = fingerprint.first_chunk_mut() {
        *start = number.to_be_bytes();
    }
    if let Some(end) = fingerprint.last_mut() {
        *end = context as u8;
    }
    let id = format!("u-{number}");
    Arc::new(Caller::User(User {
        account: home.account.clone(),
        workspace: home.id.clone(),
        user: UserId::parse(&id).expect("the grammar of ids"),
        subject: id.into(),
        principal_id: Some("p-1".into()),
        roles: vec![Role::Workspace(role)],
        groups: Vec::new(),
        contexts: ContextSet::default().with(context),
        scopes: Scopes::parse("app/read app/write dashboard/read dashboard/write"),
        scopeless: false,
        mfa: true,
        email: None,
        notes: Notes::default(),
        proof: Proof {
            issuer: "cosmos".into(),
            subject: "sub".into(),
            token_id: None,
            client: None,
            since: None,
            expires: NOW.plus_millis(3_600_000),
            fingerprint,
        },
    }))
}
