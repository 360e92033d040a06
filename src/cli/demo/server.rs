//! The two small servers beside the gate: the issuer's key set, and an upstream that echoes.

use super::Error;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Value, json};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// Where the issuer serves its key set.
pub(super) const JWKS_PATH: &str = "/.well-known/jwks.json";

/// What a server answers with.
type Reply = Response<Full<Bytes>>;

/// How long to wait after the machine refused us a connection (too many open files, say).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long a client may take over a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// A free port of loopback, held.
pub(super) async fn listen() -> Result<(TcpListener, u16), Error> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .map_err(Error::Listen)?;
    let port = listener.local_addr().map_err(Error::Listen)?.port();
    Ok((listener, port))
}

/// Serves the issuer's public keys, until the runtime ends.
pub(super) async fn serve_keys(listener: TcpListener, jwks: Value) {
    let jwks = Arc::new(jwks);
    loop {
        let jwks = Arc::clone(&jwks);
        let answer = move |request: Request<Incoming>| {
            let reply = keys(&request, &jwks);
            async { reply }
        };
        accept(&listener, answer).await;
    }
}

/// Serves the echo, until the runtime ends.
pub(super) async fn serve_echo(listener: TcpListener) {
    loop {
        accept(&listener, echo).await;
    }
}

/// Takes one connection and answers all its requests.
async fn accept<A, F>(listener: &TcpListener, answer: A)
where
    A: Fn(Request<Incoming>) -> F + Send + 'static,
    F: Future<Output = Reply> + Send + 'static,
{
    let Ok((stream, _)) = listener.accept().await else {
        tokio::time::sleep(ACCEPT_PAUSE).await;
        return;
    };
    // Small replies should not wait for an acknowledgement; without it they only come later.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let reply = answer(request);
        async { Ok::<_, std::convert::Infallible>(reply.await) }
    });
    tokio::spawn(async move {
        // An error is a client that went away: nobody is left to tell.
        let _ = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .serve_connection(TokioIo::new(stream), service)
            .await;
    });
}

fn keys(request: &Request<Incoming>, jwks: &Value) -> Reply {
    if request.uri().path() != JWKS_PATH {
        return reply(StatusCode::NOT_FOUND, &json!({ "error": "not found" }));
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return reply(
            StatusCode::METHOD_NOT_ALLOWED,
            &json!({ "error": "method not allowed" }),
        );
    }
    reply(StatusCode::OK, jwks)
}

/// Answers with what was received. The body is counted, never kept.
async fn echo(request: Request<Incoming>) -> Reply {
    let (head, mut body) = request.into_parts();
    let mut body_length: u64 = 0;
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return reply(
                StatusCode::BAD_REQUEST,
                &json!({ "error": "the body broke off" }),
            );
        };
        let bytes = frame.data_ref().map_or(0, Bytes::len);
        body_length = body_length.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }
    json_reply(StatusCode::OK, received(&head, body_length))
}

/// JSON with one line for each header, to be read by people too. Headers stand in the order received;
/// those of one name stand together.
fn received(head: &http::request::Parts, body_length: u64) -> String {
    let header = |(name, value): (&http::HeaderName, &HeaderValue)| {
        let pair = json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())]);
        format!("    {pair}")
    };
    let headers: Vec<String> = head.headers.iter().map(header).collect();
    format!(
        "{{\n  \"method\": {},\n  \"path\": {},\n  \"headers\": [\n{}\n  ],\n  \"body_length\": {body_length}\n}}\n",
        json!(head.method.as_str()),
        json!(head.uri.to_string()),
        headers.join(",\n"),
    )
}

fn reply(status: StatusCode, body: &Value) -> Reply {
    json_reply(status, format!("{body:#}\n"))
}

fn json_reply(status: StatusCode, text: String) -> Reply {
    let mut reply = Response::new(Full::new(Bytes::from(text)));
    *reply.status_mut() = status;
    reply.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    reply
}

#[cfg(test)]
mod tests;
