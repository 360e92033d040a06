//! The rules of isolation, one test or more for each that applies so far, named after the rule.
//! Rules that a module holds alone have their tests there; here they are seen from outside.

use crate::support::assertion::{AUDIENCE, Assertion, ED25519, asserting};
use crate::support::gate::{Builder, TestGate};
use crate::support::issuer::{ISS, Token};
use crate::support::keys::Key;
use palisade::clock::{Clock, Timestamp};
use palisade::reason::Reason;
use serde_json::json;

const PATH: &str = "/app/v1/missions";
const BOARD: &str = "/dashboard/v1/missions";
const PORTAL: &str = "/portal/v1/accounts/acme";

#[track_caller]
fn ask(gate: &TestGate, path: &str, token: &Token) -> crate::support::client::Reply {
    gate.get(path).bearer(&token.sign()).send()
}

#[track_caller]
fn does_not_start(builder: Builder, word: &str) {
    let (started, _) = builder.try_start();
    let error = started.err().expect("it must not start");
    assert!(error.contains(word), "`{word}` is not in: {error}");
}

#[test]
fn rule_01_the_tokens_context_must_equal_the_routes() {
    let gate = TestGate::start();
    let ana = || gate.issuer.user("ana").role("admin");
    ask(&gate, BOARD, &ana()).refused(Reason::ContextMismatch);
    ask(&gate, PATH, &ana().context("dashboard")).refused(Reason::ContextMismatch);
    for context in ["App", "app ", "", "admin"] {
        let reply = ask(&gate, PATH, &ana().context(context));
        assert_eq!(reply.status, 403, "{context}: {}", reply.text());
    }
    gate.upstream.saw_nothing();
}

#[test]
fn rule_02_scopes_are_whole_strings_and_write_is_not_read() {
    let gate = TestGate::start();
    let ana = |scope: &str| gate.issuer.user("ana").scope(scope);
    for scope in [
        "",
        "app/write",
        "dashboard/read",
        "app/readx",
        "xapp/read",
        "app",
        "read",
        "app/READ",
        "app/*",
        "app/read,app/write",
    ] {
        ask(&gate, PATH, &ana(scope)).refused(Reason::PolicyDenied);
    }
    ask(&gate, PATH, &gate.issuer.user("ana").without("scope")).refused(Reason::PolicyDenied);
    gate.upstream.saw_nothing();
    ask(&gate, PATH, &ana("openid app/read")).allowed(200);
    let edi = gate
        .issuer
        .user("edi")
        .role("editor")
        .context("dashboard")
        .scope("dashboard/read");
    gate.post(BOARD, "{}")
        .bearer(&edi.sign())
        .send()
        .refused(Reason::PolicyDenied);
}

#[test]
fn rule_03_a_principal_id_alone_opens_no_portal() {
    let gate = TestGate::start();
    let user = gate
        .issuer
        .user("root")
        .claim("principalId", "root")
        .claim("sub", "sub-root")
        .role("admin");
    ask(&gate, PORTAL, &user).refused(Reason::PortalNeedsPrincipal);
    let disguised = user.context("portal");
    let reply = ask(&gate, PORTAL, &disguised);
    assert_eq!(reply.status, 403, "{}", reply.text());
    gate.upstream.saw_nothing();
}

#[test]
fn rule_03_tenant_claims_of_a_principal_must_be_absent_and_not_empty() {
    let gate = TestGate::start();
    for claim in ["accountId", "workspaceId", "userId"] {
        for value in [json!(null), json!(""), json!([]), json!(0), json!("acme")] {
            let token = gate.issuer.principal("root").claim(claim, value.clone());
            let reply = ask(&gate, PORTAL, &token);
            assert!(
                [401, 403].contains(&reply.status),
                "{claim} {value}: {}",
                reply.text()
            );
        }
    }
    gate.upstream.saw_nothing();
    ask(&gate, PORTAL, &gate.issuer.principal("root")).allowed(200);
}

#[test]
fn rule_03_only_a_portal_client_of_a_portal_issuer_mints_principals() {
    let gate = TestGate::start();
    let token = gate
        .issuer
        .principal("root")
        .claim("client_id", "client-acme-prod");
    let reply = ask(&gate, PORTAL, &token);
    assert!([401, 403].contains(&reply.status), "{}", reply.text());
    gate.upstream.saw_nothing();

    let gate = TestGate::builder()
        .set("/issuers/0/portal", json!(false))
        .set("/issuers/0/portal_clients", json!([]))
        .set("/issuers/0/principals", json!({}))
        .start();
    let reply = ask(&gate, PORTAL, &gate.issuer.principal("root"));
    assert!([401, 403].contains(&reply.status), "{}", reply.text());
    gate.upstream.saw_nothing();
}

#[test]
fn rule_04_a_user_token_is_never_completed_from_the_directory() {
    let gate = TestGate::start();
    for claim in ["accountId", "workspaceId", "userId"] {
        ask(&gate, PATH, &gate.issuer.user("ana").without(claim)).refused(Reason::ClaimMissing);
    }
    // The platform claim alone makes no machine of a user.
    let token = gate
        .issuer
        .user("ana")
        .without("accountId")
        .claim("platform", "m2m");
    ask(&gate, PATH, &token).refused(Reason::ClaimMissing);
    gate.upstream.saw_nothing();
}

