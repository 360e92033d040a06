//! Records arrive whole, lanes are bounded apart from each other, and nothing is lost uncounted.

#![expect(
    clippy::float_cmp,
    clippy::cast_precision_loss,
    reason = "small whole numbers, which floats hold exactly"
)]

use super::*;
use crate::clock::Timestamp;
use crate::reason::{Outcome, Reason};
use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::AtomicBool;

fn settings(dir: &Path) -> Settings {
    Settings {
        output: Output::File {
            dir: dir.to_owned(),
            bytes_max: u64::MAX,
            keep: 3,
        },
        ..Settings::default()
    }
}

fn lines(dir: &Path) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(dir.join("audit.ndjson")).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'));
    text.lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect()
}

fn numbered(id: &str) -> Record<'_> {
    Record {
        time: Timestamp(1_700_000_000_123),
        request_id: id,
        outcome: Outcome::Allow,
        status: Some(200),
        ..Record::default()
    }
}

fn written(metrics: &Metrics) -> f64 {
    metrics.value("palisade_audit_records_total", &[]).unwrap()
}

fn failed(metrics: &Metrics) -> f64 {
    metrics
        .value("palisade_audit_write_errors_total", &[])
        .unwrap()
}

fn dropped(metrics: &Metrics) -> f64 {
    metrics.value("palisade_audit_dropped_total", &[]).unwrap()
}

/// An output that fails while `broken`, and takes a few bytes at a time otherwise.
#[derive(Clone, Default)]
struct Moody {
    broken: Arc<AtomicBool>,
    got: Arc<Mutex<Vec<u8>>>,
}

impl output::Write for Moody {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let some = lines.len().min(7);
        locked(&self.got).extend_from_slice(&lines[..some]);
        Ok(some)
    }

    fn rest(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn moody(records_max: usize) -> (Moody, Arc<Metrics>, Audit) {
    let output = Moody::default();
    let metrics = Metrics::new();
    let queues = (
        Queue::new(records_max, 1 << 20),
        Queue::new(records_max, 1 << 20),
    );
    let audit = Audit::start_with(queues, Arc::clone(&metrics), Box::new(output.clone())).unwrap();
    (output, metrics, audit)
}

#[test]
fn a_full_record_reads_back_as_it_was_told() {
    let dir = tempfile::tempdir().unwrap();
    let audit = Audit::start(settings(dir.path()), Metrics::new()).unwrap();
    let record = Record {
        reason: Some(Reason::OutsideTenant),
        outcome: Outcome::DenyIsolation,
        status: Some(403),
        method: Some("GET"),
        authority: Some("api.example.com"),
        path: Some("/app/v1/\u{1b}[2J\"x\\\u{202e}"),
        route: Some("/app/v1/{x}"),
        action: Some("app/x"),
        api_context: Some(crate::operation::ApiContext::App),
        caller: Some("user"),
        subject: Some("acme/u-1"),
        account: Some("acme"),
        roles: &["account-member", "viewer"],
        references: &[("query workspaceId", "globex-prod\n"), ("path account", "")],
        client_ip: Some("192.0.2.10".parse().unwrap()),
        policies: &["platform/guard/scope".into(), "platform/rbac/read".into()],
        cached: Some(false),
        duration_us: Some(1234),
        request_bytes: Some(0),
        claimed: Claimed {
            issuer: Some("https://evil.example"),
            ..Claimed::default()
        },
        ..numbered("r-1")
    };
    audit.reserve(Lane::Known).unwrap().commit(&record);
    let v6 = Record {
        client_ip: Some("2001:db8::1".parse().unwrap()),
        ..numbered("r-2")
    };
    audit.record(Lane::Strangers, &v6);
    assert_eq!(audit.shutdown(), 0);
    let expected = serde_json::json!({
        "time": "2023-11-14T22:13:20.123Z", "request_id": "r-1", "outcome": "deny_isolation",
        "reason": "outside_tenant", "status": 403, "method": "GET",
        "authority": "api.example.com", "path": "/app/v1/\u{1b}[2J\"x\\\u{202e}",
        "route": "/app/v1/{x}", "action": "app/x", "api_context": "app", "caller": "user",
        "subject": "acme/u-1", "account": "acme", "roles": ["account-member", "viewer"],
        "references": [
            {"place": "query workspaceId", "value": "globex-prod\n"},
            {"place": "path account", "value": ""},
        ],
        "client_ip": "192.0.2.10", "policies": ["platform/guard/scope", "platform/rbac/read"],
        "cached": false, "duration_us": 1234, "request_bytes": 0,
        "claimed": {"issuer": "https://evil.example"},
    });
    let lines = lines(dir.path());
    assert_eq!(lines[0], expected);
    assert_eq!(lines[1]["client_ip"], "2001:db8::1");
    let raw = std::fs::read_to_string(dir.path().join("audit.ndjson")).unwrap();
    assert!(!raw.contains(['\u{1b}', '\u{202e}']));
}

#[test]
fn the_file_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let inner = dir.path().join("audit");
    let audit = Audit::start(settings(&inner), Metrics::new()).unwrap();
    audit.shutdown();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&inner.join("audit.ndjson")), 0o600);
    assert_eq!(mode(&inner), 0o700);
}

