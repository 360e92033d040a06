//! The signed statement that upstreams verify themselves.

use crate::support::assertion::{AUDIENCE, Assertion, ED25519, P256, asserting, keys, signing};
use crate::support::authority::Authority;
use crate::support::gate::{HOST, TestGate, refused};
use crate::support::tls::{TlsClient, asking};
use palisade::clock::Clock;
use palisade::reason::Reason;
use serde_json::json;

const PATH: &str = "/app/v1/missions";
const CREATE: &str = "/dashboard/v1/missions";
const HEADER: &str = "x-palisade-assertion";

macro_rules! pem {
    ($name:literal) => {
        include_str!(concat!("../data/assertion/", $name))
    };
}

/// The assertion of the latest request.
fn latest(gate: &TestGate) -> Assertion {
    let seen = gate.upstream.requests().pop().expect("a request was seen");
    Assertion::read(gate, seen.header(HEADER).expect("an assertion was sent"))
}

fn text(gate: &TestGate, target: &str, token: &str) -> String {
    gate.get(target).bearer(token).send().allowed(200);
    let seen = gate.upstream.requests().pop().expect("a request was seen");
    seen.header(HEADER).expect("an assertion").to_owned()
}

#[test]
fn a_user_who_is_acted_for_is_verified_or_said_not_to_be() {
    let users = json!([{"id": "ana", "roles": ["viewer"]}]);
    let unknowing = || asserting(ED25519);
    let knowing = unknowing().tenant("acme", "/workspaces/0/users", users);
    for (gate, known) in [(unknowing(), false), (knowing, true)] {
        let gate = gate.start();
        let token = gate.issuer.machine("hr-sync").sign();
        let request = gate.get(PATH).bearer(&token).header("x-user-id", "ana");
        request.send().allowed(200);
        let claims = latest(&gate).claims;
        assert_eq!(
            (&claims["sub"], &claims["user"], &claims["actor"]),
            (&json!("acme/hr-sync"), &json!("ana"), &json!("hr-sync"))
        );
        assert_eq!(claims["user_verified"], known);
    }
}

#[test]
fn a_principal_inside_a_workspace_is_asserted_with_the_workspace_and_without_its_reason() {
    let gate = asserting(ED25519).set("/principals", json!({"act_in": true}));
    let gate = gate.start();
    let token = gate.issuer.principal("sue").sign();
    let request = gate.get(PATH).bearer(&token);
    let request = request.header("x-palisade-act-in", "acme-prod");
    let request = request.header("x-palisade-reason", "case 4711");
    request.send().allowed(200);
    let claims = latest(&gate).claims;
    assert_eq!(
        (&claims["sub"], &claims["principal"], &claims["workspace"]),
        (&json!("cosmos|sub-sue"), &json!("sue"), &json!("acme-prod"))
    );
    assert!(!claims.to_string().contains("4711"), "{claims}");
    assert!(claims.get("user").is_none(), "{claims}");
}

#[test]
fn it_says_whose_certificate_the_client_showed_and_nothing_where_it_showed_none() {
    let (servers, clients) = (Authority::new("servers"), Authority::new("clients"));
    let id = "spiffe://example.org/ns/prod/sa/web";
    let own = clients.workload(id);
    let more = json!({"client_auth": "optional"});
    let gate = asking(&servers.host(&[HOST]), &clients, &more);
    let gate = signing(gate, ED25519).start();
    let bearer = format!(
        "authorization: Bearer {}\r\n",
        gate.issuer.user("ana").sign()
    );
    for (shown, said) in [(Some(&own), json!(id)), (None, json!(null))] {
        let client = TlsClient::new(&servers, shown);
        assert_eq!(client.get(&gate, PATH, &bearer).unwrap(), 200);
        assert_eq!(latest(&gate).claims["client_certificate"], said);
    }
}

