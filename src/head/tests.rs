//! Heads that are read, and heads that are refused.

mod cookies;
mod hops;
mod hosts;
mod paths;
mod queries;
mod vectors;

use super::{
    Credential, Error, Head, HostList, Limits, PathFault, Peer, Settings, fold, folds_to, read,
};
use crate::clock::Timestamp;
use crate::reason::Reason;
use http::request::{Builder, Parts};
use std::net::IpAddr;

fn settings() -> Settings {
    Settings {
        hosts: HostList::new(["api.example.com"]).unwrap(),
        trusted_proxies: vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()],
        header_references: vec!["x-workspace-id".parse().unwrap()],
        ..Settings::default()
    }
}

fn get(target: &str) -> Builder {
    http::Request::get(target).header("host", "api.example.com")
}

fn parts(builder: Builder) -> Parts {
    builder.body(()).unwrap().into_parts().0
}

fn from(peer: &str, builder: Builder) -> Result<Head, Error> {
    let peer: IpAddr = peer.parse().unwrap();
    read(
        &parts(builder),
        &Peer::plain(peer),
        &settings(),
        Timestamp(7),
    )
}

fn head(builder: Builder) -> Result<Head, Error> {
    from("192.0.2.1", builder)
}

fn ambiguous(builder: Builder) -> Error {
    let error = head(builder).unwrap_err();
    assert_eq!(error.reason(), Reason::RequestAmbiguous);
    error
}

#[test]
fn an_ordinary_request_is_read() {
    let request = get("/app/v1/missions/m-1?page=2&q=a+b")
        .header("authorization", "Bearer eyJ.e30.c2ln")
        .header("x-user-id", "u-1");
    let head = head(request).unwrap();
    assert_eq!(head.method, http::Method::GET);
    assert_eq!(&*head.authority, "api.example.com");
    assert_eq!(head.path.as_str(), "/app/v1/missions/m-1");
    assert_eq!(head.query.raw.as_deref(), Some("page=2&q=a+b"));
    assert_eq!(head.query.pairs[1].value, "a b");
    assert!(matches!(&head.credential, Credential::Bearer(token) if &**token == "eyJ.e30.c2ln"));
    assert_eq!(head.on_behalf_of.as_deref(), Some("u-1"));
    assert_eq!(head.client.to_string(), "192.0.2.1");
    assert_eq!(head.now, Timestamp(7));
}

#[test]
fn a_token_shows_in_no_debug_output() {
    let head = head(get("/a").header("authorization", "Bearer c2VjcmV0")).unwrap();
    assert!(!format!("{head:?}").contains("c2VjcmV0"));
}

#[test]
fn trace_and_connect_are_refused_and_other_methods_are_read() {
    for method in ["TRACE", "CONNECT"] {
        assert!(matches!(
            ambiguous(get("/a").method(method)),
            Error::Method(_)
        ));
    }
    for method in ["PROPFIND", "get", "M-SEARCH", "OPTIONS"] {
        assert_eq!(
            head(get("/a").method(method)).unwrap().method.as_str(),
            method
        );
    }
}

#[test]
fn method_overrides_are_refused_however_they_are_spelt() {
    for name in [
        "X-HTTP-Method",
        "x-http-method-override",
        "X-Method-Override",
        "x_http_method_override",
        "x.http.method",
    ] {
        assert!(matches!(
            ambiguous(get("/a").header(name, "DELETE")),
            Error::Override(_)
        ));
    }
    assert!(head(get("/a").header("x-http-methods", "DELETE")).is_ok());
}

#[test]
fn targets_without_a_path_are_refused() {
    for target in ["*", "example.com:80", "ftp://api.example.com/a"] {
        ambiguous(get(target).method("OPTIONS"));
    }
}

#[test]
fn an_absolute_target_agrees_with_the_host() {
    let read = head(get("http://API.example.com/a?b=c")).unwrap();
    assert_eq!(read.path.as_str(), "/a");
    assert_eq!(&*read.authority, "api.example.com");
    for target in [
        "http://evil.example/a",
        "http://u@api.example.com/a",
        "http://api.example.com:80/a",
    ] {
        assert_eq!(ambiguous(get(target)), Error::HostContradicted);
    }
}

