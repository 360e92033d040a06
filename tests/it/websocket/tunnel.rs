//! What holds while a tunnel is open, and how it ends.

use super::{builder, live, open, switched};
use crate::support::eventually;
use crate::support::gate::TestGate;
use serde_json::json;

/// A close frame of the gate's: it is going away.
const GOING_AWAY: &[u8] = &[0x88, 2, 0x03, 0xe9];

/// The same: the caller may not have it any more.
const POLICY_VIOLATION: &[u8] = &[0x88, 2, 0x03, 0xf0];

/// The beginning of a frame.
const HALF: &[u8] = b"\x81\x05hal";

/// Two bytes of text in one frame.
const WHOLE: &[u8] = b"\x81\x02hi";

fn with(frames: &[u8]) -> Vec<u8> {
    [switched("").as_slice(), frames].concat()
}

#[test]
fn a_silent_tunnel_ends_with_a_close_frame() {
    let gate = builder()
        .set("/upstreams/api/timeouts/tunnel", json!("200ms"))
        .start();
    gate.upstream.bytes(&with(WHOLE));
    let mut connection = open(&gate);
    assert_eq!(connection.rest(), [WHOLE, GOING_AWAY].concat());
    gate.upstream.all_closed();
    let metrics = gate.metrics();
    let idle = [("by", "idle")];
    assert_eq!(metrics.sum("palisade_tunnels_closed_total", &idle), 1.0);
    assert_eq!(gate.stream_ends(1)[0]["ended"], "idle");
}

#[test]
fn a_route_says_how_long_its_tunnels_may_be_silent() {
    let mut route = live("api");
    route["idle_timeout"] = json!("200ms");
    let gate = TestGate::builder().set("/routes/-", route).start();
    gate.upstream.bytes(&with(WHOLE));
    assert_eq!(open(&gate).rest(), [WHOLE, GOING_AWAY].concat());
}

#[test]
fn inside_of_a_frame_a_tunnel_just_ends() {
    let gate = builder()
        .set("/upstreams/api/timeouts/tunnel", json!("200ms"))
        .start();
    gate.upstream.bytes(&with(HALF));
    assert_eq!(open(&gate).rest(), HALF);
}

#[test]
fn each_side_may_end_before_the_other() {
    let gate = builder().start();
    gate.upstream.bytes(&with(WHOLE));
    let mut connection = open(&gate);
    connection.send(b"LAST words\r\n\r\n");
    // The upstream answers what was said before, with the same bytes once more, and ends then.
    connection.finish();
    let rest = connection.rest();
    assert_eq!(rest, [WHOLE, &with(WHOLE)].concat());
    eventually("the client was the first", || {
        let client = [("by", "client")];
        let closed = gate.metrics().sum("palisade_tunnels_closed_total", &client);
        (closed == 1.0).then_some(())
    });
}

#[test]
fn a_tunnel_counts_as_in_flight_until_it_ends() {
    let gate = builder()
        .set(
            "/plans/enterprise",
            json!({"requests": "10000/s", "concurrent": 1}),
        )
        .start();
    gate.upstream.bytes(&switched(""));
    let tunnel = open(&gate);
    let metrics = gate.metrics();
    assert_eq!(metrics.sum("palisade_tunnels", &[]), 1.0);
    assert_eq!(metrics.sum("palisade_in_flight_requests", &[]), 1.0);
    let token = gate.issuer.user("ana").sign();
    let get = || gate.get("/app/v1/missions").bearer(&token).send();
    get().refused(palisade::reason::Reason::RateLimited);
    gate.upstream.reply(200, &[], b"{}");
    drop(tunnel);
    eventually("the tunnel has ended", || {
        (get().status == 200).then_some(())
    });
    let metrics = gate.metrics();
    assert_eq!(metrics.sum("palisade_tunnels", &[]), 0.0);
    let client = [("by", "client")];
    assert_eq!(metrics.sum("palisade_tunnels_closed_total", &client), 1.0);
}

#[test]
fn a_tunnel_is_told_of_the_end_shortly_before_the_drain_timeout() {
    let mut gate = builder()
        .set("/listen/timeouts", json!({"drain": "1s"}))
        .start();
    gate.upstream.bytes(&with(WHOLE));
    let mut connection = open(&gate);
    let rest = std::thread::spawn(move || connection.rest());
    gate.stop();
    assert_eq!(rest.join().expect("a client"), [WHOLE, GOING_AWAY].concat());
}

#[test]
fn the_record_is_that_of_a_get_that_was_allowed_and_its_end_has_another() {
    let gate = builder().start();
    gate.upstream.bytes(&switched(""));
    let tunnel = open(&gate);
    let record = gate.only_record();
    assert_eq!(record["outcome"], "allow");
    assert_eq!(record["status"], 101);
    assert_eq!(record["method"], "GET");
    assert_eq!(record["action"], "app/live/watch");
    drop(tunnel);
    let end = gate.stream_ends(1).remove(0);
    for key in ["request_id", "account", "workspace", "subject"] {
        assert!(end[key].is_string(), "{key}: {end}");
        assert_eq!(end[key], record[key], "{key}");
    }
    assert_eq!(end["ended"], "client");
    assert!(end["duration_ms"].is_u64(), "{end}");
}

#[test]
fn a_tunnel_ends_with_the_right_to_it() {
    let gate = builder()
        .set("/revocations", json!("revocations.yaml"))
        .file("revocations.yaml", "{}")
        .start();
    for (sent, end) in [(WHOLE, POLICY_VIOLATION), (HALF, b"".as_slice())] {
        gate.upstream.bytes(&with(sent));
        let mut connection = open(&gate);
        let revoked = r#"{"sub": [{"issuer": "cosmos", "id": "sub-ana"}]}"#;
        gate.files.put("revocations.yaml", revoked);
        assert_eq!(connection.rest(), [sent, end].concat());
        gate.files.put("revocations.yaml", "{}");
        eventually("nothing is revoked", || {
            (gate.status()["revocations"] == 0).then_some(())
        });
    }
    gate.upstream.all_closed();
    let metrics = gate.metrics();
    for (name, label) in [
        ("palisade_tunnels_closed_total", ("by", "revoked")),
        ("palisade_streams_ended_total", ("reason", "token_revoked")),
    ] {
        assert_eq!(metrics.sum(name, &[label]), 2.0, "{name}");
    }
    for end in gate.stream_ends(2) {
        assert_eq!(end["ended"], "gate", "{end}");
        assert_eq!(end["reason"], "token_revoked");
    }
}
