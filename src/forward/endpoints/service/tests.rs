//! Addresses that come and go, and endpoints that are left out.

use super::*;
use crate::forward::endpoints::settings::{Balance, Ejection, Limits, Origin, Retries};
use crate::forward::{Authority, Ping, PoolMode, Protocol};

fn settings(hosts: &[&str]) -> UpstreamSettings {
    let second = Duration::from_secs(1);
    UpstreamSettings {
        name: "api".into(),
        origins: hosts
            .iter()
            .map(|host| Origin {
                host: (*host).into(),
                port: 9000,
                weight: 1,
            })
            .collect(),
        balance: Balance::LeastRequest,
        retries: Retries {
            max: 1,
            statuses: Vec::new(),
            percent: 20,
            floor: 1,
        },
        ejection: Ejection {
            failures: 2,
            statuses: Vec::new(),
            base: second,
            max: second,
            percent: 50,
        },
        health: None,
        limits: Limits::default(),
        authority: Authority::parse("api").unwrap(),
        protocol: Protocol::Http1,
        tls: None,
        ping: Ping {
            interval: second,
            timeout: second,
        },
        connect_timeout: second,
        response_timeout: second,
        header_bytes_max: None,
        tunnel_timeout: Duration::from_secs(1),
        idle_timeout: second,
        audience: None,
        forward_token: false,
        idle_connections_max: 1,
        pool: PoolMode::Shared,
    }
}

fn service(hosts: &[&str]) -> Service {
    Service::new(&settings(hosts), &Metrics::new())
}

fn addresses(service: &Service) -> Vec<String> {
    let endpoints = service.endpoints();
    let each = endpoints.list.iter();
    each.map(|one| one.address.ip().to_string()).collect()
}

fn ips(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn literals_are_there_at_once_and_names_once_they_are_found() {
    let service = service(&["10.0.0.1", "api.internal"]);
    assert_eq!(addresses(&service), ["10.0.0.1"]);
    assert_eq!(
        service.why_none(),
        "`api.internal`: it has not been resolved yet"
    );
    service.resolved(1, Ok(ips(&["10.0.0.2", "10.0.0.1", "::1"])));
    assert_eq!(
        addresses(&service),
        ["10.0.0.1", "10.0.0.2", "::1"],
        "each once"
    );
    assert!(service.status().unresolved.is_empty());
}

#[test]
fn a_name_that_stops_resolving_keeps_its_addresses_and_says_so() {
    let service = service(&["api.internal"]);
    service.resolved(0, Ok(ips(&["10.0.0.2"])));
    service.resolved(0, Err("no such name".to_owned()));
    assert_eq!(addresses(&service), ["10.0.0.2"]);
    let status = service.status();
    assert_eq!(
        status.unresolved,
        [("api.internal".into(), "no such name".to_owned())]
    );
}

#[test]
fn an_endpoint_that_stays_is_the_same_and_the_list_changes_only_with_them() {
    let service = service(&["api.internal"]);
    service.resolved(0, Ok(ips(&["10.0.0.1", "10.0.0.2"])));
    let before = Arc::clone(&service.endpoints());
    service.resolved(0, Ok(ips(&["10.0.0.1", "10.0.0.2"])));
    assert!(
        Arc::ptr_eq(&before, &service.endpoints()),
        "nothing to tell the workers"
    );
    service.resolved(0, Ok(ips(&["10.0.0.2", "10.0.0.3"])));
    let after = service.endpoints();
    assert!(Arc::ptr_eq(&before.list[1], &after.list[0]));
    assert_eq!(addresses(&service), ["10.0.0.2", "10.0.0.3"]);
}

#[test]
fn what_is_left_out_comes_back_when_its_time_is_over() {
    let service = service(&["10.0.0.1", "10.0.0.2"]);
    let now = Instant::now();
    let list = service.endpoints().list.clone();
    for _ in 0..9 {
        // All but two were under way already.
        service.failed(&list[0], now);
    }
    let states = |now| {
        let at = service.now(now);
        list.iter().map(|one| one.state(at)).collect::<Vec<_>>()
    };
    assert_eq!(states(now), [State::Ejected, State::Healthy]);
    let later = now + Duration::from_secs(2);
    assert_eq!(states(later), [State::Healthy, State::Healthy]);
}

#[test]
fn when_the_last_one_fails_too_those_that_are_out_take_its_place() {
    let service = service(&["10.0.0.1", "10.0.0.2"]);
    let now = Instant::now();
    let list = service.endpoints().list.clone();
    let fail = |at: usize| {
        service.failed(&list[at], now);
        let at = service.now(now);
        [list[0].state(at), list[1].state(at)]
    };
    fail(0);
    assert_eq!(fail(0), [State::Ejected, State::Healthy]);
    assert_eq!(fail(1), [State::Ejected, State::Healthy]);
    assert_eq!(fail(1), [State::Healthy, State::Healthy], "all fail");
    assert_eq!(fail(1), [State::Healthy, State::Ejected], "again");
    fail(0);
    assert_eq!(fail(0), [State::Healthy, State::Healthy], "and again");
}

#[test]
fn the_only_endpoint_is_never_left_out() {
    let service = service(&["10.0.0.1"]);
    let only = Arc::clone(&service.endpoints().list[0]);
    for _ in 0..10 {
        service.failed(&only, Instant::now());
    }
    assert_eq!(only.state(service.now(Instant::now())), State::Healthy);
}
