//! HTTP/2 as clients speak it: `curl` by prior knowledge, and frames by hand (`tests/tools/frames.py`).

mod floods;
mod frames;
mod slow;

use crate::support::gate::{HOST, TestGate};
use crate::support::keys::Key;
use crate::support::tools::{Tool, program};
use palisade::reason::Reason;
use serde_json::{Value, json};
use std::net::IpAddr;
use std::process::Command;

const PATH: &str = "/app/v1/missions";

/// What `curl` says of one request to the gate: version, status, body.
fn curl(arguments: &[&str]) -> (String, u16, String) {
    let output = Command::new(program("curl"))
        .args(["--silent", "--show-error", "--max-time", "10"])
        .args(["--write-out", "\n%{http_version} %{http_code}"])
        .args(["--header", &format!("host: {HOST}")])
        .args(arguments)
        .output()
        .expect("curl starts");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{stderr}");
    let (body, last) = said.rsplit_once('\n').expect("a line at the end");
    let (version, status) = last.split_once(' ').expect("two words");
    let status = status.parse().expect("a status is a number");
    (version.to_owned(), status, body.to_owned())
}

/// A connection that is spoken to frame by frame.
pub(crate) struct Peer(Tool);

impl Peer {
    pub(crate) fn open(gate: &TestGate) -> Self {
        Self::with(gate, &json!({}))
    }

    /// From another address of loopback.
    pub(crate) fn open_from(own: [u8; 4], gate: &TestGate) -> Self {
        let port = gate.address().port();
        Self::told(&json!({"open": port, "from": IpAddr::from(own)}))
    }

    /// With such SETTINGS of its own.
    fn with(gate: &TestGate, settings: &Value) -> Self {
        Self::told(&json!({"open": gate.address().port(), "settings": settings}))
    }

    fn told(how: &Value) -> Self {
        let mut tool = Tool::python("frames.py", &json!({}));
        tool.ask(how);
        Self(tool)
    }

    pub(crate) fn send(&mut self, frames: &[Value]) {
        self.0.ask(&json!({"send": frames}));
    }

    /// Every frame until `stream` has ended; fails if it does not.
    pub(crate) fn ended(&mut self, stream: u32) -> Vec<Value> {
        self.until("ended", stream)
    }

    /// Every frame until `what` has happened; fails if it does not.
    pub(crate) fn until(&mut self, what: &str, stream: u32) -> Vec<Value> {
        let told = self.seen(what, stream);
        assert_eq!(told.get("how"), Some(&json!("reached")), "{what}: {told}");
        let frames = told.get("frames").and_then(Value::as_array);
        frames.expect("frames are told").clone()
    }

    /// The same, or every frame until the connection ended before.
    fn seen(&mut self, what: &str, stream: u32) -> Value {
        self.0.ask(&json!({"until": what, "stream": stream}))
    }
}

/// The fields of an ordinary request, with others after them.
pub(crate) fn fields(token: &str, method: &str, path: &str, further: &[(&str, &str)]) -> Value {
    let bearer = format!("Bearer {token}");
    let mut fields = vec![
        (":method", method),
        (":scheme", "http"),
        (":path", path),
        (":authority", HOST),
        ("authorization", bearer.as_str()),
    ];
    fields.extend(further);
    json!(fields)
}

/// A request without a body.
pub(crate) fn get(stream: u32, token: &str) -> Value {
    headers(stream, &fields(token, "GET", PATH, &[]), true)
}

/// The head of a request, and whether that is all of it.
pub(crate) fn headers(stream: u32, fields: &Value, end: bool) -> Value {
    json!({"frame": "headers", "stream": stream, "fields": fields, "END_HEADERS": true, "END_STREAM": end})
}

/// The status of a reply among `frames`.
pub(crate) fn status(frames: &[Value], stream: u32) -> Option<u16> {
    let field = field(frames, stream, ":status")?;
    field.parse().ok()
}

