//! A GET over plain HTTP: enough for the key set of a gate on loopback.

use axum::body::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// A key set is smaller.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// The body of a good answer.
pub async fn get(url: &str) -> Result<Bytes, String> {
    let uri: hyper::Uri = url.parse().map_err(|_| "not a URL")?;
    let authority = uri.authority().ok_or("no host in the URL")?.clone();
    let stream = TcpStream::connect(authority.as_str()).await;
    let stream = stream.map_err(|error| error.to_string())?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| error.to_string())?;
    tokio::spawn(connection);
    let request = hyper::Request::get(uri.path())
        .header("host", authority.as_str())
        .body(Empty::<Bytes>::new())
        .map_err(|error| error.to_string())?;
    let reply = sender.send_request(request).await;
    let reply = reply.map_err(|error| error.to_string())?;
    if !reply.status().is_success() {
        return Err(format!("the key set answers {}", reply.status()));
    }
    let body = Limited::new(reply.into_body(), BODY_BYTES_MAX)
        .collect()
        .await;
    Ok(body.map_err(|error| error.to_string())?.to_bytes())
}
