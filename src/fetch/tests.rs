//! A tiny server that answers as told, and addresses in every disguise.

use super::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

async fn serve(answer: Vec<u8>) -> Url {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 1024];
            let _ = stream.read(&mut head).await;
            let _ = stream.write_all(&answer).await;
            if answer.is_empty() {
                std::future::pending::<()>().await;
            }
        }
    });
    Url::parse(&format!("http://127.0.0.1:{port}/jwks")).unwrap()
}

fn fetcher(allow_local: bool) -> Fetcher {
    let settings = Settings {
        total: Duration::from_millis(300),
        body_bytes_max: 10,
        allow_local,
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    Fetcher::new(settings, Arc::new(tls))
}

async fn get(answer: &str) -> Result<Bytes, Error> {
    let url = serve(answer.as_bytes().to_vec()).await;
    fetcher(true).get(&url).await
}

#[tokio::test]
async fn a_document_within_its_bounds_is_read() {
    let plain = get("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await;
    assert_eq!(plain.unwrap(), "{}");
    let to_the_end =
        get("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 10\r\n\r\n0123456789").await;
    assert_eq!(to_the_end.unwrap(), "0123456789");
}

#[tokio::test]
async fn redirects_errors_and_coded_bodies_are_refused() {
    let moved =
        get("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1/\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!(moved, Err(Error::Status(302)));
    let failed = get("HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!(failed, Err(Error::Status(503)));
    let coded = get("HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 0\r\n\r\n").await;
    assert_eq!(coded, Err(Error::Coded));
}

#[tokio::test]
async fn a_long_body_and_garbage_and_silence_are_refused() {
    let long = get("HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\n01234567890").await;
    assert_eq!(long, Err(Error::TooLong(10)));
    let garbage = get("SSH-2.0-OpenSSH\r\n").await;
    assert!(matches!(garbage, Err(Error::Http(_))), "{garbage:?}");
    let silent = get("").await;
    assert_eq!(silent, Err(Error::Timeout(Duration::from_millis(300))));
}

#[tokio::test]
async fn our_own_machine_is_not_asked() {
    let url = serve(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}".to_vec()).await;
    let refused = fetcher(false).get(&url).await;
    assert!(matches!(refused, Err(Error::Address { .. })), "{refused:?}");
    let by_name = Url::parse(&format!("http://localhost:{}/jwks", url.port())).unwrap();
    let refused = fetcher(false).get(&by_name).await;
    assert!(matches!(refused, Err(Error::Address { .. })), "{refused:?}");
}

#[test]
fn addresses_are_known_in_every_disguise() {
    let local = [
        "127.0.0.1",
        "127.9.9.9",
        "169.254.169.254",
        "::1",
        "fe80::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "::7f00:1",
    ];
    for text in local {
        let address = text.parse().unwrap();
        assert!(!address::may_ask(address, false), "{text}");
        assert!(address::may_ask(address, true), "{text}");
    }
    for text in [
        "0.0.0.0",
        "0.1.2.3",
        "::",
        "255.255.255.255",
        "224.0.0.1",
        "ff02::1",
    ] {
        assert!(!address::may_ask(text.parse().unwrap(), true), "{text}");
    }
    for text in [
        "10.0.0.1",
        "192.168.1.1",
        "8.8.8.8",
        "2001:db8::1",
        "fd00::1",
    ] {
        assert!(address::may_ask(text.parse().unwrap(), false), "{text}");
    }
}

#[test]
fn urls_have_one_form() {
    let url = Url::parse("https://idp.example/keys?x=1").unwrap();
    assert_eq!(
        (url.host(), url.port(), url.path()),
        ("idp.example", 443, "/keys?x=1")
    );
    assert_eq!(Url::parse("http://[::1]:80/").unwrap().host(), "::1");
    let bad = [
        ("ftp://a/", BadUrl::Scheme),
        ("/keys", BadUrl::Syntax),
        ("file:///etc/passwd", BadUrl::Syntax),
        ("https://a@b/", BadUrl::UserInfo),
        ("https://a/#x", BadUrl::Fragment),
        ("", BadUrl::Syntax),
        ("https://a:99999/", BadUrl::Syntax),
        ("https://a:0/", BadUrl::Syntax),
        ("https://a:/", BadUrl::Syntax),
    ];
    for (text, error) in bad {
        assert_eq!(Url::parse(text).unwrap_err(), error, "{text}");
    }
}
