//! Machine clients in the name of a user, and writes that take something from a catalog.

use crate::bodies::{editor, reading};
use crate::support::client::Reply;
use crate::support::gate::{Builder, TestGate};
use palisade::clock::Clock;
use palisade::reason::Reason;
use serde_json::json;

const READ: &str = "/app/v1/missions";
const CREATE: &str = "/dashboard/v1/missions";

/// A gate whose directory knows the users of acme-prod.
fn knowing() -> Builder {
    let users = json!([
        {"id": "ana", "roles": ["viewer"]},
        {"id": "edi", "roles": ["editor"], "groups": ["contractors"]},
        {"id": "gone", "roles": ["admin"], "status": "suspended"},
    ]);
    TestGate::builder().tenant("acme", "/workspaces/0/users", users)
}

/// A machine client's request for `user`.
#[track_caller]
fn ask(gate: &TestGate, target: &str, user: &str) -> Reply {
    let context = if target.starts_with("/app") {
        "app"
    } else {
        "dashboard"
    };
    let token = gate.issuer.machine("hr-sync").context(context);
    let token = token.scope("app/read app/write dashboard/read dashboard/write");
    let request = if context == "app" {
        gate.get(target)
    } else {
        gate.post(target, "{}")
    };
    request
        .bearer(&token.sign())
        .header("x-user-id", user)
        .send()
}

#[test]
fn a_client_acts_for_a_user_that_the_directory_knows() {
    let gate = knowing().start();
    ask(&gate, READ, "ana").allowed(200);
    let seen = gate.upstream.only();
    assert_eq!(seen.header("x-user-id"), None);
    assert_eq!(seen.header("x-palisade-user"), Some("ana"));
    assert_eq!(seen.header("x-palisade-actor"), Some("hr-sync"));
    // The lower of editor and viewer.
    assert_eq!(seen.header("x-palisade-role"), Some("viewer"));
    let record = gate.only_record();
    assert_eq!(record["caller"], "service");
    assert_eq!(
        (&record["user"], &record["client"]),
        (&json!("ana"), &json!("hr-sync"))
    );
}

#[test]
fn both_the_client_and_the_user_must_be_allowed() {
    let gate = knowing().start();
    ask(&gate, CREATE, "ana").refused(Reason::PolicyDenied);
    ask(&gate, CREATE, "edi").allowed(200);
    let gate = knowing()
        .overlay(
            "acme",
            "@id(\"block\")\nforbid (principal in Tenancy::Group::\"acme/contractors\", action, resource);\n\
             @id(\"by-night\")\nforbid (principal is Tenancy::User, action, resource) when { context has actor && resource.kind == \"badges\" };\n",
        )
        .start();
    ask(&gate, CREATE, "edi").refused(Reason::PolicyDenied);
    ask(&gate, "/app/v1/badges", "ana").refused(Reason::PolicyDenied);
    ask(&gate, READ, "ana").allowed(200);
}

#[test]
fn nobody_acts_for_somebody_whom_the_workspace_does_not_have() {
    let gate = knowing().start();
    for user in ["bo", "gone", "ANA", "", "a/b", "acme/ana", "ana,edi", "*"] {
        ask(&gate, READ, user).refused(Reason::ImpersonationRefused);
    }
    gate.upstream.saw_nothing();
}

#[test]
fn where_the_directory_knows_no_users_nobody_has_verified_the_user() {
    let gate = TestGate::start();
    ask(&gate, READ, "whoever").allowed(200);
    let seen = gate.upstream.only();
    assert_eq!(seen.header("x-palisade-user"), Some("whoever"));
    assert_eq!(seen.header("x-palisade-actor"), Some("hr-sync"));
}

#[test]
fn acting_takes_the_scope_to_write() {
    let gate = knowing().start();
    for scope in ["app/read", "app/read dashboard/write", "app/write"] {
        let token = gate.issuer.machine("hr-sync").scope(scope);
        let request = gate.get(READ).bearer(&token.sign());
        let reply = request.header("x-user-id", "ana").send();
        assert_eq!(reply.status, 403, "{scope}: {}", reply.text());
    }
    gate.upstream.saw_nothing();
}

#[test]
fn a_user_whose_tokens_are_void_is_not_acted_for_with_a_token_as_old() {
    let soon = "2099-01-01T00:00:00Z";
    let gate = knowing()
        .tenant("acme", "/not_before", json!({"users": {"ana": soon}}))
        .start();
    ask(&gate, READ, "ana").refused(Reason::ImpersonationRefused);
    ask(&gate, READ, "edi").allowed(200);
}

#[test]
fn a_user_who_is_revoked_by_sub_is_not_acted_for() {
    let gate = knowing()
        .set("/revocations", json!("revocations.yaml"))
        .file(
            "revocations.yaml",
            "sub:\n  - { issuer: cosmos, id: ana }\n",
        )
        .start();
    ask(&gate, READ, "ana").refused(Reason::ImpersonationRefused);
    ask(&gate, READ, "edi").allowed(200);
}

#[test]
fn a_user_who_is_revoked_by_its_id_is_out_and_not_acted_for() {
    // The `sub` of either is another.
    let listed = "user:\n  - { account: acme, id: ana }\n  - { account: globex, id: edi }\n";
    for builder in [knowing(), TestGate::builder()] {
        let gate = builder
            .set("/revocations", json!("revocations.yaml"))
            .file("revocations.yaml", listed)
            .start();
        ask(&gate, READ, "ana").refused(Reason::ImpersonationRefused);
        let ana = gate.get(READ).bearer(&gate.issuer.user("ana").sign());
        ana.send().refused(Reason::TokenRevoked);
        gate.upstream.saw_nothing();
        // Of another account.
        ask(&gate, READ, "edi").allowed(200);
        let edi = gate.get(READ).bearer(&gate.issuer.user("edi").sign());
        edi.send().allowed(200);
    }
}

