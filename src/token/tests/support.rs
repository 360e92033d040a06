//! What the tests sign, serve and stand in.

use crate::clock::{Clock, Timestamp};
use crate::telemetry::Metrics;
use crate::tenant::{
    Account, AccountId, ClientId, Directory, MachineClient, NotBefore, OverlayMode, Status,
    Workspace, WorkspaceId, WorkspaceRole,
};
use crate::token::{Binding, IssuerSettings, Issuers, KeySource, Preset};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

pub(super) const ISS: &str = "https://idp.example/pool";
/// The moment the tests' tokens are issued, in seconds.
pub(super) const NOW: i64 = 1_800_000_000;

pub(super) fn now() -> Timestamp {
    Timestamp::from_secs(NOW)
}

pub(super) fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A key that signs ES256.
pub(super) struct Signer {
    kid: String,
    key: EcdsaKeyPair,
}

impl Signer {
    pub(super) fn new(kid: &str) -> Self {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Self {
            kid: kid.to_owned(),
            key,
        }
    }

    pub(super) fn jwk(&self) -> Value {
        let point = self.key.public_key().as_ref();
        json!({"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": self.kid,
            "x": b64(&point[1..33]), "y": b64(&point[33..])})
    }

    pub(super) fn sign(&self, claims: &Value) -> String {
        self.sign_raw(
            &json!({"alg": "ES256", "kid": self.kid}).to_string(),
            claims,
        )
    }

    pub(super) fn sign_raw(&self, header: &str, claims: &Value) -> String {
        self.sign_text(header, &claims.to_string())
    }

    pub(super) fn sign_text(&self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", b64(header), b64(claims));
        let signature = self.key.sign(&SystemRandom::new(), message.as_bytes());
        format!("{message}.{}", b64(signature.unwrap()))
    }
}

pub(super) fn jwks(signers: &[&Signer]) -> String {
    let keys: Vec<Value> = signers.iter().map(|signer| signer.jwk()).collect();
    json!({ "keys": keys }).to_string()
}

/// The claims of a good token of `ana`.
pub(super) fn ana() -> Value {
    json!({"iss": ISS, "sub": "sub-ana", "accountId": "acme", "workspaceId": "acme-prod", "userId": "ana",
        "principalId": "p-1", "context": "app", "platform": "web", "role": "viewer",
        "scope": "app/read", "token_use": "access", "client_id": "acme-web", "username": "ana",
        "jti": "j-1", "iat": NOW, "auth_time": NOW, "exp": NOW + 3600})
}

/// `claims` with some of them set; `null` takes one away.
pub(super) fn with(mut claims: Value, changes: &Value) -> Value {
    let object = claims.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(object.shift_remove(name)),
            other => drop(object.insert(name.clone(), other.clone())),
        }
    }
    claims
}

pub(super) fn keys_of(signer: &Signer) -> KeySource {
    KeySource::File {
        file: "jwks.json".to_owned(),
        text: jwks(&[signer]).into(),
    }
}

/// The platform's own issuer, bound by the directory.
pub(super) fn cosmos(keys: KeySource) -> IssuerSettings {
    IssuerSettings {
        algorithms: vec![crate::token::Algorithm::ES256],
        clients: Binding::Directory,
        accounts: Binding::Directory,
        ..Preset::Cosmos.issuer("cosmos", ISS, keys)
    }
}

pub(super) fn issuers(settings: Vec<IssuerSettings>, clock: &Clock) -> Arc<Issuers> {
    Issuers::new(settings, clock.clone(), Metrics::new()).unwrap()
}

pub(super) fn client(id: &str) -> ClientId {
    ClientId::parse(id).unwrap()
}

pub(super) fn account_id(id: &str) -> AccountId {
    AccountId::parse(id).unwrap()
}

/// `acme` with two workspaces, and `globex` with one.
pub(super) fn accounts() -> Vec<Account> {
    vec![
        account(
            "acme",
            vec![
                workspace("acme", "acme-prod", "acme-web", &["hr-sync"]),
                workspace("acme", "acme-dev", "acme-dev-web", &[]),
            ],
        ),
        account(
            "globex",
            vec![workspace("globex", "globex-prod", "globex-web", &[])],
        ),
    ]
}

pub(super) fn directory() -> Directory {
    Directory::build(accounts()).0
}

pub(super) fn account(id: &str, workspaces: Vec<Workspace>) -> Account {
    Account {
        id: account_id(id),
        status: Status::Active,
        plan: "standard".to_owned(),
        issuers: vec!["cosmos".to_owned()],
        overlay: OverlayMode::None,
        not_before: NotBefore::default(),
        workspaces: workspaces.into_iter().map(Arc::new).collect(),
        revision: [1; 32],
    }
}

pub(super) fn workspace(of: &str, id: &str, web: &str, machines: &[&str]) -> Workspace {
    Workspace {
        id: WorkspaceId::parse(id).unwrap(),
        account: account_id(of),
        status: Status::Active,
        kind: "custom".to_owned(),
        plan: None,
        features: Vec::new(),
        catalogs: Vec::new(),
        shared_with: Vec::new(),
        clients: vec![client(web)],
        users: None,
        machine_clients: machines
            .iter()
            .map(|id| MachineClient {
                id: client(id),
                role: Some(WorkspaceRole::Editor),
            })
            .collect(),
    }
}

/// A server that answers every request with what it was told last, and counts.
#[derive(Clone)]
pub(super) struct Server {
    pub(super) port: u16,
    answer: Arc<Mutex<(u16, String)>>,
    fetches: Arc<AtomicUsize>,
}

impl Server {
    pub(super) async fn start(body: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            port: listener.local_addr().unwrap().port(),
            answer: Arc::new(Mutex::new((200, body))),
            fetches: Arc::default(),
        };
        let shared = server.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = [0; 2048];
                let read = stream.read(&mut head).await.unwrap_or(0);
                if read == 0 {
                    continue;
                }
                shared.fetches.fetch_add(1, Ordering::SeqCst);
                let (status, body) = shared.answer.lock().unwrap().clone();
                let answer = format!(
                    "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                    body.len()
                );
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        server
    }

    pub(super) fn answer(&self, status: u16, body: impl Into<String>) {
        *self.answer.lock().unwrap() = (status, body.into());
    }

    pub(super) fn fetches(&self) -> usize {
        self.fetches.load(Ordering::SeqCst)
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub(super) fn keys(&self) -> KeySource {
        KeySource::Url {
            url: self.url("/jwks"),
        }
    }
}

/// Waits until `holds`, or fails after thirty seconds: the machine may be busy.
pub(super) async fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..3000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never: {what}");
}
