//! Principals that read inside a workspace: for what reason, until when, and what is told of it.

use crate::streams::Streaming;
use crate::support::client::Request;
use crate::support::gate::{Builder, TestGate};
use palisade::clock::Clock;
use palisade::reason::Reason;
use serde_json::{Value, json};

const PATH: &str = "/app/v1/missions";
const QUIZZES: &str = "/app/v1/quizzes?catalogWorkspaceId=catalog-01";
const PORTAL: &str = "/portal/v1/accounts/acme";
const UNTIL: &str = "/issuers/0/principals/sub-sue/until";

/// A gate where Principals act in.
fn open() -> Builder {
    TestGate::builder().set("/principals", json!({"act_in": true}))
}

/// As the record says it.
fn named(workspace: &str) -> Value {
    json!([{"place": "header x-palisade-act-in", "value": workspace}])
}

/// What `sue`, support of acme, asks inside acme-prod.
fn sue(gate: &TestGate, path: &str) -> Request {
    let token = gate.issuer.principal("sue").sign();
    let request = gate.get(path).bearer(&token);
    request
        .header("x-palisade-act-in", "acme-prod")
        .header("X-Palisade-Reason", "case 7: cannot see missions")
}

#[test]
fn support_reads_a_workspace_and_the_record_says_why() {
    let gate = open().start();
    sue(&gate, PATH).send().allowed(200);
    let seen = gate.upstream.only();
    let told = |name: &str| seen.header(&format!("x-palisade-{name}"));
    assert_eq!(told("account"), Some("acme"));
    assert_eq!(told("workspace"), Some("acme-prod"));
    assert_eq!(told("context"), Some("app"));
    assert_eq!(told("principal"), Some("sue"));
    for not_said in ["user", "role", "actor", "act-in", "reason"] {
        assert_eq!(told(not_said), None, "{not_said}");
    }
    let record = gate.only_record();
    assert_eq!(record["caller"], "principal");
    assert_eq!(record["workspace"], "acme-prod");
    assert_eq!(record["stated_reason"], "case 7: cannot see missions");
    assert_eq!(record["references"], named("acme-prod"));
    assert_eq!(
        record["policies"],
        json!(["platform/baseline/base.support"])
    );
}

#[test]
fn a_refused_attempt_is_recorded_with_its_reason_too_and_a_users_words_are_not() {
    let gate = open().start();
    let ana = gate.issuer.user("ana").sign();
    let words = |request: Request| request.header("x-palisade-reason", "just so").send();
    words(gate.get(PATH).bearer(&ana)).allowed(200);
    let sue = gate.issuer.principal("sue").sign();
    let elsewhere = gate.get(PATH).bearer(&sue);
    words(elsewhere.header("x-palisade-act-in", "globex-prod")).refused(Reason::GrantMissing);
    let records = gate.audit(2);
    assert!(records[0].get("stated_reason").is_none(), "{}", records[0]);
    assert_eq!(records[1]["stated_reason"], "just so");
    assert_eq!(records[1]["references"], named("globex-prod"));
    assert_eq!(gate.upstream.only().header("x-palisade-reason"), None);
    // Whoever is none tries it in vain, and the record says where.
    let spoofed = gate.get(PATH).bearer(&ana);
    let spoofed = spoofed.header("X_Palisade_Act-In", "globex-prod");
    spoofed.send().refused(Reason::ActInRefused);
    assert_eq!(gate.audit(3)[2]["references"], named("globex-prod"));
    let stranger = gate.get(PATH).header("x-palisade-act-in", "globex-prod");
    stranger.send().refused(Reason::TokenMissing);
    assert!(gate.audit(4)[3].get("references").is_none());
}

#[test]
fn either_header_twice_is_ambiguous_whoever_sends_it() {
    let gate = open().start();
    let ana = gate.issuer.user("ana").sign();
    let doubled = [
        sue(&gate, PATH).header("x-palisade-act-in", "acme-prod"),
        sue(&gate, PATH).header("x_palisade_reason", "case 8"),
        gate.get(PATH)
            .bearer(&ana)
            .header("x-palisade-reason", "a")
            .header("x-palisade-reason", "b"),
    ];
    for request in doubled {
        request.send().refused(Reason::RequestAmbiguous);
    }
    let long = "x".repeat(257);
    let request = gate.get(PATH).bearer(&ana);
    let reply = request.header("x-palisade-reason", &long).send();
    reply.refused(Reason::HeadersTooLarge);
    gate.upstream.saw_nothing();
}

