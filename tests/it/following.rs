//! Claims and directory change, and decisions follow with the next request, however warm the caches are.

use crate::support::client::Request;
use crate::support::files::Files;
use crate::support::gate::{Builder, TestGate};
use palisade::reason::Reason;
use serde_json::{Value, json};

const READ: &str = "/app/v1/missions";
const QUIZZES: &str = "/app/v1/quizzes?catalogWorkspaceId=catalog-01";
const CREATE: &str = "/dashboard/v1/missions";
const PUBLISH: &str = "/dashboard/v1/missions/m-1/publish";
const PORTAL: &str = "/portal/v1/accounts/acme";

/// Where a value of the files stands.
#[derive(Clone, Copy)]
enum At<'a> {
    /// In the file of that account.
    Tenant(&'a str, &'a str),
    /// In `palisade.yaml`.
    Config(&'a str),
}

impl At<'_> {
    /// Sets it, and waits until that is followed: files that say it already are no change.
    fn set(self, gate: &mut TestGate, value: &Value) {
        if self.says(&gate.files).as_ref() != Some(value) {
            let value = value.clone();
            gate.change(|files| match self {
                Self::Tenant(account, pointer) => files.tenant(account, pointer, value),
                Self::Config(pointer) => files.set(pointer, value),
            });
        }
        gate.loads_well();
    }

    fn says(self, files: &Files) -> Option<Value> {
        let (file, pointer) = match self {
            Self::Tenant(account, pointer) => (format!("tenants/{account}.yaml"), pointer),
            Self::Config(pointer) => ("palisade.yaml".to_owned(), pointer),
        };
        let text = std::fs::read_to_string(files.path(&file)).expect("the file is there");
        let whole: Value = serde_json::from_str(&text).expect("the tests' files are JSON");
        whole.pointer(pointer).cloned()
    }
}

/// Fails unless `request` is allowed while `at` is `open` and refused while it is `shut`, in both
/// directions and from the very next request on, though the answer before was a remembered one.
#[track_caller]
fn turns(
    gate: &mut TestGate,
    request: &Request,
    at: At<'_>,
    [open, shut]: [Value; 2],
    refusal: Reason,
) {
    for _ in 0..2 {
        at.set(gate, &open);
        request.send().allowed(200);
        from_memory(gate, || request.send().allowed(200));
        at.set(gate, &shut);
        request.send().refused(refusal);
        if refusal == Reason::PolicyDenied {
            from_memory(gate, || request.send().refused(refusal));
        }
    }
}

/// Fails unless what is asked is answered from the decision cache alone.
#[track_caller]
fn from_memory(gate: &TestGate, ask: impl FnOnce()) {
    let count = || {
        let metrics = gate.metrics();
        let sum = |name: &str| metrics.sum(&format!("palisade_decision_cache_{name}_total"), &[]);
        (sum("hits"), sum("misses"))
    };
    let (hits, misses) = count();
    ask();
    let (more, as_many) = count();
    assert!(more > hits, "nothing was remembered");
    assert_eq!(as_many, misses, "something was asked anew");
}

/// An editor in the Dashboard.
fn editor(gate: &TestGate) -> String {
    let token = gate.issuer.user("edi").role("editor");
    token.context("dashboard").sign()
}

#[test]
fn a_token_with_another_role_is_another_callers() {
    let gate = TestGate::start();
    let post = |role: &str| {
        let token = gate.issuer.user("edi").role(role).context("dashboard");
        gate.post(CREATE, "{}").bearer(&token.sign()).send()
    };
    // The same person, promoted and demoted again.
    for _ in 0..2 {
        post("viewer").refused(Reason::PolicyDenied);
        post("editor").allowed(200);
        from_memory(&gate, || post("editor").allowed(200));
    }
}

#[test]
fn what_a_role_name_means_follows_the_issuers_table() {
    let mut gate = TestGate::builder()
        .set("/issuers/0/roles", json!({}))
        .start();
    let token = gate.issuer.user("uma").role("Chief").sign();
    let request = gate.get(READ).bearer(&token);
    let at = At::Config("/issuers/0/roles");
    let tables = [json!({"Chief": "viewer"}), json!({"chief": "viewer"})];
    turns(&mut gate, &request, at, tables, Reason::PolicyDenied);
}

