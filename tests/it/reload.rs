//! Files that change while requests are served: followed whole, or not at all and told.

use crate::support::eventually;
use crate::support::gate::{Builder, TestGate};
use crate::support::issuer::TestIssuer;
use crate::support::start::start;
use crate::support::upstream::TestUpstream;
use palisade::clock::Clock;
use palisade::reason::Reason;
use serde_json::json;
use std::io::BufRead as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const PATH: &str = "/app/v1/missions";
const NOBODY: &str = "@id(\"nobody\")\nforbid (principal, action, resource);\n";
const BROKEN: &str = "@id(\"nobody\")\nforbid (principal, acton, resource);\n";

/// A policy that keeps one user out.
fn without(user: &str, note: usize) -> String {
    format!(
        "@id(\"without-{note}\")\nforbid (principal, action, resource) when {{ principal == Tenancy::User::\"acme/{user}\" }};\n"
    )
}

#[test]
fn a_changed_policy_is_in_force_and_gone_again() {
    let mut gate = TestGate::start();
    let ask = gate.get(PATH).bearer(&gate.issuer.user("ana").sign());
    ask.send().allowed(200);
    let first = gate.status()["revision"].clone();
    gate.change(|files| files.put("policies/stop.cedar", NOBODY));
    ask.send().refused(Reason::PolicyDenied);
    let second = gate.status()["revision"].clone();
    assert_ne!(first, second);
    let metrics = gate.metrics();
    let revision = second.as_str().expect("a revision is text");
    assert_eq!(metrics.sum("palisade_ruleset_info", &[]), 1.0);
    assert_eq!(
        metrics.sum("palisade_ruleset_info", &[("revision", revision)]),
        1.0
    );
    let ok = metrics.sum("palisade_ruleset_loads_total", &[("result", "ok")]);
    assert_eq!(ok, 2.0, "one at start, one since");
    gate.change(|files| files.remove("policies/stop.cedar"));
    ask.send().allowed(200);
    assert_eq!(gate.status()["revision"], first);
    let revisions: Vec<_> = gate
        .audit(3)
        .iter()
        .map(|one| one["revision"].clone())
        .collect();
    assert_eq!(revisions, [first.clone(), second, first]);
}

#[test]
fn a_broken_policy_leaves_the_former_rules_serving_and_is_told_with_its_place() {
    let mut gate = TestGate::start();
    let ask = gate.get(PATH).bearer(&gate.issuer.user("ana").sign());
    let revision = gate.status()["revision"].clone();
    gate.change(|files| files.put("policies/stop.cedar", BROKEN));
    ask.send().allowed(200);
    gate.has_fault("policy_syntax", "policies/stop.cedar");
    let status = gate.status();
    assert_eq!(status["reload"]["faults"][0]["line"], 2, "{status}");
    assert!(
        status["reload"]["faults"][0]["help"].is_string(),
        "{status}"
    );
    assert!(status["reload"]["at"].is_string(), "{status}");
    assert_eq!(status["revision"], revision);
    let metrics = gate.metrics();
    assert_eq!(
        metrics.sum("palisade_ruleset_last_reload_successful", &[]),
        0.0
    );
    assert_eq!(
        metrics.sum("palisade_ruleset_loads_total", &[("result", "error")]),
        1.0
    );
    gate.change(|files| files.put("policies/stop.cedar", NOBODY));
    ask.send().refused(Reason::PolicyDenied);
    gate.loads_well();
    let metrics = gate.metrics();
    assert_eq!(
        metrics.sum("palisade_ruleset_last_reload_successful", &[]),
        1.0
    );
}