#[test]
fn fifty_thousand_records_from_four_threads_arrive_whole() {
    const EACH: usize = 12_500;
    let dir = tempfile::tempdir().unwrap();
    let metrics = Metrics::new();
    let audit = Audit::start(settings(dir.path()), Arc::clone(&metrics)).unwrap();
    let lost = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..4)
            .map(|worker| {
                let audit = audit.clone();
                scope.spawn(move || {
                    let mut lost = 0;
                    for at in 0..EACH {
                        let id = format!("{worker}-{at}");
                        let lane = if at % 5 == 0 {
                            Lane::Strangers
                        } else {
                            Lane::Known
                        };
                        if let Ok(place) = audit.reserve(lane) {
                            place.commit(&numbered(&id));
                        } else {
                            audit.dropped();
                            lost += 1;
                        }
                    }
                    lost
                })
            })
            .collect();
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap())
            .sum::<usize>()
    });
    assert_eq!(audit.shutdown(), 0);
    let lines = lines(dir.path());
    let ids: HashSet<&str> = lines
        .iter()
        .map(|line| line["request_id"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), lines.len(), "no record is written twice");
    assert_eq!(lines.len() + lost, 4 * EACH);
    assert_eq!(written(&metrics), lines.len() as f64);
    assert_eq!(dropped(&metrics), lost as f64);
    assert_eq!(audit.0.shared.queued(), 0);
}

#[test]
fn a_flood_of_strangers_leaves_the_known_lane_alone() {
    let (output, metrics, audit) = moody(3);
    output.broken.store(true, Ordering::SeqCst);
    for at in 0..10 {
        audit.record(Lane::Strangers, &numbered(&format!("s-{at}")));
    }
    assert_eq!(dropped(&metrics), 7.0);
    assert_eq!(audit.reserve(Lane::Strangers).unwrap_err(), Full);
    let known = audit.reserve(Lane::Known).unwrap();
    known.commit(&numbered("k-1"));
    output.broken.store(false, Ordering::SeqCst);
    assert_eq!(audit.shutdown(), 0);
    let text = String::from_utf8(locked(&output.got).clone()).unwrap();
    assert_eq!(text.lines().count(), 4);
    assert!(text.contains("k-1"));
    assert_eq!(written(&metrics), 4.0);
}

#[test]
fn a_reservation_dropped_gives_its_place_back() {
    let (_, metrics, audit) = moody(2);
    let first = audit.reserve(Lane::Known).unwrap();
    let second = audit.reserve(Lane::Known).unwrap();
    assert!(audit.reserve(Lane::Known).is_err());
    drop(first);
    let third = audit.reserve(Lane::Known).unwrap();
    drop((second, third));
    assert_eq!(audit.0.shared.queued(), 0);
    assert_eq!(written(&metrics) + dropped(&metrics), 0.0);
}

#[test]
fn too_many_waiting_bytes_fill_a_lane() {
    let (output, _, audit) = moody(1000);
    output.broken.store(true, Ordering::SeqCst);
    let long = "x".repeat(300_000);
    let mut fitted = 0;
    while let Ok(place) = audit.reserve(Lane::Known) {
        place.commit(&numbered(&long));
        fitted += 1;
    }
    assert_eq!(fitted, 4, "1 MiB is passed by the fourth");
}

#[test]
fn what_cannot_be_written_is_retried_and_lost_only_at_the_end() {
    let (output, metrics, audit) = moody(100);
    output.broken.store(true, Ordering::SeqCst);
    audit.record(Lane::Known, &numbered("kept"));
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    let errors = |metrics: &Metrics| metrics.value("palisade_audit_write_errors_total", &[]);
    while errors(&metrics) == Some(0.0) && std::time::Instant::now() < deadline {
        std::thread::yield_now();
    }
    assert!(errors(&metrics) > Some(0.0));
    assert_eq!(dropped(&metrics), 0.0, "not yet");
    output.broken.store(false, Ordering::SeqCst);
    while written(&metrics) == 0.0 && std::time::Instant::now() < deadline {
        std::thread::yield_now();
    }
    assert_eq!(written(&metrics), 1.0);
    output.broken.store(true, Ordering::SeqCst);
    audit.record(Lane::Known, &numbered("lost"));
    audit.record(Lane::Strangers, &numbered("lost too"));
    assert_eq!(audit.shutdown(), 2);
    assert_eq!(dropped(&metrics), 2.0);
    assert_eq!(written(&metrics), 1.0);
}

/// A pipe whose reader has stopped reading: no write comes back.
struct Stuck;

