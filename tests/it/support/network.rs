//! Two network namespaces with one wire between them, which a test may cut. Needs root, `ip` and
//! `iptables`.

use super::tools::program;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use std::fs::File;
use std::os::fd::AsFd;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// The gate's end of the wire.
pub(crate) const GATE: [u8; 4] = [10, 231, 0, 1];
/// The other end.
pub(crate) const FAR: [u8; 4] = [10, 231, 0, 2];

/// Makes names unique in this process.
static COUNT: AtomicUsize = AtomicUsize::new(0);

/// The namespaces; their drop takes them away.
pub(crate) struct Network {
    gate: String,
    far: String,
}

impl Network {
    /// Two ends that reach each other, and nothing else.
    pub(crate) fn new() -> Self {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = |end: &str| format!("plsd-{end}-{}-{number}", std::process::id());
        let network = Self {
            gate: name("g"),
            far: name("f"),
        };
        let (gate, far) = (network.gate.as_str(), network.far.as_str());
        for end in [gate, far] {
            ip(&["netns", "add", end]);
            ip(&["-n", end, "link", "set", "lo", "up"]);
        }
        ip(&[
            "-n", gate, "link", "add", "wire", "type", "veth", "peer", "wire", "netns", far,
        ]);
        for (end, address) in [(gate, GATE), (far, FAR)] {
            let [a, b, c, d] = address;
            let address = format!("{a}.{b}.{c}.{d}/30");
            ip(&["-n", end, "addr", "add", &address, "dev", "wire"]);
            ip(&["-n", end, "link", "set", "wire", "up"]);
        }
        network
    }

    /// Runs `work` at the gate's end: whatever it starts stays there.
    pub(crate) fn at_gate<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        within(&self.gate, work)
    }

    /// Runs `work` at the other end.
    pub(crate) fn far<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        within(&self.far, work)
    }

    /// From now on nothing passes, and nobody is told.
    pub(crate) fn cut(&self) {
        self.rule("-A");
    }

    /// From now on everything passes again.
    pub(crate) fn mend(&self) {
        self.rule("-D");
    }

    fn rule(&self, change: &str) {
        let iptables = program("iptables").display().to_string();
        for (chain, way) in [("INPUT", "-i"), ("OUTPUT", "-o")] {
            let rule = [&iptables, "-w", change, chain, way, "wire", "-j", "DROP"];
            ip(&[&["netns", "exec", self.gate.as_str()], &rule[..]].concat());
        }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for end in [&self.gate, &self.far] {
            let _ = Command::new(program("ip"))
                .args(["netns", "delete", end])
                .status();
        }
    }
}

fn within<T: Send>(name: &str, work: impl FnOnce() -> T + Send) -> T {
    let enter = || {
        let space = File::open(format!("/run/netns/{name}")).expect("the namespace is there");
        move_into_link_name_space(space.as_fd(), Some(LinkNameSpaceType::Network))
            .expect("root may enter it");
        work()
    };
    let done = thread::scope(|scope| scope.spawn(enter).join());
    done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn ip(arguments: &[&str]) {
    let done = Command::new(program("ip")).args(arguments).output();
    let done = done.expect("ip runs");
    let error = String::from_utf8_lossy(&done.stderr);
    assert!(
        done.status.success(),
        "ip {arguments:?} (needs root): {error}"
    );
}