#[test]
fn a_broken_configuration_file_leaves_everything_as_it_is() {
    let mut gate = TestGate::start();
    let ask = gate.get(PATH).bearer(&gate.issuer.user("ana").sign());
    for text in ["", "version: [", "version: 1\nlisten: {}\n"] {
        gate.change(|files| files.put("palisade.yaml", text));
        assert_eq!(gate.status()["reload"]["ok"], false, "{text}");
        ask.send().allowed(200);
    }
    gate.change(|files| files.remove("palisade.yaml"));
    gate.has_fault("file_unreadable", "palisade.yaml");
    ask.send().allowed(200);
    gate.change(|files| files.set("/listen/hosts", json!(["other.example.com"])));
    gate.loads_well();
    assert_eq!(ask.send().status, 400);
    ask.host("other.example.com").send().allowed(200);
}

#[test]
fn revocations_hold_from_the_next_request_and_are_lifted() {
    let mut gate = TestGate::builder()
        .set("/revocations", json!("revocations.yaml"))
        .file("revocations.yaml", "{}")
        .start();
    let token = |name: &str| {
        let token = gate.issuer.user(name);
        token
            .claim("jti", format!("jti-{name}"))
            .claim("origin_jti", format!("session-{name}"))
    };
    let ask = gate.get(PATH).bearer(&token("ana").sign());
    let other = gate.get(PATH).bearer(&token("ben").sign());
    for revoked in [
        json!({"jti": ["jti-ana"]}),
        json!({"origin_jti": [{"id": "session-ana"}]}),
        json!({"sub": [{"issuer": "cosmos", "id": "sub-ana", "until": "2999-01-01T00:00:00Z"}]}),
    ] {
        ask.send().allowed(200);
        gate.change(|files| files.put("revocations.yaml", &revoked.to_string()));
        ask.send().refused(Reason::TokenRevoked);
        other.send().allowed(200);
        gate.change(|files| files.put("revocations.yaml", "{}"));
    }
    ask.send().allowed(200);
    let client = json!({"client": ["client-acme-prod"]}).to_string();
    gate.change(|files| files.put("revocations.yaml", &client));
    ask.send().refused(Reason::TokenRevoked);
    other.send().refused(Reason::TokenRevoked);
    let ended = json!({"client": [{"id": "client-acme-prod", "until": "2001-01-01T00:00:00Z"}]});
    gate.change(|files| files.put("revocations.yaml", &ended.to_string()));
    ask.send().allowed(200);
    // Named, and gone: nobody means an empty list.
    gate.change(|files| files.put("revocations.yaml", &client));
    gate.change(|files| files.remove("revocations.yaml"));
    gate.has_fault("file_unreadable", "palisade.yaml");
    ask.send().refused(Reason::TokenRevoked);
}

#[test]
fn a_config_map_is_swapped_by_its_link() {
    let mut gate = TestGate::builder()
        .set("/reload", json!({"poll": "1h"}))
        .arrange(|folder| {
            let (tenants, first) = (folder.join("tenants"), folder.join("tenants/..one"));
            std::fs::create_dir(&first).unwrap();
            for name in ["acme.yaml", "globex.yaml", "catalog.yaml"] {
                std::fs::rename(tenants.join(name), first.join(name)).unwrap();
                let link = format!("..data/{name}");
                std::os::unix::fs::symlink(link, tenants.join(name)).unwrap();
            }
            std::os::unix::fs::symlink("..one", tenants.join("..data")).unwrap();
        })
        .start();
    let ask = gate.get(PATH).bearer(&gate.issuer.user("ana").sign());
    ask.send().allowed(200);
    for (from, to, status, next) in [
        ("..one", "..two", "active", "suspended"),
        ("..two", "..three", "suspended", "active"),
    ] {
        gate.change(|files| {
            let tenants = files.path("tenants");
            let (from, folder) = (tenants.join(from), tenants.join(to));
            std::fs::create_dir(&folder).unwrap();
            for name in ["acme.yaml", "globex.yaml", "catalog.yaml"] {
                let text = std::fs::read_to_string(from.join(name)).unwrap();
                let of = |status: &str| format!("\"status\":\"{status}\",\"plan\"");
                std::fs::write(folder.join(name), text.replace(&of(status), &of(next))).unwrap();
            }
            std::os::unix::fs::symlink(to, tenants.join("..data_tmp")).unwrap();
            std::fs::rename(tenants.join("..data_tmp"), tenants.join("..data")).unwrap();
            std::fs::remove_dir_all(from).unwrap();
        });
        gate.loads_well();
        match next {
            "suspended" => ask.send().refused(Reason::AccountSuspended),
            _ => ask.send().allowed(200),
        }
    }
}

