//! How it is decided: rules 27 to 39.

use super::{BROKEN, PATH, PORTAL, STOP, ask, does_not_start};
use crate::support::gate::TestGate;
use palisade::clock::Clock;
use palisade::reason::Reason;
use serde_json::json;

#[test]
fn rule_27_guards_hold_over_a_platform_policy_that_permits_everything() {
    let open = "@id(\"open\")\npermit (principal, action, resource);\n";
    let gate = TestGate::builder().policy("open", open).start();
    ask(&gate, PATH, &gate.issuer.user("ana").role("none")).allowed(200);
    ask(&gate, PATH, &gate.issuer.user("ana").scope("")).refused(Reason::PolicyDenied);
    ask(
        &gate,
        "/app/v1/missions?workspaceId=globex-prod",
        &gate.issuer.user("ana"),
    )
    .refused(Reason::OutsideTenant);
}

#[test]
fn rule_27_a_policy_file_without_policies_does_not_start() {
    for text in ["", "// nothing\n"] {
        does_not_start(TestGate::builder().policy("empty", text), "empty.cedar");
    }
}

#[test]
fn rule_27_a_policy_file_that_is_being_written_is_not_believed() {
    let whole = format!("@id(\"all\")\npermit (principal, action, resource);\n{STOP}");
    let half = &whole[..whole.find("@id(\"stop\")").expect("it has two policies")];
    let gate = TestGate::builder()
        .set("/reload", json!({"debounce": "3s", "poll": "100ms"}))
        .policy("two", &whole)
        .start();
    for _ in 0..50 {
        gate.files.overwrite("policies/two.cedar", half);
        ask(&gate, PATH, &gate.issuer.user("ana")).refused(Reason::PolicyDenied);
        gate.files.overwrite("policies/two.cedar", &whole);
        ask(&gate, PATH, &gate.issuer.user("ana")).refused(Reason::PolicyDenied);
    }
    assert_eq!(gate.loads(), 1.0, "only the one at start");
}

#[test]
fn rule_28_a_guard_file_may_add_but_a_narrow_head_is_refused() {
    let narrow = "@id(\"narrow\")\n@isolation\nforbid (principal, action == Tenancy::Action::\"app/missions/list\", resource);\n";
    does_not_start(
        TestGate::builder().file("policies/guard.cedar", narrow),
        "guard.cedar",
    );
}

#[test]
fn rule_28_a_guard_that_could_err_or_permit_is_no_guard() {
    for guard in [
        // No `has` before the attribute: where it is absent, Cedar would skip the guard.
        "@id(\"g\")\nforbid (principal, action, resource) unless { principal.account == resource.account };\n",
        "@id(\"g\")\nforbid (principal, action, resource) when { principal has account };\n",
        "@id(\"g\")\npermit (principal, action, resource);\n",
    ] {
        does_not_start(
            TestGate::builder().file("policies/guard.cedar", guard),
            "guard.cedar",
        );
    }
    let added = "@id(\"guard.office\")\n@reason(\"only from this machine\")\nforbid (principal, action, resource) unless { context has ip && context.ip.isInRange(ip(\"10.0.0.0/8\")) };\n";
    let gate = TestGate::builder()
        .file("policies/guard.cedar", added)
        .start();
    ask(&gate, PATH, &gate.issuer.user("ana")).refused(Reason::PolicyDenied);
    let record = gate.only_record();
    assert_eq!(
        record["policies"],
        json!(["platform/guard/guard.office"]),
        "{record}"
    );
}

#[test]
fn rule_29_an_action_that_no_route_declares_is_no_question() {
    // A policy cannot even name it, whatever layer it is in.
    let sleeping = "@id(\"sleeping\")\nforbid (principal, action == Tenancy::Action::\"app/nothing/list\", resource);\n";
    does_not_start(
        TestGate::builder().policy("sleeping", sleeping),
        "app/nothing/list",
    );
    let gate = TestGate::builder().overlay("acme", sleeping).start();
    ask(&gate, PATH, &gate.issuer.user("ana")).refused(Reason::OverlayUnavailable);
    // And what a caller may ask is bound to what it is: no question of a Principal is a member's.
    let gate = TestGate::builder()
        .policy(
            "open",
            "@id(\"open\")\npermit (principal, action, resource);\n",
        )
        .start();
    ask(&gate, PATH, &gate.issuer.principal("root")).refused(Reason::PortalNeedsPrincipal);
    ask(
        &gate,
        PORTAL,
        &gate.issuer.machine("hr-sync").context("portal"),
    )
    .refused(Reason::PortalNeedsPrincipal);
    gate.upstream.saw_nothing();
}

