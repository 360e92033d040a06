//! Open streams: what takes a caller's right away takes its streams too, and nobody else's; the service
//! is Node's own HTTP server.

mod over_http2;
mod over_tls;

use crate::support::client::{Connection, Request};
use crate::support::eventually;
use crate::support::gate::{Builder, HOST, TestGate};
use crate::support::issuer::Token;
use crate::support::tools::{Tool, program};
use palisade::clock::{Clock, Timestamp};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

const PATH: &str = "/app/v1/missions";
/// The last chunk.
const END: &str = "0\r\n\r\n";

/// A gate before a service that streams.
pub(crate) struct Streaming {
    pub(crate) gate: TestGate,
    service: Tool,
}

/// One open reply.
pub(crate) struct Open(Connection);

impl Streaming {
    pub(crate) fn start(arrange: impl FnOnce(Builder) -> Builder) -> Self {
        let service = Tool::node("streams.cjs", &json!({}));
        let url = format!("http://127.0.0.1:{}", service.port());
        let builder = TestGate::builder()
            .set("/upstreams/api/url", json!(url))
            .set("/revocations", json!("revocations.yaml"))
            .file("revocations.yaml", "{}");
        Self {
            gate: arrange(builder).start(),
            service,
        }
    }

    /// A stream of events that `token` opens, after its first event.
    pub(crate) fn events(&mut self, token: &Token) -> Open {
        let request = self.gate.get(PATH).bearer(&token.sign());
        self.open(&request)
    }

    /// A reply that has begun, after its first event.
    pub(crate) fn open(&mut self, request: &Request) -> Open {
        let mut connection = request.connect();
        connection.send(&request.bytes());
        let head = connection.until("\r\n\r\n");
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        self.say("first");
        let mut open = Open(connection);
        open.hears("first");
        open
    }

    /// Every open reply gets an event.
    pub(crate) fn say(&mut self, word: &str) {
        self.told(&json!({"do": "write", "text": format!("data: {word}\n\n")}));
    }

    fn told(&mut self, line: &Value) -> Value {
        self.service.ask(line)
    }

    fn seen(&mut self) -> Value {
        self.told(&json!({"do": "seen"}))
    }

    pub(crate) fn revoke(&self, list: &Value) {
        self.gate.files.put("revocations.yaml", &list.to_string());
    }

    /// Waits until so many streams have ended for that reason.
    pub(crate) fn ended(&self, reason: &str, count: f64) {
        let labels = [("reason", reason)];
        eventually("the streams have ended", || {
            let ended = self.gate.metrics();
            let ended = ended.sum("palisade_streams_ended_total", &labels);
            (ended >= count).then(|| assert_eq!(ended, count, "{reason}"))
        });
    }
}

impl Open {
    pub(crate) fn hears(&mut self, word: &str) {
        let heard = self.0.until(&format!("data: {word}\n\n"));
        assert!(!heard.contains(END), "{heard}");
        self.0.until("\r\n");
    }

    /// Fails unless it ends as a stream of events may, with nothing more before.
    pub(crate) fn ends(mut self) {
        assert_eq!(self.0.until(END), END);
    }
}

fn named(jti: &str) -> impl Fn(Token) -> Token {
    move |token| {
        token
            .claim("jti", jti)
            .claim("origin_jti", format!("{jti}-session"))
    }
}

#[test]
fn every_kind_of_revocation_ends_the_streams_that_it_names_and_no_others() {
    let mut streaming = Streaming::start(|builder| builder);
    let issuer = |name: &str| named(name)(streaming.gate.issuer.user(name));
    let (ana, other) = (issuer("ana"), issuer("ben"));
    let mut kept = streaming.events(&other);
    let mut ended = 0.0;
    for revoked in [
        json!({"jti": ["ana"]}),
        json!({"origin_jti": ["ana-session"]}),
        json!({"sub": [{"issuer": "cosmos", "id": "sub-ana"}]}),
        json!({"user": [{"account": "acme", "id": "ana"}]}),
    ] {
        let stream = streaming.events(&ana);
        kept.hears("first");
        streaming.revoke(&revoked);
        stream.ends();
        ended += 1.0;
        streaming.ended("token_revoked", ended);
        streaming.revoke(&json!({}));
        let again = || (streaming.gate.status()["revocations"] == 0).then_some(());
        eventually("nothing is revoked", again);
    }
    streaming.say("still");
    kept.hears("still");
    streaming.revoke(&json!({"client": ["client-acme-prod"]}));
    kept.ends();
    let seen = eventually("the service hears of it", || {
        let seen = streaming.seen();
        (seen["open"] == 0).then_some(seen)
    });
    assert_eq!(seen["closed"], 5);
}