#[test]
fn an_upstream_gets_a_signed_statement_of_what_was_allowed() {
    for (key, algorithm) in [(ED25519, "EdDSA"), (P256, "ES256")] {
        let gate = asserting(key).start();
        let token = gate.issuer.user("ana").sign();
        gate.get("/app/v1/missions/m-1?b=%20x&a=1")
            .bearer(&token)
            .send()
            .allowed(200);
        let assertion = latest(&gate);
        assert_eq!(
            assertion.header,
            json!({"alg": algorithm, "kid": keys(&gate)[0]["kid"], "typ": "palisade-assertion+jwt"})
        );
        let mut claims = assertion.claims;
        let number = |name: &str| claims[name].as_i64().expect("a number");
        let (iat, nbf, exp) = (number("iat"), number("nbf"), number("exp"));
        assert_eq!((nbf, exp), (iat, iat + 30));
        assert!((iat - Clock::system().now().millis() / 1000).abs() < 30);
        let status = gate
            .control_port("/status")
            .bearer(crate::support::gate::CONTROL_TOKEN);
        assert_eq!(claims["revision"], status.send().json()["revision"]);
        for moving in ["iat", "nbf", "exp", "jti", "revision"] {
            claims.as_object_mut().expect("an object").remove(moving);
        }
        assert_eq!(
            claims,
            json!({
                "iss": "urn:palisade", "aud": AUDIENCE, "sub": "acme/ana",
                "method": "GET", "path": "/app/v1/missions/m-1",
                // `printf 'b=%%20x&a=1' | openssl dgst -sha256 -binary | basenc --base64url | tr -d =`
                "query_sha256": "rocP_u9a6WpvCmBhyQlYK3hlp3b8uxjkUt-QjcCeyIo",
                "context": "app", "action": "app/missions/get",
                "account": "acme", "workspace": "acme-prod",
                "user": "ana", "principal": "person-ana", "role": "viewer",
            })
        );
    }
}

#[test]
fn machines_and_principals_are_subjects_of_their_own_kind() {
    let gate = asserting(ED25519).start();
    gate.get(PATH)
        .bearer(&gate.issuer.machine("hr-sync").sign())
        .send()
        .allowed(200);
    let service = latest(&gate).claims;
    assert_eq!(service["sub"], "acme/hr-sync");
    assert_eq!(service["role"], "editor");
    assert!(service.get("user").is_none(), "{service}");
    let root = gate.issuer.principal("root").sign();
    gate.get("/portal/v1/accounts/globex")
        .bearer(&root)
        .send()
        .allowed(200);
    let principal = latest(&gate).claims;
    assert_eq!(principal["sub"], "cosmos|sub-root");
    assert_eq!(principal["principal"], "root");
    assert_eq!(principal["account"], "globex");
    assert!(principal.get("workspace").is_none(), "{principal}");
}

#[test]
fn nothing_is_asserted_unless_it_is_asked_for() {
    let gate = TestGate::start();
    let token = gate.issuer.user("ana").sign();
    gate.get(PATH).bearer(&token).send().allowed(200);
    assert_eq!(gate.upstream.only().header(HEADER), None);
    assert_eq!(keys(&gate), json!([]));
}

#[test]
fn an_upstream_without_an_audience_gets_no_assertion() {
    let gate = asserting(ED25519);
    let url = gate.upstream_url();
    let gate = gate
        .set("/upstreams/plain", json!({"url": url}))
        .set("/routes/0/upstream", json!("plain"))
        .start();
    let token = gate.issuer.user("ana").sign();
    gate.get(PATH).bearer(&token).send().allowed(200);
    assert_eq!(gate.upstream.only().header(HEADER), None);
}

#[test]
fn an_assertion_is_sent_again_for_the_same_claims_within_half_of_its_lifetime() {
    let clock = Clock::manual(Clock::system().now());
    let gate = asserting(ED25519).clock(&clock).start();
    let ana = gate.issuer.user("ana").sign();
    let first = text(&gate, PATH, &ana);
    clock.advance(14_999);
    assert_eq!(text(&gate, PATH, &ana), first);
    clock.advance(1);
    let second = text(&gate, PATH, &ana);
    assert_ne!(second, first);
    let id = |text: &str| Assertion::read(&gate, text).claims["jti"].clone();
    assert_ne!(id(&first), id(&second));
    assert_eq!(text(&gate, PATH, &ana), second);
}