#[test]
fn rule_30_a_forbid_on_an_account_reaches_everything_in_it() {
    let forbid =
        "@id(\"frozen\")\nforbid (principal, action, resource in Tenancy::Account::\"acme\");\n";
    let gate = TestGate::builder().policy("frozen", forbid).start();
    ask(&gate, PATH, &gate.issuer.user("ana")).refused(Reason::PolicyDenied);
    ask(&gate, "/app/v1/missions/m-1", &gate.issuer.user("ana")).refused(Reason::PolicyDenied);
    let bo = gate
        .issuer
        .user("bo")
        .account("globex")
        .workspace("globex-prod");
    ask(&gate, PATH, &bo).allowed(200);
}

#[test]
fn rule_31_a_user_changes_its_own_profile_and_no_other() {
    let gate = TestGate::start();
    let ana = gate.issuer.user("ana").sign();
    let put = |user: &str, more: &str| {
        let request = gate.request("PUT", &format!("/app/v1/users/{user}{more}"));
        let request = request
            .header("content-type", "application/json")
            .body(b"{}");
        request.bearer(&ana).send()
    };
    put("ana", "").allowed(200);
    put("edi", "").refused(Reason::PolicyDenied);
    put("ANA", "").refused(Reason::PolicyDenied);
    // Who owns it is what the path says, not what the query wishes.
    let wished = put("edi", "?userId=ana");
    assert!([400, 403].contains(&wished.status), "{}", wished.text());
    assert_eq!(gate.upstream.requests().len(), 1);
}

#[test]
fn rule_32_the_record_of_an_allow_shows_that_cedar_agreed_with_scope() {
    let gate = TestGate::start();
    ask(&gate, PATH, &gate.issuer.user("ana")).allowed(200);
    let record = gate.only_record().to_string();
    assert!(
        record.contains("platform/"),
        "no determining policy: {record}"
    );
    let metrics = gate.metrics();
    assert_eq!(metrics.sum("palisade_policy_determining_total", &[]), 1.0);
    assert_eq!(
        metrics.sum("palisade_isolation_disagreement_total", &[]),
        0.0
    );
}

#[test]
fn rule_32_token_references_and_scope_reach_the_policies_on_three_ways() {
    // In a catalog the three differ: the resource lies there, the request is made from here, and the
    // caller is a member of neither more nor less than what its token says.
    let three = "@id(\"three\")\nforbid (principal, action, resource)\nunless {\n  resource has workspace && resource.workspace == Tenancy::Workspace::\"catalog/catalog-01\" &&\n  resource.account == Tenancy::Account::\"catalog\" &&\n  context has workspace && context.workspace == Tenancy::Workspace::\"acme/acme-prod\" &&\n  principal has account && principal.account == Tenancy::Account::\"acme\" &&\n  principal has workspaces && principal.workspaces == [Tenancy::Workspace::\"acme/acme-prod\"]\n};\n";
    let gate = TestGate::builder().policy("three", three).start();
    let quizzes = "/app/v1/quizzes";
    let catalog = format!("{quizzes}?catalogWorkspaceId=catalog-01");
    ask(&gate, &catalog, &gate.issuer.user("ana")).allowed(200);
    ask(&gate, quizzes, &gate.issuer.user("ana")).refused(Reason::PolicyDenied);
    let machine = gate.issuer.machine("hr-sync");
    ask(&gate, &catalog, &machine).allowed(200);
}

#[test]
fn rule_33_a_bad_overlay_leaves_the_last_good_one_in_force() {
    let mut gate = TestGate::builder().overlay("acme", STOP).start();
    let globex = gate.issuer.user("gil").account("globex");
    let globex = globex
        .workspace("globex-prod")
        .claim("client_id", "client-globex-prod");
    let ana = gate.issuer.user("ana");
    ask(&gate, PATH, &ana).refused(Reason::PolicyDenied);
    gate.change(|files| files.put("tenants/acme.cedar", BROKEN));
    gate.has_warning("policy_syntax", "tenants/acme.cedar");
    ask(&gate, PATH, &ana).refused(Reason::PolicyDenied);
    ask(&gate, PATH, &globex).allowed(200);
    let serves = &gate.status()["overlays_quarantined"][0];
    assert_eq!(serves["account"], "acme");
    assert_eq!(serves["serves"], "last good");
    // It outlives another reload, and another bad text.
    gate.change(|files| files.put("tenants/acme.cedar", ""));
    gate.change(|files| files.tenant("globex", "/plan", json!("enterprise")));
    ask(&gate, PATH, &ana).refused(Reason::PolicyDenied);
    gate.change(|files| {
        files.put(
            "tenants/acme.cedar",
            "@id(\"none\")\nforbid (principal, action, resource) when { false };\n",
        );
    });
    ask(&gate, PATH, &ana).allowed(200);
    assert_eq!(gate.status()["overlays_quarantined"], json!([]));
}