#[test]
fn a_suspension_ends_the_streams_of_its_account_and_of_nobody_else() {
    let mut streaming = Streaming::start(|builder| builder);
    let globex = streaming
        .gate
        .issuer
        .user("gil")
        .account("globex")
        .workspace("globex-prod");
    let globex = globex.claim("client_id", "client-globex-prod");
    let ana = streaming.gate.issuer.user("ana");
    let mut kept = streaming.events(&globex);
    let stream = streaming.events(&ana);
    kept.hears("first");
    streaming
        .gate
        .files
        .tenant("acme", "/status", json!("suspended"));
    stream.ends();
    streaming.ended("account_suspended", 1.0);
    streaming.say("still");
    kept.hears("still");
    assert_eq!(
        streaming.gate.metrics().sum("palisade_streams_open", &[]),
        1.0
    );
}

#[test]
fn a_suspended_workspace_and_a_not_before_end_streams_too() {
    let mut streaming = Streaming::start(|builder| builder);
    let ana = streaming.gate.issuer.user("ana");
    let stream = streaming.events(&ana);
    let gate = &mut streaming.gate;
    gate.change(|files| files.tenant("acme", "/workspaces/0/status", json!("suspended")));
    stream.ends();
    streaming.ended("workspace_suspended", 1.0);
    let gate = &mut streaming.gate;
    gate.change(|files| files.tenant("acme", "/workspaces/0/status", json!("active")));
    let stream = streaming.events(&ana);
    let void = json!({"users": {"ana": "2999-01-01T00:00:00Z"}});
    streaming.gate.files.tenant("acme", "/not_before", void);
    stream.ends();
    streaming.ended("token_revoked", 1.0);
}

#[test]
fn a_client_that_is_bound_no_more_loses_its_streams() {
    let mut streaming = Streaming::start(|builder| builder);
    let ana = streaming.gate.issuer.user("ana");
    let stream = streaming.events(&ana);
    let files = &mut streaming.gate.files;
    files.tenant("acme", "/workspaces/0/clients", json!(["another"]));
    stream.ends();
    streaming.ended("client_not_bound", 1.0);
}

#[test]
fn a_token_that_expires_ends_its_streams_by_the_gates_clock() {
    let now = Clock::system().now();
    let clock = Clock::manual(now);
    let mut streaming = Streaming::start(|builder| builder.clock(&clock));
    let expires = Timestamp(now.millis() + 60_000).millis() / 1000;
    let ana = streaming.gate.issuer.user("ana").claim("exp", expires);
    let later = streaming
        .gate
        .issuer
        .user("ben")
        .claim("exp", expires + 3600);
    let mut kept = streaming.events(&later);
    let stream = streaming.events(&ana);
    kept.hears("first");
    clock.advance(120_000);
    stream.ends();
    streaming.ended("token_expired", 1.0);
    streaming.say("still");
    kept.hears("still");
}

#[test]
fn a_download_outlasts_its_token_and_not_a_revocation() {
    let now = Clock::system().now();
    let clock = Clock::manual(now);
    let mut streaming = Streaming::start(|builder| builder.clock(&clock));
    let expires = now.millis() / 1000 + 60;
    let ana = streaming
        .gate
        .issuer
        .user("ana")
        .claim("exp", expires)
        .claim("jti", "ana");
    let ask = streaming.gate.get(PATH).bearer(&ana.sign());
    let ask = ask.header("x-test-kind", "application/octet-stream");
    let mut download = {
        let request = ask.header("x-test-length", "100000");
        let mut connection = request.connect();
        connection.send(&request.bytes());
        connection.until("\r\n\r\n");
        connection
    };
    let ben = streaming.gate.issuer.user("ben").claim("exp", expires);
    let events = streaming.events(&ben);
    download.until("data: first\n\n");
    clock.advance(120_000);
    // The other one shows that the streams were looked at since.
    events.ends();
    streaming.say("still");
    download.until("data: still\n\n");
    streaming.revoke(&json!({"jti": ["ana"]}));
    assert_eq!(String::from_utf8_lossy(&download.rest()), "");
    streaming.ended("token_revoked", 1.0);
    streaming.ended("token_expired", 1.0);
}

