//! Active health: one question to one endpoint, on a connection of its own.

use super::super::UpstreamSettings;
use super::super::connect::reach;
use super::super::dress::dress;
use super::super::wire::Wire;
use super::settings::HealthCheck;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::net::SocketAddr;
use std::pin::pin;
use tokio::time::{Instant, timeout};

/// Why an endpoint is not well; `Ok`: it is.
pub(super) async fn check(
    settings: &UpstreamSettings,
    health: &HealthCheck,
    address: SocketAddr,
) -> Result<(), String> {
    let asked = timeout(health.timeout, ask(settings, health, address)).await;
    let status = asked.unwrap_or_else(|_| Err(format!("no answer within {:?}", health.timeout)))?;
    let good = match health.expect.as_slice() {
        [] => (200..300).contains(&status),
        expected => expected.contains(&status),
    };
    if good {
        Ok(())
    } else {
        Err(format!("it answers {status}"))
    }
}

async fn ask(
    settings: &UpstreamSettings,
    health: &HealthCheck,
    address: SocketAddr,
) -> Result<u16, String> {
    let until = Instant::now() + health.timeout;
    let reached = reach(settings, address, (until, false)).await;
    let (stream, shared) = reached.map_err(|error| error.to_string())?;
    let io = TokioIo::new(Wire::new(stream, None, None));
    let question = question(settings, health, shared).ok_or("it cannot be asked")?;
    let said = |error: hyper::Error| error.to_string();
    // The connection is driven here and dies with this future: nothing outlives the time limit.
    if shared {
        let handshake = http2::handshake(TokioExecutor::new(), io).await;
        let (mut sender, connection) = handshake.map_err(said)?;
        answer(sender.send_request(question), connection).await
    } else {
        let (mut sender, connection) = http1::handshake(io).await.map_err(said)?;
        answer(sender.send_request(question), connection).await
    }
}

/// The status of the answer, while `connection` moves its bytes.
async fn answer(
    answer: impl Future<Output = hyper::Result<Response<Incoming>>>,
    connection: impl Future<Output = hyper::Result<()>>,
) -> Result<u16, String> {
    let (mut answer, connection) = (pin!(answer), pin!(connection));
    let answer = tokio::select! {
        answer = &mut answer => answer,
        _ = connection => answer.await,
    };
    let answer = answer.map_err(|error| error.to_string())?;
    Ok(answer.status().as_u16())
}

fn question(
    settings: &UpstreamSettings,
    health: &HealthCheck,
    shared: bool,
) -> Option<Request<Empty<Bytes>>> {
    let mut request = Request::new(Empty::new());
    *request.uri_mut() = health.path.clone().into();
    let agent = HeaderValue::from_static("palisade-health");
    request.headers_mut().insert(header::USER_AGENT, agent);
    dress(&mut request, settings, shared)?;
    Some(request)
}
