//! Tests of the demo's `server`.

use super::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Sends `request` and gives back head and body of the whole reply.
async fn ask(port: u16, request: &str) -> (String, String) {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))
        .await
        .unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    let (head, body) = reply.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}

async fn echo_port() -> u16 {
    let (listener, port) = listen().await.unwrap();
    tokio::spawn(serve_echo(listener));
    port
}

#[tokio::test]
async fn the_echo_tells_what_it_received_in_order() {
    let port = echo_port().await;
    let request = "PUT /a/b?c=%20d HTTP/1.1\r\nhost: h\r\nx-two: 2\r\nx-one: 1\r\nx-two: 3\r\n\
                   connection: close\r\ncontent-length: 5\r\n\r\nhello";
    let (head, body) = ask(port, request).await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(head.contains("content-type: application/json"), "{head}");
    let received: Value = serde_json::from_str(&body).unwrap();
    let expected = json!({
        "method": "PUT",
        "path": "/a/b?c=%20d",
        "headers": [
            ["host", "h"],
            ["x-two", "2"],
            ["x-two", "3"],
            ["x-one", "1"],
            ["connection", "close"],
            ["content-length", "5"],
        ],
        "body_length": 5,
    });
    assert_eq!(received, expected);
}

#[tokio::test]
async fn the_echo_counts_a_chunked_body() {
    let port = echo_port().await;
    let request = "POST / HTTP/1.1\r\nhost: h\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n\
                   3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n";
    let (_, body) = ask(port, request).await;
    let received: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(received["body_length"], 7);
}

#[tokio::test]
async fn a_head_request_gets_no_body() {
    let port = echo_port().await;
    let request = "HEAD / HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n";
    let (head, body) = ask(port, request).await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert_eq!(body, "");
}

#[tokio::test]
async fn the_issuer_serves_its_keys_and_nothing_else() {
    let (listener, port) = listen().await.unwrap();
    tokio::spawn(serve_keys(listener, json!({ "keys": [] })));
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n");
    let (head, body) = ask(port, &get(JWKS_PATH)).await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let keys: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(keys, json!({ "keys": [] }));
    let (head, _) = ask(port, &get("/issuer/key.der")).await;
    assert!(head.starts_with("HTTP/1.1 404"), "{head}");
    let other_method = get(JWKS_PATH).replace("GET", "POST");
    let (head, _) = ask(port, &other_method).await;
    assert!(head.starts_with("HTTP/1.1 405"), "{head}");
}