#[test]
fn what_is_named_beside_is_the_workspace_and_a_catalog_that_it_reads() {
    let gate = open().start();
    let other = format!("{PATH}?workspaceId=acme-two");
    sue(&gate, &other).send().refused(Reason::OutsideTenant);
    let reply = sue(&gate, PATH).header("x-workspace-id", "globex-prod");
    reply.send().refused(Reason::OutsideTenant);
    let reply = sue(&gate, PATH).header("x-user-id", "ana");
    reply.send().refused(Reason::ImpersonationRefused);
    gate.upstream.saw_nothing();
    sue(&gate, QUIZZES).send().allowed(200);
    let seen = gate.upstream.only();
    let catalog = seen.header("x-palisade-catalog-workspace");
    assert_eq!(catalog, Some("catalog-01"));
}

#[test]
fn an_account_may_forbid_support_and_keeps_the_portal_open() {
    let stop = "@id(\"no-support\")\nforbid (principal is Tenancy::Principal, action, resource) unless { context has reason && context.reason like \"case *\" };\n";
    let mut gate = open().overlay("acme", stop).start();
    sue(&gate, PATH).send().allowed(200);
    let token = gate.issuer.principal("sue").sign();
    let curious = gate
        .get(PATH)
        .bearer(&token)
        .header("x-palisade-act-in", "acme-prod")
        .header("x-palisade-reason", "curious");
    // Whoever was allowed before for a good reason is not for another, nor from the cache.
    for _ in 0..2 {
        curious.send().refused(Reason::PolicyDenied);
        sue(&gate, PATH).send().allowed(200);
    }
    gate.change(|files| {
        let never =
            "@id(\"no-support\")\nforbid (principal is Tenancy::Principal, action, resource);\n";
        files.put("tenants/acme.cedar", never);
    });
    sue(&gate, PATH).send().refused(Reason::PolicyDenied);
    gate.get(PORTAL).bearer(&token).send().allowed(200);
}

#[test]
fn a_suspended_account_or_workspace_is_closed_to_support_too() {
    let mut gate = open().start();
    sue(&gate, PATH).send().allowed(200);
    gate.change(|files| files.tenant("acme", "/workspaces/0/status", json!("suspended")));
    sue(&gate, PATH).send().refused(Reason::WorkspaceSuspended);
    gate.change(|files| files.tenant("acme", "/status", json!("suspended")));
    sue(&gate, PATH).send().refused(Reason::AccountSuspended);
    let token = gate.issuer.principal("sue").sign();
    gate.get(PORTAL).bearer(&token).send().allowed(200);
}

#[test]
fn who_is_granted_an_account_and_has_no_role_reads_nothing() {
    let roleless = json!({"roles": ["auditor"], "accounts": ["acme"]});
    let gate = open()
        .set("/issuers/0/principals/sub-aud", roleless)
        .start();
    let token = gate.issuer.principal("aud").sign();
    let request = gate.get(PATH).bearer(&token);
    let request = request.header("x-palisade-act-in", "acme-prod");
    let reply = request.header("x-palisade-reason", "case 7").send();
    reply.refused(Reason::PolicyDenied);
    // What the baseline keeps to admins of the workspace, support does not see either.
    sue(&gate, "/dashboard/v1/users")
        .send()
        .refused(Reason::PolicyDenied);
    gate.upstream.saw_nothing();
}

#[test]
fn a_policy_asks_for_a_reason_in_the_portal() {
    let asking = "@id(\"why\")\nforbid (principal, action in Tenancy::Action::\"portal\", resource) unless { context has reason };\n";
    let gate = TestGate::builder().policy("why", asking).start();
    let token = gate.issuer.principal("sue").sign();
    let ask = || gate.get(PORTAL).bearer(&token);
    for _ in 0..2 {
        ask().send().refused(Reason::PolicyDenied);
        let blank = ask().header("x-palisade-reason", "  ").send();
        blank.refused(Reason::PolicyDenied);
        let stated = ask().header("x-palisade-reason", "case 7").send();
        stated.allowed(200);
    }
    let records = gate.audit(6);
    let stated: Vec<_> = records.iter().map(|one| &one["stated_reason"]).collect();
    let (none, case) = (json!(null), json!("case 7"));
    assert_eq!(stated, [&none, &none, &case, &none, &none, &case]);
}

#[test]
fn an_allow_inside_a_workspace_ends_with_the_grant_and_so_does_its_stream() {
    let clock = Clock::manual(Clock::system().now());
    let until = clock.now().plus_millis(60_000).rfc3339();
    let arrange = |builder: Builder| {
        let builder = builder.set("/principals", json!({"act_in": true}));
        builder.clock(&clock).set(UNTIL, json!(until))
    };
    let mut streaming = Streaming::start(arrange);
    let request = sue(&streaming.gate, PATH);
    let mut stream = streaming.open(&request);
    let second = streaming.open(&request);
    stream.hears("first");
    assert_eq!(streaming.gate.audit(2)[1]["cached"], true);
    clock.advance(61_000);
    request.send().refused(Reason::GrantMissing);
    stream.ends();
    second.ends();
    streaming.ended("grant_missing", 2.0);
}