#[test]
fn rule_04_a_machine_client_belongs_where_the_directory_says() {
    let gate = TestGate::start();
    ask(&gate, PATH, &gate.issuer.machine("hr-sync")).allowed(200);
    let seen = gate.upstream.only();
    assert_eq!(seen.header("x-palisade-account"), Some("acme"));
    assert_eq!(seen.header("x-palisade-user"), None);
    let reply = ask(
        &gate,
        PATH,
        &gate.issuer.machine("hr-sync").claim("accountId", "globex"),
    );
    assert_ne!(reply.status, 200, "{}", reply.text());
    let reply = ask(&gate, PATH, &gate.issuer.machine("client-acme-prod"));
    assert_ne!(
        reply.status,
        200,
        "a users' client is no machine: {}",
        reply.text()
    );
}

#[test]
fn rule_05_issuer_and_client_are_bound_to_account_and_workspace() {
    let gate = TestGate::start();
    let crossed = [
        gate.issuer.user("ana").claim("accountId", "globex"),
        gate.issuer.user("ana").claim("workspaceId", "acme-two"),
        gate.issuer.user("ana").claim("workspaceId", "globex-prod"),
        gate.issuer
            .user("ana")
            .claim("accountId", "globex")
            .claim("workspaceId", "globex-prod"),
        gate.issuer.user("ana").claim("accountId", "nowhere"),
    ];
    for token in &crossed {
        let reply = ask(&gate, PATH, token);
        assert_eq!(reply.status, 403, "{}", reply.text());
    }
    gate.upstream.saw_nothing();
    let gate = TestGate::builder()
        .tenant("acme", "/issuers", json!([]))
        .start();
    ask(&gate, PATH, &gate.issuer.user("ana")).refused(Reason::IssuerNotForAccount);
    let gate = TestGate::builder()
        .set("/issuers/0/accounts", json!([]))
        .start();
    ask(&gate, PATH, &gate.issuer.user("ana")).refused(Reason::IssuerNotForAccount);
}

#[test]
fn rule_05_two_issuers_with_one_iss_do_not_start() {
    let twin = json!({"name": "twin", "issuer": ISS, "preset": "oidc", "audiences": ["a"],
        "jwks": {"url": "http://127.0.0.1:1/jwks.json"}, "allow_local": true});
    does_not_start(TestGate::builder().set("/issuers/-", twin), "twin");
}

#[test]
fn rule_05_tenant_claims_are_strings_of_the_id_grammar() {
    let gate = TestGate::start();
    for value in [
        json!(["acme"]),
        json!({"id": "acme"}),
        json!(1),
        json!("ac/me"),
        json!("acme "),
        json!(""),
        json!(null),
        json!("a".repeat(65)),
    ] {
        let reply = ask(
            &gate,
            PATH,
            &gate.issuer.user("ana").claim("accountId", value.clone()),
        );
        assert!(
            [401, 403].contains(&reply.status),
            "{value}: {}",
            reply.text()
        );
    }
    gate.upstream.saw_nothing();
}

#[test]
fn rule_06_two_accounts_may_have_a_user_of_one_id() {
    let gate = TestGate::builder()
        .overlay("acme", "@id(\"no-ana\")\nforbid (principal == Tenancy::User::\"acme/ana\", action, resource);\n")
        .start();
    ask(&gate, PATH, &gate.issuer.user("ana")).refused(Reason::PolicyDenied);
    let other = gate
        .issuer
        .user("ana")
        .account("globex")
        .workspace("globex-prod");
    ask(&gate, PATH, &other).allowed(200);
}

#[test]
fn rule_07_an_unmapped_role_is_none_and_groups_of_other_tenants_grant_nothing() {
    let gate = TestGate::start();
    let norole = || gate.issuer.user("ana").without("role");
    ask(&gate, PATH, &norole()).refused(Reason::PolicyDenied);
    for group in [
        "admin",
        "globex-prod:admin",
        "globex/globex-prod/admin",
        "acme/acme-two/admin",
        "acme-two:admin",
    ] {
        let token = norole().claim("cognito:groups", json!([group]));
        ask(&gate, PATH, &token).refused(Reason::PolicyDenied);
    }
    gate.upstream.saw_nothing();
}

#[test]
fn rule_08_only_machine_clients_act_for_a_user() {
    let gate = TestGate::start();
    for token in [
        gate.issuer.user("ana"),
        gate.issuer.user("edi").role("admin"),
    ] {
        for name in ["x-user-id", "X-User-Id"] {
            let reply = gate
                .get(PATH)
                .bearer(&token.sign())
                .header(name, "edi")
                .send();
            reply.refused(Reason::ImpersonationRefused);
        }
    }
    let root = gate.issuer.principal("root").sign();
    let request = gate.get(PORTAL).bearer(&root).header("x-user-id", "ana");
    request.send().refused(Reason::ImpersonationRefused);
    gate.upstream.saw_nothing();
}