#[test]
fn an_assertion_of_other_claims_is_another_one() {
    let gate = asserting(ED25519).start();
    let user = |name: &str| gate.issuer.user(name);
    let ana = user("ana").sign();
    let mut seen = vec![text(&gate, PATH, &ana)];
    for (target, token) in [
        ("/app/v1/missions?a=1", ana.clone()),
        ("/app/v1/missions?a=2", ana.clone()),
        ("/app/v1/missions/m-1", ana.clone()),
        ("/app/v1/missions/m-2", ana),
        (PATH, user("bo").sign()),
        (PATH, user("ana").role("editor").sign()),
        (PATH, user("ana").claim("principalId", "another").sign()),
        (PATH, user("ana").workspace("acme-two").sign()),
        (
            PATH,
            user("ana")
                .account("globex")
                .workspace("globex-prod")
                .sign(),
        ),
        (PATH, gate.issuer.machine("hr-sync").sign()),
    ] {
        seen.push(text(&gate, target, &token));
    }
    gate.request("HEAD", PATH)
        .bearer(&user("ana").sign())
        .send()
        .allowed(200);
    seen.push(
        gate.upstream
            .requests()
            .pop()
            .unwrap()
            .header(HEADER)
            .unwrap()
            .to_owned(),
    );
    let count = seen.len();
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), count);
}

#[test]
fn what_may_be_sent_again_names_no_request() {
    let gate = asserting(P256).start();
    let ana = gate
        .issuer
        .user("ana")
        .claim("jti", "id-of-the-token")
        .sign();
    let first = text(&gate, PATH, &ana);
    assert_eq!(text(&gate, PATH, &ana), first);
    let claims = Assertion::read(&gate, &first).claims.to_string();
    for request in gate.upstream.requests() {
        let id = request.header("x-palisade-request-id").expect("an id");
        assert!(!claims.contains(id), "{claims}");
    }
    assert!(!claims.contains("id-of-the-token"), "{claims}");
}

#[test]
fn a_client_cannot_say_it_drop_it_or_send_it_after() {
    let gate = asserting(ED25519).start();
    let ana = gate.issuer.user("ana").sign();
    let ours = text(&gate, PATH, &ana);
    let mut request = gate.get(PATH).bearer(&ana);
    for name in [
        "x-palisade-assertion",
        "X_Palisade_Assertion",
        "x.palisade.assertion",
    ] {
        request = request.header(name, "eyJ.forged.one");
    }
    request
        .header("connection", "x-palisade-assertion")
        .send()
        .allowed(200);
    let seen = gate.upstream.requests().pop().expect("a request was seen");
    assert_eq!(seen.header(HEADER), Some(ours.as_str()));
    assert!(!format!("{:?}", seen.message.headers).contains("forged"));

    let edi = gate
        .issuer
        .user("edi")
        .role("editor")
        .context("dashboard")
        .sign();
    let mut connection = gate.connect();
    let head = format!(
        "POST {CREATE} HTTP/1.1\r\nhost: {HOST}\r\nauthorization: Bearer {edi}\r\n\
         content-type: application/json\r\ntransfer-encoding: chunked\r\n\
         trailer: x-palisade-assertion\r\n\r\n\
         2\r\n{{}}\r\n0\r\nX-Palisade_Assertion: eyJ.forged.one\r\n\r\n"
    );
    connection.send(head.as_bytes());
    connection.reply("POST").allowed(200);
    let seen = gate.upstream.requests().pop().expect("a request was seen");
    assert!(seen.message.trailers.is_empty(), "{seen:?}");
    assert!(Assertion::read(&gate, seen.header(HEADER).unwrap()).claims["user"] == "edi");
}