#[test]
fn a_folder_that_is_removed_and_made_anew_is_watched_again() {
    let mut gate = TestGate::builder()
        .set("/reload", json!({"poll": "1h"}))
        .policy("far", &without("eve", 0))
        .start();
    let ask = gate.get(PATH).bearer(&gate.issuer.user("ana").sign());
    // File systems give the next folder the number of the last one.
    gate.change(|files| {
        let policies = files.path("policies");
        let texts: Vec<_> = std::fs::read_dir(&policies)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| (path.clone(), std::fs::read(path).unwrap()))
            .collect();
        std::fs::remove_dir_all(&policies).unwrap();
        std::fs::create_dir(&policies).unwrap();
        for (path, text) in texts {
            std::fs::write(path, text).unwrap();
        }
        files.put("policies/far.cedar", &without("eve", 1));
    });
    ask.send().allowed(200);
    // In place: nothing else of the configuration's folder tells of it.
    gate.change(|files| files.overwrite("policies/far.cedar", NOBODY));
    ask.send().refused(Reason::PolicyDenied);
}

#[test]
fn a_change_that_the_file_system_does_not_tell_is_found_by_polling() {
    let mut gate = TestGate::builder()
        .set("/reload", json!({"poll": "200ms"}))
        .policy("far", &without("eve", 0))
        .start();
    let ask = gate.get(PATH).bearer(&gate.issuer.user("ana").sign());
    ask.send().allowed(200);
    // Written under another name of the file, in a folder that nobody watches.
    gate.change(|files| {
        let elsewhere = tempfile::tempdir_in(files.folder()).unwrap();
        let other = elsewhere.path().join("far");
        std::fs::hard_link(files.path("policies/far.cedar"), &other).unwrap();
        std::fs::write(other, NOBODY).unwrap();
    });
    ask.send().refused(Reason::PolicyDenied);
}

/// Rewrites a file without rest, each time with another text, while it is held.
struct Churn {
    stop: Arc<AtomicBool>,
    writer: Option<std::thread::JoinHandle<()>>,
}

impl Churn {
    fn start(path: PathBuf, text: &str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, text) = (Arc::clone(&stop), text.to_owned());
        let writer = std::thread::spawn(move || {
            for turn in 0.. {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                std::fs::write(&path, format!("{text}// {turn}\n")).unwrap();
                std::thread::yield_now();
            }
        });
        Self {
            stop,
            writer: Some(writer),
        }
    }
}

impl Drop for Churn {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let ended = self.writer.take().map(std::thread::JoinHandle::join);
        assert!(
            ended.is_none_or(|ended| ended.is_ok()),
            "it could not write"
        );
    }
}

#[test]
fn an_account_that_never_stops_writing_its_policies_keeps_no_others_from_force() {
    let own = without("eve", 0);
    let gate = TestGate::builder().overlay("acme", &own).start();
    let ask = gate.get(PATH).bearer(&gate.issuer.user("ana").sign());
    let eve = gate.get(PATH).bearer(&gate.issuer.user("eve").sign());
    ask.send().allowed(200);
    let churn = Churn::start(gate.files.path("tenants/acme.cedar"), &own);
    gate.files.put("policies/stop.cedar", &without("ana", 0));
    let denied = || (ask.send().status == 403).then_some(());
    eventually("the platform's policy is in force", denied);
    // Its own last good policies serve meanwhile.
    eve.send().refused(Reason::PolicyDenied);
    drop(churn);
    gate.files.remove("policies/stop.cedar");
    let allowed = || (ask.send().status == 200).then_some(());
    eventually("the platform's policy is gone", allowed);
}