#[test]
fn rule_08_acting_for_a_user_asks_both_and_the_header_is_never_forwarded() {
    let gate = TestGate::start();
    let token = gate.issuer.machine("hr-sync").sign();
    let request = gate.get(PATH).bearer(&token).header("X_User_Id", "ana");
    request.send().allowed(200);
    let seen = gate.upstream.only();
    for (name, _) in &seen.message.headers {
        assert!(
            !name
                .to_ascii_lowercase()
                .replace('_', "-")
                .contains("user-id"),
            "{name}"
        );
    }
    assert_eq!(seen.header("x-palisade-actor"), Some("hr-sync"));
    // The directory knows the users: now the user is asked about too.
    let gate = TestGate::builder()
        .tenant("acme", "/workspaces/0/users", json!([{"id": "ana"}]))
        .start();
    let token = gate.issuer.machine("hr-sync").sign();
    let request = gate.get(PATH).bearer(&token).header("x-user-id", "ana");
    // She has no role there.
    request.send().refused(Reason::PolicyDenied);
    gate.upstream.saw_nothing();
}

#[test]
fn rule_09_a_key_that_left_the_set_stops_verifying_even_cached_tokens() {
    let clock = Clock::manual(Clock::system().now());
    let gate = TestGate::builder().clock(&clock).start();
    let old = gate.issuer.user("ana");
    let token = old.sign();
    gate.get(PATH).bearer(&token).send().allowed(200);
    gate.issuer.rotate_keys();
    clock.advance(31_000);
    let new = gate.issuer.user("ana").key(Key::NextRsa).sign();
    crate::support::eventually("the new key is known", || {
        (gate.get(PATH).bearer(&new).send().status == 200).then_some(())
    });
    gate.get(PATH)
        .bearer(&token)
        .send()
        .refused(Reason::TokenSignature);
}

#[test]
fn rule_10_not_before_is_held_against_auth_time_and_a_refresh_does_not_undo_it() {
    let now = Clock::system().now();
    let border = now.plus_millis(-1_800_000);
    let users = json!({"users": {"ana": border.rfc3339()}});
    let gate = TestGate::builder()
        .tenant("acme", "/not_before", users)
        .start();
    let seconds = |at: Timestamp| at.millis() / 1000;
    let before = seconds(border) - 60;
    let refreshed = gate.issuer.user("ana").claim("auth_time", before);
    ask(&gate, PATH, &refreshed).refused(Reason::TokenRevoked);
    let old = gate
        .issuer
        .user("ana")
        .without("auth_time")
        .claim("iat", before);
    ask(&gate, PATH, &old).refused(Reason::TokenRevoked);
    let dateless = gate.issuer.user("ana").without("auth_time").without("iat");
    ask(&gate, PATH, &dateless).refused(Reason::TokenRevoked);
    gate.upstream.saw_nothing();
    ask(&gate, PATH, &gate.issuer.user("ana")).allowed(200);
    ask(
        &gate,
        PATH,
        &gate.issuer.user("ben").claim("auth_time", before),
    )
    .allowed(200);
}

#[test]
fn rule_11_an_object_of_another_tenant_is_the_upstreams_to_refuse_and_it_is_told_the_tenant() {
    let gate = TestGate::start();
    ask(
        &gate,
        "/app/v1/missions/mission-of-globex",
        &gate.issuer.user("ana"),
    )
    .allowed(200);
    assert_eq!(
        gate.upstream.only().header("x-palisade-workspace"),
        Some("acme-prod")
    );
}

#[test]
fn rule_12_a_reference_that_may_be_read_as_a_condition_is_refused() {
    let gate = TestGate::start();
    let ana = gate.issuer.user("ana");
    // The value is the caller's own each time; what some upstreams make of it is everybody else's.
    for key in [
        "workspaceId[$ne]",
        "workspaceId%5B$ne%5D",
        "filter[workspaceId][not]",
        "workspaceId.$gt",
        "workspaceId!",
        "-workspaceId",
    ] {
        let path = format!("/app/v1/missions?{key}=acme-prod");
        ask(&gate, &path, &ana).refused(Reason::RequestAmbiguous);
    }
    // qs ends the key at `]=`.
    let path = "/app/v1/missions?q=[workspaceId]=globex-prod";
    ask(&gate, path, &ana).refused(Reason::OutsideTenant);
    gate.upstream.saw_nothing();
    for key in ["workspaceId", "workspace_id[]", "filter[workspaceId][0]"] {
        let path = format!("/app/v1/missions?{key}=acme-prod");
        ask(&gate, &path, &ana).allowed(200);
    }
}

#[test]
fn rule_12_references_are_global_and_an_empty_one_is_one() {
    let gate = TestGate::start();
    let ana = gate.issuer.user("ana").sign();
    // On a route whose API file declares no such parameter.
    for query in [
        "workspaceId=",
        "workspaceId",
        "accountId=globex",
        "Workspace_Id=globex-prod",
        "workspaceId%5B%5D=globex-prod",
    ] {
        let reply = gate
            .get(&format!("/app/v1/missions/m-1?{query}"))
            .bearer(&ana)
            .send();
        assert!(
            [400, 403].contains(&reply.status),
            "{query}: {}",
            reply.text()
        );
    }
    gate.upstream.saw_nothing();
}

#[test]
fn rule_14_path_parameters_obey_the_grammar() {
    let gate = TestGate::start();
    let ana = gate.issuer.user("ana").sign();
    for id in ["a%20b", "a@b", "%6dine", &"x".repeat(65), "a:b", "a,b"] {
        let reply = gate
            .get(&format!("/app/v1/missions/{id}"))
            .bearer(&ana)
            .send();
        assert!(
            [400, 404].contains(&reply.status),
            "{id}: {} {}",
            reply.status,
            reply.text()
        );
    }
    gate.upstream.saw_nothing();
}