#[test]
fn rule_33_without_a_last_good_overlay_that_account_alone_is_denied() {
    let mut gate = TestGate::start();
    let globex = gate.issuer.user("gil").account("globex");
    let globex = globex
        .workspace("globex-prod")
        .claim("client_id", "client-globex-prod");
    gate.change(|files| files.put("tenants/acme.cedar", BROKEN));
    ask(&gate, PATH, &gate.issuer.user("ana")).refused(Reason::OverlayUnavailable);
    ask(&gate, PATH, &globex).allowed(200);
    let serves = &gate.status()["overlays_quarantined"][0];
    assert_eq!(serves["account"], "acme");
    assert_eq!(serves["serves"], "nothing");
}

#[test]
fn rule_34_an_overlay_beyond_its_budget_takes_out_its_own_account_alone() {
    let forbid = |at: usize, condition: &str| {
        format!("@id(\"p{at}\")\nforbid (principal, action, resource) when {{ {condition} }};\n")
    };
    let many = |count: usize, condition: &str| -> String {
        (0..count).map(|at| forbid(at, condition)).collect()
    };
    let plain = "resource.kind == \"nothing\"";
    let long = format!("// {}\n{}", "x".repeat(64 << 10), forbid(0, plain));
    let alternatives = [plain; 40].join(" || ");
    let pattern = format!("resource.kind like \"{}\"", "*x".repeat(9));
    let brackets = format!("{}true{}", "(".repeat(65), ")".repeat(65));
    let beyond = [
        ("bytes", long),
        ("policies", many(101, plain)),
        ("nodes", many(90, &alternatives)),
        ("stars", forbid(0, &pattern)),
        ("depth", forbid(0, &brackets)),
        (
            "template",
            "@id(\"t\")\nforbid (principal == ?principal, action, resource);\n".to_owned(),
        ),
        (
            "annotation",
            format!("@admin(\"yes\")\n{}", forbid(0, plain)),
        ),
        (
            "id",
            "@id(\"a b\")\nforbid (principal, action, resource) when { false };\n".to_owned(),
        ),
        (
            "an end of a forbid",
            format!("@not_after(\"2099-01-01T00:00:00Z\")\n{}", forbid(0, plain)),
        ),
        ("no policy", "// nothing\n".to_owned()),
    ];
    for (what, text) in beyond {
        let gate = TestGate::builder().overlay("acme", &text).start();
        let reply = ask(&gate, PATH, &gate.issuer.user("ana"));
        assert_eq!(
            reply.json()["code"],
            Reason::OverlayUnavailable.code(),
            "{what}"
        );
        let bo = gate.issuer.user("bo").account("globex");
        ask(&gate, PATH, &bo.workspace("globex-prod")).allowed(200);
    }
    let within = many(100, plain);
    let gate = TestGate::builder().overlay("acme", &within).start();
    ask(&gate, PATH, &gate.issuer.user("ana")).allowed(200);
}

#[test]
fn rule_35_a_suspension_does_not_wait_for_another_file() {
    let mut gate = TestGate::builder()
        .set("/revocations", json!("revocations.yaml"))
        .file("revocations.yaml", "jti: [listed]\n")
        .start();
    let ana = || gate.issuer.user("ana");
    let tokens = [
        ana(),
        ana().claim("jti", "another"),
        ana().claim("jti", "listed"),
    ];
    let [plain, another, listed] = tokens.map(|token| token.sign());
    let get = |gate: &TestGate, token: &str| gate.get(PATH).bearer(token).send();
    for broken in ["policies/broken.cedar", "palisade.yaml"] {
        let former = std::fs::read_to_string(gate.files.path(broken)).unwrap_or_default();
        gate.change(|files| files.put(broken, "{ not: [good"));
        get(&gate, &plain).allowed(200);
        get(&gate, &listed).refused(Reason::TokenRevoked);
        gate.change(|files| files.put("revocations.yaml", "jti: [another]\n"));
        get(&gate, &another).refused(Reason::TokenRevoked);
        // What was revoked stays so until the whole is good again.
        get(&gate, &listed).refused(Reason::TokenRevoked);
        gate.change(|files| files.tenant("acme", "/status", json!("suspended")));
        get(&gate, &plain).refused(Reason::AccountSuspended);
        assert_eq!(gate.status()["reload"]["ok"], false);
        gate.change(|files| {
            files.tenant("acme", "/status", json!("active"));
        });
        get(&gate, &plain).allowed(200);
        gate.change(|files| files.put("revocations.yaml", "jti: [listed]\n"));
        gate.change(|files| {
            if former.is_empty() {
                files.remove(broken);
            } else {
                files.put(broken, &former);
            }
        });
        gate.loads_well();
        get(&gate, &another).allowed(200);
    }
}