#[test]
fn an_account_that_never_stops_writing_its_policies_keeps_nobody_from_starting() {
    let (folder, issuer) = TestGate::builder()
        .overlay("acme", &without("eve", 0))
        .into_folder();
    let churn = Churn::start(folder.path().join("tenants/acme.cedar"), "");
    let started = start(&folder.path().join("palisade.yaml"), Clock::system());
    drop(churn);
    drop((started.map(|_| ()).expect("it starts"), issuer));
}

/// Clients that ask without pause while files change, on one connection each.
struct Load {
    stop: Arc<AtomicBool>,
    asked: Arc<AtomicUsize>,
    clients: Vec<std::thread::JoinHandle<()>>,
}

impl Load {
    fn start(requests: Vec<(crate::support::client::Request, Option<Reason>)>) -> Self {
        let (stop, asked) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicUsize::new(0)),
        );
        let client = |(request, expected): (crate::support::client::Request, Option<Reason>)| {
            let (stop, asked) = (Arc::clone(&stop), Arc::clone(&asked));
            std::thread::spawn(move || {
                let mut connection = request.connect();
                while !stop.load(Ordering::Relaxed) {
                    let reply = request.send_on(&mut connection);
                    match expected {
                        None => reply.allowed(200),
                        Some(reason) => reply.refused(reason),
                    }
                    asked.fetch_add(1, Ordering::Relaxed);
                }
            })
        };
        let clients = requests.into_iter().map(client).collect();
        Self {
            stop,
            asked,
            clients,
        }
    }

    /// How many requests were answered; fails if one was not answered as it should be.
    fn end(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        for client in self.clients {
            client
                .join()
                .expect("every request is answered as it should be");
        }
        self.asked.load(Ordering::Relaxed)
    }
}

#[test]
fn fifty_reloads_under_load_fail_no_request_and_allow_none_too_many() {
    let mut gate = TestGate::builder()
        .set("/reload", json!({"debounce": "5ms"}))
        .policy("flip", &without("eve", 0))
        .start();
    let ask = |name: &str| gate.get(PATH).bearer(&gate.issuer.user(name).sign());
    let outside = gate.issuer.user("ana").sign();
    let outside = gate
        .get(&format!("{PATH}?workspaceId=globex-prod"))
        .bearer(&outside);
    let load = Load::start(vec![
        (ask("ana"), None),
        (ask("ben"), None),
        (ask("eve"), Some(Reason::PolicyDenied)),
        (outside, Some(Reason::OutsideTenant)),
    ]);
    for round in 1..=50 {
        gate.change(|files| match round % 5 {
            // Routes, tenants, hosts and upstreams change too, and what is broken changes nothing.
            0 => files.put("policies/flip.cedar", BROKEN),
            1 => files.put("policies/flip.cedar", &without("eve", round)),
            2 => files.tenant("acme", "/plan", json!(format!("plan-{round}"))),
            3 => files.set("/upstreams/api/timeouts/idle", json!(format!("{round}s"))),
            _ => files.set(
                "/plans/standard/requests",
                json!(format!("{}/s", 9000 + round)),
            ),
        });
    }
    gate.change(|files| files.put("policies/flip.cedar", &without("eve", 99)));
    gate.loads_well();
    let asked = load.end();
    assert!(asked > 200, "{asked} requests only");
}

