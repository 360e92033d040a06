//! Limits by the clock.

use super::*;

const PLAN: Plan = Plan {
    per_second: 2,
    burst: 3,
    concurrent: Some(5),
};

fn account() -> AccountId {
    AccountId::parse("acme").unwrap()
}

#[test]
fn a_burst_passes_and_the_next_request_waits() {
    let limits = Limits::default();
    let now = Timestamp(1_000_000);
    for _ in 0..3 {
        drop(limits.admit(&account(), PLAN, now).unwrap());
    }
    assert_eq!(
        limits.admit(&account(), PLAN, now).unwrap_err(),
        Error::Rate(1)
    );
    drop(
        limits
            .admit(&account(), PLAN, now.plus_millis(500))
            .unwrap(),
    );
    assert!(
        limits
            .admit(&account(), PLAN, now.plus_millis(500))
            .is_err()
    );
}

#[test]
fn accounts_do_not_share_a_bucket() {
    let limits = Limits::default();
    let other = AccountId::parse("globex").unwrap();
    for _ in 0..3 {
        drop(limits.admit(&account(), PLAN, Timestamp(0)).unwrap());
    }
    assert!(limits.admit(&account(), PLAN, Timestamp(0)).is_err());
    assert!(limits.admit(&other, PLAN, Timestamp(0)).is_ok());
}

#[test]
fn requests_in_flight_are_counted_until_they_end() {
    let limits = Limits::default();
    let plan = Plan {
        per_second: 1000,
        burst: 1000,
        concurrent: Some(2),
    };
    let first = limits.admit(&account(), plan, Timestamp(0)).unwrap();
    let _second = limits.admit(&account(), plan, Timestamp(0)).unwrap();
    assert_eq!(
        limits.admit(&account(), plan, Timestamp(0)).unwrap_err(),
        Error::Concurrent(2)
    );
    drop(first);
    assert!(limits.admit(&account(), plan, Timestamp(0)).is_ok());
}

#[test]
fn a_very_high_rate_is_still_a_rate() {
    let plan = Plan {
        per_second: 5_000_000,
        burst: 2,
        concurrent: None,
    };
    let (limits, now) = (Limits::default(), Timestamp(1_000_000));
    let admit = || limits.admit(&account(), plan, now).map(drop);
    assert_eq!([admit(), admit()], [Ok(()), Ok(())]);
    assert_eq!(admit(), Err(Error::Rate(1)));
}