#[test]
fn rule_35_nothing_becomes_wider_while_a_file_is_broken() {
    let mut gate = TestGate::builder()
        .tenant("acme", "/status", json!("suspended"))
        .tenant(
            "acme",
            "/not_before",
            json!({"account": "2999-01-01T00:00:00Z"}),
        )
        .start();
    let ana = gate.issuer.user("ana");
    let refused = |gate: &TestGate| ask(gate, PATH, &ana).status;
    assert_eq!(refused(&gate), 401);
    gate.change(|files| files.put("policies/broken.cedar", BROKEN));
    gate.change(|files| files.tenant("acme", "/status", json!("active")));
    gate.change(|files| files.tenant("acme", "/not_before", json!({})));
    assert_eq!(refused(&gate), 401);
    gate.change(|files| files.remove("policies/broken.cedar"));
    ask(&gate, PATH, &ana).allowed(200);
}

#[test]
fn rule_35_what_changed_while_another_file_was_broken_holds_once_it_is_mended() {
    let mut gate = TestGate::builder().start();
    let ana = gate.issuer.user("ana");
    ask(&gate, PATH, &ana).allowed(200);
    gate.change(|files| files.put("policies/broken.cedar", BROKEN));
    gate.change(|files| files.put("tenants/acme.cedar", STOP));
    ask(&gate, PATH, &ana).allowed(200);
    gate.change(|files| files.remove("policies/broken.cedar"));
    ask(&gate, PATH, &ana).refused(Reason::PolicyDenied);
}

#[test]
fn rule_35_a_suspension_does_not_wait_for_a_file_that_is_written_without_end() {
    let mut gate = TestGate::builder()
        .set("/reload", json!({"debounce": "300ms"}))
        .start();
    let ana = gate.issuer.user("ana");
    gate.files.tenant("acme", "/status", json!("suspended"));
    let mut note = 0;
    crate::support::eventually("it is suspended", || {
        note += 1;
        let text = format!("@id(\"busy-{note}\")\n{}", &STOP[12..]);
        gate.files.overwrite("policies/busy.cedar", &text);
        let reply = ask(&gate, PATH, &ana);
        assert_eq!(gate.loads(), 1.0, "the file was believed");
        (reply.status == Reason::AccountSuspended.status()).then_some(())
    });
    ask(&gate, PATH, &ana).refused(Reason::AccountSuspended);
}

#[test]
fn rule_36_an_account_equals_its_file_and_a_clash_loses() {
    let claim = json!([{"id": "acme-prod", "clients": ["client-newcomer"]}, {"id": "globex-prod", "clients": ["client-globex-prod"]}]);
    let gate = TestGate::builder()
        .tenant("globex", "/workspaces", claim)
        .start();
    ask(&gate, PATH, &gate.issuer.user("ana")).allowed(200);
    let newcomer = gate
        .issuer
        .user("bo")
        .account("globex")
        .workspace("acme-prod")
        .claim("client_id", "client-newcomer");
    let reply = ask(&gate, PATH, &newcomer);
    assert!([401, 403].contains(&reply.status), "{}", reply.text());
    assert_eq!(gate.upstream.requests().len(), 1);

    let gate = TestGate::builder()
        .tenant("globex", "/account", json!("acme"))
        .start();
    ask(&gate, PATH, &gate.issuer.user("ana")).allowed(200);
    let bo = gate
        .issuer
        .user("bo")
        .account("globex")
        .workspace("globex-prod");
    assert_ne!(ask(&gate, PATH, &bo).status, 200);
}

