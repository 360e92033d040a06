//! The two admin ports: what they show, and to whom.

use crate::support::client::Request;
use crate::support::eventually;
use crate::support::gate::{CONTROL_TOKEN, TestGate};
use palisade::reason::Reason;
use serde_json::{Value, json};

const STOP: &str = "@id(\"stop\")\nforbid (principal, action, resource);\n";

#[test]
fn probes_answer_on_the_metrics_port_without_detail() {
    let gate = TestGate::start();
    for path in ["/livez", "/readyz"] {
        let reply = gate.metrics_port(path);
        assert_eq!(reply.status, 200, "{path}");
        assert!(reply.text().len() < 64, "{path} tells: {}", reply.text());
    }
    for path in ["/status", "/drain", "/explain", "/"] {
        assert_eq!(gate.metrics_port(path).status, 404, "{path}");
    }
}

#[test]
fn control_needs_its_token_on_loopback_too() {
    let gate = TestGate::start();
    let status = || gate.control_port("/status");
    assert_eq!(status().send().status, 401);
    assert_eq!(
        status()
            .bearer("wrong-token-of-the-right-length-00")
            .send()
            .status,
        401
    );
    let reply = status().bearer(CONTROL_TOKEN).send();
    assert_eq!(reply.status, 200);
    let text = reply.text();
    assert!(!text.contains(CONTROL_TOKEN));
    assert!(
        reply.json()["revision"].is_string() || text.contains("revision"),
        "{text}"
    );
}

#[test]
fn control_checks_host_and_origin_against_rebinding() {
    let gate = TestGate::start();
    let status = || gate.control_port("/status").bearer(CONTROL_TOKEN);
    let host = status().host("evil.example").send();
    assert!([400, 403, 421].contains(&host.status), "{}", host.status);
    let origin = status().header("origin", "https://evil.example").send();
    assert_eq!(origin.status, 403);
}

#[test]
fn admin_paths_are_not_reachable_through_the_data_port() {
    let gate = TestGate::start();
    let token = gate.issuer.user("ana").sign();
    for path in [
        "/metrics",
        "/livez",
        "/readyz",
        "/status",
        "/drain",
        "/.well-known/jwks.json",
    ] {
        gate.get(path)
            .bearer(&token)
            .send()
            .refused(Reason::RouteUnknown);
        let reply = gate.get(path).bearer(CONTROL_TOKEN).send();
        assert_eq!(reply.status, 401, "{path}");
    }
}

