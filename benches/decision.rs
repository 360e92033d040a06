//! What a decision costs: one that is remembered, one that the policies give, and the whole store.

use criterion::{Criterion, criterion_group, criterion_main};
use palisade::clock::Timestamp;
use palisade::decision::{Pdp, Question, Settings};
use palisade::head::{CanonicalPath, Credential, Head, Query};
use palisade::operation::{Access, ApiContext, Operation, ResourceType};
use palisade::policy::{self, OverlaySource, Source, Store};
use palisade::route::{AccountOf, Route, RouteSet, Target};
use palisade::scope;
use palisade::telemetry::Metrics;
use palisade::tenant::{
    Account, AccountId, Directory, NotBefore, OverlayMode, Role, Status, UserId, Workspace,
    WorkspaceId, WorkspaceRole,
};
use palisade::token::{Caller, ContextSet, Notes, Proof, Scopes, User};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

const NOW: Timestamp = Timestamp(1_800_000_000_000);
/// Callers that were never seen, so that each has to be asked about.
const FRESH: u32 = 4096;

const OVERLAY: &str = r#"
@id("manage-needs-mfa") @reason("managing needs a second factor")
forbid (principal, action in Tenancy::Action::"manage", resource is Tenancy::Resource)
unless { principal has mfa && principal.mfa };
@id("office-hours") @reason("changes are made in working hours only")
forbid (principal, action in Tenancy::Action::"write", resource is Tenancy::Resource)
unless { context.now.toTime() >= duration("0h") && context.now.toTime() < duration("23h") };
"#;

fn operations() -> Vec<Arc<Operation>> {
    [
        ("app/missions/list", Access::Read),
        ("app/missions/submit", Access::Create),
        ("app/users/update", Access::Update),
        ("dashboard/missions/publish", Access::Manage),
        ("dashboard/users/list", Access::Read),
        ("portal/accounts/suspend", Access::Manage),
    ]
    .into_iter()
    .map(|(name, access)| {
        let api_context = match name.split('/').next() {
            Some("app") => ApiContext::App,
            Some("dashboard") => ApiContext::Dashboard,
            _ => ApiContext::Portal,
        };
        Arc::new(Operation {
            name: name.into(),
            api_context,
            access,
            catalog: false,
            resource: match api_context {
                ApiContext::Portal => ResourceType::AccountResource,
                ApiContext::App | ApiContext::Dashboard => ResourceType::Resource,
            },
        })
    })
    .collect()
}

fn settings() -> policy::Settings {
    policy::Settings {
        operations: operations(),
        platform: vec![
            Source::new("baseline.cedar", include_str!("../policies/baseline.cedar")),
            Source::new(
                "operations.cedar",
                include_str!("../policies/operations.cedar"),
            ),
        ],
        overlays: vec![Arc::new(OverlaySource::new(
            account_id("acme"),
            OverlayMode::Forbid,
            vec![Source::new("acme.cedar", OVERLAY)],
            Vec::new(),
        ))],
        ..policy::Settings::default()
    }
}

fn account_id(id: &str) -> AccountId {
    AccountId::parse(id).expect("the grammar of ids")
}

fn workspace_id(id: &str) -> WorkspaceId {
    WorkspaceId::parse(id).expect("the grammar of ids")
}