#[test]
fn a_reload_fetches_no_keys_again_and_an_issuer_that_goes_is_refused_at_once() {
    let other = TestIssuer::start_as("https://other.example.com");
    let second = json!({
        "name": "other", "issuer": "https://other.example.com", "preset": "cosmos",
        "jwks": {"url": other.jwks_url()}, "clients": "directory", "accounts": "directory",
        "required": true, "allow_local": true,
    });
    let mut gate = TestGate::builder()
        .set("/issuers/-", second)
        .tenant("acme", "/issuers", json!(["cosmos", "other"]))
        .start();
    let ask = gate.get(PATH).bearer(&gate.issuer.user("ana").sign());
    let foreign = gate.get(PATH).bearer(&other.user("ana").sign());
    ask.send().allowed(200);
    foreign.send().allowed(200);
    let fetches = (gate.issuer.fetches(), other.fetches());
    other.go_offline();
    gate.change(|files| files.put("policies/more.cedar", &without("eve", 1)));
    // Another setting of the issuer, from the same place: its keys are the same.
    gate.change(|files| files.set("/issuers/1/leeway", json!("1s")));
    gate.loads_well();
    foreign.send().allowed(200);
    ask.send().allowed(200);
    assert_eq!((gate.issuer.fetches(), other.fetches()), fetches);
    gate.change(|files| {
        let issuers = files.config["issuers"]
            .as_array()
            .expect("issuers are a list");
        let first = json!([issuers[0]]);
        files.set("/issuers", first);
    });
    foreign.send().refused(Reason::IssuerUnknown);
    let metrics = gate.metrics();
    assert_eq!(
        metrics.sum("palisade_jwks_refresh_total", &[("issuer", "other")]),
        0.0
    );
    // Its tenant's file names it still: the entry that served goes on, without that issuer.
    gate.has_warning("tenant_unknown_issuer", "tenants/acme.yaml");
    ask.send().allowed(200);
}

#[test]
fn an_issuer_bound_more_narrowly_forgets_the_tokens_it_proved() {
    let mut gate = TestGate::start();
    let ask = gate.get(PATH).bearer(&gate.issuer.user("ana").sign());
    ask.send().allowed(200);
    ask.send().allowed(200);
    gate.change(|files| files.set("/issuers/0/accounts", json!(["globex"])));
    ask.send().refused(Reason::IssuerNotForAccount);
    gate.change(|files| files.set("/issuers/0/algorithms", json!(["ES256"])));
    ask.send().refused(Reason::TokenSignature);
}

#[test]
fn a_change_of_one_account_cools_no_other_accounts_decisions() {
    // With policies of its own from the start: accounts that look alike to all policies share decisions.
    let gate = TestGate::builder().overlay("acme", &without("eve", 0));
    let mut gate = gate.start();
    let globex = gate
        .issuer
        .user("gil")
        .account("globex")
        .workspace("globex-prod");
    let globex = gate
        .get(PATH)
        .bearer(&globex.claim("client_id", "client-globex-prod").sign());
    let acme = gate.get(PATH).bearer(&gate.issuer.user("ana").sign());
    let counted = |gate: &TestGate, what: &str| {
        gate.metrics()
            .sum(&format!("palisade_decision_cache_{what}_total"), &[])
    };
    globex.send().allowed(200);
    acme.send().allowed(200);
    assert_eq!(
        (counted(&gate, "hits"), counted(&gate, "misses")),
        (0.0, 2.0)
    );
    gate.change(|files| files.put("tenants/acme.cedar", &without("eve", 1)));
    gate.change(|files| files.tenant("acme", "/plan", json!("standard")));
    globex.send().allowed(200);
    assert_eq!(
        (counted(&gate, "hits"), counted(&gate, "misses")),
        (1.0, 2.0)
    );
    // What changed is asked again.
    acme.send().allowed(200);
    assert_eq!(
        (counted(&gate, "hits"), counted(&gate, "misses")),
        (1.0, 3.0)
    );
    gate.change(|files| files.put("tenants/acme.cedar", NOBODY));
    acme.send().refused(Reason::PolicyDenied);
    globex.send().allowed(200);
}

