//! A whole gate: a configuration folder of its own, an issuer, an upstream, and questions to ask.

use super::client::{Connection, Reply, Request};
use super::eventually;
use super::exposition::Scrape;
use super::files::{self, Files};
use super::issuer::{ISS, PORTAL_CLIENT, TestIssuer};
use super::start::{Started, start};
use super::told;
use super::upstream::TestUpstream;
use palisade::clock::Clock;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// The host that the gate serves.
pub(crate) const HOST: &str = "api.example.com";
/// What opens the control port.
pub(crate) const CONTROL_TOKEN: &str = "control-token-of-a-test-0123456789";

/// A gate with its issuer and upstream.
pub(crate) struct TestGate {
    /// Mints its tokens.
    pub(crate) issuer: TestIssuer,
    /// Stands behind it.
    pub(crate) upstream: TestUpstream,
    /// Its configuration folder.
    pub(crate) files: Files,
    running: Started,
}

/// A gate in the making.
pub(crate) struct Builder {
    issuer: TestIssuer,
    upstream: TestUpstream,
    config: Value,
    tenants: BTreeMap<String, Value>,
    files: BTreeMap<String, String>,
    clock: Clock,
    arrange: fn(&Path),
}

impl TestGate {
    /// A gate as shipped, with the accounts `acme`, `globex` and `catalog`.
    pub(crate) fn start() -> Self {
        Self::builder().start()
    }

    /// The same, to be changed before it starts.
    pub(crate) fn builder() -> Builder {
        let issuer = TestIssuer::start();
        let upstream = TestUpstream::start();
        let config = config(&issuer, &upstream);
        let accounts = [acme(), globex(), catalog()];
        let named = accounts.map(|tenant| (name_of(&tenant), tenant));
        Builder {
            issuer,
            upstream,
            config,
            tenants: named.into_iter().collect(),
            files: BTreeMap::new(),
            clock: Clock::system(),
            arrange: |_| {},
        }
    }

    /// The data port.
    pub(crate) fn address(&self) -> SocketAddr {
        self.running.proxy
    }

    /// The data port over TLS.
    pub(crate) fn tls_address(&self) -> SocketAddr {
        self.running.tls.expect("`listen.tls` is configured")
    }

    /// A GET.
    pub(crate) fn get(&self, target: &str) -> Request {
        self.request("GET", target)
    }

    /// A POST with a JSON body.
    pub(crate) fn post(&self, target: &str, body: &str) -> Request {
        self.request("POST", target)
            .header("content-type", "application/json")
            .body(body.as_bytes())
    }

    /// Any request.
    pub(crate) fn request(&self, method: &str, target: &str) -> Request {
        Request::new(self.running.proxy, method, target)
    }

    /// A connection to the data port.
    pub(crate) fn connect(&self) -> Connection {
        Connection::open(self.running.proxy)
    }

    /// A GET on the metrics port.
    pub(crate) fn metrics_port(&self, target: &str) -> Reply {
        Request::new(self.running.metrics, "GET", target)
            .host(&self.running.metrics.to_string())
            .send()
    }

    /// Where the keys of assertions are.
    pub(crate) fn jwks_url(&self) -> String {
        format!("http://{}/.well-known/jwks.json", self.running.metrics)
    }

    /// A GET on the control port, without its token.
    pub(crate) fn control_port(&self, target: &str) -> Request {
        self.control("GET", target)
    }

    /// Any request on the control port.
    pub(crate) fn control(&self, method: &str, target: &str) -> Request {
        Request::new(self.running.control, method, target).host(&self.running.control.to_string())
    }

    /// One scrape.
    pub(crate) fn metrics(&self) -> Scrape {
        let reply = self.metrics_port("/metrics");
        assert_eq!(reply.status, 200);
        Scrape::read(&reply.text())
    }

    /// The first `count` records; fails if there are not soon so many, or more.
    pub(crate) fn audit(&self, count: usize) -> Vec<Value> {
        let records = eventually("the records are written", || {
            let records = self.records();
            (records.len() >= count).then_some(records)
        });
        assert_eq!(records.len(), count, "{records:#?}");
        records
    }

    /// The only record.
    pub(crate) fn only_record(&self) -> Value {
        self.audit(1).remove(0)
    }

    /// The whole audit file so far, as text.
    pub(crate) fn audit_text(&self) -> String {
        fs::read_to_string(self.record()).unwrap_or_default()
    }

    /// What SIGHUP does.
    pub(crate) fn reload(&self) {
        self.running.reload();
    }

    /// Stops it and gives back what stands around it, so that all that was recorded can be read.
    pub(crate) fn stop(&mut self) {
        self.running.stop();
    }

