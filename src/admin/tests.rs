//! Both listeners over real sockets, asked by a client that sends exactly what it is told.

use super::*;
use crate::drain::{self, Drain};
use crate::reason::Outcome;
use crate::supervisor::Inherited;
use serde_json::json;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

fn any() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

struct Shown {
    metrics: Arc<Metrics>,
    ready: AtomicBool,
    drains: AtomicUsize,
    drained: tokio::sync::watch::Sender<bool>,
}

impl Default for Shown {
    fn default() -> Self {
        Self {
            metrics: Metrics::new(),
            ready: AtomicBool::new(true),
            drains: AtomicUsize::new(0),
            drained: tokio::sync::watch::Sender::new(false),
        }
    }
}

impl View for Shown {
    fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    fn readiness(&self) -> Vec<Check> {
        let check = |what: &str, ok| Check {
            what: what.to_owned(),
            ok,
            detail: format!("secret detail of {what}"),
        };
        vec![
            check("ruleset", true),
            check("issuer cosmos", self.ready.load(Ordering::SeqCst)),
        ]
    }

    fn status(&self) -> serde_json::Value {
        json!({ "revision": "abc" })
    }

    fn account(&self, id: &str) -> Option<serde_json::Value> {
        (id == "acme").then(|| json!({ "account": id }))
    }

    fn request(&self, id: &str) -> Vec<u8> {
        if id == "r-1" {
            b"{}\n".to_vec()
        } else {
            Vec::new()
        }
    }

    fn shadow(&self, account: Option<&str>) -> Option<serde_json::Value> {
        let known = account.is_none_or(|account| account == "acme");
        known.then(|| json!({ "shadow": account }))
    }

    fn explain(&self, asked: Vec<u8>) -> super::Explained {
        let asked = String::from_utf8(asked);
        let told = asked.map(|asked| json!({ "asked": asked }));
        Box::pin(async { told.map_err(|_| super::Unexplained::Busy) })
    }

    fn drain(&self) -> Drained {
        self.drains.fetch_add(1, Ordering::SeqCst);
        let mut drained = self.drained.subscribe();
        Box::pin(async move {
            drained.wait_for(|drained| *drained).await.unwrap();
        })
    }
}

/// Both listeners, serving until dropped.
struct Admin {
    view: Arc<Shown>,
    metrics: SocketAddr,
    control: SocketAddr,
    token: ControlToken,
    drain: Drain,
    serving: JoinHandle<()>,
}

struct Reply {
    status: u16,
    head: String,
    body: String,
}

impl Reply {
    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    fn is_problem(&self, status: u16, code: &str) {
        assert_eq!(self.status, status, "{}{}", self.head, self.body);
        assert!(
            self.head
                .contains("content-type: application/problem+json\r\n")
        );
        assert_eq!(self.json()["code"], code);
        assert_eq!(self.json()["status"], status);
    }
}

impl Admin {
    async fn start() -> Self {
        let token = ControlToken::random().unwrap();
        let settings = Settings {
            metrics: any(),
            control: Some(Control {
                address: any(),
                token: token.clone(),
                hosts: vec!["gate.internal".to_owned()],
            }),
        };
        let bound = bind(settings, &mut Inherited::default()).await.unwrap();
        let view = Arc::new(Shown::default());
        let (drain, draining) = drain::channel();
        Self {
            metrics: bound.metrics_addr(),
            control: bound.control_addr().unwrap(),
            token,
            drain,
            serving: bound.serve(Arc::clone(&view) as Arc<dyn View>, draining),
            view,
        }
    }

    async fn metrics(&self, line: &str) -> Reply {
        send(
            self.metrics,
            &format!("{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"),
        )
        .await
    }

    /// To `control` with its token and whatever else `headers` say.
    async fn control(&self, line: &str, headers: &str) -> Reply {
        let token = self.token.reveal();
        let host = self.control;
        self.raw(&format!(
            "{line} HTTP/1.1\r\nhost: {host}\r\nauthorization: Bearer {token}\r\n{headers}connection: close\r\n\r\n"
        ))
        .await
    }

    async fn raw(&self, request: &str) -> Reply {
        send(self.control, request).await
    }
}