#[test]
fn rule_14_a_route_may_say_what_a_parameter_holds_and_references_stay_ids() {
    let file = |pattern: &str| {
        json!({"context": "app", "upstream": "api", "match": "GET /app/v1/files/{file}",
            "action": "files/get", "patterns": {"file": pattern}})
    };
    let gate = TestGate::builder()
        .set("/routes/-", file("[a-z0-9.-]+"))
        .start();
    let ana = gate.issuer.user("ana");
    ask(&gate, "/app/v1/files/report-2026.pdf", &ana).allowed(200);
    assert_eq!(
        gate.upstream.only().target(),
        "/app/v1/files/report-2026.pdf"
    );
    for bad in ["Report.pdf", "a%20b", "a:b", "a@b"] {
        ask(&gate, &format!("/app/v1/files/{bad}"), &ana).refused(Reason::RequestAmbiguous);
    }
    ask(&gate, "/app/v1/missions/m.1", &ana).refused(Reason::RequestAmbiguous);
    let user = json!({"context": "app", "upstream": "api", "match": "GET /app/v1/people/{userId}",
        "action": "people/get", "patterns": {"userId": ".*"}});
    does_not_start(TestGate::builder().set("/routes/-", user), "these are ids");
    does_not_start(
        TestGate::builder().set("/routes/-", file("[a")),
        "no pattern",
    );
}

#[test]
fn rule_15_urls_are_not_overridden_and_the_upstream_gets_a_configured_authority() {
    let gate = TestGate::builder()
        .set("/upstreams/api/authority", json!("api.internal"))
        .start();
    let ana = gate.issuer.user("ana").sign();
    let request = gate
        .get(PATH)
        .bearer(&ana)
        .header("x-original-url", "/dashboard/v1/users")
        .header("X-Rewrite-URL", "/dashboard/v1/users")
        .header("x_original_url", "/dashboard/v1/users");
    request.send().allowed(200);
    let seen = gate.upstream.only();
    assert_eq!(seen.target(), PATH);
    assert_eq!(seen.header("host"), Some("api.internal"));
}

#[test]
fn rule_16_a_portal_route_names_its_account_or_is_a_configuration_error() {
    let route = json!({"context": "portal", "match": "GET /portal/v1/things", "action": "things/list", "upstream": "api"});
    does_not_start(
        TestGate::builder().set("/routes/-", route),
        "/portal/v1/things",
    );
}

#[test]
fn rule_16_grants_bound_what_a_principal_reaches() {
    let gate = TestGate::start();
    let sue = gate.issuer.principal("sue");
    ask(&gate, PORTAL, &sue).allowed(200);
    assert_eq!(
        gate.upstream.only().header("x-palisade-account"),
        Some("acme")
    );
    ask(&gate, "/portal/v1/accounts/globex", &sue).refused(Reason::GrantMissing);
    ask(&gate, "/portal/v1/accounts/nowhere", &sue).refused(Reason::GrantMissing);
    let stranger = gate.issuer.principal("nobody");
    let reply = ask(&gate, PORTAL, &stranger);
    assert_eq!(reply.status, 403, "{}", reply.text());
    ask(
        &gate,
        PORTAL,
        &gate.issuer.principal("root").claim("mfa", false),
    )
    .refused(Reason::PolicyDenied);
}

#[test]
fn rule_16_a_platform_route_needs_a_grant_on_all_accounts() {
    let gate = TestGate::start();
    let sue = gate.issuer.principal("sue");
    ask(&gate, "/portal/v1/accounts", &sue).refused(Reason::GrantMissing);
    let root = gate.issuer.principal("root");
    ask(&gate, "/portal/v1/accounts", &root).allowed(200);
    let named = "/portal/v1/accounts?accountId=acme";
    ask(&gate, named, &root).refused(Reason::OutsideTenant);
    assert_eq!(gate.upstream.only().header("x-palisade-account"), None);
}

#[test]
fn rule_16_a_grant_ends() {
    let past = Clock::system().now().plus_millis(-60_000).rfc3339();
    let gate = TestGate::builder()
        .set("/issuers/0/principals/sub-sue/until", json!(past))
        .start();
    ask(&gate, PORTAL, &gate.issuer.principal("sue")).refused(Reason::GrantMissing);
    gate.upstream.saw_nothing();
}

#[test]
fn rule_16_a_suspended_account_is_still_reached_in_the_portal() {
    let gate = TestGate::builder()
        .tenant("acme", "/status", json!("suspended"))
        .start();
    ask(&gate, PORTAL, &gate.issuer.principal("root")).allowed(200);
}

#[test]
fn rule_17_principals_act_in_the_portal_only() {
    let gate = TestGate::start();
    for path in [PATH, BOARD] {
        ask(&gate, path, &gate.issuer.principal("root")).refused(Reason::PortalNeedsPrincipal);
    }
    gate.upstream.saw_nothing();
}

#[test]
fn rule_19_a_schema_fragment_may_not_declare_actions() {
    let sneaky = "namespace Tenancy { action \"app/sneaky\" in [read]; }";
    does_not_start(
        TestGate::builder().file("schemas/sneaky.cedarschema", sneaky),
        "sneaky",
    );
}