#[test]
fn headers_that_decide_may_stand_once() {
    for (one, other) in [
        (("authorization", "Bearer a"), ("authorization", "Bearer a")),
        (
            ("authorization", "Bearer a"),
            ("authorization", "Basic eA=="),
        ),
        (("x-user-id", "a"), ("x-user-id", "a")),
        (("x-user-id", "a"), ("x_user_id", "b")),
        (("x-palisade-act-in", "a"), ("x-palisade-act-in", "a")),
        (("x-palisade-act-in", "a"), ("X_Palisade.Act-In", "b")),
        (("x-palisade-reason", "a"), ("x_palisade_reason", "a")),
        (("x-workspace-id", "a"), ("x-workspace-id", "a")),
        (("x-workspace-id", "a"), ("x_workspace.id", "b")),
        (("accept", "a"), ("host", "api.example.com")),
    ] {
        let request = get("/a").header(one.0, one.1).header(other.0, other.1);
        assert!(
            matches!(ambiguous(request), Error::HeaderRepeated(_)),
            "{one:?} {other:?}"
        );
    }
    let twice = get("/a").header("accept", "a").header("accept", "b");
    assert!(head(twice).is_ok());
}

#[test]
fn a_user_id_under_a_folded_name_is_read_as_one() {
    let head = head(get("/a").header("x_user_id", "bo")).unwrap();
    assert_eq!(head.on_behalf_of.as_deref(), Some("bo"));
    let unreadable = get("/a").header("x-user-id", &b"\xff"[..]);
    assert!(matches!(ambiguous(unreadable), Error::HeaderUnreadable(_)));
}

#[test]
fn a_reason_is_printable_text_of_a_sentence_and_an_empty_one_is_none() {
    let stated = |value: &[u8]| head(get("/a").header("x-palisade-reason", value));
    let reason = |value: &str| stated(value.as_bytes()).unwrap().reason;
    assert_eq!(
        reason(" case 7: perch\u{e9} ").as_deref(),
        Some("case 7: perch\u{e9}")
    );
    assert_eq!(reason(&"x".repeat(256)).map(|text| text.len()), Some(256));
    for empty in ["", " ", "\u{a0}\u{2003}", "\u{200b}", "...-"] {
        assert_eq!(reason(empty), None, "{empty:?}");
    }
    for unreadable in [&b"\xff"[..], b"a\tb", "\u{85}".as_bytes()] {
        let error = stated(unreadable).unwrap_err();
        assert!(matches!(error, Error::HeaderUnreadable(_)), "{error}");
    }
    let error = stated("x".repeat(257).as_bytes()).unwrap_err();
    assert_eq!(error.reason(), Reason::HeadersTooLarge);
}

#[test]
fn credentials_are_told_apart() {
    let read = |value: &[u8]| {
        let request = get("/a").header("authorization", value);
        match head(request).unwrap().credential {
            Credential::None => "none".to_owned(),
            Credential::Bearer(token) => token.to_string(),
            Credential::Cookie(_) => "cookie".to_owned(),
            Credential::Malformed => "malformed".to_owned(),
        }
    };
    for (value, expected) in [
        ("Bearer abc", "abc"),
        ("bEARER a.b-c_d~e+f/g==", "a.b-c_d~e+f/g=="),
        ("Bearer   abc", "abc"),
        ("Basic dTpw", "none"),
        ("DPoP abc", "none"),
        ("", "malformed"),
        ("Bearer", "malformed"),
        ("Bearer ", "malformed"),
        ("Bearer a b", "malformed"),
        ("Bearer a, Bearer b", "malformed"),
        ("Bearer =", "malformed"),
        ("Bearer a=b", "malformed"),
        ("Bearer\tabc", "malformed"),
        ("Bearer \"abc\"", "malformed"),
        ("eyJ.e30.c2ln", "malformed"),
        (" abc", "malformed"),
        ("Basic ", "malformed"),
    ] {
        assert_eq!(read(value.as_bytes()), expected, "{value:?}");
    }
    assert_eq!(read(b"Bearer \xc3\xa9"), "malformed");
}

