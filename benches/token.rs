//! What a token costs: one that was proved before, one that was not, and its binding to a tenant.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use palisade::clock::{Clock, Timestamp};
use palisade::telemetry::Metrics;
use palisade::tenant::{
    Account, AccountId, ClientId, Directory, NotBefore, OverlayMode, Status, Workspace, WorkspaceId,
};
use palisade::token::{
    Algorithm, Binding, IssuerSettings, Issuers, KeySource, Preset, TOKEN_ENTRIES, Verified,
};
use serde_json::{Value, json};
use std::hint::black_box;
use std::sync::Arc;

const ISS: &str = "https://idp.example/pool";
const NOW: Timestamp = Timestamp(1_800_000_000_000);
/// Tokens that were never seen, so that each has to be proved.
const FRESH: usize = 4096;

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

struct Keys {
    rsa: RsaKeyPair,
    ec: EcdsaKeyPair,
}

impl Keys {
    fn generate() -> Self {
        Self {
            rsa: RsaKeyPair::generate(KeySize::Rsa2048).expect("RSA keys can be made"),
            ec: EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)
                .expect("EC keys can be made"),
        }
    }

    fn jwks(&self) -> String {
        let public = self.rsa.public_key();
        let point = self.ec.public_key().as_ref();
        let (x, y) = point.split_at(1).1.split_at(32);
        json!({"keys": [
            {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "RS256",
             "n": b64(public.modulus().big_endian_without_leading_zero()),
             "e": b64(public.exponent().big_endian_without_leading_zero())},
            {"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": "ES256", "x": b64(x), "y": b64(y)},
        ]})
        .to_string()
    }

    fn sign(&self, algorithm: &str, at: usize) -> String {
        let header = json!({"alg": algorithm, "kid": algorithm});
        let message = format!(
            "{}.{}",
            b64(header.to_string()),
            b64(claims(at).to_string())
        );
        let random = SystemRandom::new();
        let signature = if algorithm == "RS256" {
            let mut signature = vec![0; self.rsa.public_modulus_len()];
            self.rsa
                .sign(
                    &RSA_PKCS1_SHA256,
                    &random,
                    message.as_bytes(),
                    &mut signature,
                )
                .expect("the buffer has the key's length");
            signature
        } else {
            let signature = self.ec.sign(&random, message.as_bytes());
            signature.expect("the key signs").as_ref().to_vec()
        };
        format!("{message}.{}", b64(signature))
    }
}

fn claims(at: usize) -> Value {
    let secs = NOW.millis() / 1000;
    json!({"iss": ISS, "sub": "11111111-2222-3333-4444-555555555555", "accountId": "acme",
        "workspaceId": "acme-prod", "userId": "ana", "principalId": "p-1", "context": "app",
        "platform": "web", "role": "viewer", "lang": "it", "timezone": "Europe/Rome",
        "scope": "app/read app/write", "token_use": "access", "client_id": "acme-web",
        "username": "ana", "jti": format!("j-{at}"), "auth_time": secs, "iat": secs, "exp": secs + 3600})
}

/// Issuers that remember `entries` tokens.
fn issuers(keys: &Keys, entries: u64) -> Arc<Issuers> {
    let file = KeySource::File {
        file: "jwks.json".to_owned(),
        text: keys.jwks().into(),
    };
    let settings = IssuerSettings {
        algorithms: vec![Algorithm::RS256, Algorithm::ES256],
        clients: Binding::Directory,
        accounts: Binding::Directory,
        ..Preset::Cosmos.issuer("cosmos", ISS, file)
    };
    Issuers::with_cache(vec![settings], entries, Clock::manual(NOW), Metrics::new())
        .expect("good settings")
}

fn directory() -> Directory {
    let id = AccountId::parse("acme").expect("an id");
    let workspace = Workspace {
        users: None,
        id: WorkspaceId::parse("acme-prod").expect("an id"),
        account: id.clone(),
        status: Status::Active,
        kind: "custom".to_owned(),
        plan: None,
        features: Vec::new(),
        catalogs: Vec::new(),
        shared_with: Vec::new(),
        clients: vec![ClientId::parse("acme-web").expect("an id")],
        machine_clients: Vec::new(),
    };
    let account = Account {
        id,
        status: Status::Active,
        plan: "standard".to_owned(),
        issuers: vec!["cosmos".to_owned()],
        overlay: OverlayMode::None,
        not_before: NotBefore::default(),
        workspaces: vec![Arc::new(workspace)],
        revision: [1; 32],
    };
    Directory::build(vec![account]).0
}

fn token(criterion: &mut Criterion) {
    let keys = Keys::generate();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime starts");
    let verify = |issuers: &Issuers, token: &str| -> Arc<Verified> {
        runtime
            .block_on(issuers.verify(token, NOW))
            .expect("a good token")
    };
    let mut group = criterion.benchmark_group("token");

    let hot = issuers(&keys, TOKEN_ENTRIES);
    let token = keys.sign("RS256", 0);
    let verified = verify(&hot, &token);
    group.bench_function("cached", |bench| {
        bench.iter(|| hot.cached(black_box(&token), NOW));
    });

    for algorithm in ["RS256", "ES256"] {
        let fresh: Vec<String> = (0..FRESH).map(|at| keys.sign(algorithm, at)).collect();
        let mut next = fresh.iter().cycle();
        // Nothing is remembered, so a token that comes round again is as new as at first.
        let cold = issuers(&keys, 0);
        group.bench_function(format!("uncached_{algorithm}"), |bench| {
            bench.iter(|| verify(&cold, black_box(next.next().expect("a cycle never ends"))));
        });
    }

    let directory = directory();
    group.bench_function("bind_again", |bench| {
        bench.iter(|| hot.bind(black_box(&verified), &directory, NOW));
    });
    let cold = issuers(&keys, 0);
    group.bench_function("bind_first", |bench| {
        bench.iter_batched(
            || verify(&cold, &token),
            |verified| cold.bind(&verified, &directory, NOW),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

criterion_group!(benches, token);
criterion_main!(benches);
