//! What telling costs: the record of one request, and its metrics.

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use palisade::operation::ApiContext;
use palisade::reason::{Outcome, Reason};
use palisade::telemetry::audit::{Audit, Lane, Output, Record, Settings};
use palisade::telemetry::{DecisionSource, Metrics};
use std::hint::black_box;
use std::time::Duration;

fn record(policies: &[std::sync::Arc<str>]) -> Record<'_> {
    Record {
        request_id: "01J0000000000000000000000",
        outcome: Outcome::Allow,
        status: Some(200),
        method: Some("GET"),
        authority: Some("127.0.0.1:8080"),
        path: Some("/app/v1/missions/m-000000001"),
        route: Some("/app/v1/missions/{missionId}"),
        action: Some("app/missions/read"),
        api_context: Some(ApiContext::App),
        caller: Some("user"),
        subject: Some("acme/u-0001"),
        issuer: Some("cosmos"),
        client: Some("3n4b5urk1ft4fl3mg5e62d9ado"),
        token_id: Some("3c1f6a52-2f6f-4f3e-9a53-8f7a4f0e4d11"),
        account: Some("acme"),
        workspace: Some("acme-prod"),
        user: Some("u-0001"),
        references: &[("path workspaceId", "acme-prod")],
        policies,
        cached: Some(true),
        revision: Some("0f1e2d3c4b5a69788796a5b4c3d2e1f0"),
        upstream: Some("api"),
        duration_us: Some(123),
        overhead_us: Some(45),
        ..Record::default()
    }
}

fn audit(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let settings = Settings {
        output: Output::File {
            dir: folder.path().to_owned(),
            bytes_max: 64 << 20,
            keep: 1,
        },
        ..Settings::default()
    };
    let audit = Audit::start(settings, Metrics::new()).expect("the folder can be written");
    let policies = ["platform/baseline/base.viewer".into()];
    let record = record(&policies);
    // The place is waited for outside of the measurement: the writer's pace is the disk's.
    let place = || {
        loop {
            match audit.reserve(Lane::Known) {
                Ok(place) => return place,
                Err(_) => std::thread::sleep(Duration::from_millis(1)),
            }
        }
    };
    c.bench_function("audit/commit", |bench| {
        bench.iter_batched(
            place,
            |place| place.commit(black_box(&record)),
            BatchSize::SmallInput,
        );
    });
}

fn metrics(c: &mut Criterion) {
    let metrics = Metrics::new();
    metrics.register_policies(["platform/baseline/base.viewer"]);
    for at in 0..100 {
        metrics.account_request(&format!("account-{at}"), Outcome::Allow);
    }
    let counter = metrics.policy_counter("platform/baseline/base.viewer");
    let counter = counter.expect("it was registered");
    let took = Duration::from_micros(140);
    let mut group = c.benchmark_group("metrics");
    group.bench_function("allowed_request", |bench| {
        bench.iter(|| {
            let present = metrics.in_flight();
            metrics.token_cache_hit();
            metrics.decision(DecisionSource::Cache, took);
            counter.inc();
            metrics.upstream(took);
            metrics.account_request(black_box("account-50"), Outcome::Allow);
            metrics.request(Some(ApiContext::App), Outcome::Allow, 200, took, took);
            drop(present);
        });
    });
    group.bench_function("refusal", |bench| {
        bench.iter(|| metrics.refusal(black_box(Reason::PolicyDenied)));
    });
    group.finish();
}

criterion_group!(benches, audit, metrics);
criterion_main!(benches);