/// `/status/accounts/<id>`, which is there.
#[track_caller]
fn account(gate: &TestGate, id: &str) -> Value {
    let path = format!("/status/accounts/{id}");
    let reply = gate.control_port(&path).bearer(CONTROL_TOKEN).send();
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

#[test]
fn status_shows_each_layer_in_figures() {
    let gate = TestGate::builder().overlay("acme", STOP).start();
    let token = gate.issuer.user("ana").sign();
    for _ in 0..3 {
        let reply = gate.get("/app/v1/missions").bearer(&token).send();
        reply.refused(Reason::PolicyDenied);
    }
    let status = gate.status();
    let platform = &status["platform"];
    assert_eq!(platform["revision"].as_str().map(str::len), Some(64));
    let of_platform = |name: &str| platform[name].as_u64().expect("a count");
    // Nine guards, and what ships beside them.
    assert!(of_platform("policies") > 9, "{platform}");
    assert!(of_platform("slices") > 1, "{platform}");
    assert!(of_platform("environments") > of_platform("slices"));
    let decisions = &status["decisions"];
    let of_decisions = |name: &str| decisions[name].as_u64().expect("a count");
    let counts = ["hits", "misses", "entries", "evictions"].map(of_decisions);
    assert_eq!(counts, [2, 1, 1, 0], "{decisions}");
    assert!(of_decisions("bytes") > 0, "{decisions}");
    assert_eq!(of_decisions("bytes_max"), 64 << 20, "{decisions}");
}

#[test]
fn the_status_of_an_account_says_what_directory_policies_and_limits_say() {
    let plan = json!({"requests": "50/s", "burst": 70, "concurrent": 9, "per_caller": {"requests": "5/s"}});
    let gate = TestGate::builder()
        .set("/plans/enterprise", plan)
        .tenant(
            "acme",
            "/not_before",
            json!({"account": "2020-01-01T00:00:00Z"}),
        )
        .overlay("acme", STOP)
        .start();
    let token = gate.issuer.user("ana").sign();
    let reply = gate.get("/app/v1/missions").bearer(&token).send();
    reply.refused(Reason::PolicyDenied);
    let acme = account(&gate, "acme");
    assert_eq!(
        (&acme["account"], &acme["served"]),
        (&json!("acme"), &json!(true))
    );
    assert_eq!(
        (&acme["status"], &acme["plan"]),
        (&json!("active"), &json!("enterprise"))
    );
    assert_eq!(acme["revision"].as_str().map(str::len), Some(64));
    assert_eq!(acme["issuers"], json!(["cosmos"]));
    assert_eq!(acme["not_before"], "2020-01-01T00:00:00.000Z");
    assert_eq!(acme["workspaces_total"], 3);
    let dev = &acme["workspaces"][1];
    assert_eq!(
        (&dev["id"], &dev["status"]),
        (&json!("acme-dev"), &json!("suspended"))
    );
    let limits = json!({"account": {"per_second": 50, "burst": 70}, "concurrent": 9,
        "per_workspace": null, "per_caller": {"per_second": 5, "burst": 5}});
    assert_eq!(acme["limits"], limits);
    assert_eq!(acme["in_flight"], 0);
    assert_eq!(acme["requests"], json!({"deny_policy": 1}));
    assert_eq!(acme["faults"], json!([]));
    let policies = &acme["policies"];
    assert_eq!(
        (&policies["may"], &policies["count"]),
        (&json!("permit"), &json!(1))
    );
    assert_eq!(policies["hash"].as_str().map(str::len), Some(64));
    // Another's policies change nothing of what is said of this one.
    let globex = account(&gate, "globex");
    assert_eq!(globex["policies"]["state"], "none");
    assert_eq!(
        (&globex["requests"], &globex["faults"]),
        (&json!(null), &json!([]))
    );
}

#[test]
fn an_account_that_is_set_aside_says_why_with_file_and_line() {
    let mut gate = TestGate::builder()
        .overlay(
            "acme",
            "@id(\"stop\")\nforbid (principal, acton, resource);\n",
        )
        .start();
    let stated = |gate: &TestGate| account(gate, "acme")["policies"].clone();
    // Whoever asks first finds it out, if nobody has before.
    let token = gate.issuer.user("ana").sign();
    let reply = gate.get("/app/v1/missions").bearer(&token).send();
    reply.refused(Reason::OverlayUnavailable);
    let denied = stated(&gate);
    assert_eq!(
        (&denied["state"], &denied["serves"]),
        (&json!("quarantined"), &json!("nothing"))
    );
    let fault = &account(&gate, "acme")["faults"][0];
    assert!(
        fault["file"]
            .as_str()
            .expect("a file")
            .ends_with("tenants/acme.cedar")
    );
    assert_eq!(fault["line"], 2);
    gate.change(|files| files.put("tenants/acme.cedar", STOP));
    assert_eq!(stated(&gate)["state"], "good");
    gate.change(|files| files.put("tenants/acme.cedar", "permit ("));
    let kept = stated(&gate);
    assert_eq!(
        (&kept["state"], &kept["serves"]),
        (&json!("quarantined"), &json!("last good"))
    );
}

#[test]
fn an_account_whose_file_is_not_believed_says_so_and_others_do_not() {
    let mut gate = TestGate::start();
    let path = |id: &str| format!("/status/accounts/{id}");
    let ask = |gate: &TestGate, id: &str| gate.control_port(&path(id)).bearer(CONTROL_TOKEN).send();
    assert_eq!(ask(&gate, "initech").status, 404);
    gate.change(|files| {
        files.put(
            "tenants/initech.yaml",
            "account: initech\nstatus: alive\nplan: standard\n",
        );
    });
    let initech = account(&gate, "initech");
    assert_eq!(initech["served"], false);
    let fault = &initech["faults"][0];
    assert!(
        fault["file"]
            .as_str()
            .expect("a file")
            .ends_with("tenants/initech.yaml")
    );
    assert_eq!(fault["line"], 2);
    gate.change(|files| files.tenant("acme", "/plan", json!(7)));
    let acme = account(&gate, "acme");
    assert_eq!(
        (&acme["served"], &acme["plan"]),
        (&json!(true), &json!("enterprise"))
    );
    assert_eq!(acme["faults"].as_array().map(Vec::len), Some(1), "{acme}");
    assert_eq!(account(&gate, "globex")["faults"], json!([]));
}

/// The records of a request, by the id in its reply, once they are there.
fn records(gate: &TestGate, id: &str) -> Vec<Value> {
    let path = format!("/requests/{id}");
    let reply = eventually("the records are there", || {
        let reply = gate.control_port(&path).bearer(CONTROL_TOKEN).send();
        (reply.status == 200).then_some(reply)
    });
    let text = reply.text();
    let lines = text.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().expect("lines of JSON")
}

#[test]
fn the_last_requests_are_found_by_the_ids_in_their_replies() {
    let gate = TestGate::builder().overlay("acme", STOP).start();
    let token = gate.issuer.user("ana").sign();
    let id = |request: Request| {
        let told = request.send().json();
        told["request_id"].as_str().expect("an id").to_owned()
    };
    let denied = id(gate.get("/app/v1/missions").bearer(&token));
    let stranger = id(gate.get("/app/v1/missions"));
    assert_ne!(denied, stranger);
    let [record] = &records(&gate, &denied)[..] else {
        panic!("one record");
    };
    assert_eq!(record["request_id"], denied.as_str());
    assert_eq!(
        (&record["reason"], &record["account"]),
        (&json!("policy_denied"), &json!("acme"))
    );
    let found = records(&gate, &stranger);
    assert_eq!(found[0]["reason"], "token_missing");
    assert!(found[0].get("roles").is_none(), "{found:?}");
    for unknown in ["nobody", "%ff", &denied[1..]] {
        let path = format!("/requests/{unknown}");
        let reply = gate.control_port(&path).bearer(CONTROL_TOKEN).send();
        assert_eq!(reply.status, 404, "{unknown}");
        assert_eq!(reply.json()["code"], "request_unknown", "{unknown}");
    }
    let path = format!("/requests/{denied}");
    assert_eq!(gate.control_port(&path).send().status, 401);
    assert_eq!(gate.metrics_port(&path).status, 404);
    assert_eq!(gate.get(&path).bearer(CONTROL_TOKEN).send().status, 401);
}

#[test]
fn an_unknown_account_is_not_found_and_strangers_are_told_nothing() {
    let gate = TestGate::start();
    for id in ["unknown", "ACME", "acme%2Fx", "%ff", "acme.yaml"] {
        let path = format!("/status/accounts/{id}");
        let reply = gate.control_port(&path).bearer(CONTROL_TOKEN).send();
        assert_eq!(reply.status, 404, "{id}");
        assert_eq!(reply.json()["code"], "account_unknown", "{id}");
    }
    assert_eq!(
        gate.control_port("/status/accounts/acme").send().status,
        401
    );
    assert_eq!(gate.metrics_port("/status/accounts/acme").status, 404);
    let post = gate.control("POST", "/status/accounts/acme");
    assert_eq!(post.bearer(CONTROL_TOKEN).send().status, 405);
}
