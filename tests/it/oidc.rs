//! A certified identity provider that nobody here wrote: oidc-provider, with discovery.

use crate::support::client::Reply;
use crate::support::eventually;
use crate::support::gate::TestGate;
use crate::support::tools::Tool;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use palisade::clock::Clock;
use palisade::reason::Reason;
use serde_json::{Value, json};

const PATH: &str = "/app/v1/missions";
const API: &str = "https://api.example.com";

struct Provider(Tool);

impl Provider {
    fn start() -> Self {
        Self(Tool::node("oidc.cjs", &json!({})))
    }

    /// What a login of `ana` gives, by code and PKCE: access token and ID token.
    fn log_in(&mut self, resource: &str) -> [String; 2] {
        let told = json!({"do": "login", "user": "ana", "resource": resource});
        let said = self.0.ask(&told);
        ["token", "id"].map(|name| said[name].as_str().expect("a token").to_owned())
    }

    /// What the client gets for itself.
    fn machine(&mut self, resource: &str) -> String {
        let said = self.0.ask(&json!({"do": "machine", "resource": resource}));
        said["token"].as_str().expect("a token").to_owned()
    }

    fn stop(&mut self) {
        self.0.ask(&json!({"do": "stop"}));
    }

    /// Comes back with other keys.
    fn start_again(&mut self) {
        self.0.ask(&json!({"do": "start"}));
    }

    fn gate(&self, clock: &Clock) -> TestGate {
        let url = format!("http://127.0.0.1:{}", self.0.port());
        let discovery = format!("{url}/.well-known/openid-configuration");
        let entry = json!({
            "name": "idp", "issuer": url, "preset": "oidc", "jwks": {"discovery": discovery},
            "algorithms": ["ES256"], "audiences": [API], "clients": "directory", "accounts": "directory",
            "contexts": ["app"], "roles": {"viewer": "viewer"}, "required": true, "allow_local": true,
        });
        TestGate::builder()
            .set("/issuers/0", entry)
            .tenant("acme", "/issuers", json!(["idp"]))
            .tenant("acme", "/workspaces/0/clients", json!(["web"]))
            .tenant(
                "acme",
                "/workspaces/0/machine_clients",
                json!([{"id": "machine", "role": "viewer"}]),
            )
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

fn header(token: &str) -> Value {
    let header = token.split('.').next().expect("three parts");
    let bytes = URL_SAFE_NO_PAD.decode(header).expect("base64url");
    serde_json::from_slice(&bytes).expect("a header is JSON")
}

/// Fetches of keys that went so.
fn fetches(gate: &TestGate, result: &str) -> f64 {
    gate.metrics().sum(
        "palisade_jwks_refresh_total",
        &[("issuer", "idp"), ("result", result)],
    )
}

#[test]
fn a_person_who_logged_in_with_pkce_is_held_to_the_claims_of_the_token() {
    let mut provider = Provider::start();
    let gate = provider.gate(&clock());
    let [access, id] = provider.log_in(API);
    assert_eq!(header(&access)["typ"], "at+jwt");
    read(&gate, &access).allowed(200);
    let seen = gate.upstream.only();
    let annotated = ["account", "workspace", "user", "role"]
        .map(|name| seen.header(&format!("x-palisade-{name}")));
    assert_eq!(
        annotated,
        [Some("acme"), Some("acme-prod"), Some("ana"), Some("viewer")]
    );
    gate.get("/app/v1/missions?workspaceId=acme-two")
        .bearer(&access)
        .send()
        .refused(Reason::OutsideTenant);
    // Of the same login, and for the application only.
    read(&gate, &id).refused(Reason::AudienceMismatch);
    gate.upstream.only();
}

#[test]
fn a_client_of_the_directory_gets_its_tenant_there() {
    let mut provider = Provider::start();
    let gate = provider.gate(&clock());
    let token = provider.machine(API);
    assert_eq!(header(&token)["typ"], "at+jwt");
    read(&gate, &token).allowed(200);
    let seen = gate.upstream.only();
    let annotated =
        ["account", "workspace", "user"].map(|name| seen.header(&format!("x-palisade-{name}")));
    assert_eq!(annotated, [Some("acme"), Some("acme-prod"), None]);
}

#[test]
fn a_token_for_another_service_is_refused() {
    let mut provider = Provider::start();
    let gate = provider.gate(&clock());
    let other = "https://other.example.com";
    let [access, _] = provider.log_in(other);
    read(&gate, &access).refused(Reason::AudienceMismatch);
    let machine = provider.machine(other);
    read(&gate, &machine).refused(Reason::AudienceMismatch);
    gate.upstream.saw_nothing();
}

#[test]
fn while_the_provider_is_away_its_last_keys_serve_and_its_new_ones_are_found_when_it_is_back() {
    let (mut provider, clock) = (Provider::start(), clock());
    let gate = provider.gate(&clock);
    let [seen, _] = provider.log_in(API);
    let [unseen, _] = provider.log_in(API);
    read(&gate, &seen).allowed(200);

    provider.stop();
    clock.advance(301_000);
    eventually("a fetch has failed", || {
        (fetches(&gate, "error") > 0.0).then_some(())
    });
    read(&gate, &seen).allowed(200);
    read(&gate, &unseen).allowed(200);
    assert_eq!(fetches(&gate, "ok"), 1.0);

    provider.start_again();
    clock.advance(31_000);
    let [new, _] = provider.log_in(API);
    read(&gate, &new).allowed(200);
    assert_eq!(fetches(&gate, "ok"), 2.0);
    read(&gate, &seen).refused(Reason::TokenSignature);
}