#[test]
fn rule_36_who_serves_keeps_its_ids_whatever_a_newcomer_is_called() {
    let mut gate = TestGate::start();
    let thief = json!({
        "account": "aaa", "plan": "standard", "issuers": ["cosmos"],
        "workspaces": [{"id": "acme-prod", "clients": ["client-acme-prod"]}],
    });
    gate.change(|files| files.put("tenants/aaa.yaml", &thief.to_string()));
    gate.has_warning("tenant_duplicate_id", "tenants/aaa.yaml");
    let ana = gate.issuer.user("ana");
    ask(&gate, PATH, &ana).allowed(200);
    let stolen = gate.issuer.user("ana").account("aaa");
    ask(&gate, PATH, &stolen).refused(Reason::IssuerNotForAccount);
    // An account that grabs what is another's keeps what it had, and is no less suspended.
    let gil = gate.issuer.user("gil").account("globex");
    let gil = gil
        .workspace("globex-prod")
        .claim("client_id", "client-globex-prod");
    let grabbed = json!({"id": "acme-two", "clients": []});
    gate.change(|files| files.tenant("globex", "/workspaces/-", grabbed));
    gate.has_warning("tenant_duplicate_id", "tenants/globex.yaml");
    ask(&gate, PATH, &gil).allowed(200);
    gate.change(|files| files.tenant("globex", "/status", json!("suspended")));
    ask(&gate, PATH, &gil).refused(Reason::AccountSuspended);
    // Given up by one, they can be the other's.
    gate.change(|files| files.remove("tenants/acme.yaml"));
    ask(&gate, PATH, &ana).refused(Reason::IssuerNotForAccount);
    ask(&gate, PATH, &stolen).allowed(200);
}

#[test]
fn rule_36_a_bad_tenant_file_leaves_its_last_good_entry_and_never_a_wider_one() {
    let mut gate = TestGate::start();
    let ana = gate.issuer.user("ana");
    gate.change(|files| files.put("tenants/acme.yaml", "account: [\n"));
    gate.has_warning("document_syntax", "tenants/acme.yaml");
    ask(&gate, PATH, &ana).allowed(200);
    gate.change(|files| files.tenant("acme", "/colour", json!("red")));
    ask(&gate, PATH, &ana).allowed(200);
    gate.change(|files| files.tenant("acme", "/status", json!("suspended")));
    gate.has_warning("config_unknown_key", "tenants/acme.yaml");
    ask(&gate, PATH, &ana).refused(Reason::AccountSuspended);
    gate.change(|files| files.tenant("acme", "/status", json!("active")));
    ask(&gate, PATH, &ana).refused(Reason::AccountSuspended);
    gate.change(|files| files.put("tenants/acme.yaml", "account: [\n"));
    ask(&gate, PATH, &ana).refused(Reason::AccountSuspended);
}

#[test]
fn rule_37_a_cached_allow_ends_with_the_grant() {
    let clock = Clock::manual(Clock::system().now());
    let until = clock.now().plus_millis(60_000).rfc3339();
    let gate = TestGate::builder()
        .clock(&clock)
        .set("/issuers/0/principals/sub-sue/until", json!(until))
        .start();
    let sue = gate.issuer.principal("sue").sign();
    gate.get(PORTAL).bearer(&sue).send().allowed(200);
    gate.get(PORTAL).bearer(&sue).send().allowed(200);
    clock.advance(61_000);
    gate.get(PORTAL)
        .bearer(&sue)
        .send()
        .refused(Reason::GrantMissing);
}

#[test]
fn rule_38_no_user_can_raise_the_alarm() {
    let gate = TestGate::start();
    ask(&gate, PATH, &gate.issuer.user("ana").scope("")).refused(Reason::PolicyDenied);
    ask(&gate, PATH, &gate.issuer.user("ana").role("none")).refused(Reason::PolicyDenied);
    ask(
        &gate,
        "/app/v1/missions?workspaceId=x",
        &gate.issuer.user("ana"),
    )
    .refused(Reason::OutsideTenant);
    assert_eq!(
        gate.metrics()
            .sum("palisade_isolation_disagreement_total", &[]),
        0.0
    );
}

#[test]
fn rule_39_outside_and_unknown_are_one_code() {
    let gate = TestGate::start();
    for query in [
        "accountId=globex",
        "accountId=unknown",
        "workspaceId=globex-prod",
        "workspaceId=unknown",
    ] {
        ask(&gate, &format!("{PATH}?{query}"), &gate.issuer.user("ana"))
            .refused(Reason::OutsideTenant);
    }
}

#[test]
fn rule_39_what_an_accounts_policy_says_reaches_no_reply() {
    let gate = TestGate::builder()
        .overlay("acme", "@id(\"hidden-id\")\n@reason(\"hidden-reason\")\nforbid (principal, action, resource);\n")
        .start();
    let reply = ask(&gate, PATH, &gate.issuer.user("ana"));
    reply.refused(Reason::PolicyDenied);
    let told = format!("{:?} {}", reply.message.headers, reply.text());
    assert!(!told.contains("hidden"), "{told}");
    let record = gate.only_record();
    assert_eq!(record["policies"], json!(["account/acme/hidden-id"]));
}
