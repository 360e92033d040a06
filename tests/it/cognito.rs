//! Tokens of a user pool that nobody here wrote: moto's Cognito, over its own API.

use crate::support::client::{Reply, Request};
use crate::support::gate::{Builder, TestGate};
use crate::support::keys::b64;
use crate::support::tools::Tool;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use palisade::reason::Reason;
use serde_json::{Value, json};
use std::net::SocketAddr;

const PATH: &str = "/app/v1/missions";
const PASSWORD: &str = "Passw0rd!of-a-test";

/// A user pool with a client of `acme-prod`, and `ana` in one group.
struct Pool {
    tool: Tool,
    id: String,
    client: String,
}

/// What a login gives.
struct Session {
    access: String,
    id: String,
}

impl Pool {
    fn start(group: &str) -> Self {
        let mut pool = Self {
            tool: Tool::python("cognito.py", &json!({})),
            id: String::new(),
            client: String::new(),
        };
        pool.id = pool.create();
        pool.client = pool.create_client();
        pool.ask("AdminCreateUser", &pool.ana(json!({})));
        let password = json!({"Password": PASSWORD, "Permanent": true});
        pool.ask("AdminSetUserPassword", &pool.ana(password));
        pool.join(group);
        pool
    }

    fn ana(&self, rest: Value) -> Value {
        merged(json!({"UserPoolId": self.id, "Username": "ana"}), rest)
    }

    fn join(&self, group: &str) {
        let made = json!({"UserPoolId": self.id, "GroupName": group});
        self.ask("CreateGroup", &made);
        let member = self.ana(json!({"GroupName": group}));
        self.ask("AdminAddUserToGroup", &member);
    }

    fn leave(&self, group: &str) {
        let member = self.ana(json!({"GroupName": group}));
        self.ask("AdminRemoveUserFromGroup", &member);
    }

    fn create(&self) -> String {
        let made = self.ask("CreateUserPool", &json!({"PoolName": "people"}));
        text(&made["UserPool"]["Id"])
    }

    fn create_client(&self) -> String {
        let flows = json!(["ALLOW_USER_PASSWORD_AUTH"]);
        let asked = json!({"UserPoolId": self.id, "ClientName": "web", "ExplicitAuthFlows": flows});
        let made = self.ask("CreateUserPoolClient", &asked);
        text(&made["UserPoolClient"]["ClientId"])
    }

    fn log_in(&self) -> Session {
        let asked = json!({
            "ClientId": self.client, "AuthFlow": "USER_PASSWORD_AUTH",
            "AuthParameters": {"USERNAME": "ana", "PASSWORD": PASSWORD},
        });
        let made = self.ask("InitiateAuth", &asked);
        let made = &made["AuthenticationResult"];
        Session {
            access: text(&made["AccessToken"]),
            id: text(&made["IdToken"]),
        }
    }

    /// Signs with the pool's key, as a pre-token-generation trigger or the token endpoint would make it.
    fn sign(&mut self, claims: &Value) -> String {
        let told = json!({"pool": self.id, "claims": claims});
        text(&self.tool.ask(&told)["token"])
    }

    /// One call of the Cognito API, which is JSON over plain HTTP.
    fn ask(&self, action: &str, body: &Value) -> Value {
        let target = format!("AWSCognitoIdentityProviderService.{action}");
        // moto takes the region from here, and checks no signature.
        let scope = "Credential=test/20260101/eu-west-1/cognito-idp/aws4_request";
        let signed = format!("AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=none");
        let reply = Request::new(self.address(), "POST", "/")
            .host(&self.address().to_string())
            .header("x-amz-target", &target)
            .header("authorization", &signed)
            .header("content-type", "application/x-amz-json-1.1")
            .body(body.to_string().as_bytes())
            .send_elsewhere();
        assert_eq!(reply.status, 200, "{action}: {}", reply.text());
        reply.json()
    }

    fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.tool.port()).into()
    }

    fn issuer(&self) -> String {
        format!("https://cognito-idp.eu-west-1.amazonaws.com/{}", self.id)
    }

    /// A gate that takes this pool's tokens, as the preset `cognito` has them.
    fn gate(&self) -> Builder {
        let keys = format!(
            "http://{}/{}/.well-known/jwks.json",
            self.address(),
            self.id
        );
        let entry = json!({
            "name": "pool", "issuer": self.issuer(), "preset": "cognito", "jwks": {"url": keys},
            "clients": "directory", "accounts": ["acme"], "contexts": ["app", "dashboard"], "scopeless": true,
            "roles": {"editors": "editor"}, "required": true, "allow_local": true,
        });
        TestGate::builder()
            .set("/issuers/0", entry)
            .tenant("acme", "/issuers", json!(["pool"]))
            .tenant("acme", "/workspaces/0/clients", json!([self.client]))
    }
}

/// The claims of a token as its issuer wrote them.
fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("three parts");
    let bytes = URL_SAFE_NO_PAD.decode(payload).expect("base64url");
    serde_json::from_slice(&bytes).expect("claims are JSON")
}

/// What the platform's pre-token-generation trigger adds to a person's access token.
fn tenant(account: &str, workspace: &str) -> Value {
    json!({"accountId": account, "workspaceId": workspace, "userId": "ana"})
}

