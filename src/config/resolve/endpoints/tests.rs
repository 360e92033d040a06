//! URLs of upstreams, and loops.

use super::*;

#[test]
fn urls_are_scheme_host_and_port_alone() {
    let read = |url: &str| address(url);
    assert_eq!(
        read("http://127.0.0.1:9000").unwrap(),
        (false, "127.0.0.1".to_owned(), 9000)
    );
    assert_eq!(read("http://api").unwrap(), (false, "api".to_owned(), 80));
    assert_eq!(read("https://api").unwrap(), (true, "api".to_owned(), 443));
    assert_eq!(
        read("http://[::1]:9000/").unwrap(),
        (false, "[::1]".to_owned(), 9000)
    );
    for url in [
        "",
        "api:9000",
        "ftp://api",
        "http://u:p@api",
        "http://api/v1",
        "http://api?x=1",
        "http://api:0",
        "http://api:99999",
        "http://",
    ] {
        assert!(read(url).is_err(), "{url}");
    }
}

#[test]
fn a_loop_is_found_by_literals() {
    let leads = |host: &str, port: u16, own: &str| {
        leads_to(host, port, &Own::new([own.parse().unwrap()])).is_some()
    };
    assert!(leads("127.0.0.1", 80, "127.0.0.1:80"));
    assert!(leads("localhost", 80, "127.0.0.1:80"));
    assert!(leads("[::1]", 80, "0.0.0.0:80"));
    assert!(leads("0.0.0.0", 80, "127.0.0.1:80"));
    assert!(leads("[::ffff:10.0.0.1]", 80, "10.0.0.1:80"));
    assert!(!leads("127.0.0.1", 81, "127.0.0.1:80"));
    assert!(!leads("10.0.0.2", 80, "127.0.0.1:80"));
    assert!(!leads("api", 80, "0.0.0.0:80"));
}
