//! Buckets that fill, empty and stay bounded.

use super::*;
use std::net::{Ipv4Addr, Ipv6Addr};

const NOW: Timestamp = Timestamp(1_800_000_000_000);

const fn rate(per_second: u32, burst: u32) -> Rate {
    Rate { per_second, burst }
}

fn plan(per_second: u32, burst: u32) -> Plan {
    Plan {
        account: rate(per_second, burst),
        concurrent: None,
        workspace: None,
        caller: None,
    }
}

const PEERS: PeerSettings = PeerSettings {
    requests: Some(rate(10, 3)),
    signatures: Some(rate(10, 10)),
    connections: None,
};

fn limits() -> Limits {
    Limits::default()
}

struct Ids(AccountId, WorkspaceId);

impl Ids {
    fn of(account: &str, workspace: &str) -> Self {
        let account = AccountId::parse(account).unwrap();
        Self(account, WorkspaceId::parse(workspace).unwrap())
    }

    fn payer<'a>(&'a self, user: &'a str) -> Payer<'a> {
        Payer {
            account: &self.0,
            workspace: &self.1,
            caller: ("user", user),
        }
    }
}

fn acme() -> Ids {
    Ids::of("acme", "acme-prod")
}

#[track_caller]
fn over(result: Result<InFlight, Error>, scope: LimitScope) {
    assert_eq!(result.unwrap_err().scope(), scope);
}

#[test]
fn a_burst_passes_and_the_next_request_waits() {
    let (limits, acme, plan) = (limits(), acme(), plan(2, 3));
    let admit = |now| limits.admit(acme.payer("ana"), plan, now).map(drop);
    for _ in 0..3 {
        admit(NOW).unwrap();
    }
    let scope = LimitScope::Account;
    assert_eq!(admit(NOW), Err(Error::Rate { scope, secs: 1 }));
    admit(NOW.plus_millis(500)).unwrap();
    assert!(admit(NOW.plus_millis(500)).is_err());
}

#[test]
fn accounts_do_not_share_a_bucket() {
    let (limits, acme, globex) = (limits(), acme(), Ids::of("globex", "globex-prod"));
    let plan = plan(2, 1);
    drop(limits.admit(acme.payer("ana"), plan, NOW).unwrap());
    over(
        limits.admit(acme.payer("ana"), plan, NOW),
        LimitScope::Account,
    );
    assert!(limits.admit(globex.payer("ana"), plan, NOW).is_ok());
}

#[test]
fn requests_in_flight_are_counted_until_they_end() {
    let (limits, acme) = (limits(), acme());
    let plan = Plan {
        concurrent: Some(2),
        ..plan(1000, 1000)
    };
    let admit = || limits.admit(acme.payer("ana"), plan, NOW);
    let first = admit().unwrap();
    let _second = admit().unwrap();
    assert_eq!(admit().unwrap_err(), Error::Concurrent(2));
    drop(first);
    assert!(admit().is_ok());
}

#[test]
fn a_very_high_rate_is_still_a_rate() {
    let (limits, acme, plan) = (limits(), acme(), plan(5_000_000, 2));
    let admit = || limits.admit(acme.payer("ana"), plan, NOW).map(drop);
    assert_eq!([admit(), admit()], [Ok(()), Ok(())]);
    let scope = LimitScope::Account;
    assert_eq!(admit(), Err(Error::Rate { scope, secs: 1 }));
}

#[test]
fn a_caller_over_its_rate_spends_nothing_of_its_account() {
    let (limits, acme) = (limits(), acme());
    let plan = Plan {
        caller: Some(rate(1, 2)),
        ..plan(1, 4)
    };
    let admit = |user| limits.admit(acme.payer(user), plan, NOW);
    for _ in 0..2 {
        drop(admit("ana").unwrap());
    }
    for _ in 0..10 {
        over(admit("ana"), LimitScope::Caller);
    }
    for _ in 0..2 {
        drop(admit("bo").unwrap());
    }
    over(admit("cy"), LimitScope::Account);
}

#[test]
fn callers_of_one_id_in_two_accounts_or_of_two_kinds_are_two() {
    let (limits, acme, globex) = (limits(), acme(), Ids::of("globex", "globex-prod"));
    let plan = Plan {
        caller: Some(rate(1, 1)),
        ..plan(100, 100)
    };
    drop(limits.admit(acme.payer("x"), plan, NOW).unwrap());
    over(limits.admit(acme.payer("x"), plan, NOW), LimitScope::Caller);
    drop(limits.admit(globex.payer("x"), plan, NOW).unwrap());
    let service = Payer {
        caller: ("service", "x"),
        ..acme.payer("x")
    };
    assert!(limits.admit(service, plan, NOW).is_ok());
}

