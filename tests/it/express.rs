//! What Express reads is what was decided (RULES 12, 14, 15): hostile requests go through the gate to
//! Express 4 and 5, and straight to them, to see that they would have worked.

mod hostile;

use crate::support::client::{Connection, Reply, Request};
use crate::support::gate::TestGate;
use crate::support::tools::Tool;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hostile::{Attack, Hostile};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;

const SEED: u64 = 0x5eed_0fa9_11a5_5ade;
const COUNT: usize = 2000;

/// Express, with one of its two query parsers.
struct Express(Tool);

impl Express {
    fn start(version: u8, query: &str) -> Self {
        let apis = ["app", "dashboard"].map(|name| {
            format!(
                "{}/examples/demo/apis/{name}.openapi.json",
                env!("CARGO_MANIFEST_DIR")
            )
        });
        let told = json!({"version": version, "query": query, "apis": apis});
        Self(Tool::node("express.cjs", &told))
    }

    fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.0.port()).into()
    }
}

/// A connection that is opened again when the other end has closed it.
struct Kept {
    address: SocketAddr,
    checked: bool,
    open: Option<Connection>,
}

impl Kept {
    fn ask(&mut self, request: &Request, method: &str) -> Reply {
        let (address, checked) = (self.address, self.checked);
        let connection = self.open.get_or_insert_with(|| {
            if checked {
                Connection::open(address)
            } else {
                Connection::elsewhere(address)
            }
        });
        connection.send(&request.bytes());
        let reply = connection.reply(method);
        let ends = reply
            .header("connection")
            .is_some_and(|said| said.eq_ignore_ascii_case("close"));
        if ends || reply.status == 400 {
            self.open = None;
        }
        reply
    }
}

/// What the application said it read; `None`: the request did not get so far.
fn seen(reply: &Reply) -> Option<Value> {
    let text = match reply.header("x-test-seen") {
        Some(head) => URL_SAFE_NO_PAD.decode(head).expect("base64url"),
        None => reply.message.body.clone(),
    };
    let seen: Value = serde_json::from_slice(&text).ok()?;
    seen.get("read").is_some().then_some(seen)
}

fn read<'a>(seen: &'a Value, kind: &str) -> Vec<&'a str> {
    let values = seen["read"][kind].as_array().expect("a list");
    values
        .iter()
        .map(|value| value.as_str().expect("a text"))
        .collect()
}

/// What Express read must be what was decided, and that is written in the record.
fn compare(request: &Hostile, seen: &Value, record: &Value) {
    let fail = |what: &str| panic!("{what}\n{request}\nread: {seen:#}\ndecided: {record:#}");
    if seen["operation"] != record["action"] {
        fail("another operation");
    }
    for (kind, own) in [
        ("account", vec!["acme"]),
        ("workspace", vec!["acme-prod"]),
        ("catalog", vec!["acme-prod", "catalog-01"]),
    ] {
        if read(seen, kind).iter().any(|value| !own.contains(value)) {
            fail("another tenant");
        }
    }
    let decided = record["references"].as_array().cloned().unwrap_or_default();
    let mut users: Vec<&Value> = decided.iter().map(|one| &one["value"]).collect();
    users.push(&record["resource_id"]);
    if read(seen, "user")
        .iter()
        .any(|value| !users.contains(&&json!(value)))
    {
        fail("another user");
    }
    let context = record["api_context"].clone();
    if seen["annotated"] != json!([["acme"], ["acme-prod"], [context]]) {
        fail("another annotation");
    }
    if seen["stripped"] != json!([]) {
        fail("a header that is never forwarded");
    }
}