#[test]
fn plans_follow_and_the_workspaces_own_comes_first() {
    let paying = "@id(\"paying\")\nforbid (principal, action, resource) unless { context has tenant.plan && context.tenant.plan == \"enterprise\" };\n";
    let mut gate = TestGate::builder().policy("paying", paying).start();
    let request = gate.get(READ).bearer(&gate.issuer.user("ana").sign());
    let plans = || [json!("enterprise"), json!("standard")];
    let at = At::Tenant("acme", "/plan");
    turns(&mut gate, &request, at, plans(), Reason::PolicyDenied);
    let at = At::Tenant("acme", "/workspaces/0/plan");
    turns(&mut gate, &request, at, plans(), Reason::PolicyDenied);
}

#[test]
fn features_follow() {
    let mut gate = TestGate::start();
    let request = gate.post(PUBLISH, "{}").bearer(&editor(&gate));
    let at = At::Tenant("acme", "/workspaces/0/features");
    let features = [json!(["editors-publish"]), json!([])];
    turns(&mut gate, &request, at, features, Reason::PolicyDenied);
}

#[test]
fn the_kind_of_a_workspace_follows() {
    let play = "@id(\"play\")\nforbid (principal, action, resource) when { context has tenant.kind && context.tenant.kind == \"play\" };\n";
    let mut gate = TestGate::builder().policy("play", play).start();
    let request = gate.get(READ).bearer(&gate.issuer.user("ana").sign());
    let at = At::Tenant("acme", "/workspaces/0/type");
    let kinds = [json!("custom"), json!("play")];
    turns(&mut gate, &request, at, kinds, Reason::PolicyDenied);
}

#[test]
fn the_status_of_account_and_workspace_follows() {
    let mut gate = TestGate::start();
    let request = gate.get(READ).bearer(&gate.issuer.user("ana").sign());
    let statuses = |other: &str| [json!("active"), json!(other)];
    let at = At::Tenant("acme", "/workspaces/0/status");
    let reason = Reason::WorkspaceSuspended;
    turns(&mut gate, &request, at, statuses("suspended"), reason);
    at.set(&mut gate, &json!("active"));
    let at = At::Tenant("acme", "/status");
    let reason = Reason::AccountSuspended;
    turns(&mut gate, &request, at, statuses("closed"), reason);
}

#[test]
fn catalogs_follow_whichever_side_changes_its_mind() {
    let mut gate = TestGate::start();
    let request = gate.get(QUIZZES).bearer(&gate.issuer.user("ana").sign());
    let kept = |kind: &str| {
        json!({"id": "catalog-01", "type": kind, "shared_with": ["acme-prod"],
            "clients": ["client-catalog-01"]})
    };
    // One that is no catalog is shared with nobody: such a file would not be believed.
    let mut other = kept("custom");
    other["shared_with"] = json!([]);
    for (account, pointer, open, shut) in [
        (
            "acme",
            "/workspaces/0/catalogs",
            json!(["catalog-01"]),
            json!([]),
        ),
        (
            "catalog",
            "/workspaces/0/shared_with",
            json!(["acme-prod"]),
            json!(["acme-two"]),
        ),
        (
            "catalog",
            "/workspaces",
            json!([kept("catalog")]),
            json!([other]),
        ),
        (
            "catalog",
            "/workspaces/0/status",
            json!("active"),
            json!("suspended"),
        ),
        ("catalog", "/status", json!("active"), json!("suspended")),
    ] {
        let at = At::Tenant(account, pointer);
        let values = [open.clone(), shut];
        turns(&mut gate, &request, at, values, Reason::CatalogNotGranted);
        at.set(&mut gate, &open);
    }
}

#[test]
fn a_machine_client_follows_its_entry() {
    let mut gate = TestGate::start();
    let token = gate.issuer.machine("hr-sync").context("dashboard");
    let token = token.scope("dashboard/read dashboard/write").sign();
    let request = gate.post(CREATE, "{}").bearer(&token);
    let entry = |role: &str| json!([{"id": "hr-sync", "role": role}]);
    let at = At::Tenant("acme", "/workspaces/0/machine_clients");
    let roles = [entry("editor"), entry("viewer")];
    turns(&mut gate, &request, at, roles, Reason::PolicyDenied);
    // Nobody's client: a token without a person, and with no account in it.
    let gone = [entry("editor"), json!([])];
    turns(&mut gate, &request, at, gone, Reason::ClaimMissing);
}

