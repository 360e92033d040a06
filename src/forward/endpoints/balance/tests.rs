//! Shares of a thousand requests, on a clock of their own.

use super::*;

fn shares(loads: &[(Load, u32)], balance: Balance, now: Instant) -> Vec<usize> {
    let dice = Dice::new(0x9E37_79B9_7F4A_7C15);
    let mut shares = vec![0; loads.len()];
    for _ in 0..1000 {
        let choices = loads.iter().enumerate().map(|(at, (load, weight))| Choice {
            at,
            weight: *weight,
            load,
        });
        shares[pick(choices, balance, &dice, now).unwrap()] += 1;
    }
    shares
}

fn idle(weight: u32, now: Instant) -> (Load, u32) {
    (Load::new(now), weight)
}

fn taking(millis: u64, now: Instant) -> (Load, u32) {
    let load = Load::new(now);
    load.answered(Duration::from_millis(millis), now);
    (load, 1)
}

#[test]
fn while_nobody_is_busy_weights_share() {
    let now = Instant::now();
    for balance in [Balance::LeastRequest, Balance::PeakEwma] {
        let shares = shares(&[idle(3, now), idle(1, now)], balance, now);
        assert!((680..820).contains(&shares[0]), "{balance:?}: {shares:?}");
    }
}

#[test]
fn the_fewer_requests_the_better_by_weight() {
    let now = Instant::now();
    let loads = [idle(1, now), idle(1, now)];
    loads[0].0.begin();
    assert_eq!(shares(&loads, Balance::LeastRequest, now), [0, 1000]);
    loads[1].0.begin();
    loads[1].0.begin();
    assert_eq!(shares(&loads, Balance::LeastRequest, now), [1000, 0]);
    let heavy = [idle(3, now), idle(1, now)];
    for _ in 0..2 {
        heavy[0].0.begin();
    }
    heavy[1].0.begin();
    assert_eq!(shares(&heavy, Balance::LeastRequest, now), [1000, 0]);
    heavy[0].0.end();
    heavy[0].0.end();
    heavy[0].0.end();
    assert_eq!(heavy[0].0.in_flight.get(), 0, "never below nothing");
}

#[test]
fn a_slow_endpoint_is_left_alone_until_that_is_forgotten() {
    let now = Instant::now();
    let loads = [taking(100, now), taking(5, now)];
    assert_eq!(shares(&loads, Balance::PeakEwma, now), [0, 1000]);
    // Its peak fades; the other goes on answering.
    let later = now + Duration::from_secs(40);
    loads[1].0.answered(Duration::from_millis(5), later);
    let shares = shares(&loads, Balance::PeakEwma, later);
    assert_eq!(shares, [1000, 0], "it is tried again");
}

#[test]
fn one_slow_answer_counts_at_once_and_many_quick_ones_mend_it() {
    let now = Instant::now();
    let load = taking(5, now).0;
    load.answered(Duration::from_millis(500), now);
    assert_eq!(load.faded(now), Some(0.5));
    let mut later = now;
    for _ in 0..60 {
        later += Duration::from_secs(1);
        load.answered(Duration::from_millis(5), later);
    }
    assert!(load.faded(later).unwrap() < 0.02);
}

#[test]
fn an_endpoint_that_fails_fast_does_not_look_quick() {
    let now = Instant::now();
    let loads = [taking(1, now), taking(20, now)];
    loads[0].0.failed(now);
    assert_eq!(shares(&loads, Balance::PeakEwma, now), [0, 1000]);
}

#[test]
fn an_endpoint_that_nobody_knows_is_tried_once_at_a_time() {
    let now = Instant::now();
    let loads = [taking(5, now), idle(1, now)];
    assert_eq!(shares(&loads, Balance::PeakEwma, now), [0, 1000]);
    loads[1].0.begin();
    assert_eq!(shares(&loads, Balance::PeakEwma, now), [1000, 0]);
}

#[test]
fn of_three_the_worst_gets_nothing() {
    let now = Instant::now();
    let loads = [idle(1, now), idle(1, now), idle(1, now)];
    loads[2].0.begin();
    let shares = shares(&loads, Balance::LeastRequest, now);
    assert_eq!(shares[2], 0);
    assert!(shares[0] > 300 && shares[1] > 300, "{shares:?}");
}

#[test]
fn of_none_there_is_no_choice() {
    let dice = Dice::new(1);
    let none = pick(std::iter::empty(), Balance::PeakEwma, &dice, Instant::now());
    assert_eq!(none, None);
}