#[test]
fn an_event_that_is_half_sent_is_cut_off_and_not_ended() {
    let mut streaming = Streaming::start(|builder| builder);
    let ana = streaming.gate.issuer.user("ana").claim("jti", "ana");
    let Open(mut connection) = streaming.events(&ana);
    streaming.told(&json!({"do": "write", "text": "data: half"}));
    connection.until("data: half\r\n");
    streaming.revoke(&json!({"jti": ["ana"]}));
    assert_eq!(String::from_utf8_lossy(&connection.rest()), "");
}

#[test]
fn any_other_reply_is_cut_off_without_a_last_chunk() {
    let mut streaming = Streaming::start(|builder| builder);
    let ana = streaming.gate.issuer.user("ana").claim("jti", "ana");
    let request = streaming.gate.get(PATH).bearer(&ana.sign());
    let request = request.header("x-test-kind", "application/x-ndjson");
    let Open(mut connection) = streaming.open(&request);
    streaming.revoke(&json!({"jti": ["ana"]}));
    assert_eq!(String::from_utf8_lossy(&connection.rest()), "");
    streaming.ended("token_revoked", 1.0);
}

#[test]
fn an_upload_under_way_is_refused_when_its_token_is_revoked() {
    let mut streaming = Streaming::start(|builder| builder);
    let ana = streaming.gate.issuer.user("ana").claim("jti", "ana");
    let request = streaming.gate.request("POST", PATH).bearer(&ana.sign());
    let request = request
        .header("x-test-reply", "late")
        .header("content-type", "application/json")
        .header("transfer-encoding", "chunked");
    let mut connection = request.connect();
    connection.send(&request.bytes());
    connection.send(b"5\r\nhello\r\n");
    eventually("the upload has begun", || {
        (streaming.seen()["received"] == 5).then_some(())
    });
    streaming.revoke(&json!({"jti": ["ana"]}));
    connection
        .reply("POST")
        .refused(palisade::reason::Reason::TokenRevoked);
    streaming.ended("token_revoked", 1.0);
    eventually("the service hears of it", || {
        (streaming.seen()["open"] == 0).then_some(())
    });
    assert_eq!(streaming.gate.only_record()["reason"], "token_revoked");
}

#[test]
fn an_upload_whose_reply_is_whole_has_one_line_in_the_record() {
    let mut gate = TestGate::start();
    let ana = gate.issuer.user("ana").sign();
    let request = gate.request("POST", PATH).bearer(&ana);
    let request = request
        .header("content-type", "application/json")
        .header("transfer-encoding", "chunked");
    let mut connection = request.connect();
    connection.send(&request.bytes());
    connection.send(b"5\r\nhello\r\n0\r\n\r\n");
    connection.reply("POST").allowed(200);
    gate.stop();
    assert_eq!(gate.audit(1).len(), 1);
    assert!(gate.stream_ends(0).is_empty());
}

#[test]
fn whoever_leaves_a_stream_or_ends_it_is_told_apart() {
    let mut streaming = Streaming::start(|builder| builder);
    let ana = streaming.gate.issuer.user("ana");
    let left = streaming.events(&ana);
    drop(left);
    streaming.ended("client", 1.0);
    eventually("the service hears of it", || {
        (streaming.seen()["closed"] == 1).then_some(())
    });
    let ended = streaming.events(&ana);
    streaming.told(&json!({"do": "end"}));
    ended.ends();
    streaming.ended("complete", 1.0);
    assert_eq!(
        streaming.gate.metrics().sum("palisade_streams_open", &[]),
        0.0
    );
}