fn merged(mut into: Value, from: Value) -> Value {
    let (Some(all), Value::Object(more)) = (into.as_object_mut(), from) else {
        panic!("two objects")
    };
    all.extend(more);
    into
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

fn read(gate: &TestGate, token: &str) -> Reply {
    gate.get(PATH).bearer(token).send()
}

fn write(gate: &TestGate, token: &str) -> Reply {
    gate.post("/dashboard/v1/missions", "{}")
        .bearer(token)
        .send()
}

#[test]
fn a_login_is_verified_and_never_completed_from_the_directory() {
    let pool = Pool::start("editors");
    let gate = pool.gate().start();
    let session = pool.log_in();
    let claims = claims(&session.access);
    assert_eq!(
        (&claims["token_use"], &claims["client_id"], &claims["iss"]),
        (&json!("access"), &json!(pool.client), &json!(pool.issuer()))
    );
    // The client is acme-prod's, the issuer is bound to acme alone, and the token says neither.
    read(&gate, &session.access).refused(Reason::ClaimMissing);
    assert_eq!(gate.only_record()["reason"], "claim_missing");
    gate.upstream.saw_nothing();
}

#[test]
fn an_id_token_of_the_same_session_opens_nothing() {
    let mut pool = Pool::start("editors");
    let gate = pool.gate().start();
    let session = pool.log_in();
    read(&gate, &session.id).refused(Reason::TokenKind);
    // Not even with everything else that an access token has.
    let client = json!({"client_id": pool.client, "username": "ana"});
    let dressed = merged(
        claims(&session.id),
        merged(tenant("acme", "acme-prod"), client),
    );
    read(&gate, &pool.sign(&dressed)).refused(Reason::TokenKind);
    gate.upstream.saw_nothing();
}

#[test]
fn groups_of_the_pool_give_the_roles_that_the_table_lists() {
    let mut pool = Pool::start("somebody");
    let gate = pool.gate().start();
    pool.leave("somebody");
    for (group, may_write) in [
        ("editors", true),
        ("acme/acme-prod#editor", true),
        ("acme/acme-prod#viewer", false),
        ("acme/acme-two#editor", false),
        ("globex/globex-prod#editor", false),
        ("Editors", false),
    ] {
        pool.join(group);
        let login = claims(&pool.log_in().access);
        assert_eq!(login["cognito:groups"], json!([group]));
        let token = pool.sign(&merged(login, tenant("acme", "acme-prod")));
        let reply = write(&gate, &token);
        if may_write {
            reply.allowed(200);
            let seen = gate.upstream.requests().pop().expect("a request");
            assert_eq!(seen.header("x-palisade-role"), Some("editor"));
            assert_eq!(seen.header("x-palisade-workspace"), Some("acme-prod"));
        } else {
            reply.refused(Reason::PolicyDenied);
        }
        pool.leave(group);
    }
    assert_eq!(gate.upstream.requests().len(), 2);
}

#[test]
fn a_client_of_one_workspace_speaks_for_no_other() {
    let mut pool = Pool::start("editors");
    let gate = pool.gate().start();
    let login = claims(&pool.log_in().access);
    for (account, workspace, reason) in [
        ("acme", "acme-two", Reason::ClientNotBound),
        ("globex", "globex-prod", Reason::IssuerNotForAccount),
        ("acme", "globex-prod", Reason::OutsideTenant),
    ] {
        let token = pool.sign(&merged(login.clone(), tenant(account, workspace)));
        read(&gate, &token).refused(reason);
    }
    gate.upstream.saw_nothing();
}

#[test]
fn whatever_is_changed_in_a_signed_token_voids_it() {
    let mut pool = Pool::start("editors");
    let gate = pool.gate().start();
    let login = claims(&pool.log_in().access);
    let token = pool.sign(&merged(login, tenant("acme", "acme-prod")));
    read(&gate, &token).allowed(200);

    let parts: Vec<&str> = token.split('.').collect();
    let promoted = merged(claims(&token), json!({"cognito:groups": ["acme#owner"]}));
    let promoted = b64(promoted.to_string().as_bytes());
    let mut signature = URL_SAFE_NO_PAD.decode(parts[2]).expect("base64url");
    signature[0] ^= 1;
    let turned = b64(&signature);
    for tampered in [
        [parts[0], &promoted, parts[2]],
        [parts[0], parts[1], &turned],
    ] {
        read(&gate, &tampered.join(".")).refused(Reason::TokenSignature);
    }
    let unsigned = b64(br#"{"alg":"none","kid":"dummy","typ":"JWT"}"#);
    let unsigned = [&unsigned, parts[1], ""].join(".");
    assert_eq!(read(&gate, &unsigned).status, 401);
    gate.upstream.only();
}

#[test]
fn the_same_key_in_another_pool_proves_nothing_here() {
    let mut pool = Pool::start("editors");
    let gate = pool.gate().start();
    let login = claims(&pool.log_in().access);
    // Every pool of moto has one key and one `kid`: only `iss` tells them apart.
    pool.id = pool.create();
    let other = merged(login, json!({"iss": pool.issuer()}));
    let token = pool.sign(&merged(other, tenant("acme", "acme-prod")));
    read(&gate, &token).refused(Reason::IssuerUnknown);
    gate.upstream.saw_nothing();
}

#[test]
fn a_machine_client_of_the_pool_gets_its_tenant_from_the_directory() {
    let mut pool = Pool::start("editors");
    let machine = pool.create_client();
    let entry = json!([{"id": machine, "role": "editor"}]);
    let gate = pool
        .gate()
        .tenant("acme", "/workspaces/0/machine_clients", entry)
        .start();
    // As Cognito's token endpoint makes them: the client is the subject, and nobody is named.
    let mut token = merged(
        claims(&pool.log_in().access),
        json!({"client_id": machine, "sub": machine}),
    );
    let named = pool.sign(&token);
    read(&gate, &named).refused(Reason::ClaimMissing);
    gate.upstream.saw_nothing();

    token.as_object_mut().expect("claims").remove("username");
    let token = pool.sign(&token);
    write(&gate, &token).allowed(200);
    let seen = gate.upstream.only();
    assert_eq!(seen.header("x-palisade-account"), Some("acme"));
    assert_eq!(seen.header("x-palisade-workspace"), Some("acme-prod"));
    assert_eq!(seen.header("x-palisade-user"), None);
}