async fn send(address: SocketAddr, request: &str) -> Reply {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    let reading = stream.read_to_string(&mut text);
    tokio::time::timeout(Duration::from_secs(10), reading)
        .await
        .expect("the reply ends")
        .unwrap();
    let (head, body) = text.split_once("\r\n\r\n").expect("a head");
    let status = head.split(' ').nth(1).expect("a status").parse().unwrap();
    Reply {
        status,
        head: format!("{}\r\n", head.to_lowercase()),
        body: body.to_owned(),
    }
}

#[tokio::test]
async fn metrics_are_served_with_their_content_type() {
    let admin = Admin::start().await;
    admin.view.metrics.account_request("acme", Outcome::Allow);
    let reply = admin.metrics("GET /metrics").await;
    assert_eq!(reply.status, 200);
    let kind = "content-type: text/plain; version=0.0.4; charset=utf-8\r\n";
    assert!(reply.head.contains(kind), "{}", reply.head);
    assert!(reply.body.contains("palisade_build_info{version="));
    assert!(reply.body.contains("account=\"acme\""));
    let head = admin.metrics("HEAD /metrics").await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}

#[tokio::test]
async fn probes_tell_whether_and_not_why() {
    let admin = Admin::start().await;
    assert_eq!(admin.metrics("GET /livez").await.status, 200);
    assert_eq!(admin.metrics("GET /readyz").await.status, 200);
    admin.view.ready.store(false, Ordering::SeqCst);
    let reply = admin.metrics("GET /readyz?verbose").await;
    assert_eq!((reply.status, reply.body.as_str()), (503, "not ready\n"));
    assert_eq!(admin.metrics("GET /livez").await.status, 200);
    assert_eq!(admin.control("GET /readyz", "").await.body, "not ready\n");
    let verbose = admin.control("GET /readyz?verbose", "").await;
    assert_eq!(verbose.status, 503);
    assert_eq!(verbose.json()["ready"], false);
    assert_eq!(
        verbose.json()["checks"][1],
        json!({"what": "issuer cosmos", "ok": false, "detail": "secret detail of issuer cosmos"})
    );
}

#[tokio::test]
async fn the_key_set_is_empty_without_keys() {
    let reply = Admin::start()
        .await
        .metrics("GET /.well-known/jwks.json")
        .await;
    assert_eq!(reply.json(), json!({ "keys": [] }));
}

#[tokio::test]
async fn the_metrics_listener_has_nothing_of_control() {
    let admin = Admin::start().await;
    for path in ["/status", "/drain", "/", "/metrics/", "//metrics"] {
        let reply = admin.metrics(&format!("GET {path}")).await;
        reply.is_problem(404, "path_unknown");
    }
    let reply = admin.metrics("POST /metrics").await;
    reply.is_problem(405, "method_not_allowed");
    assert!(reply.head.contains("allow: get,head\r\n"), "{}", reply.head);
}

#[tokio::test]
async fn control_asks_for_its_token_on_loopback_too() {
    let admin = Admin::start().await;
    let token = admin.token.reveal();
    let wrong = format!("{}x", token.get(1..).unwrap());
    for credential in [
        String::new(),
        "authorization: Bearer \r\n".to_owned(),
        "authorization: Bearer\r\n".to_owned(),
        format!("authorization: Bearer {wrong}\r\n"),
        format!("authorization: Bearer {token}x\r\n"),
        format!("authorization: Basic {token}\r\n"),
        format!("authorization: Bearer {token}\r\nauthorization: Bearer {token}\r\n"),
    ] {
        for path in ["/status", "/readyz?verbose", "/nothing"] {
            let reply = admin
                .raw(&format!(
                    "GET {path} HTTP/1.1\r\nhost: localhost\r\n{credential}connection: close\r\n\r\n"
                ))
                .await;
            reply.is_problem(401, "control_token");
            assert!(reply.head.contains("www-authenticate: bearer\r\n"));
            assert!(!reply.body.contains(token));
        }
    }
    let reply = admin.control("GET /status", "").await;
    assert_eq!(
        (reply.status, reply.json()),
        (200, json!({"revision": "abc"}))
    );
    assert!(reply.head.contains("cache-control: no-store\r\n"));
}