    /// The recorded ends of streams; fails if there are not soon so many, or more.
    pub(crate) fn stream_ends(&self, count: usize) -> Vec<Value> {
        let ends = eventually("the ends of streams are written", || {
            let lines = told::lines(&self.record()).into_iter();
            let ends: Vec<Value> = lines.filter(|line| line["event"] == "stream_end").collect();
            (ends.len() >= count).then_some(ends)
        });
        assert_eq!(ends.len(), count, "{ends:#?}");
        ends
    }

    /// One for each request.
    fn records(&self) -> Vec<Value> {
        told::requests(&self.record())
    }

    fn record(&self) -> PathBuf {
        self.files.path("audit/audit.ndjson")
    }
}

/// Fails unless it does not start, and says every one of `words`.
#[track_caller]
pub(crate) fn refused(builder: Builder, words: &[&str]) {
    let (started, _) = builder.try_start();
    let error = started.err().expect("it must not start");
    for word in words {
        assert!(error.contains(word), "`{word}` is not in:\n{error}");
    }
}

impl Drop for TestGate {
    fn drop(&mut self) {
        self.running.stop();
    }
}

impl Builder {
    /// Where the upstream listens, for a configuration that names it twice.
    pub(crate) fn upstream_url(&self) -> String {
        self.upstream.url()
    }

    /// Sets one value of `palisade.yaml` by its JSON pointer; parents must exist.
    pub(crate) fn set(mut self, pointer: &str, value: Value) -> Self {
        files::set(&mut self.config, pointer, value);
        self
    }

    /// Adds an entry to `routes`.
    pub(crate) fn route(mut self, route: Value) -> Self {
        let routes = self.config["routes"].as_array_mut();
        routes.expect("there are routes").push(route);
        self
    }

    /// Sets one value of a tenant's file.
    pub(crate) fn tenant(mut self, account: &str, pointer: &str, value: Value) -> Self {
        let tenant = self.tenants.get_mut(account).expect("the tenant exists");
        files::set(tenant, pointer, value);
        self
    }

    /// Gives an account policies of its own.
    pub(crate) fn overlay(self, account: &str, policies: &str) -> Self {
        self.file(&format!("tenants/{account}.cedar"), policies)
    }

    /// Adds a file of platform policies.
    pub(crate) fn policy(self, name: &str, policies: &str) -> Self {
        self.file(&format!("policies/{name}.cedar"), policies)
    }

    /// Adds or replaces any file of the folder.
    pub(crate) fn file(mut self, name: &str, text: &str) -> Self {
        self.files.insert(name.to_owned(), text.to_owned());
        self
    }

    /// The clock that the gate reads.
    pub(crate) fn clock(mut self, clock: &Clock) -> Self {
        self.clock = clock.clone();
        self
    }

    /// Rearranges the folder once it is written: links, folders of folders.
    pub(crate) fn arrange(mut self, arrange: fn(&Path)) -> Self {
        self.arrange = arrange;
        self
    }

    /// Writes the folder and starts.
    pub(crate) fn start(self) -> TestGate {
        let (gate, folder) = self.try_start();
        gate.unwrap_or_else(|error| panic!("{} does not start:\n{error}", folder.display()))
    }

    /// Writes the folder and starts; a refusal to start is the text that the operator gets.
    pub(crate) fn try_start(self) -> (Result<TestGate, String>, PathBuf) {
        let folder = TempDir::new().expect("a temporary folder");
        self.write(folder.path());
        (self.arrange)(folder.path());
        let path = folder.path().to_owned();
        let gate = start(&path.join("palisade.yaml"), self.clock.clone());
        let gate = gate.map(|running| TestGate {
            issuer: self.issuer,
            upstream: self.upstream,
            running,
            files: Files {
                folder,
                config: self.config,
                tenants: self.tenants,
            },
        });
        if let Ok(gate) = &gate {
            eventually("the gate is ready", || {
                (gate.metrics_port("/readyz").status == 200).then_some(())
            });
        }
        (gate, path)
    }

    /// Writes the folder only, for the binary itself.
    pub(crate) fn into_folder(self) -> (TempDir, TestIssuer) {
        let (folder, issuer, _) = self.into_parts();
        (folder, issuer)
    }

    /// The same, with the upstream that the folder names.
    pub(crate) fn into_parts(self) -> (TempDir, TestIssuer, TestUpstream) {
        let folder = TempDir::new().expect("a temporary folder");
        self.write(folder.path());
        (folder, self.issuer, self.upstream)
    }