/// A field of the head or of the trailers.
pub(crate) fn field(frames: &[Value], stream: u32, name: &str) -> Option<String> {
    let heads = frames.iter().filter(|frame| frame["stream"] == stream);
    let mut fields = heads.flat_map(|frame| frame["fields"].as_array().into_iter().flatten());
    let found = fields.find(|field| field[0] == name)?;
    found[1].as_str().map(str::to_owned)
}

/// All that came of a body.
pub(crate) fn body(frames: &[Value], stream: u32) -> String {
    let of_stream = frames.iter().filter(|frame| frame["stream"] == stream);
    of_stream
        .filter_map(|frame| frame["text"].as_str())
        .collect()
}

/// The code by which a stream was reset, if it was.
pub(crate) fn reset(frames: &[Value], stream: u32) -> Option<u64> {
    let of_stream = |frame: &&Value| frame["stream"] == stream;
    let resets = frames.iter().filter(of_stream);
    let mut resets = resets.filter(|frame| frame["is"].to_string().contains("RST_STREAM"));
    resets.next().and_then(|frame| frame["code"].as_u64())
}

#[track_caller]
pub(crate) fn refused(frames: &[Value], stream: u32, reason: Reason) {
    let problem: Option<Value> = serde_json::from_str(&body(frames, stream)).ok();
    let code = problem.as_ref().and_then(|problem| problem.get("code"));
    assert_eq!(code, Some(&json!(reason.code())), "{frames:?}");
    assert_eq!(status(frames, stream), Some(reason.status()));
    let kind = field(frames, stream, "content-type");
    assert_eq!(kind.as_deref(), Some("application/problem+json"));
}

#[test]
fn curl_gets_the_same_answers_over_every_version() {
    let gate = TestGate::start();
    let token = gate.issuer.user("ana").sign();
    let (bearer, url) = (
        format!("authorization: Bearer {token}"),
        format!("http://{}{PATH}", gate.address()),
    );
    for (option, version) in [
        ("--http1.0", "1"),
        ("--http1.1", "1.1"),
        ("--http2-prior-knowledge", "2"),
        // It asks to go on in HTTP/2, and nobody answers that.
        ("--http2", "1.1"),
    ] {
        let allowed = curl(&[option, "--header", &bearer, &url]);
        assert_eq!(allowed, (version.to_owned(), 200, "{}".to_owned()));
        let (said, status, body) = curl(&[option, &url]);
        assert_eq!((said.as_str(), status), (version, 401), "{body}");
        let problem: Value = serde_json::from_str(&body).expect("a refusal is JSON");
        assert_eq!(problem["code"], "token_missing");
        let sent = curl(&[option, "--header", &bearer, "--data", "{\"a\":1}", &url]);
        assert_eq!(sent.1, 200, "{}", sent.2);
    }
    for request in gate.upstream.requests() {
        assert!(request.message.start.ends_with(" HTTP/1.1"));
        for name in ["upgrade", "http2-settings", "connection"] {
            assert_eq!(request.header(name), None, "{:?}", request.message);
        }
    }
}

#[test]
fn requests_share_a_connection_and_each_has_its_own_decision_and_record() {
    let gate = TestGate::start();
    let ana = gate.issuer.user("ana").sign();
    let stranger = gate.issuer.user("bob").key(Key::NextRsa).sign();
    let mut peer = Peer::open(&gate);
    let other = fields(&ana, "GET", "/app/v1/missions?workspaceId=globex-prod", &[]);
    peer.send(&[
        get(1, &ana),
        get(3, &stranger),
        headers(5, &other, true),
        get(7, &ana),
    ]);
    let mut frames = Vec::new();
    for stream in [1, 3, 5, 7] {
        let ended = |frame: &Value| {
            frame["stream"] == stream && frame["is"].to_string().contains("END_STREAM")
        };
        if !frames.iter().any(ended) {
            frames.extend(peer.ended(stream));
        }
    }
    assert_eq!(status(&frames, 1), Some(200), "{frames:?}");
    refused(&frames, 3, Reason::TokenSignature);
    refused(&frames, 5, Reason::OutsideTenant);
    assert_eq!(status(&frames, 7), Some(200));
    assert_eq!(gate.audit(4).len(), 4);
}