#[test]
fn a_header_that_becomes_a_reference_is_held_and_kept_out_of_trailers() {
    let mut gate = TestGate::start();
    let token = gate
        .issuer
        .user("edi")
        .role("editor")
        .context("dashboard")
        .sign();
    let ask = gate.get(PATH).bearer(&gate.issuer.user("ana").sign());
    let named = ask.clone().header("x-test-place", "globex-prod");
    let chunked = format!(
        "POST /dashboard/v1/missions HTTP/1.1\r\nhost: api.example.com\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\ntrailer: x-test-place\r\n\r\n2\r\n{{}}\r\n0\r\nx-test-place: globex-prod\r\n\r\n"
    );
    let trailers = |gate: &TestGate| {
        let mut connection = gate.connect();
        connection.send(chunked.as_bytes());
        connection.reply("POST").allowed(200);
        let last = gate.upstream.requests().pop().expect("it was forwarded");
        last.message.trailers.len()
    };
    named.send().allowed(200);
    assert_eq!(trailers(&gate), 1);
    let rule = json!({"in": "header", "name": "x-test-place", "is": "workspace"});
    gate.change(|files| files.set("/references/-", rule));
    named.send().refused(Reason::OutsideTenant);
    let own = ask.header("x-test-place", "acme-prod");
    own.send().allowed(200);
    own.header("x-test-place", "acme-prod")
        .send()
        .refused(Reason::RequestAmbiguous);
    assert_eq!(trailers(&gate), 0);
}

#[test]
fn a_route_moves_to_another_upstream_and_prefix_without_a_restart() {
    let mut gate = TestGate::start();
    let next = TestUpstream::start();
    next.accept_any_header();
    let ask = gate.get(PATH).bearer(&gate.issuer.user("ana").sign());
    ask.send().allowed(200);
    let url = next.url();
    gate.change(|files| {
        files.set("/annotate", json!({"prefix": "x-test-own-"}));
        files.set("/upstreams/api/url", json!(url));
    });
    eventually("the new upstream is asked", || {
        ask.send().allowed(200);
        next.requests().pop()
    });
    let seen = next.requests().pop().expect("it was asked");
    assert_eq!(seen.header("x-test-own-workspace"), Some("acme-prod"));
    assert_eq!(seen.header("x-palisade-workspace"), None);
}

#[test]
fn what_cannot_follow_is_named_and_the_rest_follows() {
    let mut gate = TestGate::start();
    let ask = gate.get(PATH).bearer(&gate.issuer.user("ana").sign());
    gate.change(|files| {
        files.config["listen"]["http"] = json!("127.0.0.1:1");
        files.config["cache"] = json!({"token_entries": 5});
        files.config["listen"]["limits"] = json!({"header_count": 1});
        files.put("policies/stop.cedar", NOBODY);
        files.set("/admin/metrics", json!("127.0.0.1:2"));
    });
    eventually("the policy is in force", || {
        let reply = ask.send();
        (reply.status == 403).then_some(())
    });
    let waiting = gate.status()["reload"]["needs_restart"].to_string();
    for key in [
        "listen.http",
        "cache.token_entries",
        "listen.limits.header_count",
        "admin.metrics",
    ] {
        assert!(waiting.contains(key), "{key} is not in {waiting}");
    }
    gate.change(|files| files.put("control-token", "another-token-of-a-test-0123456789"));
    assert!(
        gate.status()["reload"]["needs_restart"]
            .to_string()
            .contains("admin.token")
    );
}

#[test]
fn the_demo_issuer_cannot_slip_in_behind_a_listener_that_is_not_on_loopback() {
    // The running address counts, not the one that waits for a restart.
    let mut gate = TestGate::builder()
        .set("/listen/http", json!("0.0.0.0:0"))
        .start();
    gate.change(|files| {
        files.config["listen"]["http"] = json!("127.0.0.1:0");
        let demo = "https://cognito-idp.demo-1.amazonaws.com/demo-1_Palisade";
        files.set("/issuers/0/issuer", json!(demo));
    });
    gate.has_fault("demo_issuer_exposed", "palisade.yaml");
}