#[test]
fn a_user_who_is_acted_for_follows_the_directory() {
    let user = |role: &str, status: &str, groups: Value| json!([{"id": "edi", "roles": [role], "status": status, "groups": groups}]);
    let block = "@id(\"block\")\nforbid (principal in Tenancy::Group::\"acme/contractors\", action, resource);\n";
    let mut gate = TestGate::builder().overlay("acme", block).start();
    let token = gate.issuer.machine("hr-sync").context("dashboard");
    let token = token.scope("dashboard/read dashboard/write").sign();
    let request = gate.post(CREATE, "{}").bearer(&token);
    let request = request.header("x-user-id", "edi");
    let at = At::Tenant("acme", "/workspaces/0/users");
    let good = || user("editor", "active", json!([]));
    for (bad, reason) in [
        (user("viewer", "active", json!([])), Reason::PolicyDenied),
        (
            user("editor", "active", json!(["contractors"])),
            Reason::PolicyDenied,
        ),
        (
            user("editor", "suspended", json!([])),
            Reason::ImpersonationRefused,
        ),
        (
            json!([{"id": "ana", "roles": ["editor"]}]),
            Reason::ImpersonationRefused,
        ),
    ] {
        turns(&mut gate, &request, at, [good(), bad], reason);
    }
}

#[test]
fn a_client_that_users_log_in_through_follows_the_directory() {
    let mut gate = TestGate::start();
    let request = gate.get(READ).bearer(&gate.issuer.user("ana").sign());
    let at = At::Tenant("acme", "/workspaces/0/clients");
    let clients = [json!(["client-acme-prod"]), json!(["another"])];
    turns(&mut gate, &request, at, clients, Reason::ClientNotBound);
}

/// What `sue` asks in the Portal, and inside a workspace.
fn support(gate: &TestGate) -> [Request; 2] {
    let token = gate.issuer.principal("sue").sign();
    let inside = gate
        .get(READ)
        .bearer(&token)
        .header("x-palisade-act-in", "acme-prod")
        .header("x-palisade-reason", "case 7");
    [gate.get(PORTAL).bearer(&token), inside]
}

fn open() -> Builder {
    TestGate::builder().set("/principals", json!({"act_in": true}))
}

#[test]
fn a_grant_follows_the_configuration() {
    let mut gate = open().start();
    let entry = |role: &str, account: &str| json!({"roles": [role], "accounts": [account]});
    let at = At::Config("/issuers/0/principals/sub-sue");
    let good = || entry("support", "acme");
    for request in support(&gate) {
        let elsewhere = [good(), entry("support", "globex")];
        turns(&mut gate, &request, at, elsewhere, Reason::GrantMissing);
        let roleless = [good(), entry("auditor", "acme")];
        turns(&mut gate, &request, at, roleless, Reason::PolicyDenied);
        let mut over = good();
        over["until"] = json!("2020-01-01T00:00:00Z");
        turns(
            &mut gate,
            &request,
            at,
            [good(), over],
            Reason::GrantMissing,
        );
    }
}

#[test]
fn what_an_account_says_of_itself_follows() {
    let mut gate = TestGate::start();
    let request = gate.get(READ).bearer(&gate.issuer.user("ana").sign());
    let issuers = [json!(["cosmos"]), json!([])];
    let at = At::Tenant("acme", "/issuers");
    turns(
        &mut gate,
        &request,
        at,
        issuers,
        Reason::IssuerNotForAccount,
    );
    at.set(&mut gate, &json!(["cosmos"]));
    let at = At::Tenant("acme", "/not_before");
    let moments = [
        json!({"account": "2020-01-01T00:00:00Z"}),
        json!({"account": "2999-01-01T00:00:00Z"}),
    ];
    turns(&mut gate, &request, at, moments, Reason::TokenRevoked);
}
