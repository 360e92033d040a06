//! Who the caller is: rules 1 to 10.

use super::{BOARD, PATH, PORTAL, ask, does_not_start};
use crate::support::gate::TestGate;
use crate::support::issuer::ISS;
use crate::support::keys::Key;
use palisade::clock::{Clock, Timestamp};
use palisade::reason::Reason;
use serde_json::json;

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
fn rule_06_an_issuer_of_other_user_ids_speaks_for_other_people() {
    let second = crate::support::issuer::TestIssuer::start_as("https://other.example.com");
    let entry = json!({
        "name": "other", "issuer": "https://other.example.com", "preset": "cosmos",
        "shares_user_ids": false, "jwks": {"url": second.jwks_url()}, "clients": "directory",
        "accounts": "directory", "required": true, "allow_local": true,
    });
    let gate = TestGate::builder()
        .set("/issuers/-", entry)
        .tenant("acme", "/issuers", json!(["cosmos", "other"]))
        .overlay("acme", "@id(\"no-ana\")\nforbid (principal == Tenancy::User::\"acme/ana\", action, resource);\n@id(\"no-ben\")\nforbid (principal == Tenancy::User::\"acme/other|sub-ben\", action, resource);\n")
        .start();
    ask(&gate, PATH, &gate.issuer.user("ana")).refused(Reason::PolicyDenied);
    ask(&gate, PATH, &second.user("ana")).allowed(200);
    ask(&gate, PATH, &gate.issuer.user("ben")).allowed(200);
    ask(&gate, PATH, &second.user("ben")).refused(Reason::PolicyDenied);
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
fn rule_09_what_was_remembered_of_a_token_ends_with_the_token() {
    let clock = Clock::manual(Clock::system().now());
    let gate = TestGate::builder().clock(&clock).start();
    let token = gate.issuer.user("ana").sign();
    gate.get(PATH).bearer(&token).send().allowed(200);
    gate.get(PATH).bearer(&token).send().allowed(200);
    assert!(gate.metrics().sum("palisade_token_cache_hits_total", &[]) >= 1.0);
    // The same signature under other claims is another token.
    let (head, rest) = token.split_once('.').expect("a token has three parts");
    let (_, signature) = rest.split_once('.').expect("a token has three parts");
    let other = gate.issuer.user("ana").role("admin").sign();
    let claims = other.split('.').nth(1).expect("a token has three parts");
    let forged = format!("{head}.{claims}.{signature}");
    gate.get(PATH)
        .bearer(&forged)
        .send()
        .refused(Reason::TokenSignature);
    clock.advance(2 * 3_600_000);
    gate.get(PATH)
        .bearer(&token)
        .send()
        .refused(Reason::TokenExpired);
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
fn rule_10_what_takes_a_token_away_takes_its_open_streams_too() {
    let mut streaming = crate::streams::Streaming::start(|builder| builder);
    let ana = streaming.gate.issuer.user("ana").claim("jti", "ana");
    let ben = streaming.gate.issuer.user("ben").claim("jti", "ben");
    let mut kept = streaming.events(&ben);
    let stream = streaming.events(&ana);
    kept.hears("first");
    streaming.revoke(&json!({"jti": ["ana"]}));
    stream.ends();
    streaming.say("still");
    kept.hears("still");
    let void = json!({"users": {"ben": "2999-01-01T00:00:00Z"}});
    streaming.gate.files.tenant("acme", "/not_before", void);
    kept.ends();
    streaming.ended("token_revoked", 2.0);
}
