//! What the process itself uses, read from `/proc` when somebody asks.

use super::family::{Builder, stable};
use prometheus::{Counter, IntGauge};
use std::fs;
use std::sync::{Mutex, PoisonError};

/// The kernel's unit for CPU times in `/proc`, fixed on every architecture that Linux still has.
const TICKS_PER_SECOND: f64 = 100.0;

#[derive(Debug)]
pub(super) struct Process {
    cpu: Counter,
    resident: IntGauge,
    open_fds: IntGauge,
    reading: Mutex<()>,
}

impl Process {
    pub(super) fn new(build: &mut Builder) -> Self {
        Self {
            cpu: build.seconds_counter(stable(
                "process_cpu_seconds_total",
                &[],
                "User and system CPU time of the process.",
            )),
            resident: build.gauge(stable(
                "process_resident_memory_bytes",
                &[],
                "Memory of the process that is in RAM.",
            )),
            open_fds: build.gauge(stable(
                "process_open_fds",
                &[],
                "Open file descriptors of the process.",
            )),
            reading: Mutex::new(()),
        }
    }

    /// Reads `/proc`. What cannot be read keeps its former value.
    pub(super) fn refresh(&self) {
        let _one_at_a_time = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seconds) = read("/proc/self/stat").as_deref().and_then(cpu_seconds) {
            self.cpu.inc_by((seconds - self.cpu.get()).max(0.0));
        }
        if let Some(bytes) = read("/proc/self/status")
            .as_deref()
            .and_then(resident_bytes)
        {
            self.resident.set(bytes);
        }
        if let Ok(entries) = fs::read_dir("/proc/self/fd") {
            // One of them is the descriptor that lists them.
            let open = i64::try_from(entries.count()).unwrap_or(i64::MAX);
            self.open_fds.set(open.saturating_sub(1));
        }
    }
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok()
}

/// Fields 14 and 15 of `/proc/self/stat`, counted after the command's name, which may hold spaces.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    Some((f64::from(user) + f64::from(system)) / TICKS_PER_SECOND)
}

fn resident_bytes(status: &str) -> Option<i64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: i64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_may_hold_spaces_and_parentheses() {
        let stat = "7 (a b) c) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 1 0 9 1 1";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(cpu_seconds("garbage"), None);
    }

    #[test]
    fn resident_memory_is_in_bytes() {
        assert_eq!(
            resident_bytes("Name:\tx\nVmRSS:\t    12 kB\n"),
            Some(12_288)
        );
        assert_eq!(resident_bytes("Name:\tx\n"), None);
    }
}
