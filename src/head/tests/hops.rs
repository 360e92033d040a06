//! Hops in `Forwarded` (RFC 7239): only the configured header counts.

use super::{Error, Head, get, parts, read, settings};
use crate::clock::Timestamp;
use crate::head::{HopHeader, Settings};

fn hops(hops: HopHeader, lines: &[(&str, &str)]) -> Result<Head, Error> {
    let settings = Settings { hops, ..settings() };
    let request = lines.iter().fold(get("/"), |request, (name, value)| {
        request.header(*name, *value)
    });
    let peer = "10.0.0.1".parse().unwrap();
    read(
        &parts(request),
        &crate::head::Peer::plain(peer),
        &settings,
        Timestamp(7),
    )
}

fn forwarded(lines: &[&str]) -> Result<String, Error> {
    let lines: Vec<(&str, &str)> = lines.iter().map(|line| ("forwarded", *line)).collect();
    hops(HopHeader::Forwarded, &lines).map(|head| head.client.to_string())
}

#[test]
fn forwarded_names_the_rightmost_hop_that_is_not_trusted() {
    for (lines, client) in [
        (&["for=1.1.1.1"][..], "1.1.1.1"),
        (&["For=\"[2001:db8::1]:4711\""], "2001:db8::1"),
        (&["for=\"[2001:db8::1]\""], "2001:db8::1"),
        (&["for=\"1.1.1.1:4711\";proto=https;by=10.0.0.9"], "1.1.1.1"),
        (&["proto=https;for=1.1.1.1 , for=10.0.0.2"], "1.1.1.1"),
        (
            &["for=9.9.9.9, for=1.1.1.1;host=\"a;b,c\", for=10.0.0.2"],
            "1.1.1.1",
        ),
        (&["for=9.9.9.9", "for=1.1.1.1", "for=10.0.0.2"], "1.1.1.1"),
        (&["for=unknown, for=1.1.1.1"], "1.1.1.1"),
        (&["for=\"[::ffff:1.1.1.1]\""], "1.1.1.1"),
        (&[" , for=1.1.1.1 ,, "], "1.1.1.1"),
        (&["for=10.0.0.3, for=10.0.0.2"], "10.0.0.3"),
        (&[], "10.0.0.1"),
    ] {
        assert_eq!(forwarded(lines).as_deref(), Ok(client), "{lines:?}");
    }
}

#[test]
fn forwarded_without_one_reading_or_without_an_address_is_refused() {
    for line in [
        "for=unknown",
        "for=_hidden",
        "for=\"_a:_b\"",
        "proto=https",
        "for=1.1.1.1;for=2.2.2.2",
        "for=1.1.1.1;FOR=2.2.2.2",
        "for=\"1.1.1.1",
        // A quote that the client left open swallows what the proxy wrote behind it.
        "for=\"6.6.6.6, for=1.1.1.1",
        "for=\"x\\\", for=1.1.1.1\"",
        "for=\"\", for=\"\"x",
        "for",
        "for=",
        "for =1.1.1.1",
        "for= 1.1.1.1",
        "for=1.1.1.1 for=2.2.2.2",
        "for=[2001:db8::1]",
        "for=1.1.1.1:_port",
    ] {
        let refused = forwarded(&[line]);
        assert_eq!(refused, Err(Error::Hops(http::header::FORWARDED)), "{line}");
    }
}

#[test]
fn the_header_that_is_not_configured_does_not_count() {
    let both = [("forwarded", "for=1.1.1.1"), ("x-forwarded-for", "2.2.2.2")];
    let client = |which| hops(which, &both).unwrap().client.to_string();
    assert_eq!(client(HopHeader::Forwarded), "1.1.1.1");
    assert_eq!(client(HopHeader::ForwardedFor), "2.2.2.2");
    let garbage = [("forwarded", "for=\""), ("x-forwarded-for", "2.2.2.2")];
    let head = hops(HopHeader::ForwardedFor, &garbage).unwrap();
    assert_eq!(head.client.to_string(), "2.2.2.2");
}

proptest::proptest! {
    /// Whatever a client sends, what the trusted proxy appends is what is read, or nothing is.
    #[test]
    fn a_client_cannot_hide_what_a_proxy_appends(sent in "[ -~\\t]{0,60}") {
        let read = forwarded(&[&format!("{sent}, for=1.1.1.1")]);
        proptest::prop_assert!(matches!(read.as_deref(), Ok("1.1.1.1") | Err(_)), "{:?}", read);
    }
}
