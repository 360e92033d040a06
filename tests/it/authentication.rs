//! What a token must be, over real sockets. The whole corpus of hostile tokens is decided in `token`;
//! here each reason is seen once, from outside.

use crate::support::eventually;
use crate::support::gate::TestGate;
use crate::support::issuer::{TestIssuer, Token};
use crate::support::keys::{Key, b64};
use palisade::clock::{Clock, Timestamp};
use palisade::reason::Reason;
use serde_json::json;

const PATH: &str = "/app/v1/missions";

#[track_caller]
fn refused(gate: &TestGate, token: &str, reason: Reason) {
    gate.get(PATH).bearer(token).send().refused(reason);
    gate.upstream.saw_nothing();
}

fn bent(bend: impl FnOnce(Token) -> Token, reason: Reason) {
    let gate = TestGate::start();
    let token = bend(gate.issuer.user("ana")).sign();
    refused(&gate, &token, reason);
}

#[test]
fn no_token_is_token_missing_and_the_challenge_names_no_error() {
    let gate = TestGate::start();
    let reply = gate.get(PATH).send();
    reply.refused(Reason::TokenMissing);
    let challenge = reply.header("www-authenticate").unwrap_or_default();
    assert!(!challenge.contains("error="), "{challenge}");
}

#[test]
fn a_bad_token_is_challenged_with_invalid_token() {
    let gate = TestGate::start();
    let reply = gate.get(PATH).bearer("x.y.z").send();
    reply.refused(Reason::TokenMalformed);
    let challenge = reply.header("www-authenticate").unwrap_or_default();
    assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
}

#[test]
fn strangers_get_401_on_known_and_unknown_paths_alike() {
    let gate = TestGate::start();
    for path in [
        PATH,
        "/nowhere",
        "/app/v1/nothing-here",
        "/metrics",
        "/status",
    ] {
        gate.get(path).send().refused(Reason::TokenMissing);
    }
}

#[test]
fn every_accepted_family_of_signatures_is_verified() {
    let gate = TestGate::start();
    for key in [Key::Rsa, Key::Ec, Key::Ed] {
        let token = gate.issuer.user("ana").key(key).sign();
        gate.get(PATH).bearer(&token).send().allowed(200);
    }
    let pss = gate.issuer.user("ana").header("alg", "PS256").sign();
    gate.get(PATH).bearer(&pss).send().allowed(200);
}

#[test]
fn an_expired_token_is_refused_and_leeway_is_small() {
    bent(|token| token.expired(31), Reason::TokenExpired);
}

#[test]
fn a_token_without_expiry_is_refused() {
    let gate = TestGate::start();
    let token = gate.issuer.user("ana").without("exp").sign();
    let reply = gate.get(PATH).bearer(&token).send();
    assert!([401, 403].contains(&reply.status), "{}", reply.text());
    gate.upstream.saw_nothing();
}

#[test]
fn a_token_from_the_future_is_refused() {
    let later = Clock::system().now().millis() / 1000 + 120;
    bent(|token| token.claim("nbf", later), Reason::TokenNotYetValid);
    bent(|token| token.claim("iat", later), Reason::TokenNotYetValid);
}

#[test]
fn the_issuer_is_compared_exactly() {
    let ours = crate::support::issuer::ISS;
    for other in [
        format!("{ours}/"),
        ours.to_uppercase(),
        "https://evil.example".to_owned(),
    ] {
        bent(|token| token.claim("iss", other), Reason::IssuerUnknown);
    }
}

#[test]
fn an_issuer_in_an_array_is_no_issuer() {
    let gate = TestGate::start();
    let token = gate
        .issuer
        .user("ana")
        .claim("iss", json!([crate::support::issuer::ISS]))
        .sign();
    let reply = gate.get(PATH).bearer(&token).send();
    assert_eq!(reply.status, 401, "{}", reply.text());
    gate.upstream.saw_nothing();
}

#[test]
fn an_id_token_is_not_an_access_token() {
    bent(|token| token.claim("token_use", "id"), Reason::TokenKind);
    bent(
        |token| token.header("typ", "palisade-assertion+jwt"),
        Reason::TokenKind,
    );
}

#[test]
fn a_client_that_nobody_lists_is_refused() {
    bent(
        |token| token.claim("client_id", "client-of-a-stranger"),
        Reason::ClientNotBound,
    );
}

#[test]
fn a_token_through_another_workspaces_client_is_refused() {
    bent(
        |token| token.claim("client_id", "client-globex-prod"),
        Reason::ClientNotBound,
    );
}

#[test]
fn hmac_none_and_swapped_algorithms_are_refused() {
    for algorithm in ["none", "None", "HS256", "HS512", "RS1", "ES256"] {
        let gate = TestGate::start();
        let token = gate.issuer.user("ana").header("alg", algorithm).sign();
        let reply = gate.get(PATH).bearer(&token).send();
        assert_eq!(reply.status, 401, "{algorithm}: {}", reply.text());
        gate.upstream.saw_nothing();
    }
}

#[test]
fn a_critical_header_that_is_not_understood_is_refused() {
    bent(
        |token| token.header("crit", json!(["b64"])).header("b64", false),
        Reason::TokenMalformed,
    );
}