#[tokio::test]
async fn a_rebound_name_is_misdirected() {
    let admin = Admin::start().await;
    let token = admin.token.reveal();
    let ask = async |hosts: &str| {
        admin
            .raw(&format!(
                "GET /status HTTP/1.1\r\n{hosts}authorization: Bearer {token}\r\nconnection: close\r\n\r\n"
            ))
            .await
    };
    for hosts in [
        "",
        "host: evil.example\r\n",
        "host: localhost.evil.example\r\n",
        "host: localhost\r\nhost: localhost\r\n",
    ] {
        ask(hosts).await.is_problem(421, "host_unknown");
    }
    for hosts in [
        "host: localhost:1\r\n",
        "host: gate.internal\r\n",
        "host: [::1]\r\n",
    ] {
        assert_eq!(ask(hosts).await.status, 200, "{hosts}");
    }
    let absolute = admin.control("GET http://evil.example/status", "").await;
    absolute.is_problem(421, "host_unknown");
}

#[tokio::test]
async fn a_foreign_page_is_refused_even_with_the_token() {
    let admin = Admin::start().await;
    for origin in ["http://evil.example", "null", "", "http://localhost"] {
        let reply = admin
            .control("GET /status", &format!("origin: {origin}\r\n"))
            .await;
        reply.is_problem(403, "origin_foreign");
    }
    let own = format!("origin: http://{}\r\n", admin.control);
    assert_eq!(admin.control("GET /status", &own).await.status, 200);
    let twice = format!("{own}{own}");
    admin
        .control("GET /status", &twice)
        .await
        .is_problem(403, "origin_foreign");
}