fn directory() -> Directory {
    let workspace = Workspace {
        id: workspace_id("acme-prod"),
        account: account_id("acme"),
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
    let account = Account {
        id: account_id("acme"),
        status: Status::Active,
        plan: "enterprise".to_owned(),
        issuers: Vec::new(),
        overlay: OverlayMode::Forbid,
        not_before: NotBefore::default(),
        workspaces: vec![Arc::new(workspace)],
        revision: [7; 32],
    };
    Directory::build(vec![account]).0
}

/// A viewer; each number is somebody else.
fn caller(number: u32) -> Arc<Caller> {
    let mut fingerprint = [0; 32];
    if let Some(start) = fingerprint.first_chunk_mut() {
        *start = number.to_be_bytes();
    }
    let id = format!("u-{number}");
    Arc::new(Caller::User(User {
        account: account_id("acme"),
        workspace: workspace_id("acme-prod"),
        user: UserId::parse(&id).expect("the grammar of ids"),
        subject: id.into(),
        principal_id: Some("p-1".into()),
        roles: vec![Role::Workspace(WorkspaceRole::Viewer)],
        groups: Vec::new(),
        contexts: ContextSet::default().with(ApiContext::App),
        scopes: Scopes::parse("app/read app/write"),
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

fn target() -> Arc<Target> {
    let operation = operations().into_iter().next().expect("there are some");
    Arc::new(Target {
        route: Arc::new(Route {
            patterns: Vec::new(),
            body: palisade::route::BodyRule::None,
            websocket: false,
            timeouts: palisade::route::Timeouts::default(),
            method: http::Method::GET,
            template: "/app/v1/missions".into(),
            operation,
            kind: "missions".into(),
            id_parameter: None,
            account_of: AccountOf::Caller,
            set: Arc::new(RouteSet {
                api_context: ApiContext::App,
                also_accepts: Vec::new(),
                public: false,
                upstream: "api".into(),
                timeouts: palisade::route::Timeouts::default(),
                rewrite_idempotency: false,
                errors: None,
                cors: None,
            }),
            declared_at: "here".into(),
        }),
        id: None,
        captures: Vec::new(),
        references: Vec::new(),
    })
}

fn head() -> Head {
    Head {
        method: http::Method::GET,
        authority: "api.example.com".into(),
        path: CanonicalPath::read("/app/v1/missions").expect("a canonical path"),
        query: Query::default(),
        credential: Credential::None,
        client: [198, 51, 100, 7].into(),
        certificate: None,
        secure: false,
        on_behalf_of: None,
        act_in: None,
        reason: None,
        websocket: None,
        now: NOW,
    }
}

fn decide(criterion: &mut Criterion) {
    let (store, _) = Store::build(settings()).expect("the shipped policies are good");
    let metrics = Metrics::new();
    metrics.register_policies(store.platform_policy_ids().iter().map(AsRef::as_ref));
    let remembering = Pdp::new(Settings::default(), Arc::clone(&metrics));
    let forgetting = Pdp::new(
        Settings {
            ttl: Duration::ZERO,
            ..Settings::default()
        },
        metrics,
    );
    let (directory, target, head) = (directory(), target(), head());
    let callers: Vec<Arc<Caller>> = (0..FRESH).map(caller).collect();
    let scopes: Vec<scope::Scope> = callers
        .iter()
        .map(|caller| scope::admit(caller, &target, &directory, &head).expect("at home"))
        .collect();
    let ask = |pdp: &Pdp, number: usize| {
        let (Some(caller), Some(scope)) = (callers.get(number), scopes.get(number)) else {
            return;
        };
        let question = Question {
            caller,
            target: &target,
            scope: scope.clone(),
            head: &head,
        };
        let permit = pdp.decide(&store, question).expect("viewers read");
        let _ = black_box(permit);
    };
    let mut group = criterion.benchmark_group("decide");
    group.bench_function("remembered", |bencher| {
        bencher.iter(|| ask(&remembering, 0));
    });
    let mut number = 0;
    group.bench_function("remembered, 4096 callers", |bencher| {
        bencher.iter(|| {
            number = (number + 1) % callers.len();
            ask(&remembering, number);
        });
    });
    group.bench_function("asked, caller known", |bencher| {
        bencher.iter(|| ask(&forgetting, 0));
    });
    group.finish();
    criterion.bench_function("scope, cloned for the question", |bencher| {
        bencher.iter(|| black_box(scopes.first().cloned()));
    });
}

fn build(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("store");
    group.sample_size(20);
    group.bench_function("built of the shipped policies and one overlay", |bencher| {
        bencher.iter(|| Store::build(settings()).expect("the shipped policies are good"));
    });
    group.finish();
}

criterion_group!(benches, decide, build);
criterion_main!(benches);