#[test]
fn a_grant_that_is_shortened_ends_streams_at_its_new_end() {
    let clock = Clock::manual(Clock::system().now());
    let until = |seconds: i64| json!(clock.now().plus_millis(seconds * 1000).rfc3339());
    let arrange = |builder: Builder| {
        let builder = builder.set("/principals", json!({"act_in": true}));
        builder.clock(&clock).set(UNTIL, until(1_000))
    };
    let mut streaming = Streaming::start(arrange);
    let request = sue(&streaming.gate, PATH);
    let mut stream = streaming.open(&request);
    let shorter = until(60);
    streaming.gate.change(|files| files.set(UNTIL, shorter));
    streaming.say("still");
    stream.hears("still");
    clock.advance(61_000);
    stream.ends();
    streaming.ended("grant_missing", 1.0);
}

#[test]
fn what_is_switched_off_ends_at_once() {
    let arrange = |builder: Builder| builder.set("/principals", json!({"act_in": true}));
    let mut streaming = Streaming::start(arrange);
    let request = sue(&streaming.gate, PATH);
    let stream = streaming.open(&request);
    let gate = &mut streaming.gate;
    gate.change(|files| files.set("/principals", json!({"act_in": false})));
    request.send().refused(Reason::PortalNeedsPrincipal);
    stream.ends();
    streaming.ended("portal_needs_principal", 1.0);
    let gate = &mut streaming.gate;
    gate.change(|files| files.set("/principals", json!({"act_in": true})));
    streaming.open(&request);
}

#[test]
fn support_pays_from_its_own_bucket_and_not_from_the_accounts() {
    let now = Clock::system().now();
    let gate = TestGate::builder()
        .set(
            "/principals",
            json!({"act_in": true, "requests": "1/s", "burst": 2}),
        )
        .set("/plans/enterprise", json!({"requests": "1/s"}))
        .clock(&Clock::manual(now))
        .start();
    sue(&gate, PATH).send().allowed(200);
    sue(&gate, PATH).send().allowed(200);
    sue(&gate, PATH).send().refused(Reason::RateLimited);
    let ana = gate.issuer.user("ana").sign();
    gate.get(PATH).bearer(&ana).send().allowed(200);
}

#[test]
fn without_a_second_factor_among_the_claims_nobody_acts_in_and_the_start_warns() {
    let gate = open().set("/issuers/0/claims", json!({})).start();
    sue(&gate, PATH).send().refused(Reason::ActInRefused);
    gate.has_warning("issuer_act_in", "palisade.yaml");
}

#[test]
fn policies_about_reads_have_to_hold_for_principals_once_they_act_in() {
    let tied = "@id(\"tied\")\nforbid (principal, action in Tenancy::Action::\"read\", resource is Tenancy::Resource) when { principal.account != resource.account };\n";
    let mut gate = TestGate::builder().overlay("acme", tied).start();
    let ana = gate.get(PATH).bearer(&gate.issuer.user("ana").sign());
    ana.send().allowed(200);
    // A Principal has no account: the text cannot serve any more, and without it nobody knows what it
    // would forbid.
    gate.change(|files| files.set("/principals", json!({"act_in": true})));
    ana.send().refused(Reason::OverlayUnavailable);
    sue(&gate, PATH).send().refused(Reason::OverlayUnavailable);
    let mended = tied.replace("when {", "when { principal is Tenancy::User &&");
    gate.change(|files| files.put("tenants/acme.cedar", &mended));
    ana.send().allowed(200);
    sue(&gate, PATH).send().allowed(200);
}

#[test]
fn reasons_that_no_policy_tells_apart_share_an_answer() {
    let gate = open().start();
    let ask = |reason: &str| {
        let token = gate.issuer.principal("sue").claim("jti", "one").sign();
        let request = gate.get(PATH).bearer(&token);
        let request = request.header("x-palisade-act-in", "acme-prod");
        request.header("x-palisade-reason", reason).send()
    };
    ask("case 7").allowed(200);
    ask("case 8").allowed(200);
    let records = gate.audit(2);
    assert_eq!(
        (&records[0]["cached"], &records[1]["cached"]),
        (&json!(false), &json!(true))
    );
    assert_eq!(records[1]["stated_reason"], "case 8");
}

#[test]
fn a_websocket_is_more_than_a_read() {
    let live = json!({"context": "app", "match": "GET /app/v1/live", "action": "live/get",
        "upstream": "api", "websocket": true});
    let gate = open().route(live).start();
    let plain = || sue(&gate, "/app/v1/live");
    let handshake = plain()
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("sec-websocket-version", "13");
    handshake.send().refused(Reason::ActInRefused);
    gate.upstream.saw_nothing();
    plain().send().allowed(200);
}