#[test]
fn rule_20_upgrades_are_not_forwarded() {
    let gate = TestGate::start();
    let ana = gate.issuer.user("ana").sign();
    let request = gate
        .get(PATH)
        .bearer(&ana)
        .header("connection", "Upgrade, HTTP2-Settings")
        .header("upgrade", "h2c")
        .header("http2-settings", "AAMAAABkAARAAAAAAAIAAAAA");
    let reply = request.send();
    assert_ne!(reply.status, 101);
    for seen in gate.upstream.requests() {
        assert_eq!(seen.header("upgrade"), None);
        assert_eq!(seen.header("http2-settings"), None);
    }
}

#[test]
fn rule_21_without_cors_a_preflight_reveals_no_route() {
    let gate = TestGate::start();
    let ask = |path: &str| {
        let reply = gate
            .request("OPTIONS", path)
            .header("origin", "https://a.example")
            .header("access-control-request-method", "GET")
            .send();
        (reply.status, reply.header("allow").map(str::to_owned))
    };
    assert_eq!(ask(PATH), ask("/app/v1/nothing"));
    gate.upstream.saw_nothing();
}

#[test]
fn rule_21_only_the_configuration_says_who_may_read() {
    let origin = "https://app.example.com";
    let gate = TestGate::builder()
        .set("/routes/0/cors", json!({"origins": [origin]}))
        .start();
    let own = [
        ("access-control-allow-origin", "*"),
        ("access-control-allow-credentials", "true"),
    ];
    gate.upstream.reply(200, &own, b"");
    let ana = gate.issuer.user("ana").sign();
    for (from, granted) in [(origin, Some(origin)), ("https://evil.example", None)] {
        let request = gate.get(PATH).bearer(&ana).header("origin", from);
        let reply = request.send();
        reply.allowed(200);
        assert_eq!(reply.header("access-control-allow-origin"), granted);
        assert_eq!(reply.header("access-control-allow-credentials"), None);
        let refused = gate.get(PATH).header("origin", from).send();
        refused.refused(Reason::TokenMissing);
        assert_eq!(refused.header("access-control-allow-origin"), granted);
    }
}

#[test]
fn rule_22_a_token_cookie_is_one_credential_for_our_own_site_and_not_passed_on() {
    let gate = TestGate::builder()
        .set("/listen/token_cookies", json!({"names": ["__Host-token"]}))
        .start();
    let ana = gate
        .issuer
        .user("ana")
        .role("editor")
        .scope("app/read app/write")
        .sign();
    let cookie = format!("__Host-token={ana}");
    let get = gate.get(PATH).header("cookie", &cookie);
    get.clone()
        .bearer(&ana)
        .send()
        .refused(Reason::RequestAmbiguous);
    let twice = format!("{cookie}; {cookie}");
    let twice = gate.get(PATH).header("cookie", &twice);
    twice.send().refused(Reason::RequestAmbiguous);
    let post = gate.post(PATH, "{}").header("cookie", &cookie);
    post.send().refused(Reason::CrossSite);
    gate.upstream.saw_nothing();
    get.send().allowed(200);
    post.header("sec-fetch-site", "same-origin")
        .send()
        .allowed(200);
    for seen in gate.upstream.requests() {
        assert_eq!(seen.message.header("cookie"), None);
    }
}

#[test]
fn rule_22_two_credentials_are_refused() {
    let gate = TestGate::start();
    let ana = gate.issuer.user("ana").sign();
    gate.get(PATH)
        .bearer(&ana)
        .bearer(&ana)
        .send()
        .refused(Reason::RequestAmbiguous);
    gate.get(&format!("{PATH}?access_token=x"))
        .bearer(&ana)
        .send()
        .refused(Reason::RequestAmbiguous);
    gate.upstream.saw_nothing();
}

#[test]
fn rule_23_a_client_cannot_write_its_own_address() {
    let gate = TestGate::start();
    let ana = gate.issuer.user("ana").sign();
    let request = gate
        .get(PATH)
        .bearer(&ana)
        .header("x-forwarded-for", "10.9.8.7")
        .header("forwarded", "for=10.9.8.7;host=evil")
        .header("x-forwarded-host", "evil")
        .header("x-real-ip", "10.9.8.7")
        .header("x_forwarded_for", "10.9.8.7");
    request.send().allowed(200);
    let seen = format!("{:?}", gate.upstream.only().message.headers);
    assert!(
        !seen.contains("10.9.8.7") && !seen.contains("evil"),
        "{seen}"
    );
    let record = gate.only_record().to_string();
    assert!(
        record.contains("127.0.0.1") && !record.contains("10.9.8.7"),
        "{record}"
    );

    let gate = TestGate::builder()
        .set("/listen/trusted_proxies", json!(["127.0.0.0/8"]))
        .start();
    let request = gate.get(PATH).bearer(&gate.issuer.user("ana").sign());
    request
        .header("x-forwarded-for", "1.1.1.1, 10.9.8.7")
        .send()
        .allowed(200);
    let record = gate.only_record().to_string();
    assert!(
        record.contains("10.9.8.7") && !record.contains("1.1.1.1"),
        "{record}"
    );
}

