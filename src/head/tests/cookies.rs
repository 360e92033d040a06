//! Tokens in cookies: one that every reader sees, or none.

use super::{Error, get, parts, read, settings};
use crate::clock::Timestamp;
use crate::head::{Credential, Head, Settings, TokenCookies};
use http::request::Builder;
use http::{HeaderMap, Version, header};

const APP: &str = "https://app.example.com";

fn head(builder: Builder) -> Result<Head, Error> {
    let names = ["token", "__Host-id"].map(str::to_owned);
    let settings = Settings {
        token_cookies: TokenCookies::new(&names, &[APP.to_owned()]).unwrap(),
        ..settings()
    };
    let peer = "192.0.2.1".parse().unwrap();
    read(
        &parts(builder),
        &crate::head::Peer::plain(peer),
        &settings,
        Timestamp(7),
    )
}

fn with(cookies: &str) -> Builder {
    get("/a").header("cookie", cookies)
}

/// The token, `none` or `malformed`.
fn token(cookies: &str) -> Result<String, Error> {
    head(with(cookies)).map(|head| match head.credential {
        Credential::None => "none".to_owned(),
        Credential::Malformed => "malformed".to_owned(),
        Credential::Bearer(_) => "bearer".to_owned(),
        Credential::Cookie(cookie) => cookie.token.to_string(),
    })
}

#[test]
fn the_token_is_found_among_other_cookies() {
    for (cookies, expected) in [
        ("token=a.b.c", "a.b.c"),
        ("a=1; token=a.b.c; b=\"x y\"", "a.b.c"),
        ("a=1;token=a.b.c;b=2", "a.b.c"),
        ("__Host-id=a.b.c; Host-id=1", "a.b.c"),
        ("tokens=x; xtoken=y; a=token", "none"),
        ("theme=dark; prefs={\"a\":1,\"b\":2}", "none"),
        ("token", "none"),
        ("", "none"),
        ("token=", "malformed"),
        ("token=a b", "malformed"),
        ("token=\"a.b.c\"", "malformed"),
        ("token=a.b.c,d", "malformed"),
        ("token=caf\u{e9}", "malformed"),
    ] {
        assert_eq!(token(cookies).as_deref(), Ok(expected), "{cookies}");
    }
}

#[test]
fn cookies_in_which_readers_may_find_different_tokens_are_refused() {
    for cookies in [
        "token=a; token=b",
        "token=a; token=a",
        "token=a; __Host-id=b",
        "token=a; Token=b",
        "TOKEN=b",
        "token =b",
        "token=a; token\t=b",
        "a=1, token=b",
        "a=\"x; token=b\"; token=c",
        "a=\"x\"token=b",
        "token=a; x=1,token=b",
        "__host-id=b",
        "__Host_id=b",
    ] {
        assert_eq!(token(cookies), Err(Error::CookieAmbiguous), "{cookies}");
    }
    // A reader that knows quotes sees no token here; for us it is none either.
    assert_eq!(token("a=\"x; token=b\"").as_deref(), Ok("malformed"));
    for cookies in ["$Version=1; token=a", "token=a; $Path=/", "$token=a"] {
        assert_eq!(token(cookies), Err(Error::CookieAttribute), "{cookies}");
    }
}

#[test]
fn several_lines_of_cookies_are_http_2s_alone() {
    let lines = || with("token=a").header("cookie", "b=1");
    let repeated = Error::HeaderRepeated(header::COOKIE);
    assert_eq!(head(lines()).unwrap_err(), repeated);
    let read = head(lines().version(Version::HTTP_2)).unwrap();
    assert!(matches!(read.credential, Credential::Cookie(_)));
    let two = with("token=a").header("cookie", "token=b");
    let two = head(two.version(Version::HTTP_2)).unwrap_err();
    assert_eq!(two, Error::CookieAmbiguous);
}

#[test]
fn two_credentials_are_refused() {
    for authorization in ["Bearer b", "Basic dTpw", "", "DPoP x"] {
        let request = with("token=a").header("authorization", authorization);
        assert_eq!(head(request).unwrap_err(), Error::TwoCredentials);
    }
}

#[test]
fn a_site_of_ours_is_a_listed_origin_or_what_the_browser_says() {
    let own = |request: Builder| match head(request).unwrap().credential {
        Credential::Cookie(cookie) => cookie.own_site,
        other => panic!("{other:?}"),
    };
    let with = || with("token=a");
    assert!(own(with().header("origin", APP)));
    assert!(own(with().header("sec-fetch-site", "same-origin")));
    assert!(own(with()
        .header("sec-fetch-site", "same-origin")
        .header("origin", "null")));
    assert!(!own(with()));
    for origin in [
        "null",
        "https://evil.example",
        "https://app.example.com.evil",
        "*",
        "",
    ] {
        assert!(!own(with().header("origin", origin)), "{origin}");
    }
    for site in [
        "same-site",
        "cross-site",
        "none",
        "Same-Origin",
        "same-origin, x",
    ] {
        assert!(!own(with().header("sec-fetch-site", site)), "{site}");
    }
    let twice = with().header("origin", APP).header("origin", "null");
    assert_eq!(
        head(twice).unwrap_err(),
        Error::HeaderRepeated(header::ORIGIN)
    );
}

#[test]
fn a_token_is_taken_out_and_every_other_cookie_stays_as_it_was() {
    let left = |lines: &[&str], version: Version| {
        let request = lines
            .iter()
            .fold(get("/a"), |request, line| request.header("cookie", *line));
        let request = request.version(version);
        let mut headers: HeaderMap = request.headers_ref().unwrap().clone();
        let Credential::Cookie(cookie) = head(request).unwrap().credential else {
            panic!("no token in {lines:?}");
        };
        cookie.remove_from(&mut headers);
        let lines = headers.get_all("cookie").iter();
        lines
            .map(|line| line.to_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    for (line, expected) in [
        ("token=a", &[][..]),
        ("token=a; b=2", &["b=2"]),
        ("a=1; token=a", &["a=1"]),
        ("a=1; token=a; b=\"x  y\";c", &["a=1; b=\"x  y\";c"]),
        ("a=token; token=a; tokens=1", &["a=token; tokens=1"]),
    ] {
        assert_eq!(left(&[line], Version::HTTP_11), expected, "{line}");
    }
    assert_eq!(
        left(&["a=1", "token=a", "b=2"], Version::HTTP_2),
        ["a=1", "b=2"]
    );
}

#[test]
fn names_that_only_some_readers_tell_apart_are_no_configuration() {
    let names = ["a_b", "A-b"].map(str::to_owned);
    assert!(TokenCookies::new(&names, &[]).is_none());
}

#[test]
fn unconfigured_cookies_are_not_read() {
    let request = with("token=a; token=b; $Version=1").header("cookie", "x=1");
    let read = super::head(request.header("authorization", "Bearer c")).unwrap();
    assert!(matches!(read.credential, Credential::Bearer(_)));
}
