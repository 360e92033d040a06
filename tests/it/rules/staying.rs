//! Staying up, and keeping the record: rules 40 to 52.

use super::{BOARD, PATH, STOP, ask, does_not_start};
use crate::support::assertion::{AUDIENCE, Assertion, ED25519, asserting};
use crate::support::gate::TestGate;
use crate::support::issuer::Token;
use palisade::clock::Clock;
use palisade::reason::Reason;
use serde_json::json;

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
fn rule_52_the_demo_issuer_serves_on_loopback_only() {
    let demo = "https://cognito-idp.demo-1.amazonaws.com/demo-1_Palisade";
    let builder = || TestGate::builder().set("/issuers/0/issuer", json!(demo));
    does_not_start(
        builder().set("/listen/http", json!("0.0.0.0:0")),
        "loopback",
    );
    builder().start();
}
