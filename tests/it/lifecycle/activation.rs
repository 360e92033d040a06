//! Sockets that a supervisor opened: the next process takes them over while the former one drains.

use super::asked;
use super::load::Load;
use super::program::{Instance, Site};
use crate::support::child::{binary, free_address};
use crate::support::client::Connection;
use crate::support::eventually;
use crate::support::tools::Tool;
use serde_json::{Value, json};
use std::net::TcpStream;
use std::time::Duration;

const PER_SECOND: u32 = 500;

/// A supervisor that has opened these sockets: by name, and where.
struct Supervisor(Tool);

impl Supervisor {
    fn new(instance: &Instance, sockets: &Value) -> Self {
        let config = instance.config();
        let program = json!([binary(), "serve", "--config", config]);
        let told = json!({"program": program, "sockets": sockets});
        Self(Tool::python("supervisor.py", &told))
    }

    fn of(instance: &Instance) -> Self {
        let sockets = json!({"http": instance.proxy, "metrics": instance.metrics, "control": instance.control});
        Self::new(instance, &sockets)
    }

    /// Runs the program until it says that it is ready.
    fn start(&mut self) -> u64 {
        let started = self.0.ask(&json!({"start": {}}));
        let said = started["said"].as_array().expect("a list");
        assert!(said.contains(&json!("READY=1")), "{started}");
        started["pid"].as_u64().expect("a number")
    }

    /// Runs a program that ends by itself: what it complained of.
    fn refused(&mut self) -> String {
        let ended = self.0.ask(&json!({"start": {}}));
        assert_eq!(ended["code"], 1, "{ended}");
        ended["errors"].as_str().expect("text").to_owned()
    }

    /// Sends a signal, and waits for a word.
    fn tell(&mut self, pid: u64, signal: &str, until: &str) -> Vec<Value> {
        let order = json!({"pid": pid, "signal": signal, "until": until});
        let answer = self.0.ask(&order);
        answer["said"].as_array().expect("a list").clone()
    }

    fn end(&mut self, pid: u64) {
        let ended = self.0.ask(&json!({"end": pid}));
        assert_eq!(ended["code"], 0, "{ended}");
    }
}

#[test]
fn an_upgrade_on_passed_sockets_fails_no_request() {
    let site = Site::new(&json!({"drain_delay": "1s"}));
    let (instance, token) = (site.instance("a"), site.token());
    let mut supervisor = Supervisor::of(&instance);
    let mut serving = supervisor.start();
    let load = Load::start(instance.proxy, &token, asked("RATE", PER_SECOND));
    for _ in 0..3 {
        let next = supervisor.start();
        let said = supervisor.tell(serving, "TERM", "STOPPING=1");
        assert!(said.contains(&json!("STOPPING=1")), "{said:?}");
        supervisor.end(serving);
        serving = next;
    }
    let seen = load.all_good();
    assert!(
        seen.asked_to_leave > 0,
        "nobody was asked to go to the next one"
    );
    supervisor.tell(serving, "TERM", "STOPPING=1");
    supervisor.end(serving);
    // One after the other they wrote one record.
    assert_eq!(instance.records().len(), seen.sent);
}

#[test]
fn a_restart_on_passed_sockets_leaves_clients_waiting_and_refuses_none() {
    let site = Site::new(&json!({"drain_delay": "0s"}));
    let (instance, token) = (site.instance("a"), site.token());
    let mut supervisor = Supervisor::of(&instance);
    let first = supervisor.start();
    supervisor.tell(first, "TERM", "STOPPING=1");
    supervisor.end(first);
    // Nobody serves now; the socket is there.
    let waiting = instance.get(&token, "n=early");
    let waiting = std::thread::spawn(move || waiting.send());
    let second = supervisor.start();
    let reply = waiting.join().expect("it is answered");
    reply.allowed(200);
    assert_eq!(reply.text(), "/app/v1/missions?n=early");
    supervisor.tell(second, "TERM", "STOPPING=1");
    supervisor.end(second);
}

#[test]
fn passed_sockets_that_become_blocking_hold_up_nobody() {
    let site = Site::new(&json!({"drain_delay": "0s"}));
    let (instance, token) = (site.instance("a"), site.token());
    let mut supervisor = Supervisor::of(&instance);
    let serving = supervisor.start();
    let asks = |connection: &mut Connection| {
        connection.send(&instance.get(&token, "n=1").bytes());
        connection.reply("GET").allowed(200);
    };
    // On both workers.
    let mut open: Vec<_> = (0..8).map(|_| Connection::open(instance.proxy)).collect();
    open.iter_mut().for_each(asks);
    for _ in 0..3 {
        supervisor.0.ask(&json!({"block": true}));
        asks(&mut Connection::open(instance.proxy));
        open.iter_mut().for_each(asks);
    }
    let said = supervisor.tell(serving, "HUP", "READY=1");
    assert!(said.contains(&json!("READY=1")), "{said:?}");
    supervisor.tell(serving, "TERM", "STOPPING=1");
    supervisor.end(serving);
}

#[test]
fn the_supervisor_is_told_of_reloads() {
    let site = Site::new(&json!({"drain_delay": "0s"}));
    let instance = site.instance("a");
    let mut supervisor = Supervisor::of(&instance);
    let pid = supervisor.start();
    let said = supervisor.tell(pid, "HUP", "READY=1");
    assert_eq!(said.first(), Some(&json!("RELOADING=1")), "{said:?}");
    let time = said.iter().filter_map(Value::as_str);
    let mut time = time.filter_map(|line| line.strip_prefix("MONOTONIC_USEC="));
    let time: u64 = time.next().expect("when").parse().expect("a number");
    assert!(time > 0);
    assert_eq!(said.last(), Some(&json!("READY=1")), "{said:?}");
    supervisor.tell(pid, "TERM", "STOPPING=1");
    supervisor.end(pid);
}

#[test]
fn sockets_that_are_not_as_configured_do_not_start() {
    let site = Site::new(&json!({"drain_delay": "0s"}));
    let instance = site.instance("a");
    let elsewhere = Supervisor::new(&instance, &json!({"http": free_address()})).refused();
    for words in ["`http` listens on 127.0.0.1:", "listen.http says"] {
        assert!(elsewhere.contains(words), "{elsewhere}");
    }
    let unknown = json!({"http": instance.proxy, "web": free_address()});
    let unknown = Supervisor::new(&instance, &unknown).refused();
    assert!(
        unknown.contains("a socket named `web` was passed"),
        "{unknown}"
    );
}

#[test]
fn what_is_not_passed_is_bound_and_one_that_is_taken_does_not_start() {
    let site = Site::new(&json!({"drain_delay": "0s"}));
    let instance = site.instance("a");
    let mut supervisor = Supervisor::new(&instance, &json!({"http": instance.proxy}));
    let pid = supervisor.start();
    let refused = supervisor.refused();
    assert!(refused.contains("(admin.metrics)"), "{refused}");
    supervisor.tell(pid, "TERM", "STOPPING=1");
    supervisor.end(pid);
    drop(supervisor);
    // Without a supervisor a port in use is one.
    let first = instance.start();
    let output = std::process::Command::new(binary())
        .args(["serve", "--config"])
        .arg(instance.config())
        .output()
        .expect("the binary runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("(listen.http): Address already in use"),
        "{said}"
    );
    drop(first);
    eventually("it is gone", || {
        TcpStream::connect_timeout(&instance.proxy, Duration::from_secs(1)).err()
    });
}
