//! URLs of upstreams, and loops.

use super::*;

#[test]
fn urls_are_scheme_host_and_port_alone() {
    let read = |url: &str| address(url).unwrap();
    assert_eq!(
        read("http://127.0.0.1:9000"),
        (false, "127.0.0.1".to_owned(), 9000)
    );
    assert_eq!(read("http://api"), (false, "api".to_owned(), 80));
    assert_eq!(read("https://api"), (true, "api".to_owned(), 443));
    assert_eq!(
        read("https://[::1]:9000/"),
        (true, "[::1]".to_owned(), 9000)
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
        assert!(address(url).is_err(), "{url}");
    }
}

#[test]
fn a_loop_is_found_by_literals() {
    let listener = |text: &str| text.parse().unwrap();
    assert!(leads_to("127.0.0.1", 80, listener("127.0.0.1:80")));
    assert!(leads_to("localhost", 80, listener("127.0.0.1:80")));
    assert!(leads_to("[::1]", 80, listener("0.0.0.0:80")));
    assert!(leads_to("0.0.0.0", 80, listener("127.0.0.1:80")));
    assert!(leads_to("[::ffff:10.0.0.1]", 80, listener("10.0.0.1:80")));
    assert!(!leads_to("127.0.0.1", 81, listener("127.0.0.1:80")));
    assert!(!leads_to("10.0.0.2", 80, listener("127.0.0.1:80")));
    assert!(!leads_to("api", 80, listener("0.0.0.0:80")));
}