#[test]
fn rule_23_only_the_configured_header_of_a_trusted_hop_counts() {
    let gate = TestGate::builder()
        .set("/listen/trusted_proxies", json!(["127.0.0.0/8"]))
        .set("/listen/client_address", json!("forwarded"))
        .start();
    let ana = gate.issuer.user("ana").sign();
    let ask = |forwarded: &str| {
        let request = gate.get(PATH).bearer(&ana);
        let request = request.header("x-forwarded-for", "6.6.6.6");
        request.header("forwarded", forwarded).send()
    };
    ask("for=6.6.6.6, for=\"[::ffff:203.0.113.7]:4711\";proto=https").allowed(200);
    let seen = gate.upstream.only().message;
    assert_eq!(seen.all("x-forwarded-for"), ["203.0.113.7"]);
    assert_eq!(seen.header("forwarded"), None);
    for hidden in ["for=unknown", "for=_gate", "for=\"6.6.6.6, for=203.0.113.7"] {
        ask(hidden).refused(Reason::RequestAmbiguous);
    }
    let record = gate.audit(4).remove(0).to_string();
    assert!(
        record.contains("203.0.113.7") && !record.contains("6.6.6.6"),
        "{record}"
    );
}

#[test]
fn rule_24_a_public_route_carries_no_tenant_and_a_bad_token_is_still_401() {
    let gate = TestGate::start();
    gate.get("/health").send().allowed(200);
    ask(&gate, "/health", &gate.issuer.user("ana")).allowed(200);
    for seen in gate.upstream.requests() {
        for name in ["account", "workspace", "user", "role", "principal"] {
            assert_eq!(seen.header(&format!("x-palisade-{name}")), None, "{name}");
        }
        assert_eq!(seen.header("authorization"), None);
    }
    ask(&gate, "/health", &gate.issuer.user("ana").expired(100)).refused(Reason::TokenExpired);
    assert_eq!(gate.upstream.requests().len(), 2);
}

#[test]
fn rule_25_spoofable_headers_are_stripped_whatever_their_spelling() {
    let gate = TestGate::builder()
        .set("/annotate", json!({"strip": ["x-legacy-tenant"]}))
        .start();
    let mut request = gate.get(PATH).bearer(&gate.issuer.user("ana").sign());
    for name in [
        "x-palisade-account",
        "X_Palisade_Account",
        "x.palisade.account",
        "x-palisade-anything",
        "x-tenant-id",
        "X-TENANT_ID",
        "x-aw-user",
        "x-aworld-account",
        "x-legacy-tenant",
        "X_Legacy_Tenant",
        "x-forwarded-client-cert",
        "x-original-url",
        "x-rewrite-url",
    ] {
        request = request.header(name, "spoofed");
    }
    request.send().allowed(200);
    let seen = gate.upstream.only();
    assert!(
        !format!("{:?}", seen.message.headers).contains("spoofed"),
        "{seen:#?}"
    );
    assert_eq!(seen.header("x-palisade-account"), Some("acme"));
}

