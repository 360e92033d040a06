//! A process that is told to end: what it still takes, what it finishes, and how it ends.

use super::program::{Site, held};
use crate::support::child::binary;
use crate::support::client::Connection;
use crate::support::client::Request;
use crate::support::gate::CONTROL_TOKEN;
use crate::support::{DEADLINE, eventually};
use serde_json::{Value, json};
use std::fs;
use std::io::Read as _;
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Long enough to be sure that nothing ended by itself.
const NEVER: &str = "1h";

#[test]
fn who_leaves_is_not_ready_but_takes_connections_and_asks_everybody_to_go() {
    let site = Site::new(&json!({"drain_delay": NEVER}));
    let (instance, token) = (site.instance("a"), site.token());
    for name in ["TERM", "INT"] {
        let mut process = instance.start();
        let mut kept = instance.used_connection(&token);
        process.signal(name);
        eventually("it is not ready", || {
            (process.readiness() == Some(503)).then_some(())
        });
        let reply = instance.get(&token, "n=kept").send_on(&mut kept);
        reply.allowed(200);
        assert_eq!(reply.header("connection"), Some("close"));
        kept.closed();
        let mut new = Connection::open(instance.proxy);
        let reply = instance.get(&token, "n=new").send_on(&mut new);
        reply.allowed(200);
        assert_eq!(reply.header("connection"), Some("close"));
        new.closed();
        process.is_alive();
        // The second one means it.
        process.signal("TERM");
        assert_eq!(process.end().code(), Some(0));
    }
}

#[test]
fn a_drain_finishes_what_is_under_way_and_records_it() {
    let site = Site::new(&json!({"drain_delay": "0s"}));
    let (instance, token) = (site.instance("a"), site.token());
    let process = instance.start();
    let mut idle = instance.used_connection(&token);
    let slow = instance.get(&token, "n=hold");
    let slow = thread::spawn(move || slow.send());
    held(&site, 1);
    process.signal("TERM");
    // A connection without a request has nothing to wait for.
    idle.closed();
    eventually("nobody listens any more", || {
        TcpStream::connect(instance.proxy).err()
    });
    site.echo.release();
    let reply = slow.join().expect("it is answered");
    reply.allowed(200);
    assert_eq!(reply.text(), "/app/v1/missions?n=hold");
    assert_eq!(reply.header("connection"), Some("close"));
    assert_eq!(process.end().code(), Some(0));
    assert_eq!(instance.records().len(), 2);
}

#[test]
fn what_is_not_done_at_the_drain_timeout_is_cut_and_recorded() {
    let site = Site::new(&json!({"drain_delay": "0s", "drain": "200ms"}));
    let (instance, token) = (site.instance("a"), site.token());
    let process = instance.start();
    let mut connection = Connection::open(instance.proxy);
    connection.send(&instance.get(&token, "n=hold").bytes());
    held(&site, 1);
    process.signal("TERM");
    connection.closed();
    let log = {
        let (mut process, mut log) = (process, String::new());
        eventually("it has said so", || {
            log = process.log();
            log.contains("cut").then_some(())
        });
        process.signal("CONT");
        let _ = &mut process;
        assert_eq!(process.end().code(), Some(0));
        log
    };
    assert!(log.contains("connections=1"), "{log}");
    let records = instance.records();
    assert_eq!(records.len(), 1);
    assert_eq!(records[0]["outcome"], "aborted");
}

/// The kernel lets clients connect while nobody accepts: they wait in the queue of the socket, and a
/// socket that is closed resets them all.
#[test]
fn clients_that_had_connected_when_the_port_closes_are_served() {
    let site = Site::new(&json!({"drain_delay": "0s"}));
    let (instance, token) = (site.instance("a"), site.token());
    let process = instance.start();
    process.signal("STOP");
    let mut clients: Vec<Connection> = (0..200).map(|_| Connection::open(instance.proxy)).collect();
    process.signal("TERM");
    process.signal("CONT");
    for (at, client) in clients.iter_mut().enumerate() {
        // Half of them say only now what they want.
        let request = instance.get(&token, &format!("n={at}"));
        client.send(&request.bytes());
    }
    for (at, client) in clients.iter_mut().enumerate() {
        let reply = client.reply("GET");
        reply.allowed(200);
        assert_eq!(reply.text(), format!("/app/v1/missions?n={at}"));
    }
    assert_eq!(process.end().code(), Some(0));
    assert_eq!(instance.records().len(), 200);
}

#[test]
fn control_asks_it_to_leave_and_tells_when_it_is_done() {
    let site = Site::new(&json!({"drain_delay": "300ms"}));
    let (instance, token) = (site.instance("a"), site.token());
    let process = instance.start();
    let slow = instance.get(&token, "n=hold");
    let slow = thread::spawn(move || slow.send());
    held(&site, 1);
    let drain = |wait: &str| {
        let request = Request::new(instance.control, "POST", &format!("/drain?wait={wait}"));
        let host = instance.control.to_string();
        let request = request.host(&host).bearer(CONTROL_TOKEN);
        request.header("x-palisade-control", "1").send_elsewhere()
    };
    let begun = Instant::now();
    assert_eq!(drain("0s").status, 202);
    assert_eq!(process.readiness(), Some(503));
    let waiting = drain("1s");
    assert_eq!(
        (waiting.status, waiting.json()),
        (202, json!({"drained": false}))
    );
    assert!(begun.elapsed() >= Duration::from_secs(1));
    site.echo.release();
    let done = drain("15s");
    assert_eq!((done.status, done.json()), (200, json!({"drained": true})));
    slow.join().expect("it is answered").allowed(200);
    assert_eq!(process.end().code(), Some(0));
}

#[test]
fn a_log_that_nobody_reads_any_more_holds_up_nobody() {
    let site = Site::new(&json!({"drain_delay": "0s"}));
    let instance = site.instance("a");
    let text = fs::read_to_string(instance.config()).expect("it was written");
    let mut config: Value = serde_json::from_str(&text).expect("JSON is YAML");
    config["log"] = json!({"level": "debug"});
    config["listen"]["proxy_protocol"] = json!({"from": ["192.0.2.0/24"]});
    fs::write(instance.config(), config.to_string()).expect("a file can be written");
    let mut program = Command::new(binary())
        .args(["serve", "--config"])
        .arg(instance.config())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    // Each of them is worth a line of the log, and the pipe holds some hundreds.
    for _ in 0..1500 {
        let mut client = eventually("it serves", || TcpStream::connect(instance.proxy).ok());
        client.set_read_timeout(Some(DEADLINE)).expect("a timeout");
        assert_eq!(client.read(&mut [0]).expect("it is closed"), 0);
    }
    let terminate = format!("kill -TERM {}", program.id());
    let sent = Command::new("sh").args(["-c", &terminate]).status();
    assert!(sent.expect("there is a shell").success());
    let code = eventually("it ends", || program.try_wait().expect("it was started"));
    assert!(code.success());
}