#[test]
fn a_client_that_acts_for_a_user_spends_what_is_the_users() {
    let (limits, acme) = (limits(), acme());
    let plan = Plan {
        caller: Some(rate(1, 2)),
        ..plan(100, 100)
    };
    let act = |user| limits.admit_acted_for(&acme.0, ("user", user), plan, NOW);
    act("ana").unwrap();
    drop(limits.admit(acme.payer("ana"), plan, NOW).unwrap());
    over(
        limits.admit(acme.payer("ana"), plan, NOW),
        LimitScope::Caller,
    );
    assert_eq!(act("ana").unwrap_err().scope(), LimitScope::Caller);
    act("bo").unwrap();
}

#[test]
fn workspaces_of_one_account_have_buckets_of_their_own() {
    let (limits, one, two) = (limits(), acme(), Ids::of("acme", "acme-two"));
    let plan = Plan {
        workspace: Some(rate(1, 1)),
        ..plan(100, 100)
    };
    drop(limits.admit(one.payer("ana"), plan, NOW).unwrap());
    over(
        limits.admit(one.payer("bo"), plan, NOW),
        LimitScope::Workspace,
    );
    assert!(limits.admit(two.payer("ana"), plan, NOW).is_ok());
}

#[test]
fn principals_do_not_share_a_bucket() {
    let limits = limits();
    let admit = |subject| limits.admit_principal(subject, rate(1, 1), NOW);
    admit("cosmos|olga").unwrap();
    assert_eq!(
        admit("cosmos|olga").unwrap_err().scope(),
        LimitScope::Principal
    );
    admit("cosmos|otto").unwrap();
}

#[test]
fn a_peer_is_an_ipv4_address_or_a_64_of_ipv6() {
    let limits = limits();
    let spend = |text: &str| {
        let address: IpAddr = text.parse().unwrap();
        while limits.admit_peer(PEERS, address, NOW).is_ok() {}
    };
    let open = |text: &str| limits.admit_peer(PEERS, text.parse().unwrap(), NOW).is_ok();
    spend("203.0.113.7");
    assert!(!open("203.0.113.7") && !open("::ffff:203.0.113.7"));
    assert!(open("203.0.113.8"));
    spend("2001:db8:0:1::1");
    assert!(!open("2001:db8:0:1:ffff::2"));
    assert!(open("2001:db8:0:2::1"));
}

#[test]
fn the_own_host_is_never_limited() {
    let limits = limits();
    for text in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
        let address: IpAddr = text.parse().unwrap();
        assert!((0..100).all(|_| limits.admit_peer(PEERS, address, NOW).is_ok()));
    }
}

#[test]
fn a_bad_token_costs_five_good_ones() {
    let limits = limits();
    let address: IpAddr = "203.0.113.7".parse().unwrap();
    for _ in 0..2 {
        limits.admit_signature(PEERS, address, NOW).unwrap();
        limits.bad_signature(PEERS, address, NOW);
    }
    let refused = limits.admit_signature(PEERS, address, NOW).unwrap_err();
    assert_eq!(refused.scope(), LimitScope::Signatures);
    // Requests are another matter.
    assert!(limits.admit_peer(PEERS, address, NOW).is_ok());
}

#[test]
fn bad_tokens_cannot_run_up_a_debt_beyond_an_empty_bucket() {
    let limits = limits();
    let address: IpAddr = "203.0.113.7".parse().unwrap();
    for _ in 0..1000 {
        limits.bad_signature(PEERS, address, NOW);
    }
    let soon = NOW.plus_millis(1000);
    assert!(limits.admit_signature(PEERS, address, soon).is_ok());
}

#[test]
fn a_clock_that_is_set_back_locks_nobody_out() {
    let limits = limits();
    let address: IpAddr = "203.0.113.7".parse().unwrap();
    while limits.admit_peer(PEERS, address, NOW).is_ok() {}
    let hour_ago = NOW.plus_millis(-3_600_000);
    assert!(limits.admit_peer(PEERS, address, hour_ago).is_err());
    assert!(
        limits
            .admit_peer(PEERS, address, hour_ago.plus_millis(200))
            .is_ok()
    );
}

#[test]
fn a_hundred_thousand_busy_addresses_stay_bounded_and_limited() {
    let limits = limits();
    let addresses = |first: u32| (first..first + 100_000).map(|n| Ipv4Addr::from(n).into());
    for address in addresses(0x0a00_0000) {
        let _ = limits.admit_peer(PEERS, address, NOW);
    }
    assert!(limits.peers.len() <= 1 << 16, "{}", limits.peers.len());
    // No room for newcomers, and they are not unlimited for that: they share.
    let admitted = addresses(0x0b00_0000)
        .filter(|address: &IpAddr| limits.admit_peer(PEERS, *address, NOW).is_ok())
        .count();
    assert!(admitted <= 64 * 3, "{admitted}");
    // Whoever had a bucket before the crowd came keeps it.
    let first = Ipv4Addr::from(0x0a00_0000).into();
    assert!(limits.admit_peer(PEERS, first, NOW).is_ok());
    // Once the buckets are full again there is room.
    let later = NOW.plus_millis(60_000);
    assert!(
        limits
            .admit_peer(PEERS, Ipv6Addr::from_bits(1 << 90).into(), later)
            .is_ok()
    );
    assert!(limits.peers.len() <= 1 << 16);
}