#[test]
fn being_told_to_look_loads_what_has_not_changed() {
    let gate = TestGate::start();
    let (loads, revision) = (gate.loads(), gate.status()["revision"].clone());
    gate.reload();
    eventually("it has looked", || (gate.loads() > loads).then_some(()));
    assert_eq!(gate.status()["revision"], revision);
    gate.loads_well();
}

/// The program itself, on the files of `gate`, once it serves; and the lines of its log.
fn program(gate: &TestGate) -> (Child, impl Iterator<Item = String> + use<>) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_palisade"))
        .args(["serve", "--config"])
        .arg(gate.files.path("palisade.yaml"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let log = std::io::BufReader::new(program.stderr.take().expect("it is piped"));
    let mut lines = log.lines().map_while(Result::ok);
    assert!(
        lines.any(|line| line.contains("serving")),
        "it did not start"
    );
    (program, lines)
}

#[test]
fn a_file_that_is_none_of_its_own_and_never_rests_costs_little() {
    // Big enough to be most of what a look reads.
    let big = format!("{}{}", "// No words.\n".repeat(70_000), without("eve", 0));
    let settings = json!({"poll": "1h", "debounce": "250ms"});
    let builder = TestGate::builder().set("/reload", settings);
    let gate = builder.policy("big", &big).start();
    let (mut program, _lines) = program(&gate);
    let bytes_read = || {
        let io = std::fs::read_to_string(format!("/proc/{}/io", program.id())).unwrap();
        let read = io.lines().find_map(|line| line.strip_prefix("rchar: "));
        read.unwrap().parse::<usize>().unwrap()
    };
    let write_for = |time: Duration| {
        let begun = Instant::now();
        while begun.elapsed() < time {
            gate.files.overwrite("neighbour.log", "never the same");
            std::thread::yield_now();
        }
    };
    write_for(Duration::from_millis(100));
    let before = bytes_read();
    write_for(Duration::from_secs(2));
    let looks = (bytes_read() - before) / big.len();
    program.kill().expect("it runs");
    program.wait().expect("it ends");
    assert!(looks < 20, "{looks} looks in two seconds");
}

#[test]
fn a_reload_that_finds_no_descriptors_says_so_once_and_is_made_up_for() {
    let builder: Builder = TestGate::builder().set("/reload", json!({"poll": "100ms"}));
    let gate = builder.start();
    let (mut program, lines) = program(&gate);
    let limit = |soft: &str| {
        let (id, soft) = (
            format!("--pid={}", program.id()),
            format!("--nofile={soft}:"),
        );
        let set = Command::new("prlimit").args([id, soft]).status();
        assert!(set.expect("util-linux is installed").success());
    };
    limit("5");
    gate.files
        .overwrite("policies/eve.cedar", &without("eve", 0));
    // Its log may lie in a watched folder: what is said there must not be a reason to look again.
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(700) {
        gate.files.overwrite("neighbour.log", "never the same");
    }
    limit("1000");
    let before = lines.take_while(|line| !line.contains("new rules serve"));
    let starved = before.filter(|line| line.contains("no descriptors are left"));
    assert_eq!(starved.count(), 1);
    program.kill().expect("it runs");
    program.wait().expect("it ends");
}

#[test]
fn sighup_makes_the_program_look_at_its_files() {
    let builder: Builder = TestGate::builder().set("/reload", json!({"poll": "1h"}));
    let gate = builder.start();
    let (mut program, mut lines) = program(&gate);
    let signal = |name: &str| {
        let kill = format!("kill -{name} {}", program.id());
        let sent = Command::new("sh").args(["-c", &kill]).status();
        assert!(sent.expect("there is a shell").success());
    };
    signal("HUP");
    assert!(
        lines.any(|line| line.contains("new rules serve")),
        "it ended"
    );
    // Nobody reads its log any more: it ends all the same.
    drop(lines);
    signal("TERM");
    assert!(program.wait().expect("it ends").success());
}