#[test]
fn limits_have_their_own_reasons() {
    let limits = |limits: Limits, builder: Builder| {
        let settings = Settings {
            limits,
            ..settings()
        };
        let peer = Peer::plain("192.0.2.1".parse().unwrap());
        let read = read(&parts(builder), &peer, &settings, Timestamp(0));
        read.map(|_| ()).map_err(|error| error.reason())
    };
    let small = Limits {
        target_bytes: 10,
        header_count: 3,
        header_bytes: 60,
    };
    assert_eq!(limits(small, get("/123?56789")), Ok(()));
    assert_eq!(limits(small, get("/123?567890")), Err(Reason::UriTooLong));
    let long_host = get("http://api.example.com/");
    assert_eq!(limits(small, long_host), Err(Reason::UriTooLong));
    // A target that is both too long and ambiguous is too long: nothing of it is read.
    assert_eq!(
        limits(small, get("//////////////")),
        Err(Reason::UriTooLong)
    );
    let many = get("/").header("a", "").header("a", "").header("a", "");
    assert_eq!(limits(small, many), Err(Reason::HeadersTooLarge));
    // `host: api.example.com` and the line's end are 23 bytes, `a: ` and its end 5.
    let fits = get("/").header("a", "x".repeat(32));
    assert_eq!(limits(small, fits), Ok(()));
    let large = get("/").header("a", "x".repeat(33));
    assert_eq!(limits(small, large), Err(Reason::HeadersTooLarge));
}

#[test]
fn the_client_is_the_rightmost_hop_that_is_not_trusted() {
    let address = |peer: &str, forwarded: &[&str]| {
        let request = forwarded.iter().fold(get("/"), |request, value| {
            request.header("x-forwarded-for", *value)
        });
        from(peer, request).map(|head| head.client.to_string())
    };
    for (peer, forwarded, expected) in [
        ("192.0.2.1", &[][..], "192.0.2.1"),
        ("192.0.2.1", &["1.1.1.1"], "192.0.2.1"),
        ("::ffff:192.0.2.1", &[], "192.0.2.1"),
        ("10.0.0.1", &[], "10.0.0.1"),
        ("10.0.0.1", &["1.1.1.1"], "1.1.1.1"),
        ("::ffff:10.0.0.1", &["::ffff:1.1.1.1"], "1.1.1.1"),
        ("10.0.0.1", &["9.9.9.9, 1.1.1.1, 10.0.0.2"], "1.1.1.1"),
        ("10.0.0.1", &["9.9.9.9", "1.1.1.1,10.0.0.2"], "1.1.1.1"),
        ("10.0.0.1", &["9.9.9.9,1.1.1.1", "10.0.0.2"], "1.1.1.1"),
        ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ("10.0.0.1", &["garbage, 1.1.1.1"], "1.1.1.1"),
        ("10.0.0.1", &["1.1.1.1:4711"], "1.1.1.1"),
        ("10.0.0.1", &["[2001:db8::1]:4711"], "2001:db8::1"),
        ("10.0.0.1", &["[2001:db8::1]"], "2001:db8::1"),
        ("fd00::1", &[" , 2001:DB8::1 ,"], "2001:db8::1"),
    ] {
        assert_eq!(
            address(peer, forwarded).as_deref(),
            Ok(expected),
            "{peer} {forwarded:?}"
        );
    }
    for forwarded in ["unknown", "1.1.1.1, _x", "1.1.1.1 10.0.0.2", "010.0.0.1"] {
        assert_eq!(
            address("10.0.0.1", &[forwarded]),
            Err(Error::Hops("x-forwarded-for".parse().unwrap())),
            "{forwarded}"
        );
    }
}

#[test]
fn names_fold_to_one_form() {
    for (name, folded) in [
        ("x-palisade-account", "x-palisade-account"),
        ("X_Palisade.Account", "x-palisade-account"),
        ("x!user~id", "x-user-id"),
        ("x\u{ad}é", "x--"),
    ] {
        assert_eq!(fold(name), folded);
    }
    assert!(matches!(fold("x-a"), std::borrow::Cow::Borrowed(_)));
    assert!(folds_to("X_User_Id", "x-user-id"));
    assert!(!folds_to("x-user-ids", "x-user-id"));
    assert!(!folds_to("xxuser-id", "x-user-id"));
}

#[test]
fn errors_say_what_was_found() {
    let texts = [
        Error::Path(PathFault::DotSegment).to_string(),
        ambiguous(get("/a?x=1;y=2")).to_string(),
    ];
    assert_eq!(
        texts,
        [
            "the path holds a `.` or `..` segment",
            "the query holds a `;`, which some readers take for `&`"
        ]
    );
}