    fn write(&self, folder: &Path) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        copy(&root.join("policies"), &folder.join("policies"));
        copy(&root.join("schemas"), &folder.join("schemas"));
        copy(&root.join("examples/demo/apis"), &folder.join("apis"));
        let mut files = self.files.clone();
        // JSON is YAML.
        files.insert("palisade.yaml".to_owned(), self.config.to_string());
        files.insert("control-token".to_owned(), CONTROL_TOKEN.to_owned());
        for (account, tenant) in &self.tenants {
            files.insert(format!("tenants/{account}.yaml"), tenant.to_string());
        }
        for (name, text) in files {
            let path = folder.join(name);
            let parent = path.parent().expect("a file lies in a folder");
            fs::create_dir_all(parent).expect("a folder can be made");
            fs::write(path, text).expect("a file can be written");
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder can be made");
    let entries = fs::read_dir(from);
    for entry in entries.unwrap_or_else(|error| panic!("{}: {error}", from.display())) {
        let entry = entry.expect("a shipped folder is readable");
        if entry.path().is_file() {
            fs::copy(entry.path(), to.join(entry.file_name())).expect("a file can be copied");
        }
    }
}

fn config(issuer: &TestIssuer, upstream: &TestUpstream) -> Value {
    json!({
        "version": 1,
        "listen": {"http": "127.0.0.1:0", "hosts": [HOST], "workers": 1},
        "admin": {"metrics": "127.0.0.1:0", "control": "127.0.0.1:0", "token": "file:control-token"},
        "upstreams": {"api": {"url": upstream.url(), "timeouts": {"response": "2s"}}},
        "issuers": [{
            "name": "cosmos",
            "issuer": ISS,
            "preset": "cosmos",
            "jwks": {"url": issuer.jwks_url()},
            "algorithms": ["RS256", "PS256", "ES256", "EdDSA"],
            "clients": "directory",
            "accounts": "directory",
            "portal": true,
            "portal_clients": [PORTAL_CLIENT],
            "principals": {
                "sub-root": {"roles": ["operator"], "all_accounts": true},
                "sub-sue": {"roles": ["support"], "accounts": ["acme"]},
            },
            "claims": {"mfa": "/mfa"},
            "required": true,
            "allow_local": true,
        }],
        "references": [
            {"in": "path", "name": "account", "is": "account"},
            {"in": "path", "name": "workspaceId", "is": "workspace"},
            {"in": "path", "name": "userId", "is": "user"},
            {"in": "query", "name": "userId", "is": "user"},
            {"in": "query", "name": "accountId", "is": "account"},
            {"in": "query", "name": "workspaceId", "is": "workspace"},
            {"in": "query", "name": "catalogWorkspaceId", "is": "catalog"},
            {"in": "header", "name": "x-workspace-id", "is": "workspace"},
        ],
        "plans": {
            "standard": {"requests": "10000/s"},
            "enterprise": {"requests": "10000/s"},
        },
        "tenants": "tenants/",
        "policies": "policies/",
        "schema": "schemas/",
        "routes": [
            {"context": "app", "openapi": "apis/app.openapi.json", "upstream": "api"},
            {"context": "dashboard", "openapi": "apis/dashboard.openapi.json", "upstream": "api"},
            {"context": "portal", "match": "GET /portal/v1/accounts", "action": "accounts/list", "platform": true, "upstream": "api"},
            {"context": "portal", "match": "GET /portal/v1/accounts/{account}", "action": "accounts/get", "upstream": "api"},
            {"context": "portal", "match": "POST /portal/v1/accounts/{account}/suspend", "action": "accounts/suspend", "access": "manage", "upstream": "api"},
            {"context": "portal", "match": "GET /portal/v1/accounts/{account}/audit", "action": "audit/list", "upstream": "api"},
            {"context": "app", "match": "GET /health", "action": "health/get", "public": true, "upstream": "api"},
        ],
        "audit": {"file": "audit/"},
    })
}

fn name_of(tenant: &Value) -> String {
    tenant["account"].as_str().unwrap_or_default().to_owned()
}

fn acme() -> Value {
    json!({
        "account": "acme", "status": "active", "plan": "enterprise",
        "issuers": ["cosmos"], "overlay": "permit",
        "workspaces": [
            {"id": "acme-prod", "type": "custom", "catalogs": ["catalog-01"],
             "clients": ["client-acme-prod"], "machine_clients": [{"id": "hr-sync", "role": "editor"}]},
            {"id": "acme-dev", "type": "custom", "status": "suspended", "clients": ["client-acme-dev"]},
            {"id": "acme-two", "type": "custom", "clients": ["client-acme-two"]},
        ],
    })
}

fn globex() -> Value {
    json!({
        "account": "globex", "status": "active", "plan": "standard", "issuers": ["cosmos"],
        "workspaces": [{"id": "globex-prod", "type": "custom", "clients": ["client-globex-prod"]}],
    })
}

fn catalog() -> Value {
    json!({
        "account": "catalog", "status": "active", "plan": "standard", "issuers": ["cosmos"],
        "workspaces": [{"id": "catalog-01", "type": "catalog", "shared_with": ["acme-prod"],
                        "clients": ["client-catalog-01"]}],
    })
}