#[test]
fn a_continued_line_carries_no_assertion_past_the_gate() {
    let gate = asserting(ED25519).start();
    let ana = gate.issuer.user("ana").sign();
    let mut connection = gate.connect();
    let head = format!(
        "GET {PATH} HTTP/1.1\r\nhost: {HOST}\r\nauthorization: Bearer {ana}\r\n\
         x-test-a: 1\r\n x-palisade-assertion: eyJ.forged.one\r\n\r\n"
    );
    connection.send(head.as_bytes());
    connection.finish();
    connection.replies();
    for seen in gate.upstream.requests() {
        assert!(!format!("{seen:?}").contains("forged"), "{seen:?}");
    }
}

#[test]
fn the_gate_refuses_its_own_assertion_as_a_token() {
    let gate = asserting(ED25519).start();
    let ana = gate.issuer.user("ana").sign();
    let assertion = text(&gate, PATH, &ana);
    let reply = gate.get(PATH).bearer(&assertion).send();
    assert_eq!(reply.status, 401, "{}", reply.text());
    for typ in [
        "palisade-assertion+jwt",
        "application/Palisade-Assertion+JWT",
    ] {
        let token = gate.issuer.user("ana").header("typ", typ).sign();
        gate.get(PATH)
            .bearer(&token)
            .send()
            .refused(Reason::TokenKind);
    }
    assert_eq!(gate.upstream.requests().len(), 1);
}

#[test]
fn keys_change_without_a_moment_in_which_verifiers_know_neither() {
    let next = json!(["file:secrets/p256.pub", "file:secrets/ed25519.pem"]);
    let gate = asserting(ED25519)
        .file("secrets/p256.pub", pem!("p256.pub"))
        .file("secrets/ed25519.pem", pem!("ed25519.pem"))
        .set("/annotate/assertion/also_publish", next)
        .start();
    let published = keys(&gate);
    let names: Vec<&str> = published
        .as_array()
        .unwrap()
        .iter()
        .map(|key| key["crv"].as_str().unwrap())
        .collect();
    // The key that signs is not published twice.
    assert_eq!(names, ["Ed25519", "P-256"]);
    assert!(!published.to_string().contains("\"d\""), "{published}");
}

#[test]
fn a_key_of_another_kind_does_not_start_and_says_how_to_make_one() {
    for (key, why) in [
        (pem!("rsa.pem"), "neither Ed25519 nor ECDSA on P-256"),
        (pem!("p384.pem"), "neither Ed25519 nor ECDSA on P-256"),
        (pem!("p256-sec1.pem"), "older SEC1 form"),
        (pem!("encrypted.pem"), "an encrypted key"),
        (pem!("p256.pub"), "a public key"),
        ("secret", "no PEM block"),
    ] {
        refused(
            asserting(key),
            &["annotate.assertion.key", why, "openssl genpkey"],
        );
    }
    let gone = asserting(ED25519).set("/annotate/assertion/key", json!("file:gone.pem"));
    refused(gone, &["gone.pem", "annotate.assertion.key"]);
}

#[test]
fn what_cannot_be_meant_does_not_start() {
    let ttl = |ttl: &str| asserting(ED25519).set("/annotate/assertion/ttl", json!(ttl));
    for wrong in ["4s", "61s", "10500ms", "1h"] {
        refused(ttl(wrong), &["annotate.assertion.ttl", wrong]);
    }
    let audience = |uri: &str| asserting(ED25519).set("/upstreams/api/audience", json!(uri));
    for wrong in ["api", "", "urn:a b", "https://a/#b"] {
        refused(audience(wrong), &["upstreams.api.audience", "absolute URI"]);
    }
    let nobody = TestGate::builder()
        .file("secrets/assertion.pem", ED25519)
        .set(
            "/annotate",
            json!({"assertion": {"key": "file:secrets/assertion.pem"}}),
        );
    refused(nobody, &["annotate.assertion", "audience"]);
}
