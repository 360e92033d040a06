//! What the request names: rules 11 to 26.

use super::{BOARD, PATH, PORTAL, Token, ask, does_not_start};
use crate::bodies::{editor, reading};
use crate::support::gate::{HOST, TestGate};
use palisade::clock::Clock;
use palisade::reason::Reason;
use serde_json::json;

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
fn rule_12_an_api_file_that_names_a_tenant_outside_of_the_table_does_not_start() {
    let api = |more: serde_json::Value| {
        let mut operation =
            json!({"operationId": "things/list", "responses": {"200": {"description": "good"}}});
        for (key, value) in more.as_object().expect("an object") {
            operation[key] = value.clone();
        }
        let api = json!({"openapi": "3.1.0", "info": {"title": "t", "version": "1"},
            "paths": {"/app/v1/things": {"post": operation}}});
        let route = json!({"context": "app", "openapi": "apis/things.json", "upstream": "api"});
        TestGate::builder()
            .file("apis/things.json", &api.to_string())
            .set("/routes/-", route)
    };
    let query = json!([{"in": "query", "name": "ownerWorkspace", "schema": {"type": "string"}}]);
    does_not_start(api(json!({"parameters": query})), "ownerWorkspace");
    let body = json!({"content": {"application/json": {"schema": {"type": "object",
        "properties": {"tenant_id": {"type": "string"}}}}}});
    does_not_start(api(json!({"requestBody": body})), "tenant_id");
    api(json!({})).start();
}