/// Whether the attack works on an application that stands alone.
fn works(request: &Hostile, seen: &Value) -> bool {
    let foreign = ["account", "workspace", "catalog", "user"]
        .iter()
        .any(|kind| {
            read(seen, kind)
                .iter()
                .any(|value| !["acme", "acme-prod", "catalog-01", "ana"].contains(value))
        });
    match request.attack {
        Attack::Query | Attack::Operator => foreign,
        Attack::Body => foreign || seen["method"] != request.method.as_str(),
        Attack::Path => seen["operation"].is_string(),
        Attack::Method => seen["method"] != request.method.as_str(),
        Attack::Header => {
            foreign
                || seen["stripped"] != json!([])
                || seen["annotated"]
                    .as_array()
                    .is_some_and(|all| all.iter().any(|one| *one != json!([])))
        }
    }
}

/// A gate before it that reads every reference of the table in bodies, too.
fn gate(express: &Express) -> TestGate {
    let url = format!("http://{}", express.address());
    let names = [
        ("workspaceId", "workspace"),
        ("accountId", "account"),
        ("userId", "user"),
        ("catalogWorkspaceId", "catalog"),
    ];
    let gate = TestGate::builder().set("/upstreams/api/url", json!(url));
    let row = |(name, is)| json!({"in": "body", "name": name, "is": is});
    let rows = names.into_iter().map(row);
    rows.fold(gate, |gate, row| gate.set("/references/-", row))
        .start()
}

/// How many of each attack were made, worked straight at Express, and were forwarded by the gate.
type Tally = BTreeMap<Attack, [usize; 3]>;

fn differential(version: u8, query: &str) {
    let express = Express::start(version, query);
    let gate = gate(&express);
    let tokens = [false, true].map(|dashboard| {
        let context = if dashboard { "dashboard" } else { "app" };
        gate.issuer
            .user("ana")
            .role("admin")
            .context(context)
            .sign()
    });
    let mut through = Kept {
        address: gate.address(),
        checked: true,
        open: None,
    };
    let mut straight = Kept {
        address: express.address(),
        checked: false,
        open: None,
    };
    let mut forwarded = HashMap::new();
    let mut tally = Tally::new();
    let requests = hostile::requests(SEED ^ u64::from(version), COUNT);
    for request in requests {
        let token = &tokens[usize::from(request.is_dashboard())];
        let alone = straight.ask(&request.request(express.address(), token), &request.method);
        let reply = through.ask(&request.request(gate.address(), token), &request.method);
        let counts = tally.entry(request.attack).or_default();
        counts[0] += 1;
        counts[1] += usize::from(seen(&alone).is_some_and(|seen| works(&request, &seen)));
        if let Some(seen) = seen(&reply) {
            counts[2] += 1;
            let id = reply
                .header("x-palisade-request-id")
                .expect("every reply has one")
                .to_owned();
            forwarded.insert(id, (request, seen));
        }
    }
    for record in gate.audit(COUNT) {
        let id = record["request_id"].as_str().expect("every record has one");
        if let Some((request, seen)) = forwarded.remove(id) {
            compare(&request, &seen, &record);
        }
    }
    assert!(
        forwarded.is_empty(),
        "forwarded without a record: {forwarded:?}"
    );
    for (attack, [made, worked, passed]) in tally {
        // A flat parser makes no objects, so there are no operators.
        if attack == Attack::Operator {
            assert!(
                query == "simple" || worked * 2 > made,
                "{worked} operators of {made} work"
            );
            continue;
        }
        assert!(
            worked * 8 > made,
            "{attack:?}: {worked} of {made} work on Express alone"
        );
        assert!(
            passed > 0 && passed < made,
            "{attack:?}: {passed} of {made} pass the gate"
        );
    }
}

#[test]
fn express_4_reads_what_was_decided_with_nested_queries() {
    differential(4, "extended");
}

#[test]
fn express_4_reads_what_was_decided_with_flat_queries() {
    differential(4, "simple");
}

#[test]
fn express_5_reads_what_was_decided_with_nested_queries() {
    differential(5, "extended");
}

#[test]
fn express_5_reads_what_was_decided_with_flat_queries() {
    differential(5, "simple");
}