#[test]
fn rule_25_connection_cannot_take_our_annotation_away() {
    let gate = TestGate::start();
    let request = gate.get(PATH).bearer(&gate.issuer.user("ana").sign());
    request
        .header("connection", "x-palisade-account, x-palisade-workspace")
        .send()
        .allowed(200);
    let seen = gate.upstream.only();
    assert_eq!(seen.header("x-palisade-account"), Some("acme"));
    assert_eq!(seen.header("x-palisade-workspace"), Some("acme-prod"));
}

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
fn rule_28_a_guard_file_may_add_but_a_narrow_head_is_refused() {
    let narrow = "@id(\"narrow\")\n@isolation\nforbid (principal, action == Tenancy::Action::\"app/missions/list\", resource);\n";
    does_not_start(
        TestGate::builder().file("policies/guard.cedar", narrow),
        "guard.cedar",
    );
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
fn rule_40_strangers_pay_by_their_address_before_their_token_is_looked_at() {
    let peers = json!({"requests": "1/s", "burst": 4, "signatures": "1/s", "signatures_burst": 5});
    let gate = TestGate::builder()
        .set("/listen/trusted_proxies", json!(["127.0.0.0/8"]))
        .set("/listen/peers", peers)
        .clock(&Clock::manual(Clock::system().now()))
        .start();
    let send = |token: &Token, from: &str| {
        let request = gate.get(PATH).bearer(&token.sign());
        request.header("x-forwarded-for", from).send()
    };
    let ana = || gate.issuer.user("ana");
    // A bad token costs five: the next one, good or bad, is not looked at.
    send(&ana().expired(100), "2001:db8:0:7::1").refused(Reason::TokenExpired);
    send(&ana(), "2001:db8:0:7::1").refused(Reason::RateLimited);
    // Neither another address of the same /64, nor a fifth request without any token.
    send(&ana(), "2001:db8:0:7:ffff::2").refused(Reason::RateLimited);
    let bare = |from: &str| gate.get(PATH).header("x-forwarded-for", from).send();
    bare("2001:db8:0:7::3").refused(Reason::TokenMissing);
    bare("2001:db8:0:7::4").refused(Reason::RateLimited);
    gate.upstream.saw_nothing();
    // Whoever proved who it is elsewhere is not touched.
    send(&ana(), "2001:db8:0:8::1").allowed(200);
    // What the account allows is untouched too: strangers never pay from it.
    let accounts = [("scope", "account")];
    let counted = gate.metrics().sum("palisade_rate_limited_total", &accounts);
    assert!(counted < 1.0, "{counted}");
}

#[test]
fn rule_41_a_request_is_on_record_before_it_is_answered() {
    let gate = TestGate::start();
    gate.upstream.hang();
    let mut connection = gate.connect();
    connection.send(
        &gate
            .get(PATH)
            .bearer(&gate.issuer.user("ana").sign())
            .bytes(),
    );
    crate::support::eventually("the request is forwarded", || {
        (gate.upstream.requests().len() == 1).then_some(())
    });
    drop(connection);
    assert_eq!(gate.only_record()["outcome"], "aborted");
}

#[test]
fn rule_44_an_upstream_that_is_ourselves_is_a_configuration_error() {
    let builder = TestGate::builder()
        .set("/listen/http", json!("127.0.0.1:49999"))
        .set("/upstreams/api/url", json!("http://127.0.0.1:49999"));
    does_not_start(builder, "upstream");
}

#[test]
fn rule_45_a_connection_with_an_unfinished_message_is_not_reused() {
    let gate = TestGate::start();
    let ana = gate.issuer.user("ana").sign();
    gate.upstream.bytes(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison");
    gate.get(PATH).bearer(&ana).send().allowed(200);
    gate.upstream.reply(200, &[], b"clean");
    for _ in 0..3 {
        assert_eq!(gate.get(PATH).bearer(&ana).send().text(), "clean");
    }
    let connections: Vec<_> = gate
        .upstream
        .requests()
        .iter()
        .map(|seen| seen.connection)
        .collect();
    assert!(
        connections[1..]
            .iter()
            .all(|connection| *connection != connections[0]),
        "{connections:?}"
    );
}

#[test]
fn rule_46_refusals_are_not_stored() {
    // `refused` itself looks at Cache-Control; here every family of refusals passes through it.
    let gate = TestGate::start();
    gate.get(PATH).send().refused(Reason::TokenMissing);
    ask(&gate, "/app/v1/nothing", &gate.issuer.user("ana")).refused(Reason::RouteUnknown);
    ask(&gate, "/a//b", &gate.issuer.user("ana")).refused(Reason::RequestAmbiguous);
    ask(&gate, PATH, &gate.issuer.user("ana").role("none")).refused(Reason::PolicyDenied);
}

#[test]
fn rule_46_a_callers_reply_is_kept_from_other_callers() {
    let gate = TestGate::start();
    let both = "Authorization;Cookie";
    let cases = [
        (vec![], "private", both),
        (
            vec![("cache-control", "public, max-age=60")],
            "public, max-age=60",
            both,
        ),
        (
            vec![("vary", "Accept, authorization")],
            "private",
            "Accept, authorization;Cookie",
        ),
        (
            vec![("vary", "Cookie"), ("vary", "AUTHORIZATION")],
            "private",
            "Cookie;AUTHORIZATION",
        ),
        (vec![("vary", "*")], "private", "*"),
    ];
    for (said, cache, vary) in cases {
        gate.upstream.reply(200, &said, b"{}");
        let reply = ask(&gate, PATH, &gate.issuer.user("ana"));
        assert_eq!(reply.header("cache-control"), Some(cache), "{said:?}");
        assert_eq!(reply.message.all("vary").join(";"), vary, "{said:?}");
    }
    gate.upstream.reply(200, &[], b"{}");
    let stranger = gate.get("/health").send();
    assert_eq!(stranger.header("cache-control"), None);
    assert_eq!(stranger.header("vary"), None);
    // Whoever shows a token may get an answer of their own there too.
    let ana = ask(&gate, "/health", &gate.issuer.user("ana"));
    assert_eq!(ana.header("cache-control"), Some("private"));
}

#[test]
fn rule_46_two_tenants_with_one_idempotency_key_do_not_share_it() {
    let gate = TestGate::builder()
        .set("/routes/1/idempotency", json!("rewrite"))
        .start();
    let user = || gate.issuer.user("edi").role("editor").context("dashboard");
    let globex = user().account("globex").workspace("globex-prod");
    for token in [user(), globex] {
        let request = gate.post(BOARD, "{}").bearer(&token.sign());
        request.header("x-idempotency-key", "1").send().allowed(200);
    }
    let seen = gate.upstream.requests();
    let keys: Vec<_> = seen
        .iter()
        .map(|one| one.header("x-idempotency-key").unwrap())
        .collect();
    assert_ne!(keys[0], keys[1]);
}

#[test]
fn rule_47_an_assertion_is_for_one_upstream_and_of_one_request_and_public_routes_have_none() {
    let gate = asserting(ED25519).start();
    let read = |at: usize| {
        let seen = &gate.upstream.requests()[at];
        Assertion::read(&gate, seen.header("x-palisade-assertion").expect("one"))
    };
    ask(&gate, PATH, &gate.issuer.user("ana")).allowed(200);
    ask(&gate, "/app/v1/missions?x=1", &gate.issuer.user("ana")).allowed(200);
    let (one, other) = (read(0), read(1));
    assert_eq!(one.header["typ"], "palisade-assertion+jwt");
    assert_eq!(one.claims["aud"], AUDIENCE);
    for bound in [
        "method",
        "path",
        "query_sha256",
        "account",
        "workspace",
        "user",
        "action",
        "revision",
        "sub",
        "jti",
    ] {
        assert!(one.claims[bound].is_string(), "{bound}: {}", one.claims);
    }
    assert_ne!(one.claims["query_sha256"], other.claims["query_sha256"]);
    let seconds = |name: &str| one.claims[name].as_i64().unwrap();
    assert!(seconds("exp") - seconds("iat") <= 60);
    ask(&gate, "/health", &gate.issuer.user("ana")).allowed(200);
    gate.get("/health").send().allowed(200);
    for seen in &gate.upstream.requests()[2..] {
        assert_eq!(seen.header("x-palisade-assertion"), None);
    }
}

#[test]
fn rule_47_what_the_gate_signs_is_no_token() {
    let gate = asserting(ED25519).start();
    let token = gate
        .issuer
        .user("ana")
        .header("typ", "palisade-assertion+jwt");
    ask(&gate, PATH, &token).refused(Reason::TokenKind);
    gate.upstream.saw_nothing();
    does_not_start(
        TestGate::builder().set("/issuers/0/types", json!(["palisade-assertion+jwt"])),
        "palisade-assertion+jwt",
    );
}

#[test]
fn rule_49_account_labels_are_bound_accounts_only() {
    let gate = TestGate::start();
    ask(&gate, PATH, &gate.issuer.user("ana")).allowed(200);
    ask(&gate, PATH, &gate.issuer.user("eve").account("made-up"));
    let metrics = gate.metrics();
    let account = |name: &str| metrics.sum("palisade_account_requests_total", &[("account", name)]);
    assert_eq!(account("acme"), 1.0);
    assert_eq!(account("made-up"), 0.0);
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
fn rule_52_the_demo_issuer_serves_on_loopback_only() {
    let demo = "https://cognito-idp.demo-1.amazonaws.com/demo-1_Palisade";
    let builder = || TestGate::builder().set("/issuers/0/issuer", json!(demo));
    does_not_start(
        builder().set("/listen/http", json!("0.0.0.0:0")),
        "loopback",
    );
    builder().start();
}

const STOP: &str = "@id(\"stop\")\nforbid (principal, action, resource);\n";
const BROKEN: &str = "@id(\"stop\")\nforbid (principal, acton, resource);\n";

#[test]
fn rule_10_a_revoked_sub_is_of_one_issuer() {
    let other = crate::support::issuer::TestIssuer::start_as("https://other.example.com");
    let second = json!({
        "name": "other", "issuer": "https://other.example.com", "preset": "cosmos",
        "jwks": {"url": other.jwks_url()}, "clients": "directory", "accounts": "directory",
        "required": true, "allow_local": true,
    });
    let gate = TestGate::builder()
        .set("/issuers/-", second)
        .set("/revocations", json!("revocations.yaml"))
        .tenant("acme", "/issuers", json!(["cosmos", "other"]))
        .file(
            "revocations.yaml",
            "sub: [{ issuer: other, id: sub-ana }]\njti: [only-this]\n",
        )
        .start();
    ask(&gate, PATH, &gate.issuer.user("ana")).allowed(200);
    ask(&gate, PATH, &other.user("ana")).refused(Reason::TokenRevoked);
    ask(&gate, PATH, &other.user("ben")).allowed(200);
    let named = gate.issuer.user("ana").claim("jti", "only-this");
    ask(&gate, PATH, &named).refused(Reason::TokenRevoked);
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
    let expected = json!([{"account": "acme", "serves": "last good"}]);
    assert_eq!(gate.status()["overlays_quarantined"], expected);
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
    let expected = json!([{"account": "acme", "serves": "nothing"}]);
    assert_eq!(gate.status()["overlays_quarantined"], expected);
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
fn rule_48_a_link_that_leaves_the_tree_is_refused_at_start_and_later() {
    let outside = |folder: &std::path::Path, link: &str| {
        let file = folder.join("outside.cedar");
        std::fs::write(&file, STOP).unwrap();
        std::os::unix::fs::symlink(file, folder.join(link)).unwrap();
    };
    let builder = TestGate::builder().arrange(|folder| {
        std::fs::write(folder.join("outside.cedar"), STOP).unwrap();
        std::os::unix::fs::symlink("../outside.cedar", folder.join("policies/out.cedar")).unwrap();
    });
    does_not_start(builder, "out.cedar");
    let mut gate = TestGate::start();
    let ana = gate.issuer.user("ana");
    gate.change(|files| outside(files.folder(), "policies/out.cedar"));
    gate.has_fault("file_outside", "policies/out.cedar");
    ask(&gate, PATH, &ana).allowed(200);
    gate.change(|files| files.remove("policies/out.cedar"));
    // Policies that are announced and not followed are never taken for none.
    gate.change(|files| outside(files.folder(), "tenants/acme.cedar"));
    ask(&gate, PATH, &ana).refused(Reason::OverlayUnavailable);
    // Dotted names are not looked at.
    gate.change(|files| files.remove("tenants/acme.cedar"));
    gate.change(|files| {
        files.put("policies/.hidden.cedar", STOP);
        files.put(
            "policies/seen.cedar",
            "@id(\"seen\")\nforbid (principal, action, resource) when { false };\n",
        );
    });
    ask(&gate, PATH, &ana).allowed(200);
}