#[test]
fn a_users_own_page_is_the_one_acted_for() {
    let gate = knowing()
        .set(
            "/routes/-",
            json!({"context": "app", "upstream": "api",
            "match": "GET /app/v1/users/me", "action": "users/me"}),
        )
        .set(
            "/references/-",
            json!({"in": "query", "name": "person", "is": "user"}),
        )
        .start();
    ask(&gate, "/app/v1/users/me?person=ana", "ana").allowed(200);
    ask(&gate, "/app/v1/users/me?person=edi", "ana").refused(Reason::RequestAmbiguous);
}

#[test]
fn a_write_takes_from_a_catalog_that_both_sides_agree_on() {
    let gate = reading().start();
    let take = |catalog: &str| {
        let body = format!("{{\"catalogWorkspaceId\":\"{catalog}\"}}");
        gate.post(CREATE, &body).bearer(&editor(&gate)).send()
    };
    take("catalog-01").allowed(200);
    let seen = gate.upstream.only();
    assert_eq!(seen.header("x-palisade-workspace"), Some("acme-prod"));
    assert_eq!(
        seen.header("x-palisade-catalog-workspace"),
        Some("catalog-01")
    );
    let record = gate.only_record();
    assert_eq!(record["catalog"], "catalog-01");
    assert_eq!(record["action"], "dashboard/missions/create");
    for other in ["globex-prod", "acme-two", "nowhere", ""] {
        take(other).refused(Reason::CatalogNotGranted);
    }
    take("acme-prod").allowed(200);
    // In the query it stays what it was: for reads.
    let target = format!("{CREATE}?catalogWorkspaceId=catalog-01");
    let request = gate.post(&target, "{}").bearer(&editor(&gate));
    request.send().refused(Reason::CatalogNotGranted);
}

#[test]
fn what_is_read_is_one_place_whoever_reads_which_reference() {
    let gate = TestGate::builder()
        .set(
            "/references/-",
            json!({"in": "header", "name": "x-catalog", "is": "catalog"}),
        )
        .start();
    let ana = gate.issuer.user("ana").sign();
    let target = "/app/v1/quizzes?catalogWorkspaceId=catalog-01";
    let read = |catalog: &str| {
        let request = gate.get(target).bearer(&ana);
        request.header("x-catalog", catalog).send()
    };
    // Decided about the catalog, and read at home by whoever goes by the header.
    read("acme-prod").refused(Reason::RequestAmbiguous);
    read("globex-prod").refused(Reason::RequestAmbiguous);
    gate.upstream.saw_nothing();
    gate.upstream.accept_any_header();
    read("catalog-01").allowed(200);
}

#[test]
fn a_write_names_its_catalog_in_its_body_and_nowhere_else() {
    let gate = reading().start();
    let body = "{\"catalogWorkspaceId\":\"catalog-01\"}";
    for target in ["catalog-01", "acme-prod"] {
        let target = format!("{CREATE}?catalogWorkspaceId={target}");
        let request = gate.post(&target, body).bearer(&editor(&gate));
        request.send().refused(Reason::CatalogNotGranted);
    }
    gate.upstream.saw_nothing();
}

/// A gate whose clock stands still, so that every caller may send `burst` requests.
fn slow(burst: u32) -> TestGate {
    let plan = json!({"requests": "100/s", "per_caller": {"requests": "1/s", "burst": burst}});
    let still = Clock::manual(Clock::system().now());
    let builder = knowing().set("/plans/enterprise", plan);
    builder.clock(&still).start()
}

#[track_caller]
fn over(gate: &TestGate, token: &str) {
    let reply = gate.get(READ).bearer(token).send();
    reply.refused(Reason::RateLimited);
}

#[test]
fn nobody_spends_the_rate_of_a_user_whom_it_may_not_act_for() {
    let gate = slow(3);
    let sync = gate.issuer.machine("hr-sync").scope("app/read").sign();
    for _ in 0..3 {
        let request = gate.get(READ).bearer(&sync).header("x-user-id", "ana");
        request.send().refused(Reason::ImpersonationRefused);
    }
    over(&gate, &sync);
    let ana = gate.issuer.user("ana").sign();
    for _ in 0..3 {
        gate.get(READ).bearer(&ana).send().allowed(200);
    }
    over(&gate, &ana);
}

#[test]
fn whoever_is_acted_for_pays_as_for_its_own_requests() {
    let gate = slow(2);
    ask(&gate, READ, "ana").allowed(200);
    let ana = gate.issuer.user("ana").sign();
    gate.get(READ).bearer(&ana).send().allowed(200);
    over(&gate, &ana);
}

#[test]
fn a_catalogs_owner_may_refuse_what_is_taken_from_it() {
    let gate = reading()
        .overlay("catalog", "@id(\"ours\")\nforbid (principal, action == Tenancy::Action::\"dashboard/catalog/use\", resource);\n")
        .start();
    let body = "{\"catalogWorkspaceId\":\"catalog-01\"}";
    let request = gate.post(CREATE, body).bearer(&editor(&gate));
    request.send().refused(Reason::PolicyDenied);
    let record = gate.only_record();
    assert_eq!(record["policies"], json!(["account/catalog/ours"]));
    gate.post(CREATE, "{}")
        .bearer(&editor(&gate))
        .send()
        .allowed(200);
}