#[test]
fn rule_13_a_reference_in_a_body_is_held_to_the_callers_workspace() {
    let gate = reading().start();
    let post = |body: &str| gate.post(BOARD, body).bearer(&editor(&gate)).send();
    for foreign in [
        r#"{"workspaceId":"globex-prod"}"#,
        r#"{"work\u0073paceId":"globex-prod"}"#,
        r#"{"deep":[{"WORKSPACE_ID":"globex-prod"}]}"#,
        r#"{"workspaceId":""}"#,
    ] {
        post(foreign).refused(Reason::OutsideTenant);
    }
    for unclear in [
        r#"{"workspaceId":["globex-prod"]}"#,
        r#"{"workspaceId":"acme-prod","workspace_id":"globex-prod"}"#,
        r#"{"workspaceId":"acme-prod","workspaceId":"globex-prod"}"#,
    ] {
        let reply = post(unclear);
        assert_ne!(reply.status, 200, "{unclear}");
    }
    gate.upstream.saw_nothing();
    post(r#"{"workspaceId":"acme-prod"}"#).allowed(200);
}

#[test]
fn rule_13_a_body_that_cannot_be_read_whole_is_refused() {
    let gate = reading().start();
    let token = editor(&gate);
    let send = |method: &str, kind: &str, body: &[u8]| {
        let request = gate.request(method, BOARD).bearer(&token);
        request.header("content-type", kind).body(body).send()
    };
    let deep = format!("{}{}", "[".repeat(33), "]".repeat(33));
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(64 << 10));
    // What comes after the bound would never be looked at.
    let hidden = format!(
        "{{\"a\":\"{}\",\"workspaceId\":\"globex-prod\"}}",
        "x".repeat(64 << 10)
    );
    for (kind, body) in [
        ("application/json", deep.as_str()),
        ("application/json", &long),
        ("application/json", &hidden),
        ("application/json", "{} {}"),
        ("application/json", "\u{feff}{}"),
        ("text/plain", "{}"),
        ("multipart/form-data; boundary=x", "--x--"),
    ] {
        send("POST", kind, body.as_bytes()).refused(Reason::BodyUnreadable);
    }
    let zipped = gate.post(BOARD, "{}").bearer(&token);
    let zipped = zipped.header("content-encoding", "gzip").send();
    zipped.refused(Reason::BodyUnreadable);
    // A route that declares no body takes none.
    send("GET", "application/json", b"{}").refused(Reason::BodyUnreadable);
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
fn rule_14_an_id_that_could_be_its_literal_sibling_is_refused() {
    let route = |template: &str, action: &str| {
        json!({"context": "app", "match": format!("GET /app/v1/teams/{template}"),
            "action": action, "upstream": "api"})
    };
    let gate = TestGate::builder()
        .set("/routes/-", route("mine", "teams/mine"))
        .set("/routes/-", route("{team}", "teams/get"))
        .start();
    let get = |id: &str| {
        ask(
            &gate,
            &format!("/app/v1/teams/{id}"),
            &gate.issuer.user("ana"),
        )
    };
    get("mine").allowed(200);
    get("mi-ne").allowed(200);
    for lookalike in ["MINE", "Mine", "minE"] {
        get(lookalike).refused(Reason::RequestAmbiguous);
    }
    assert_eq!(gate.upstream.requests().len(), 2);
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
fn rule_15_a_method_is_not_overridden_and_an_unknown_one_has_no_route() {
    let gate = TestGate::start();
    let ana = gate.issuer.user("ana").sign();
    for name in [
        "x-http-method-override",
        "X-HTTP-Method",
        "x_method_override",
    ] {
        let request = gate.get(PATH).bearer(&ana).header(name, "DELETE");
        request.send().refused(Reason::RequestAmbiguous);
    }
    ask(
        &gate,
        "/app/v1/missions?_method=DELETE",
        &gate.issuer.user("ana"),
    )
    .refused(Reason::RequestAmbiguous);
    let purge = gate.request("PURGE", PATH).bearer(&ana).send();
    purge.refused(Reason::MethodNotAllowed);
    for host in ["evil.example", "eve@api.example.com", "api.example.com."] {
        let reply = gate.get(PATH).host(host).bearer(&ana).send();
        reply.refused(Reason::RequestAmbiguous);
    }
    gate.upstream.saw_nothing();
    let head = gate.request("HEAD", PATH).bearer(&ana).send();
    assert_eq!(head.status, 200);
    let records = gate.audit(9);
    let head = records.iter().find(|record| record["method"] == "HEAD");
    assert_eq!(head.expect("it is there")["action"], "app/missions/list");
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
        let root = gate.issuer.principal("root").sign();
        let request = gate.get(path).bearer(&root);
        let request = request.header("x-palisade-act-in", "acme-prod");
        let request = request.header("x-palisade-reason", "case 7");
        request.send().refused(Reason::PortalNeedsPrincipal);
    }
    gate.upstream.saw_nothing();
}

#[test]
fn rule_17_acting_in_a_workspace_takes_a_grant_a_read_a_second_factor_and_a_reason() {
    let gate = TestGate::builder()
        .set("/principals", json!({"act_in": true}))
        .start();
    let enter = |method: &str, path: &str, who: &Token, workspace: &str, reason: &str| {
        let request = gate.request(method, path).bearer(&who.sign());
        let request = request.header("x-palisade-act-in", workspace);
        request.header("x-palisade-reason", reason).send()
    };
    let sue = gate.issuer.principal("sue");
    let weak = gate.issuer.principal("sue").claim("mfa", false);
    let ana = gate.issuer.user("ana");
    for (reply, reason) in [
        (
            enter("GET", PATH, &sue, "globex-prod", "case 7"),
            Reason::GrantMissing,
        ),
        (
            enter("GET", PATH, &sue, "unknown", "case 7"),
            Reason::GrantMissing,
        ),
        (
            enter("POST", BOARD, &sue, "acme-prod", "case 7"),
            Reason::ActInRefused,
        ),
        (
            enter("GET", PATH, &weak, "acme-prod", "case 7"),
            Reason::ActInRefused,
        ),
        (
            enter("GET", PATH, &sue, "acme-prod", ""),
            Reason::ActInRefused,
        ),
        (
            enter("GET", PATH, &ana, "acme-prod", "case 7"),
            Reason::ActInRefused,
        ),
        (
            enter("GET", PORTAL, &sue, "acme-prod", "case 7"),
            Reason::ActInRefused,
        ),
        (ask(&gate, PATH, &sue), Reason::ActInRefused),
    ] {
        reply.refused(reason);
    }
    gate.upstream.saw_nothing();
    for path in [PATH, BOARD] {
        enter("GET", path, &sue, "acme-prod", "case 7").allowed(200);
    }
    let metrics = gate.metrics();
    assert_eq!(
        metrics.sum("palisade_isolation_disagreement_total", &[]),
        0.0
    );
}

#[test]
fn rule_18_a_catalog_is_read_where_both_sides_agree_and_both_are_active() {
    let target = "/app/v1/quizzes?catalogWorkspaceId=catalog-01";
    let gate = TestGate::start();
    ask(&gate, target, &gate.issuer.user("ana")).allowed(200);
    let told = gate.upstream.only();
    assert_eq!(told.header("x-palisade-workspace"), Some("acme-prod"));
    assert_eq!(
        told.header("x-palisade-catalog-workspace"),
        Some("catalog-01")
    );
    // A write may not name one in its query, nor a read of something else.
    let quiet = "/app/v1/missions?catalogWorkspaceId=catalog-01";
    ask(&gate, quiet, &gate.issuer.user("ana")).refused(Reason::CatalogNotGranted);
    let one_sided = [
        ("acme", "/workspaces/0/catalogs", json!([])),
        ("catalog", "/workspaces/0/shared_with", json!([])),
        ("catalog", "/workspaces/0/type", json!("custom")),
        ("catalog", "/workspaces/0/status", json!("suspended")),
        ("catalog", "/status", json!("closed")),
    ];
    for (account, key, value) in one_sided {
        let gate = TestGate::builder().tenant(account, key, value).start();
        let reply = ask(&gate, target, &gate.issuer.user("ana"));
        reply.refused(Reason::CatalogNotGranted);
        gate.upstream.saw_nothing();
    }
}

#[test]
fn rule_18_the_owner_of_a_catalog_and_its_reader_may_both_forbid() {
    let target = "/app/v1/quizzes?catalogWorkspaceId=catalog-01";
    let stop = "@id(\"stop\")\nforbid (principal, action, resource);\n";
    for account in ["acme", "catalog"] {
        let gate = TestGate::builder().overlay(account, stop).start();
        ask(&gate, target, &gate.issuer.user("ana")).refused(Reason::PolicyDenied);
    }
    // What the reader permits opens nothing in the catalog.
    let open = "@id(\"open\")\npermit (principal, action, resource);\n";
    let norole = |gate: &TestGate| gate.issuer.user("ana").without("role");
    let gate = TestGate::builder().overlay("acme", open).start();
    ask(&gate, "/app/v1/quizzes", &norole(&gate)).allowed(200);
    ask(&gate, target, &norole(&gate)).refused(Reason::PolicyDenied);
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
fn rule_19_what_a_route_does_is_read_only_where_the_method_says_so() {
    let verb = json!({"context": "app", "match": "POST /app/v1/things/{thing}/count",
        "action": "things/count", "upstream": "api"});
    let gate = TestGate::builder().set("/routes/-", verb.clone()).start();
    let count = |gate: &TestGate, role: &str| {
        let token = gate.issuer.user("ana").role(role).sign();
        let request = gate.post("/app/v1/things/t-1/count", "{}").bearer(&token);
        request.send()
    };
    count(&gate, "viewer").refused(Reason::PolicyDenied);
    count(&gate, "editor").refused(Reason::PolicyDenied);
    count(&gate, "admin").allowed(200);
    let mut read = verb;
    read["access"] = json!("read");
    let gate = TestGate::builder().set("/routes/-", read).start();
    count(&gate, "viewer").allowed(200);
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
fn rule_20_only_a_marked_route_becomes_a_websocket() {
    let live = json!({"context": "app", "match": "GET /app/v1/live", "action": "live/watch",
                      "upstream": "api", "websocket": true});
    let gate = TestGate::builder().set("/routes/-", live).start();
    let token = gate.issuer.user("ana").sign();
    let open = |path: &str| {
        let request = gate.get(path).bearer(&token);
        let request = request.header("connection", "upgrade");
        request
            .header("upgrade", "websocket")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
            .header("sec-websocket-version", "13")
            .send()
    };
    open(PATH).refused(Reason::UpgradeRefused);
    gate.upstream.saw_nothing();
    open("/app/v1/live").allowed(200);
    assert_eq!(gate.upstream.only().header("upgrade"), Some("websocket"));
}

#[test]
fn rule_20_an_upgrade_that_nobody_asked_for_is_no_reply() {
    let gate = TestGate::start();
    gate.upstream.garbage(
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
    );
    ask(&gate, PATH, &gate.issuer.user("ana")).refused(Reason::UpstreamUnreachable);
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
fn rule_25_what_is_ours_cannot_come_after_the_body() {
    let gate = TestGate::start();
    let edi = gate.issuer.user("edi").role("editor").context("dashboard");
    let mut connection = gate.connect();
    let head = format!(
        "POST {BOARD} HTTP/1.1\r\nhost: {HOST}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
         transfer-encoding: chunked\r\ntrailer: x-test-sum\r\n\r\n",
        edi.sign()
    );
    connection.send(head.as_bytes());
    connection.send(
        b"2\r\n{}\r\n0\r\nx-test-sum: 2\r\nx_palisade_account: globex\r\nx-tenant-id: globex\r\n\r\n",
    );
    connection.reply("POST").allowed(200);
    let trailers = gate.upstream.only().message.trailers;
    assert_eq!(trailers, [("x-test-sum".to_owned(), "2".to_owned())]);
}
