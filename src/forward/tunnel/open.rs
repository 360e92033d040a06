//! Asks an upstream for a WebSocket, on a connection that carries nothing else before or after.

use super::Tunnel;
use super::handshake::{Answer, Handshake};
use crate::forward::body::RequestBody;
use crate::forward::error::{Error, broken};
use crate::forward::pool::{Connection, Owner};
use crate::forward::turn::{Turn, in_turn};
use crate::forward::upstream::Upstream;
use crate::head::Opening;
use http::{Request, Response};
use hyper::body::Incoming;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// What became of it.
pub(in crate::forward) enum Opened<'a> {
    /// A WebSocket, and what the client has to be told of it.
    Tunnel(Tunnel, Handshake<'a>),
    /// An ordinary reply.
    Declined(Connection),
}

impl Upstream {
    /// Sends the handshake. Whatever the answer is, the connection never goes back to the pool
    /// (RULES 45): what the upstream takes for frames must not come before another's request.
    pub(in crate::forward) async fn open<'a>(
        &self,
        mut request: Request<RequestBody>,
        opening: &'a Opening,
        (limit, turn, owner): (Duration, &Turn, Owner),
    ) -> Result<(Response<Incoming>, Opened<'a>), Error> {
        let name = &self.settings.name;
        let handshake = Handshake::ask(opening, request.headers_mut()).ok_or(Error::Keyless)?;
        let mut connection = self.connect(owner).await?.once();
        turn.set(Some(Instant::now()));
        let answer = in_turn(limit, turn, connection.sender.send_request(request)).await;
        let late = || Error::Timeout(Arc::clone(name), "begin its reply", limit);
        let mut reply = answer
            .ok_or_else(late)?
            .map_err(|error| broken(name, &error))?;
        let wrong = |what| Error::Handshake(Arc::clone(name), what);
        if let Answer::Declined = handshake.check(&reply).map_err(wrong)? {
            return Ok((reply, Opened::Declined(connection)));
        }
        let upgraded = hyper::upgrade::on(&mut reply).await;
        let upgraded = upgraded.map_err(|error| broken(name, &error))?;
        let tunnel = Tunnel::new(upgraded, self.settings.tunnel_timeout, &self.metrics);
        Ok((reply, Opened::Tunnel(tunnel, handshake)))
    }
}
