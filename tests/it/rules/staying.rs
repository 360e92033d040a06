//! Staying up, and keeping the record: rules 40 to 52.

use super::{BOARD, PATH, PORTAL, STOP, ask, does_not_start};
use crate::bodies::reading;
use crate::support::assertion::{AUDIENCE, Assertion, ED25519, asserting};
use crate::support::eventually;
use crate::support::gate::{CONTROL_TOKEN, TestGate};
use crate::support::issuer::Token;
use crate::transparent::{DOOR, GATE, Machines};
use palisade::clock::Clock;
use palisade::reason::Reason;
use serde_json::json;
use tempfile::TempDir;

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
fn rule_41_what_is_no_http_is_counted_and_an_upload_that_breaks_off_is_recorded() {
    let gate = TestGate::start();
    let mut stranger = gate.connect();
    stranger.send(b"\x16\x03\x01 this is no HTTP\r\n\r\n");
    stranger.rest();
    eventually("it is counted", || {
        let count = gate.metrics().sum("palisade_malformed_heads_total", &[]);
        (count >= 1.0).then_some(())
    });
    let edi = gate.issuer.user("edi").role("editor").context("dashboard");
    let whole = gate.post(BOARD, "{\"text\":1}").bearer(&edi.sign()).bytes();
    let mut connection = gate.connect();
    connection.send(&whole[..whole.len() - 3]);
    eventually("the head is at the upstream", || {
        (gate.upstream.requests().len() == 1).then_some(())
    });
    drop(connection);
    assert_eq!(gate.only_record()["outcome"], "aborted");
}

#[test]
fn rule_42_strangers_never_take_the_place_of_known_callers_records() {
    // A disk that is full.
    let folder = TempDir::new().expect("a temporary folder");
    let file = folder.path().join("audit.ndjson");
    std::os::unix::fs::symlink("/dev/full", file).expect("a link can be made");
    let audit = json!({"file": folder.path(), "records_max": 16, "strangers_records_max": 16});
    let gate = TestGate::builder()
        .set("/audit", audit)
        .set("/principals", json!({"act_in": true}))
        .start();
    let edi = gate.issuer.user("edi").role("editor").context("dashboard");
    let post = || gate.post(BOARD, "{}").bearer(&edi.sign()).send();
    let lost = || gate.metrics().sum("palisade_audit_dropped_total", &[]);
    for _ in 0..100 {
        gate.get(PATH).send().refused(Reason::TokenMissing);
    }
    assert!(lost() >= 80.0, "strangers' records wait without bound");
    post().allowed(200);
    // The lane of known callers fills up as well: changes and the Portal are refused from then on.
    let refused = (0..100).map(|_| post()).find(|reply| reply.status != 200);
    refused
        .expect("one has no room")
        .refused(Reason::Overloaded);
    let forwarded = gate.upstream.requests().len();
    ask(&gate, PORTAL, &gate.issuer.principal("root")).refused(Reason::Overloaded);
    assert_eq!(gate.upstream.requests().len(), forwarded);
    let acting = gate
        .get(PATH)
        .bearer(&gate.issuer.machine("hr-sync").sign());
    let acting = acting.header("x-user-id", "ana").send();
    acting.refused(Reason::Overloaded);
    let sue = gate.issuer.principal("sue").sign();
    let inside = gate.get(PATH).bearer(&sue);
    let inside = inside.header("x-palisade-act-in", "acme-prod");
    let inside = inside.header("x-palisade-reason", "case 7").send();
    inside.refused(Reason::Overloaded);
    assert_eq!(gate.upstream.requests().len(), forwarded);
    // A read of one's own passes, and its loss is counted.
    let before = lost();
    ask(&gate, PATH, &gate.issuer.user("ana")).allowed(200);
    assert_eq!(lost(), before + 1.0);
}

#[test]
fn rule_43_no_tenants_overlay_and_no_optional_issuer_keeps_the_gate_from_starting() {
    let gone = json!({"name": "gone", "issuer": "https://gone.example.com", "preset": "oidc",
        "audiences": ["a"], "jwks": {"url": "http://127.0.0.1:1/jwks.json"}, "allow_local": true,
        "accounts": "directory"});
    let gate = TestGate::builder()
        .set("/issuers/-", gone)
        .overlay("globex", "this is no policy")
        .file("tenants/broken.yaml", "account: [")
        .start();
    ask(&gate, PATH, &gate.issuer.user("ana")).allowed(200);
    let bo = gate.issuer.user("bo").account("globex");
    ask(&gate, PATH, &bo.workspace("globex-prod")).refused(Reason::OverlayUnavailable);
}

