//! Keys of an issuer that nobody here wrote, changed while the gate runs: oauth2-mock-server.

use crate::support::client::Reply;
use crate::support::gate::TestGate;
use crate::support::tools::Tool;
use palisade::clock::Clock;
use palisade::reason::Reason;
use serde_json::json;

const PATH: &str = "/app/v1/missions";
/// Longer than requests must wait between two fetches, shorter than the planned refresh.
const APART: i64 = 31_000;

struct Issuer(Tool);

impl Issuer {
    /// Serves the key `one`.
    fn start() -> Self {
        Self(Tool::node("mock.cjs", &json!({})))
    }

    /// From now on serves these keys and no others.
    fn publish(&mut self, kids: &[&str]) {
        self.0.ask(&json!({"do": "publish", "kids": kids}));
    }

    /// A token of `ana`, never the same twice.
    fn token(&mut self, kid: &str) -> String {
        let claims = json!({
            "sub": "sub-ana", "accountId": "acme", "workspaceId": "acme-prod", "userId": "ana",
            "client_id": "client-acme-prod", "aud": "urn:api", "role": "viewer",
            "jti": crate::support::issuer::unique().to_string(),
        });
        let said = self
            .0
            .ask(&json!({"do": "token", "kid": kid, "claims": claims}));
        said["token"].as_str().expect("a token").to_owned()
    }

    fn fetches(&mut self) -> u64 {
        let said = self.0.ask(&json!({"do": "fetches"}));
        said["fetches"].as_u64().expect("a count")
    }

    fn gate(&self, clock: &Clock) -> TestGate {
        let url = format!("http://127.0.0.1:{}", self.0.port());
        let discovery = format!("{url}/.well-known/openid-configuration");
        let entry = json!({
            "name": "mock", "issuer": url, "preset": "oidc", "jwks": {"discovery": discovery, "refresh": "1h"},
            "audiences": ["urn:api"], "clients": "directory", "accounts": "directory", "scopeless": true,
            "contexts": ["app"], "roles": {"viewer": "viewer"}, "required": true, "allow_local": true,
        });
        TestGate::builder()
            .set("/issuers/0", entry)
            .tenant("acme", "/issuers", json!(["mock"]))
            .clock(clock)
            .start()
    }
}

fn clock() -> Clock {
    Clock::manual(Clock::system().now())
}

fn read(gate: &TestGate, token: &str) -> Reply {
    gate.get(PATH).bearer(token).send()
}

#[test]
fn a_new_key_passes_after_one_fetch_and_a_key_that_is_gone_no_more() {
    let (mut issuer, clock) = (Issuer::start(), clock());
    let gate = issuer.gate(&clock);
    let old = issuer.token("one");
    read(&gate, &old).allowed(200);
    assert_eq!(issuer.fetches(), 1);

    issuer.publish(&["two"]);
    // Nobody has asked for the new set: what was published last still serves.
    read(&gate, &old).allowed(200);
    clock.advance(APART);
    let new = issuer.token("two");
    read(&gate, &new).allowed(200);
    assert_eq!(issuer.fetches(), 2);

    // Proved before or not: the key is not published any more.
    let unseen = issuer.token("one");
    read(&gate, &old).refused(Reason::TokenSignature);
    read(&gate, &unseen).refused(Reason::TokenSignature);
    read(&gate, &new).allowed(200);
    assert_eq!(issuer.fetches(), 2);
    assert_eq!(gate.upstream.requests().len(), 4);
}

#[test]
fn while_both_keys_are_published_both_pass() {
    let (mut issuer, clock) = (Issuer::start(), clock());
    issuer.publish(&["one", "two"]);
    let gate = issuer.gate(&clock);
    for kid in ["one", "two"] {
        read(&gate, &issuer.token(kid)).allowed(200);
    }
    assert_eq!(issuer.fetches(), 1);
}

#[test]
fn a_flood_of_unknown_keys_causes_one_fetch_in_thirty_seconds() {
    let (mut issuer, clock) = (Issuer::start(), clock());
    let gate = issuer.gate(&clock);
    let flood: Vec<String> = (0..40).map(|_| issuer.token("stray")).collect();
    let good = issuer.token("one");
    for round in 0..3 {
        assert_eq!(issuer.fetches(), 1 + round);
        clock.advance(APART);
        std::thread::scope(|scope| {
            for part in flood.chunks(10) {
                let gate = &gate;
                scope.spawn(move || {
                    for token in part {
                        read(gate, token).refused(Reason::TokenSignature);
                    }
                });
            }
        });
        read(&gate, &good).allowed(200);
    }
    assert_eq!(issuer.fetches(), 4);
}

#[test]
fn an_empty_key_set_takes_nothing_away() {
    let (mut issuer, clock) = (Issuer::start(), clock());
    let gate = issuer.gate(&clock);
    let token = issuer.token("one");
    read(&gate, &token).allowed(200);
    issuer.publish(&[]);
    clock.advance(APART);
    // Whether this key exists cannot be said now; the last good ones go on serving.
    let stray = issuer.token("stray");
    read(&gate, &stray).refused(Reason::KeysUnavailable);
    assert_eq!(issuer.fetches(), 2);
    read(&gate, &token).allowed(200);
    let fresh = issuer.token("one");
    read(&gate, &fresh).allowed(200);
}
