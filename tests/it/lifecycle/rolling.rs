//! Two instances behind HAProxy, restarted one after the other while requests come: none fails.
//!
//! HAProxy retries what could not be sent to a server (its default `retry-on conn-failure`, three times,
//! elsewhere by `option redispatch`), and nothing that was sent.

use super::asked;
use super::load::Load;
use super::program::{Instance, Site};
use crate::support::child::free_address;
use crate::support::eventually;
use crate::support::tools::program;
use serde_json::json;
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};

/// Requests in a second, which a debug build holds beside other tests. `tests/lifecycle` has more.
const PER_SECOND: u32 = 500;

struct HaProxy {
    child: Child,
    address: SocketAddr,
}

impl HaProxy {
    /// As it is shipped, but for addresses, and looking more often.
    fn before(instances: &[Instance], site: &Site) -> Self {
        let address = free_address();
        let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/haproxy/haproxy.cfg");
        let mut config = fs::read_to_string(shipped).expect("it is shipped");
        let mut set = |from: &str, to: &str| {
            assert!(config.contains(from), "`{from}` is not in {shipped}");
            config = config.replace(from, to);
        };
        set("127.0.0.1:80\n", &format!("{address}\n"));
        set("inter 1s", "inter 100ms");
        let places = [
            "127.0.0.1:8080 addr 127.0.0.1 port 9901",
            "127.0.0.1:8081 addr 127.0.0.1 port 9911",
        ];
        for (instance, place) in instances.iter().zip(places) {
            let (proxy, probe) = (instance.proxy, instance.metrics);
            set(
                place,
                &format!("{proxy} addr {} port {}", probe.ip(), probe.port()),
            );
        }
        let path = site.folder().join("haproxy.cfg");
        fs::write(&path, config).expect("a file can be written");
        let child = Command::new(program("haproxy"))
            .arg("-db")
            .arg("-f")
            .arg(&path)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("haproxy starts");
        let haproxy = Self { child, address };
        eventually("haproxy listens", || TcpStream::connect(address).ok());
        haproxy
    }
}

impl Drop for HaProxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until requests come.
fn is_used(instance: &Instance) {
    eventually("requests come to it", || {
        let served = instance.scrape().sum("palisade_requests_total", &[]);
        (served > 0.0).then_some(())
    });
}

#[test]
fn a_rolling_restart_behind_a_load_balancer_fails_no_request() {
    let site = Site::new(&json!({"drain_delay": "1s"}));
    let instances = [site.instance("a"), site.instance("b")];
    let mut processes = instances.each_ref().map(|instance| Some(instance.start()));
    let haproxy = HaProxy::before(&instances, &site);
    let load = Load::start(haproxy.address, &site.token(), asked("RATE", PER_SECOND));
    for _ in 0..2 {
        for (instance, process) in instances.iter().zip(&mut processes) {
            let former = process.take().expect("it runs");
            former.signal("TERM");
            let ended = former.end();
            assert_eq!(ended.code(), Some(0));
            *process = Some(instance.start());
            // Only then the next one may go.
            is_used(instance);
        }
    }
    let seen = load.all_good();
    for process in processes.into_iter().flatten() {
        process.signal("TERM");
        assert_eq!(process.end().code(), Some(0));
    }
    // One record each: nothing was tried twice, nothing lost.
    let records: usize = instances.iter().map(|one| one.records().len()).sum();
    assert_eq!(records, seen.sent);
}