#[test]
fn rule_43_unknown_keys_cause_one_fetch_and_loopback_is_no_place_for_keys() {
    let gate = TestGate::start();
    let before = gate.issuer.fetches();
    for at in 0..30 {
        let token = gate.issuer.user("eve").header("kid", format!("kid-{at}"));
        let reply = ask(&gate, PATH, &token);
        assert_ne!(reply.status, 200, "{}", reply.text());
    }
    let fetched = gate.issuer.fetches() - before;
    assert!(fetched <= 1, "{fetched} fetches for thirty unknown keys");
    does_not_start(
        TestGate::builder().set("/issuers/0/allow_local", json!(false)),
        "allow_local",
    );
}

#[test]
fn rule_44_an_upstream_that_is_ourselves_is_a_configuration_error() {
    let builder = TestGate::builder()
        .set("/listen/http", json!("127.0.0.1:49999"))
        .set("/upstreams/api/url", json!("http://127.0.0.1:49999"));
    does_not_start(builder, "upstream");
}

#[test]
fn rule_44_control_asks_for_its_token_its_host_and_a_header_that_no_page_sends() {
    let gate = TestGate::start();
    assert_eq!(gate.control_port("/status").send().status, 401);
    let status = || gate.control_port("/status").bearer(CONTROL_TOKEN);
    assert_eq!(status().send().status, 200);
    let rebound = status().host("evil.example").send();
    assert!([400, 403, 421].contains(&rebound.status));
    let page = status().header("origin", "https://evil.example").send();
    assert_eq!(page.status, 403);
    let drain = gate.control("POST", "/drain").bearer(CONTROL_TOKEN);
    let simple = drain.send();
    assert!([400, 403].contains(&simple.status), "{}", simple.status);
    ask(&gate, PATH, &gate.issuer.user("ana")).allowed(200);
    assert_eq!(gate.metrics_port("/status").status, 404);
    ask(&gate, "/status", &gate.issuer.user("ana")).refused(Reason::RouteUnknown);
    let meant = drain.header("x-palisade-control", "1").send();
    assert!([200, 202].contains(&meant.status), "{}", meant.text());
    assert_eq!(gate.metrics_port("/readyz").status, 503);
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
fn rule_45_an_upload_that_was_answered_early_takes_its_connection_with_it() {
    let gate = TestGate::start();
    let edi = gate.issuer.user("edi").role("editor").context("dashboard");
    let whole = gate.post(BOARD, "{\"text\":1}").bearer(&edi.sign()).bytes();
    // The upstream answers at once, the client never ends its body.
    let mut connection = gate.connect();
    connection.send(&whole[..whole.len() - 3]);
    eventually("the head is at the upstream", || {
        (gate.upstream.requests().len() == 1).then_some(())
    });
    drop(connection);
    gate.upstream.all_closed();
    gate.post(BOARD, "{}")
        .bearer(&edi.sign())
        .send()
        .allowed(200);
    let seen = gate.upstream.requests();
    assert_ne!(seen[0].connection, seen[1].connection);
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
    let both = "Authorization, Cookie";
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
fn rule_49_what_clients_and_upstreams_make_up_becomes_no_label() {
    let gate = TestGate::start();
    gate.upstream
        .garbage(b"HTTP/1.1 799 Odd\r\ncontent-length: 0\r\n\r\n");
    ask(&gate, PATH, &gate.issuer.user("ana"));
    gate.request("BREW", "/a-path-of-mine").send();
    let invented = gate.issuer.user("eve").claim("iss", "https://made-up");
    ask(&gate, PATH, &invented.account("made-up"));
    let text = gate.metrics_port("/metrics").text();
    // Not the figures, and not the rules' own hash: either may well have these digits.
    let lines = text
        .lines()
        .filter(|line| !line.starts_with("palisade_ruleset_info"));
    for word in ["799", "BREW", "a-path-of-mine", "made-up"] {
        let label = |line: &&str| {
            line.rsplit_once(' ')
                .is_some_and(|(name, _)| name.contains(word))
        };
        assert_eq!(lines.clone().find(label), None, "`{word}` is a label");
    }
    assert_eq!(
        gate.metrics()
            .sum("palisade_requests_total", &[("code", "other")]),
        1.0
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

#[test]
fn rule_52_every_relaxed_setting_is_listed() {
    let files = json!({"context": "app", "upstream": "api", "match": "GET /app/v1/files/{file}",
        "action": "files/get", "patterns": {"file": "[a-z.]+"}, "also_accepts": ["dashboard"],
        "cors": {"origins": ["*"]}});
    let gate = TestGate::builder()
        .set("/routes/-", files)
        .set("/issuers/0/scopeless", json!(true))
        .set("/principals", json!({"act_in": true}))
        .set("/upstreams/api/forward_token", json!(true))
        .set("/listen/peers", json!({"signatures": "off"}))
        .start();
    let reply = gate.control_port("/status").bearer(CONTROL_TOKEN).send();
    let listed = reply.json()["relaxed"].clone();
    let listed = listed.as_array().expect("a list").iter();
    let shown = |one: &serde_json::Value| {
        let what = one["what"].as_str().unwrap_or_default();
        let key = what.split(':').next().unwrap_or_default();
        format!("{} {key}", one["where"].as_str().unwrap_or_default())
    };
    let mut listed: Vec<String> = listed.map(shown).collect();
    listed.sort();
    assert_eq!(
        listed,
        [
            "issuer cosmos allow_local",
            "issuer cosmos principals.act_in",
            "issuer cosmos scopeless",
            "listen.peers requests",
            "listen.peers signatures",
            "route GET /app/v1/files/{file} also_accepts",
            "route GET /app/v1/files/{file} cors",
            "route GET /app/v1/files/{file} patterns",
            "route GET /health public",
            "upstream api forward_token",
        ]
    );
}

#[test]
fn rule_52_what_is_not_checked_is_listed_with_its_reason() {
    let upload = json!({"context": "app", "match": "POST /app/v1/photos", "action": "photos/create",
        "upstream": "api", "body_references": {"unchecked": "the service reads the form"}});
    let gate = reading().set("/routes/-", upload).start();
    let reply = gate.control_port("/status").bearer(CONTROL_TOKEN).send();
    assert_eq!(
        reply.json()["bodies_unchecked"],
        json!([{"route": "POST /app/v1/photos", "why": "the service reads the form"}])
    );
}

#[test]
fn rule_51_only_connections_to_listed_ports_are_taken() {
    let mut machines = Machines::redirected();
    for gate in GATE {
        let listed = machines.ask("client", (gate, 80), &machines.good());
        assert!(listed.starts_with("HTTP/1.1 200"), "{listed}");
        // Redirected, and not listed.
        let other = machines.ask("client", (gate, 81), &machines.good());
        assert!(!other.contains("HTTP"), "{other}");
    }
    assert_eq!(machines.turned_away("port"), 2.0);
    assert_eq!(machines.record(2)["status"], 200);
}

#[test]
fn rule_51_a_connection_made_to_the_transparent_port_itself_is_closed() {
    let mut machines = Machines::redirected();
    for from in ["client", "gate"] {
        for gate in GATE {
            let direct = machines.ask(from, (gate, DOOR), &machines.good());
            assert!(!direct.contains("HTTP"), "{direct}");
        }
    }
    assert_eq!(machines.turned_away("direct"), 4.0);
    assert_eq!(machines.scrape().sum("palisade_requests_total", &[]), 0.0);
}

#[test]
fn rule_51_with_ipv6_left_out_it_does_not_start() {
    let mut machines = Machines::new(&["0.0.0.0:15001"]);
    let refused = machines.refused();
    for words in ["names no IPv6 address", "`wire` has one", "`[::]:15001`"] {
        assert!(refused.contains(words), "{refused}");
    }
    // Nobody can pass by over IPv6 where there is none.
    machines.run("ip -6 address flush dev wire");
    machines.start();
}

#[test]
fn rule_51_own_ports_are_not_listed() {
    for port in [15001, 49998] {
        let builder = TestGate::builder()
            .set("/admin/metrics", json!("127.0.0.1:49998"))
            .set(
                "/listen/transparent",
                json!({"addresses": ["0.0.0.0:15001", "[::]:15001"], "ports": [port]}),
            );
        does_not_start(builder, "is a port of Palisade itself");
    }
}