#[test]
fn a_tampered_payload_is_refused_even_after_the_token_was_accepted() {
    let gate = TestGate::start();
    let user = gate.issuer.user("ana");
    let token = user.sign();
    gate.get(PATH).bearer(&token).send().allowed(200);
    let parts: Vec<&str> = token.split('.').collect();
    let claims = user.claim("role", "admin").claims_text();
    let forged = format!("{}.{}.{}", parts[0], b64(claims.as_bytes()), parts[2]);
    gate.get(PATH)
        .bearer(&forged)
        .send()
        .refused(Reason::TokenSignature);
    assert_eq!(gate.upstream.requests().len(), 1);
}

#[test]
fn doubled_claims_are_refused_whichever_comes_last() {
    let gate = TestGate::start();
    let user = gate.issuer.user("ana");
    let claims = user.claims_text();
    for doubled in [
        claims.replacen('{', "{\"accountId\":\"globex\",", 1),
        claims.replacen('}', ",\"accountId\":\"globex\"}", 1),
    ] {
        refused(&gate, &user.sign_text(&doubled), Reason::TokenMalformed);
    }
}

#[test]
fn a_token_of_64_kib_is_refused_and_the_gate_lives() {
    let gate = TestGate::builder()
        .set("/listen/limits", json!({"header_bytes": "256KiB"}))
        .start();
    let token = gate
        .issuer
        .user("ana")
        .claim("pad", "x".repeat(48 * 1024))
        .sign();
    refused(&gate, &token, Reason::TokenMalformed);
    let good = gate.issuer.user("ana").sign();
    gate.get(PATH).bearer(&good).send().allowed(200);
}

#[test]
fn a_token_ends_while_the_cache_still_holds_it() {
    let clock = Clock::manual(Clock::system().now());
    let gate = TestGate::builder().clock(&clock).start();
    let token = gate.issuer.user("ana").sign();
    gate.get(PATH).bearer(&token).send().allowed(200);
    gate.get(PATH).bearer(&token).send().allowed(200);
    clock.advance(3_700_000);
    gate.get(PATH)
        .bearer(&token)
        .send()
        .refused(Reason::TokenExpired);
}

#[test]
fn a_token_from_before_the_accounts_not_before_is_revoked() {
    let later = Timestamp(Clock::system().now().millis() + 60_000).rfc3339();
    let gate = TestGate::builder()
        .tenant("acme", "/not_before", json!({"account": later}))
        .start();
    let token = gate.issuer.user("ana").sign();
    gate.get(PATH)
        .bearer(&token)
        .send()
        .refused(Reason::TokenRevoked);
    let bo = gate
        .issuer
        .user("bo")
        .account("globex")
        .workspace("globex-prod")
        .sign();
    gate.get(PATH).bearer(&bo).send().allowed(200);
}

#[test]
fn a_new_key_is_found_by_one_refetch_and_strangers_cannot_drive_more() {
    let clock = Clock::manual(Clock::system().now());
    let gate = TestGate::builder().clock(&clock).start();
    clock.advance(31_000);
    let before = gate.issuer.fetches();
    gate.issuer.rotate_keys();
    let token = gate.issuer.user("ana").key(Key::NextRsa).sign();
    eventually("the rotated key is accepted", || {
        (gate.get(PATH).bearer(&token).send().status == 200).then_some(())
    });
    for at in 0..20 {
        let stranger = gate
            .issuer
            .user("eve")
            .header("kid", format!("kid-{at}"))
            .sign();
        assert_eq!(gate.get(PATH).bearer(&stranger).send().status, 401);
    }
    assert!(
        gate.issuer.fetches() <= before + 1,
        "{} fetches",
        gate.issuer.fetches() - before
    );
}

#[test]
fn the_last_good_keys_serve_while_the_issuer_is_away() {
    let gate = TestGate::start();
    gate.issuer.go_offline();
    let token = gate.issuer.user("ana").sign();
    gate.get(PATH).bearer(&token).send().allowed(200);
}

#[test]
fn an_issuer_that_was_never_reached_is_our_outage_and_not_a_bad_token() {
    let gate = TestGate::builder()
        .set("/issuers/0/required", json!(false))
        .set(
            "/issuers/0/jwks",
            json!({"url": "http://127.0.0.1:1/jwks.json"}),
        )
        .start();
    let token = gate.issuer.user("ana").sign();
    refused(&gate, &token, Reason::KeysUnavailable);
}

#[test]
fn a_broken_issuer_touches_no_other() {
    let other = TestIssuer::start_as("https://id.globex.example");
    let entry = json!({
        "name": "globex-id", "issuer": "https://id.globex.example", "preset": "cosmos",
        "jwks": {"url": other.jwks_url()}, "algorithms": ["RS256"],
        "clients": "directory", "accounts": ["globex"], "allow_local": true,
    });
    let gate = TestGate::builder()
        .set("/issuers/-", entry)
        .tenant("globex", "/issuers", json!(["globex-id"]))
        .start();
    let bo = |issuer: &TestIssuer| issuer.user("bo").account("globex").workspace("globex-prod");
    gate.get(PATH)
        .bearer(&bo(&other).sign())
        .send()
        .allowed(200);
    // Each speaks for its own accounts only, whatever it claims and whoever's keys it used.
    let crossed = other.user("ana").sign();
    gate.get(PATH)
        .bearer(&crossed)
        .send()
        .refused(Reason::IssuerNotForAccount);
    let crossed = bo(&gate.issuer).sign();
    gate.get(PATH)
        .bearer(&crossed)
        .send()
        .refused(Reason::IssuerNotForAccount);

    other.serve("<html>not a key set</html>");
    let ana = gate.issuer.user("ana").sign();
    gate.get(PATH).bearer(&ana).send().allowed(200);
    assert_eq!(gate.metrics_port("/readyz").status, 200);
}
