//! An identity provider: serves its keys over HTTP and mints tokens, good and bad.

use super::keys::{Key, b64};
use super::wire::{Side, Wire};
use palisade::clock::Clock;
use serde_json::{Map, Value, json};
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// `iss` of every token; not where the keys are served, as with Cognito behind a custom domain.
pub(crate) const ISS: &str = "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_TestPool1";
/// The client that Principals log in through.
pub(crate) const PORTAL_CLIENT: &str = "client-portal";

const HOUR: i64 = 3600;

/// The provider. Dropping it closes its socket.
pub(crate) struct TestIssuer {
    address: SocketAddr,
    iss: String,
    state: Arc<State>,
}

struct State {
    document: Mutex<Served>,
    fetches: AtomicUsize,
}

#[derive(Clone)]
enum Served {
    Text(String),
    Offline,
}

impl TestIssuer {
    /// Starts with an RSA, an EC and an Ed25519 key.
    pub(crate) fn start() -> Self {
        Self::start_as(ISS)
    }

    /// The same, as another issuer.
    pub(crate) fn start_as(iss: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let state = Arc::new(State {
            document: Mutex::new(Served::Text(jwks(&[Key::Rsa, Key::Ec, Key::Ed]))),
            fetches: AtomicUsize::new(0),
        });
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || state.serve(stream));
            }
        });
        Self {
            address,
            iss: iss.to_owned(),
            state,
        }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where the keys are.
    pub(crate) fn jwks_url(&self) -> String {
        format!("http://{}/.well-known/jwks.json", self.address)
    }

    /// How often the keys were fetched.
    pub(crate) fn fetches(&self) -> usize {
        self.state.fetches.load(Ordering::SeqCst)
    }

    /// From now on the keys are others: the former RSA key is gone, and [`Token::key`] with
    /// [`Key::NextRsa`] signs what verifies.
    pub(crate) fn rotate_keys(&self) {
        self.serve(&jwks(&[Key::NextRsa]));
    }

    /// From now on answers with `document`.
    pub(crate) fn serve(&self, document: &str) {
        *self.state.document.lock().unwrap() = Served::Text(document.to_owned());
    }

    /// From now on closes every connection without an answer.
    pub(crate) fn go_offline(&self) {
        *self.state.document.lock().unwrap() = Served::Offline;
    }

    /// A user of `acme-prod`, a viewer in the App, unless told otherwise.
    pub(crate) fn user(&self, name: &str) -> Token {
        let claims = json!({
            "sub": format!("sub-{name}"),
            "accountId": "acme",
            "workspaceId": "acme-prod",
            "userId": name,
            "principalId": format!("person-{name}"),
            "context": "app",
            "platform": "web",
            "role": "viewer",
            "lang": "it",
            "timezone": "Europe/Rome",
            "scope": "app/read app/write dashboard/read dashboard/write",
            "token_use": "access",
            "client_id": "client-acme-prod",
            "username": name,
        });
        Token::new(&self.iss, claims)
    }

    /// Someone of the platform.
    pub(crate) fn principal(&self, name: &str) -> Token {
        let claims = json!({
            "sub": format!("sub-{name}"),
            "principalId": name,
            "context": "portal",
            "platform": "web",
            "token_use": "access",
            "client_id": PORTAL_CLIENT,
            "username": name,
            "mfa": true,
        });
        Token::new(&self.iss, claims)
    }

    /// A machine client of the directory.
    pub(crate) fn machine(&self, client: &str) -> Token {
        let claims = json!({
            "sub": client,
            "context": "app",
            "platform": "m2m",
            "scope": "app/read app/write",
            "token_use": "access",
            "client_id": client,
        });
        Token::new(&self.iss, claims)
    }
}

impl State {
    fn serve(&self, stream: TcpStream) {
        let mut wire = Wire::new(stream);
        while let Ok(Some(mut request)) = wire.head() {
            if wire.body(&mut request, Side::Request).is_err() {
                return;
            }
            self.fetches.fetch_add(1, Ordering::SeqCst);
            let Served::Text(document) = self.document.lock().unwrap().clone() else {
                return;
            };
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                document.len()
            );
            if wire
                .stream()
                .write_all((head + &document).as_bytes())
                .is_err()
            {
                return;
            }
        }
    }
}

fn jwks(keys: &[Key]) -> String {
    let keys: Vec<Value> = keys.iter().map(|key| key.jwk()).collect();
    json!({ "keys": keys }).to_string()
}

/// A token in the making: header and claims that can be bent in every way before they are signed.
#[derive(Clone)]
pub(crate) struct Token {
    header: Map<String, Value>,
    claims: Map<String, Value>,
    key: Key,
}

impl Token {
    fn new(iss: &str, claims: Value) -> Self {
        let Value::Object(mut claims) = claims else {
            unreachable!("claims are an object")
        };
        let now = Clock::system().now().millis() / 1000;
        claims.insert("iss".to_owned(), json!(iss));
        claims.insert("jti".to_owned(), json!(format!("jti-{}", unique())));
        claims.insert("iat".to_owned(), json!(now));
        claims.insert("auth_time".to_owned(), json!(now));
        claims.insert("exp".to_owned(), json!(now + HOUR));
        let token = Self {
            header: Map::new(),
            claims,
            key: Key::Rsa,
        };
        token.key(Key::Rsa)
    }

    /// The account.
    pub(crate) fn account(self, account: &str) -> Self {
        self.claim("accountId", account)
    }

    /// The workspace, and the client that its users log in through.
    pub(crate) fn workspace(self, workspace: &str) -> Self {
        let client = format!("client-{workspace}");
        self.claim("workspaceId", workspace)
            .claim("client_id", client)
    }

    /// The role.
    pub(crate) fn role(self, role: &str) -> Self {
        self.claim("role", role)
    }

    /// The API it is for.
    pub(crate) fn context(self, context: &str) -> Self {
        self.claim("context", context)
    }

    /// The scopes.
    pub(crate) fn scope(self, scope: &str) -> Self {
        self.claim("scope", scope)
    }

    /// Any claim.
    pub(crate) fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    /// Leaves a claim out.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.claims.remove(name);
        self
    }

    /// Any header parameter.
    pub(crate) fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.insert(name.to_owned(), value.into());
        self
    }

    /// The key to sign with, its `kid` and its usual algorithm.
    pub(crate) fn key(mut self, key: Key) -> Self {
        self.key = key;
        self.header("alg", key.algorithm()).header("kid", key.kid())
    }

    /// Ended `seconds` ago.
    pub(crate) fn expired(self, seconds: i64) -> Self {
        let now = Clock::system().now().millis() / 1000;
        self.claim("exp", now - seconds)
    }

    /// Signs header and claims as they are.
    pub(crate) fn sign(&self) -> String {
        let claims = Value::Object(self.claims.clone()).to_string();
        self.sign_text(&claims)
    }

    /// Signs a text in place of the claims: duplicates and worse.
    pub(crate) fn sign_text(&self, claims: &str) -> String {
        let header = Value::Object(self.header.clone()).to_string();
        let message = format!("{}.{}", b64(header.as_bytes()), b64(claims.as_bytes()));
        let algorithm = self.header.get("alg").and_then(Value::as_str);
        let signature = self
            .key
            .sign(algorithm.unwrap_or_default(), message.as_bytes());
        format!("{message}.{}", b64(&signature))
    }

    /// The claims as text, to bend before [`Token::sign_text`].
    pub(crate) fn claims_text(&self) -> String {
        Value::Object(self.claims.clone()).to_string()
    }
}

/// A number that no other caller in this process gets.
pub(crate) fn unique() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
