//! What a decision costs: one that is remembered, one that the policies give, and the whole store.

mod support;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use http::Method;
use palisade::decision::{Pdp, Question, Settings};
use palisade::operation::ApiContext;
use palisade::policy::Store;
use palisade::tenant::{Directory, WorkspaceRole};
use std::hint::black_box;
use std::time::Duration;
use support::{Api, Asked, NOW, account, head, overlay, pdp, user};

/// As many as the gate keeps built for the policies.
const CALLERS: u32 = 4_000;

/// Made before the clock starts: the request path moves it there.
fn question(asked: Option<&Asked>) -> Question<'_> {
    asked.expect("there are some").question()
}

fn decide(criterion: &mut Criterion) {
    let api = Api::example();
    let acme = account("acme", ["acme-prod".to_owned()]);
    let store = api.store(vec![overlay(&acme)]);
    let home = acme.workspaces.first().map(std::sync::Arc::clone);
    let home = home.expect("it has one");
    let (directory, _) = Directory::build(vec![acme]);
    let client = [198, 51, 100, 7].into();
    let asked: Vec<Asked> = (0..CALLERS)
        .map(|number| {
            let caller = user(number, &home, WorkspaceRole::Viewer, ApiContext::App);
            let head = head(&Method::GET, "/app/v1/missions", client, NOW);
            Asked::new(&api, &directory, &caller, head)
        })
        .collect();
    let forgetful = Settings {
        ttl: Duration::ZERO,
        ..Settings::default()
    };
    let (remembering, forgetting) = (pdp(&store, Settings::default()), pdp(&store, forgetful));
    let decide = |pdp: &Pdp, question| {
        let permit = pdp.decide(&store, question);
        black_box(permit.expect("viewers read"))
    };
    let mut group = criterion.benchmark_group("decide");
    let first = || question(asked.first());
    group.bench_function("remembered", |bencher| {
        let decide = |question| decide(&remembering, question);
        bencher.iter_batched(first, decide, BatchSize::SmallInput);
    });
    let mut all = asked.iter().cycle();
    group.bench_function("remembered, 4000 callers", |bencher| {
        let decide = |question| decide(&remembering, question);
        bencher.iter_batched(|| question(all.next()), decide, BatchSize::SmallInput);
    });
    group.bench_function("asked, caller known", |bencher| {
        let decide = |question| decide(&forgetting, question);
        bencher.iter_batched(first, decide, BatchSize::SmallInput);
    });
    group.finish();
    criterion.bench_function("scope, cloned for the question", |bencher| {
        bencher.iter(|| black_box(asked.first().map(|asked| asked.scope.clone())));
    });
}

fn build(criterion: &mut Criterion) {
    let mut settings = Api::example().policy;
    settings.overlays = vec![overlay(&account("acme", []))];
    let mut group = criterion.benchmark_group("store");
    group.sample_size(20);
    group.bench_function("built of the shipped policies and one overlay", |bencher| {
        bencher.iter(|| Store::build(settings.clone()).expect("the shipped policies are good"));
    });
    group.finish();
}

criterion_group!(benches, decide, build);
criterion_main!(benches);