impl output::Write for Stuck {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        loop {
            std::thread::park();
        }
    }

    fn rest(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn an_output_that_takes_nothing_keeps_nobody_from_ending() {
    let queues = (Queue::new(8, 1 << 20), Queue::new(8, 1 << 20));
    let audit = Audit::start_with(queues, Metrics::new(), Box::new(Stuck)).unwrap();
    for _ in 0..3 {
        audit.record(Lane::Known, &numbered("r"));
    }
    assert_eq!(audit.0.shutdown(Duration::from_millis(20)), 3);
    assert_eq!(audit.shutdown(), 0, "said once");
}

#[test]
fn after_the_end_nothing_is_taken_and_late_records_count_as_lost() {
    let (_, metrics, audit) = moody(10);
    let late = audit.reserve(Lane::Known).unwrap();
    assert_eq!(audit.shutdown(), 0);
    assert_eq!(audit.reserve(Lane::Known).unwrap_err(), Full);
    late.commit(&numbered("late"));
    assert_eq!(dropped(&metrics), 1.0);
    assert_eq!(audit.0.shared.queued(), 0);
    assert_eq!(audit.shutdown(), 0, "twice is once");
}

#[tokio::test]
async fn waiting_for_a_place_ends_with_one_or_with_the_patience() {
    let (_, _, audit) = moody(1);
    let place = audit.reserve(Lane::Known).unwrap();
    let soon = audit.reserve_within(Lane::Known, Duration::from_millis(20));
    assert_eq!(soon.await.unwrap_err(), Full);
    let waiting = audit.reserve_within(Lane::Known, Duration::from_secs(10));
    let freeing = async {
        tokio::task::yield_now().await;
        drop(place);
    };
    let (got, ()) = tokio::join!(waiting, freeing);
    assert!(got.is_ok());
}

#[test]
fn a_line_that_a_crash_left_unfinished_spoils_no_record() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.ndjson");
    std::fs::write(&path, "{\"request_id\":\"ha").unwrap();
    let audit = Audit::start(settings(dir.path()), Metrics::new()).unwrap();
    audit.record(Lane::Known, &numbered("next"));
    audit.shutdown();
    let text = std::fs::read_to_string(&path).unwrap();
    let last = text.lines().nth(1).expect("a line of its own");
    assert!(serde_json::from_str::<serde_json::Value>(last).is_ok());
}

#[test]
fn full_files_are_put_aside_and_the_oldest_deleted() {
    let dir = tempfile::tempdir().unwrap();
    let output = Output::File {
        dir: dir.path().to_owned(),
        bytes_max: 1,
        keep: 2,
    };
    for at in 0..5 {
        // One start and one stop a file: rotation happens between batches.
        let settings = Settings {
            output: output.clone(),
            ..Settings::default()
        };
        let audit = Audit::start(settings, Metrics::new()).unwrap();
        audit.record(Lane::Known, &numbered(&format!("r-{at}")));
        audit.shutdown();
    }
    let read = |name: &str| std::fs::read_to_string(dir.path().join(name)).unwrap();
    assert_eq!(read("audit.ndjson"), "");
    assert!(read("audit.ndjson.1").contains("r-4"));
    assert!(read("audit.ndjson.2").contains("r-3"));
    assert!(!dir.path().join("audit.ndjson.3").exists());
}

#[test]
fn a_file_that_cannot_be_put_aside_yet_is_written_on_and_costs_no_other() {
    for keep in [0, 2] {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let read = |name: &str| std::fs::read_to_string(at(name)).unwrap();
        std::fs::write(at("audit.ndjson.1"), "older").unwrap();
        // As if no descriptor were left: the next file cannot be opened.
        std::fs::create_dir(at("audit.ndjson.next")).unwrap();
        let output = Output::File {
            dir: dir.path().to_owned(),
            bytes_max: 1,
            keep,
        };
        let settings = Settings {
            output,
            ..Settings::default()
        };
        let metrics = Metrics::new();
        let audit = Audit::start(settings, Arc::clone(&metrics)).unwrap();
        for count in 1..=4 {
            audit.record(Lane::Known, &numbered("r"));
            // Written, and then not put aside.
            while failed(&metrics) < f64::from(count) {
                std::thread::yield_now();
            }
        }
        assert_eq!(lines(dir.path()).len(), 4);
        assert_eq!(read("audit.ndjson.1"), "older");
        std::fs::remove_dir(at("audit.ndjson.next")).unwrap();
        audit.record(Lane::Known, &numbered("last"));
        assert_eq!(audit.shutdown(), 0);
        assert_eq!(read("audit.ndjson"), "");
        assert!(!at("audit.ndjson.next").exists());
        if keep > 0 {
            assert_eq!(read("audit.ndjson.1").lines().count(), 5);
            assert_eq!(read("audit.ndjson.2"), "older");
        }
    }
}

#[test]
fn an_output_that_cannot_be_opened_says_where() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = Audit::start(settings(&file), Metrics::new()).unwrap_err();
    assert!(error.to_string().contains("/file`"), "{error}");
}
