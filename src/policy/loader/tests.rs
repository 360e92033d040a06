//! Requests wait for policies to be parsed, together and within bounds.

use super::*;
use crate::policy::tests::support::{account, overlay, shipped};
use crate::policy::{OverlayState, Settings};
use crate::tenant::OverlayMode;
use tokio::task::JoinSet;

const GOOD: &str = "@id(\"f\") forbid (principal, action, resource);";

fn store(accounts: usize) -> Arc<Store> {
    let ids = (0..accounts).map(|at| format!("account-{at}"));
    let overlays = ids.map(|id| overlay(&id, OverlayMode::Forbid, GOOD));
    let settings = Settings {
        overlays: overlays.collect(),
        ..shipped()
    };
    Arc::new(Store::succeed(settings, None).unwrap().0)
}

/// One whose threads never come to what is asked of it.
fn stalled() -> Arc<Loader> {
    let loader = Loader::default();
    lock(&loader.queue).threads = THREADS_MAX;
    Arc::new(loader)
}

fn ask(loader: &Arc<Loader>, store: &Arc<Store>, at: usize, times: usize) -> Asked {
    let mut asked = JoinSet::new();
    for _ in 0..times {
        let (store, loader) = (Arc::clone(store), Arc::clone(loader));
        let account = account(&format!("account-{at}"));
        asked.spawn(async move { loader.load(&store, &account).await });
    }
    asked
}

type Asked = JoinSet<Result<(), Unloaded>>;

fn count(got: &[Result<(), Unloaded>], wanted: Result<(), Unloaded>) -> usize {
    got.iter().filter(|one| **one == wanted).count()
}

#[tokio::test]
async fn all_who_wait_get_what_was_parsed_once() {
    let (store, loader) = (store(3), Arc::new(Loader::default()));
    for at in 0..3 {
        let got = ask(&loader, &store, at, 20).join_all().await;
        assert_eq!(count(&got, Ok(())), 20);
        let account = account(&format!("account-{at}"));
        assert!(matches!(store.overlay(&account), OverlayState::Ready(_)));
    }
    assert_eq!(store.overlay_counts().parsed, 3);
    assert_eq!(loader.waiting.load(Ordering::Relaxed), 0);
    assert!(lock(&loader.queue).under_way.is_empty());
}

#[tokio::test]
async fn an_account_without_policies_waits_for_nothing() {
    let loader = stalled();
    loader.load(&store(1), &account("initech")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_without_end_and_one_account_does_not_take_all_places() {
    let (store, loader) = (store(2), stalled());
    let one = ask(&loader, &store, 0, WAITING_EACH_MAX + 10);
    let other = ask(&loader, &store, 1, 5);
    let (one, other) = (one.join_all().await, other.join_all().await);
    assert_eq!(count(&one, Err(Unloaded::Crowded)), 10);
    assert_eq!(count(&one, Err(Unloaded::Late)), WAITING_EACH_MAX);
    assert_eq!(count(&other, Err(Unloaded::Late)), 5);
    assert_eq!(loader.waiting.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn all_accounts_together_have_a_bound_too() {
    let accounts = WAITING_MAX / WAITING_EACH_MAX + 1;
    let (store, loader) = (store(accounts), stalled());
    let asked: Vec<Asked> = (0..accounts)
        .map(|at| ask(&loader, &store, at, WAITING_EACH_MAX))
        .collect();
    let mut crowded = 0;
    for asked in asked {
        crowded += count(&asked.join_all().await, Err(Unloaded::Crowded));
    }
    assert_eq!(crowded, WAITING_EACH_MAX);
}

#[tokio::test]
async fn what_nobody_waits_for_any_more_is_not_parsed() {
    let (store, loader) = (store(1), stalled());
    let mut asked = ask(&loader, &store, 0, 1);
    while lock(&loader.queue).jobs.is_empty() {
        tokio::task::yield_now().await;
    }
    asked.shutdown().await;
    work(&loader.queue);
    let account = account("account-0");
    assert!(matches!(store.overlay(&account), OverlayState::Cold));
    assert!(lock(&loader.queue).under_way.is_empty());
}