#[tokio::test]
async fn unknown_paths_and_methods_are_told_to_operators() {
    let admin = Admin::start().await;
    admin
        .control("GET /metrics", "")
        .await
        .is_problem(404, "path_unknown");
    for (line, allow) in [
        ("GET /drain", "allow: post\r\n"),
        ("POST /status", "allow: get,head\r\n"),
        ("OPTIONS /drain", "allow: post\r\n"),
        ("TRACE /status", "allow: get,head\r\n"),
    ] {
        let reply = admin.control(line, "").await;
        reply.is_problem(405, "method_not_allowed");
        assert!(reply.head.contains(allow), "{line}: {}", reply.head);
    }
    assert_eq!(admin.view.drains.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn nothing_drains_without_the_control_header() {
    let admin = Admin::start().await;
    for header in [
        "",
        "x-palisade-control: 0\r\n",
        "content-type: text/plain\r\n",
    ] {
        admin
            .control("POST /drain", header)
            .await
            .is_problem(403, "control_header");
    }
    let bad = ["?wait=15", "?wait=", "?wiat=15s", "?wait=1s&wait=2s"];
    for query in bad {
        let line = format!("POST /drain{query}");
        let reply = admin.control(&line, "x-palisade-control: 1\r\n").await;
        reply.is_problem(400, "query_invalid");
    }
    assert_eq!(admin.view.drains.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn drain_waits_as_long_as_it_is_told() {
    let admin = Admin::start().await;
    let header = "x-palisade-control: 1\r\n";
    let reply = admin.control("POST /drain?wait=30ms", header).await;
    assert_eq!(
        (reply.status, reply.json()),
        (202, json!({"drained": false}))
    );
    let waiting = admin.control("POST /drain?wait=15s", header);
    let ending = async {
        while admin.view.drains.load(Ordering::SeqCst) < 2 {
            tokio::task::yield_now().await;
        }
        admin.view.drained.send_replace(true);
    };
    let (reply, ()) = tokio::join!(waiting, ending);
    assert_eq!(
        (reply.status, reply.json()),
        (200, json!({"drained": true}))
    );
}

#[tokio::test]
async fn bodies_are_not_waited_for() {
    let admin = Admin::start().await;
    for body in ["content-length: 5\r\n", "transfer-encoding: chunked\r\n"] {
        let header = format!("x-palisade-control: 1\r\n{body}");
        admin
            .control("POST /drain", &header)
            .await
            .is_problem(413, "body_unwanted");
    }
    let reply = send(
        admin.metrics,
        "GET /metrics HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n",
    )
    .await;
    reply.is_problem(413, "body_unwanted");
}

#[tokio::test]
async fn garbage_ends_its_connection_only() {
    let admin = Admin::start().await;
    let mut stream = TcpStream::connect(admin.metrics).await.unwrap();
    stream
        .write_all(b"\x16\x03\x01\x00garbage\r\n\r\n")
        .await
        .unwrap();
    let mut reply = Vec::new();
    // A reset is an answer too.
    let _ = stream.read_to_end(&mut reply).await;
    assert_eq!(admin.metrics("GET /livez").await.status, 200);
}

/// A listener of its own, whose bounds a test can reach.
async fn bounded(bounds: server::Bounds) -> (SocketAddr, Drain) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = axum::Router::new().route("/", axum::routing::get(async || "x"));
    let (drain, draining) = drain::channel();
    tokio::spawn(server::serve(listener, router, bounds, draining));
    (address, drain)
}

async fn ends(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    // A reset is an end too.
    let end = stream.read_to_end(&mut rest);
    let _ = tokio::time::timeout(Duration::from_secs(10), end)
        .await
        .expect("the connection ends");
}

#[tokio::test]
async fn a_slow_head_and_an_idle_connection_are_cut() {
    let (address, _drain) = bounded(server::Bounds {
        head: Duration::from_millis(50),
        ..server::Bounds::default()
    })
    .await;
    for sent in ["", "GET / HT", "GET / HTTP/1.1\r\nhost: x\r\n\r\n"] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        ends(&mut stream).await;
    }
}

#[tokio::test]
async fn no_connection_holds_a_place_for_ever() {
    let (address, _drain) = bounded(server::Bounds {
        lifetime: Duration::from_millis(50),
        ..server::Bounds::default()
    })
    .await;
    let mut holder = TcpStream::connect(address).await.unwrap();
    ends(&mut holder).await;
}

#[tokio::test]
async fn whoever_holds_all_places_keeps_nobody_out() {
    let (address, _drain) = bounded(server::Bounds {
        connections_max: 2,
        ..server::Bounds::default()
    })
    .await;
    let connect = || TcpStream::connect(address);
    let mut oldest = connect().await.unwrap();
    let mut younger = connect().await.unwrap();
    let whole = "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    assert_eq!(send(address, whole).await.status, 200);
    ends(&mut oldest).await;
    younger.write_all(whole.as_bytes()).await.unwrap();
    let mut reply = String::new();
    younger.read_to_string(&mut reply).await.unwrap();
    assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
}

#[tokio::test]
async fn the_listeners_end_when_told_though_a_connection_idles() {
    let admin = Admin::start().await;
    let mut idle = TcpStream::connect(admin.metrics).await.unwrap();
    idle.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    let mut first = [0; 1];
    idle.read_exact(&mut first).await.unwrap();
    admin.drain.begin();
    let ended = tokio::time::timeout(Duration::from_secs(4), admin.serving);
    ended.await.expect("ends").unwrap();
    assert!(TcpStream::connect(admin.control).await.is_err());
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let admin = Admin::start().await;
    let settings = Settings {
        metrics: admin.control,
        control: None,
    };
    let taken = bind(settings, &mut Inherited::default()).await;
    let text = taken.unwrap_err().to_string();
    let named = text.contains(&admin.control.to_string()) && text.contains("admin.metrics");
    assert!(named, "{text}");
}

#[tokio::test]
async fn without_control_there_are_metrics_alone() {
    let settings = Settings {
        metrics: any(),
        control: None,
    };
    let bound = bind(settings, &mut Inherited::default()).await.unwrap();
    assert_eq!(bound.control_addr(), None);
    let address = bound.metrics_addr();
    let (drain, draining) = drain::channel();
    let serving = bound.serve(Arc::new(Shown::default()), draining);
    let reply = send(
        address,
        "GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n",
    );
    assert_eq!(reply.await.status, 200);
    drain.begin();
    serving.await.unwrap();
}