#[test]
fn rule_41_the_end_of_a_stream_is_recorded_with_who_ended_it() {
    let mut streaming = Streaming::start(|builder| builder);
    let ana = named("ana")(streaming.gate.issuer.user("ana"));
    drop(streaming.events(&ana));
    streaming.ended("client", 1.0);
    let revoked = streaming.events(&ana);
    streaming.revoke(&json!({"jti": ["ana"]}));
    revoked.ends();
    let ends = streaming.gate.stream_ends(2);
    let requests = streaming.gate.audit(2);
    for (end, request) in ends.iter().zip(&requests) {
        for key in ["request_id", "account", "workspace", "subject"] {
            assert!(end[key].is_string(), "{key}: {end}");
            assert_eq!(end[key], request[key], "{key}");
        }
        assert_eq!(request["outcome"], "allow");
        assert!(end["duration_ms"].is_u64(), "{end}");
    }
    assert_eq!(
        (&ends[0]["ended"], &ends[0]["reason"]),
        (&json!("client"), &Value::Null)
    );
    assert_eq!(ends[1]["ended"], "gate");
    assert_eq!(ends[1]["reason"], "token_revoked");
    let metrics = streaming.gate.metrics();
    assert_eq!(metrics.sum("palisade_audit_stream_ends_total", &[]), 2.0);
    assert_eq!(metrics.sum("palisade_requests_total", &[]), 2.0);
}

#[test]
fn a_download_that_ends_whole_is_told_by_its_record_alone() {
    let mut gate = TestGate::start();
    gate.upstream.reply(200, &[], &vec![b'x'; 200_000]);
    let token = gate.issuer.user("ana").sign();
    gate.get(PATH).bearer(&token).send().allowed(200);
    gate.stop();
    gate.audit(1);
    gate.stream_ends(0);
}

#[test]
fn events_and_heartbeats_pass_at_once_and_so_does_the_last_event_id() {
    let mut streaming = Streaming::start(|builder| builder);
    let ana = streaming.gate.issuer.user("ana");
    let request = streaming.gate.get(PATH).bearer(&ana.sign());
    let request = request.header("last-event-id", "41");
    let Open(mut connection) = streaming.open(&request);
    assert_eq!(streaming.seen()["last_event_id"], "41");
    // Nothing is said after either: whatever waited for more would wait for ever.
    for said in [": beat\n\n", "id: 42\ndata: more\n\n"] {
        streaming.told(&json!({"do": "write", "text": said}));
        connection.until(said);
    }
}

#[test]
fn a_route_says_how_long_its_streams_may_be_silent() {
    let mut streaming = Streaming::start(|builder| {
        builder
            .set("/upstreams/api/timeouts/idle", json!("200ms"))
            .set("/routes/0/idle_timeout", json!("1m"))
    });
    let ana = streaming.gate.issuer.user("ana");
    let mut patient = streaming.events(&ana);
    let health = streaming.gate.get("/health");
    let Open(mut other) = streaming.open(&health);
    patient.hears("first");
    // Both are silent, and what holds for the upstream ends the other one, unfinished.
    assert_eq!(String::from_utf8_lossy(&other.rest()), "");
    streaming.say("still");
    patient.hears("still");
}

#[test]
fn curl_gets_each_event_while_the_stream_is_open() {
    let mut streaming = Streaming::start(|builder| builder);
    let token = streaming.gate.issuer.user("ana").sign();
    let mut curl = Command::new(program("curl"))
        .args(["--silent", "--no-buffer", "--header"])
        .arg(format!("authorization: Bearer {token}"))
        .args(["--header", &format!("host: {HOST}")])
        .arg(format!("http://{}{PATH}", streaming.gate.address()))
        .stdout(Stdio::piped())
        .spawn()
        .expect("curl runs");
    let mut heard = BufReader::new(curl.stdout.take().expect("a pipe was asked for"));
    eventually("the stream is open", || {
        (streaming.seen()["open"] == 1).then_some(())
    });
    for word in ["one", "two"] {
        streaming.say(word);
        let mut event = String::new();
        for _ in 0..2 {
            heard.read_line(&mut event).expect("curl passes it on");
        }
        assert_eq!(event, format!("data: {word}\n\n"));
    }
    streaming
        .gate
        .files
        .tenant("acme", "/status", json!("suspended"));
    // It ends well: the reply was whole.
    assert!(curl.wait().expect("curl ends").success());
}
